//! `targets.json`: compact bits, targets, work.

use crate::data::{Entry, section};
use ruint::aliases::U256;
use starling_primitives::{Bits, Target};

const FILE: &str = include_str!("targets.json");

fn bits(case: &Entry) -> Bits {
    let bits: Bits = case.text("bits").parse().expect("eight hex digits");
    assert_eq!(bits, Bits::new(case.hex_number("bits")));
    assert_eq!(bits.to_string(), case.text("bits"));
    bits
}

#[test]
fn bits_have_their_target_and_work() {
    for case in section(FILE, "cases") {
        let target = bits(&case).target().unwrap();
        assert_eq!(target.to_be_bytes(), case.array("target_be"), "{}", case.name());
        assert_eq!(target.work().to_be_bytes(), case.array("work_be"), "{}", case.name());
        assert_eq!(target.bits(), bits(&case), "{}", case.name());
    }
}

#[test]
fn targets_are_rounded_down() {
    for case in section(FILE, "rounded") {
        let target = Target::new(U256::from_be_bytes(case.array::<32>("target_be")));
        assert_eq!(target.bits(), bits(&case), "{}", case.name());
    }
}

#[test]
fn pow_hashes_are_compared_as_little_endian_numbers() {
    for case in section(FILE, "meets") {
        let met = bits(&case).target().unwrap().is_met_by(&case.array("pow_hash"));
        assert_eq!(met, case.flag("meets"), "{}", case.name());
    }
}

#[test]
fn wrong_bits_are_refused_by_name() {
    for case in section(FILE, "refused") {
        assert_eq!(bits(&case).target().unwrap_err().code(), case.text("error"), "{}", case.name());
    }
}
