//! The text of addresses: every slip of the pen is seen.

use super::*;
use crate::tests::addresses;
use proptest::prelude::*;

const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).unwrap()
}

fn code(text: &str) -> Result<Address, &'static str> {
    Address::from_text(text, &prefix("dstar")).map_err(|error| error.code())
}

proptest! {
    #[test]
    fn texts_read_back_in_either_case(address in addresses(), hrp in "[a-z0-9]{1,32}") {
        let prefix = prefix(&hrp);
        let text = address.to_text(&prefix);
        prop_assert!(text.len() <= 90);
        prop_assert_eq!(Address::from_text(&text, &prefix), Ok(address));
        prop_assert_eq!(Address::from_text(&text.to_uppercase(), &prefix), Ok(address));
    }

    /// bech32m sees up to four wrong letters; any one is tried here, at every place.
    #[test]
    fn each_wrong_letter_is_seen(address in addresses()) {
        let text = address.to_text(&prefix("dstar"));
        for at in 0..text.len() {
            for letter in ALPHABET.iter().filter(|letter| **letter != text.as_bytes()[at]) {
                let mut changed = text.clone().into_bytes();
                changed[at] = *letter;
                let changed = String::from_utf8(changed).unwrap();
                prop_assert_eq!(code(&changed), Err("address_checksum"), "{}", changed);
            }
        }
    }

    #[test]
    fn missing_added_and_swapped_letters_are_seen(address in addresses()) {
        let text = address.to_text(&prefix("dstar"));
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            prop_assert!(code(&[before, &after[1..]].concat()).is_err());
            let mut swapped = text.clone().into_bytes();
            swapped.swap(at, (at + 1) % text.len());
            let swapped = String::from_utf8(swapped).unwrap();
            prop_assert!(swapped == text || code(&swapped).is_err());
            // A q before a last p is bech32's old weakness; the length and the constant of bech32m exclude
            // it.
            for letter in ALPHABET {
                let letter = char::from(*letter).to_string();
                prop_assert!(code(&[before, &letter, after].concat()).is_err());
            }
        }
    }

    #[test]
    fn any_text_is_an_address_or_an_error(text in ".{0,100}|dstar1[a-z0-9]{0,60}") {
        if let Ok(address) = code(&text) {
            prop_assert_eq!(address.to_text(&prefix("dstar")), text.to_lowercase());
        }
    }
}

#[test]
fn errors_name_what_was_found() {
    let text = Address::new([7; 20]).to_text(&prefix("tstar"));
    let error = Address::from_text(&text, &prefix("dstar")).unwrap_err();
    assert_eq!(error, AddressError::Prefix { found: "tstar".into(), expected: "dstar".into() });
    assert!(error.to_string().contains("dstar"));
    assert!(Prefix::new("").is_err() && Prefix::new(&"a".repeat(33)).is_err());
}
