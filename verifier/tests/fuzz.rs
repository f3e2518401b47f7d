//! The fuzz target of this crate, for a moment on stable (`fuzz/README.md`).

#[path = "../../fuzz/entries/proof.rs"]
mod proof;
#[path = "../../fuzz/entries/smoke.rs"]
mod smoke;

#[test]
fn no_bytes_make_a_proof_panic() {
    smoke::run("proof", 30_000, proof::run);
}
