//! The fuzz targets of this crate, for a moment on stable (`fuzz/README.md`).

#[path = "../../fuzz/entries/signatures.rs"]
mod signatures;
#[path = "../../fuzz/entries/smoke.rs"]
mod smoke;

#[test]
fn verdicts_on_crafted_signatures_agree() {
    smoke::run("signatures", 60, signatures::run);
}
