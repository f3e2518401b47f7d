//! A proof from a stranger, as a program without a node gets it: it is read, and judged, and never panics.

use starling_verifier::{Anchor, Proof};

/// Reads `input` as the JSON of a proof and verifies it against the header that it names itself.
pub(crate) fn run(input: &[u8]) {
    let proof = Proof::parse(input);
    assert_eq!(proof, Proof::parse(input), "the same twice");
    let Ok(proof) = proof else { return };
    let verdict = proof.verify(&Anchor::Id(proof.header().id()));
    assert_eq!(verdict, proof.verify(&Anchor::Header(Box::new(proof.header().clone()))));
}
