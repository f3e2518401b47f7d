//! Every byte there and back, and what is refused.

use super::{from_hex, to_hex};

#[test]
fn every_byte_goes_there_and_back() {
    let bytes: Vec<u8> = (0..=255).collect();
    let text = to_hex(&bytes);
    assert!(text.starts_with("000102") && text.ends_with("fdfeff"));
    assert_eq!(from_hex(&text), Some(bytes));
    assert_eq!(from_hex(""), Some(Vec::new()));
}

#[test]
fn other_texts_are_refused() {
    for text in ["0", "0g", "0A", "0x00", " 00", "é"] {
        assert_eq!(from_hex(text), None, "{text:?}");
    }
}
