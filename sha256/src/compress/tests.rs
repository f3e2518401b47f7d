//! The compression path against the `sha2` crate's own hasher.

use super::*;
use crate::{Tag, tagged};
use proptest::prelude::*;

#[test]
fn nothing_hashes_to_the_published_value() {
    let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex::encode(State::INITIAL.finish(0, &[])), expected);
    assert_eq!(hex::encode(sha256(b"")), expected);
}

#[test]
fn node_is_one_compression_from_its_own_state() {
    let (left, right) = ([1; 32], [2; 32]);
    let name = sha256(b"starling/node");
    let expected = State::INITIAL.after(&join(&name, &name)).after(&join(&left, &right)).to_bytes();
    assert_eq!(node(&left, &right), expected);
    assert_ne!(node(&left, &right), node(&right, &left));
}

proptest! {
    #[test]
    fn any_split_of_the_input_gives_the_plain_hash(bytes: Vec<u8>, cuts: [prop::sample::Index; 2]) {
        let mut at = cuts.map(|cut| cut.index(bytes.len() + 1));
        at.sort_unstable();
        let parts = [&bytes[..at[0]], &bytes[at[0]..at[1]], &bytes[at[1]..]];
        prop_assert_eq!(State::INITIAL.finish(0, &parts), sha256(&bytes));
    }

    #[test]
    fn a_tag_hashes_as_its_definition_says(
        name in "[a-z/]{1,40}", bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let prefix = sha256(name.as_bytes());
        let long = [prefix.as_slice(), prefix.as_slice(), bytes.as_slice()].concat();
        prop_assert_eq!(tagged(&name, &[&bytes]), sha256(&long));
    }
}

#[test]
fn a_static_tag_equals_the_free_function() {
    static TAG: Tag = Tag::new("starling/tx");
    assert_eq!(TAG.hash(&[b"a", b"bc"]), tagged("starling/tx", &[b"abc"]));
}
