//! What libFuzzer calls with each input of `proof`.
#![no_main]

#[path = "../entries/proof.rs"]
mod proof;

libfuzzer_sys::fuzz_target!(|input: &[u8]| proof::run(input));
