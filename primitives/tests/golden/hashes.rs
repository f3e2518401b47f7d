//! `hashes.json`: the five forms of SHA-256, and each tag.

use crate::data::section;
use starling_primitives::{node, sha256, sha256d, tagged};
use starling_sha256::State;

const FILE: &str = include_str!("hashes.json");

#[test]
fn each_form_gives_its_output() {
    for case in section(FILE, "cases") {
        let input = case.bytes("input");
        let output = match case.text("function") {
            "sha256" => sha256(&input),
            "sha256d" => sha256d(&input),
            "tagged" => tagged(case.text("tag"), &[&input]),
            "node" => {
                let (left, right) = input.split_at(32);
                node(left.try_into().unwrap(), right.try_into().unwrap())
            }
            other => panic!("{other} is no form"),
        };
        assert_eq!(output, case.array("output"), "{}", case.name());
    }
}

#[test]
fn each_tag_has_its_state_after_64_bytes() {
    for case in section(FILE, "tags") {
        let hash = sha256(case.text("tag").as_bytes());
        assert_eq!(hash, case.array("tag_hash"), "{}", case.name());
        let block: [u8; 64] = [hash, hash].concat().try_into().unwrap();
        assert_eq!(State::INITIAL.after(&block).to_bytes(), case.array("midstate"), "{}", case.name());
    }
}
