//! `subsidy.json`: what blocks create, and all that can exist.

use crate::data::{Entry, section};
use starling_genesis::Params;
use starling_primitives::Amount;

const FILE: &str = include_str!("../../../primitives/tests/golden/subsidy.json");

fn params(case: &Entry) -> Params {
    let (subsidy, halving_interval) = (case.amount("subsidy"), case.number("halving_interval"));
    Params { subsidy, halving_interval, ..crate::lab() }
}

#[test]
fn heights_have_their_subsidy() {
    for case in section(FILE, "cases") {
        let subsidy = params(&case).subsidy_at(case.number("height"));
        assert_eq!(subsidy, case.amount("motes"), "{} of {}", case.name(), case.text("subsidy"));
    }
}

#[test]
fn supplies_are_exact_or_over_the_most() {
    for case in section(FILE, "supply") {
        let issued = params(&case).issued_by(u32::MAX);
        let supply = issued.and_then(|issued| issued.checked_add(case.amount("prefunded")));
        let expected = case.text("supply");
        assert_eq!(supply.is_some(), case.flag("allowed"), "{}", case.name());
        assert_eq!(Amount::from_mote_text(expected).ok(), supply, "{}", case.name());
    }
}
