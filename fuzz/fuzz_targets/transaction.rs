//! What libFuzzer calls with each input of `transaction`.
#![no_main]

#[path = "../entries/transaction.rs"]
mod transaction;

libfuzzer_sys::fuzz_target!(|input: &[u8]| transaction::run(input));
