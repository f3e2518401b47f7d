//! Amounts: their texts, and sums that are exact or none.

use super::*;
use crate::tests::amounts;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn texts_read_back(amount in amounts()) {
        let star = amount.to_string();
        prop_assert_eq!(Amount::from_star(&star), Ok(amount));
        prop_assert_eq!(Amount::from_mote_text(&amount.motes().to_string()), Ok(amount));
        let no_end = !star.contains('.') || !star.ends_with(['0', '.']);
        prop_assert!(no_end && (star == "0" || !star.starts_with('0') || star.starts_with("0.")), "{}", star);
        prop_assert_eq!(Amount::from_star(&format!("00{star}")), Ok(amount));
    }

    #[test]
    fn any_text_is_an_amount_or_an_error(text in "[0-9.,+\\-e_ ]{0,70}|.{0,20}") {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
        let is_number = text.len() <= 64 && plain(whole) && plain(fraction);
        match Amount::from_star(&text) {
            Ok(_) => prop_assert!(is_number && fraction.len() <= 18),
            Err(AmountError::Syntax(_)) => prop_assert!(!is_number),
            Err(AmountError::TooFine(_)) => prop_assert!(is_number && fraction.len() > 18),
            Err(AmountError::TooLarge) => {
                prop_assert!(is_number && whole.trim_start_matches('0').len() >= 13);
            }
        }
        if let Ok(amount) = Amount::from_mote_text(&text) {
            prop_assert_eq!(amount.motes().to_string(), text);
        }
    }

    #[test]
    fn sums_are_exact_or_none(a in amounts(), b in amounts(), count: u64) {
        let exact = |motes: Option<u128>| motes.and_then(|motes| Amount::from_motes(motes).ok());
        prop_assert_eq!(a.checked_add(b), exact(a.motes().checked_add(b.motes())));
        prop_assert_eq!(a.checked_sub(b), exact(a.motes().checked_sub(b.motes())));
        prop_assert_eq!(a.checked_mul(count), exact(a.motes().checked_mul(u128::from(count))));
        prop_assert_eq!(Amount::sum([a, b]), a.checked_add(b));
    }
}

#[test]
fn the_most_is_two_to_the_100() {
    assert_eq!(Amount::from_motes(1 << 100), Ok(Amount::MAX));
    assert_eq!(Amount::from_motes((1 << 100) + 1), Err(AmountError::TooLarge));
    assert_eq!(Amount::sum([Amount::MAX, Amount::from_motes(1).unwrap()]), None);
    assert_eq!(Amount::sum([]), Some(Amount::ZERO));
}

#[test]
fn an_error_repeats_a_piece_of_a_long_text_only() {
    let long = "x".repeat(10_000);
    assert!(Amount::from_star(&long).unwrap_err().to_string().len() < 200);
    assert!(Amount::from_mote_text(&long).unwrap_err().to_string().len() < 200);
}
