//! Every cause has its documented exit code, and every message is one line.

use super::{Failure, code};
use starling_rpc::{ApiError, ClientError, ErrorKind};
use starling_wallet::KeystoreError;

fn code_of(failure: impl Into<Failure>) -> u8 {
    failure.into().code()
}

#[test]
fn exit_codes_are_the_documented_ones() {
    assert_eq!(
        [
            code::FAILED,
            code::USAGE,
            code::UNREACHABLE,
            code::REFUSED,
            code::DATA_DIR,
            code::TIMED_OUT,
            code::INTERRUPTED
        ],
        [1, 2, 3, 4, 5, 6, 130]
    );
    assert_eq!(Failure::failed("x").code(), 1);
    assert_eq!(Failure::usage("x").code(), 2);
    assert_eq!(Failure::refused("x").code(), 4);
    assert_eq!(Failure::timed_out("x").code(), 6);
    assert_eq!(Failure::interrupted("x").code(), 130);
    assert_eq!(Failure::reader_gone().code(), 0);
}

#[test]
fn a_nodes_answers_have_their_codes() {
    let (url, reason) = ("http://127.0.0.1:1".to_owned(), "refused".to_owned());
    assert_eq!(code_of(ClientError::Unreachable { url: url.clone(), reason: reason.clone() }), 3);
    assert_eq!(code_of(ClientError::Bad { url, reason }), 3);
    assert_eq!(code_of(ClientError::Usage("no URL".to_owned())), 2);
    let refusal = ApiError::new(ErrorKind::Refused, "nonce_too_low", "nonce 3 is used");
    assert_eq!(code_of(ClientError::Refused(refusal)), 4);
}

#[test]
fn a_wallets_answers_have_their_codes() {
    assert_eq!(code_of(KeystoreError::BadName("../x".to_owned())), 2);
    assert_eq!(code_of(KeystoreError::WrongPassphrase("alice".to_owned())), 1);
    assert_eq!(code_of(KeystoreError::NameExists("alice".to_owned())), 1);
}

#[test]
fn a_message_is_one_line() {
    assert_eq!(Failure::failed("one\n  two\tthree").message(), "one two three");
    assert_eq!(Failure::failed("a node's \x1b[2J").message(), "a node's \\u{1b}[2J");
    assert_eq!(Failure::failed("x".repeat(1 << 20)).message().len(), 4_002);
}
