//! The fuzz targets of this crate, for a moment on stable (`fuzz/README.md`).

#[path = "../../fuzz/entries/body.rs"]
mod body;
#[path = "../../fuzz/entries/header.rs"]
mod header;
#[path = "../../fuzz/entries/smoke.rs"]
mod smoke;
#[path = "../../fuzz/entries/transaction.rs"]
mod transaction;

#[test]
fn what_decodes_as_a_transaction_has_one_encoding() {
    smoke::run("transaction", 30_000, transaction::run);
}

#[test]
fn what_decodes_as_a_header_has_one_encoding() {
    smoke::run("header", 30_000, header::run);
}

#[test]
fn what_decodes_as_a_body_has_one_encoding() {
    smoke::run("body", 30_000, body::run);
}
