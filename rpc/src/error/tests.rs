//! The shapes of an error, there and back.

use super::{ApiError, ErrorKind, MAX_MESSAGE_CHARS, NUMBERS};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::json;

fn sample() -> ApiError {
    ApiError::new(ErrorKind::Refused, "nonce_too_low", "nonce 3 is used").hint("take 4").value("expected", 4)
}

#[test]
fn the_json_rpc_form_carries_code_hint_and_values() {
    let object = ErrorObjectOwned::from(sample());
    assert_eq!(
        serde_json::to_value(&object).unwrap(),
        json!({
            "code": -32020,
            "message": "nonce 3 is used",
            "data": {"code": "nonce_too_low", "hint": "take 4", "expected": 4}
        })
    );
    assert_eq!(ApiError::from(&object), sample());
}

#[test]
fn the_form_inside_a_result_is_flat() {
    let value = serde_json::to_value(sample()).unwrap();
    let flat =
        json!({"code": "nonce_too_low", "message": "nonce 3 is used", "hint": "take 4", "expected": 4});
    assert_eq!(value, flat);
    assert_eq!(serde_json::from_value::<ApiError>(value).unwrap(), sample());
}

#[test]
fn a_message_is_one_bounded_line() {
    let error = ApiError::new(ErrorKind::Internal, "x", format!("a\nb\r{}", "y".repeat(9_999)));
    assert!(error.message().starts_with("a b y"));
    assert_eq!(error.message().chars().count(), MAX_MESSAGE_CHARS);
}

#[test]
fn numbers_are_distinct_and_own_ones_lie_below_the_librarys() {
    for (at, (kind, number)) in NUMBERS.iter().enumerate() {
        assert_eq!((kind.number(), ErrorKind::from_number(*number)), (*number, *kind));
        assert!(NUMBERS[..at].iter().all(|(_, other)| other != number));
        assert!(*number <= -32_600 || *number <= -32_020, "{number}");
    }
    assert_eq!(ErrorKind::from_number(-1), ErrorKind::Other(-1));
}

#[test]
fn an_error_of_another_server_is_understood() {
    let object = ErrorObjectOwned::owned(-32000, "boom", Some("just text"));
    let error = ApiError::from(&object);
    assert_eq!((error.kind(), error.message(), error.code()), (ErrorKind::Other(-32000), "boom", ""));
}
