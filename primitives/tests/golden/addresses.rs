//! `addresses.json`: policies, their addresses, and the text of addresses.

use crate::data::{decode_policy, section};
use starling_primitives::{Address, Policy, Prefix, tagged};

const FILE: &str = include_str!("addresses.json");

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).expect("a prefix")
}

#[test]
fn policies_have_their_bytes_and_addresses() {
    for case in section(FILE, "cases") {
        let (name, keys) = (case.name(), case.hash_list("keys"));
        let policy = match case.number::<u8>("kind") {
            0 => Policy::Single(keys[0]),
            _ => Policy::multi(case.number("m"), keys).unwrap(),
        };
        let mut bytes = Vec::new();
        policy.write(&mut bytes);
        assert_eq!(bytes, case.bytes("policy"), "{name}");
        assert_eq!(decode_policy(&bytes).as_ref(), Ok(&policy), "{name}");
        assert_eq!(tagged("starling/address", &[&bytes]), case.array("digest"), "{name}");
        assert_eq!(policy.address(), case.address("address"), "{name}");
        for hrp in ["star", "tstar", "dstar"] {
            let text = policy.address().to_text(&prefix(hrp));
            assert_eq!(text, case.text(&format!("text_{hrp}")), "{name}");
            assert_eq!(Address::from_text(&text, &prefix(hrp)), Ok(policy.address()), "{name}");
        }
    }
}

#[test]
fn texts_are_read() {
    for case in section(FILE, "texts") {
        let read = Address::from_text(case.text("text"), &prefix(case.text("prefix")));
        assert_eq!(read, Ok(case.address("address")), "{}", case.name());
    }
}

#[test]
fn wrong_policies_are_refused_by_name() {
    for case in section(FILE, "refused") {
        assert_eq!(case.text("decoder"), "policy");
        let error = decode_policy(&case.bytes("bytes")).unwrap_err();
        assert_eq!(error.code(), case.text("error"), "{}", case.name());
    }
}

#[test]
fn wrong_texts_are_refused_by_name() {
    for case in section(FILE, "refused_texts") {
        let error = Address::from_text(case.text("text"), &prefix(case.text("prefix"))).unwrap_err();
        assert_eq!(error.code(), case.text("error"), "{}", case.name());
    }
}
