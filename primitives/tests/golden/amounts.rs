//! `amounts.json`: motes, STAR, and the 16 bytes on the wire.

use crate::data::section;
use starling_primitives::{Amount, DecodeError, Reader};

const FILE: &str = include_str!("amounts.json");

#[test]
fn the_forms_of_an_amount_agree() {
    for case in section(FILE, "cases") {
        let (name, amount) = (case.name(), case.amount("motes"));
        assert_eq!(amount.motes().to_string(), case.text("motes"), "{name}");
        assert_eq!(amount.to_string(), case.text("star"), "{name}");
        assert_eq!(Amount::from_star(case.text("star")), Ok(amount), "{name}");
        assert_eq!(amount.motes().to_le_bytes().to_vec(), case.bytes("wire"), "{name}");
        assert_eq!(decode(&case.bytes("wire")), Ok(amount), "{name}");
    }
}

#[test]
fn texts_that_are_not_written_that_way_are_read() {
    for case in section(FILE, "accepted_texts") {
        assert_eq!(Amount::from_star(case.text("text")), Ok(case.amount("motes")), "{}", case.name());
    }
}

/// An amount has no decoder of its own: transactions read their fields just so.
fn decode(bytes: &[u8]) -> Result<Amount, DecodeError> {
    let mut reader = Reader::new(bytes);
    let motes = reader.u128()?;
    let amount = Amount::from_motes(motes).map_err(|_| DecodeError::AmountTooLarge(motes))?;
    reader.finish()?;
    Ok(amount)
}

#[test]
fn wrong_bytes_are_refused_by_name() {
    for case in section(FILE, "refused") {
        assert_eq!(decode(&case.bytes("bytes")).unwrap_err().code(), case.text("error"), "{}", case.name());
    }
}

#[test]
fn wrong_texts_are_refused_by_name() {
    for case in section(FILE, "refused_texts") {
        let read = match case.text("form") {
            "star" => Amount::from_star(case.text("text")),
            "motes" => Amount::from_mote_text(case.text("text")),
            other => panic!("{other} is no form"),
        };
        assert_eq!(read.unwrap_err().code(), case.text("error"), "{}", case.name());
    }
}
