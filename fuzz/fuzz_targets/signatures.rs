//! What libFuzzer calls with each input of `signatures`.
#![no_main]

#[path = "../entries/signatures.rs"]
mod signatures;

libfuzzer_sys::fuzz_target!(|input: &[u8]| signatures::run(input));
