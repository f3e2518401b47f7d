//! What libFuzzer calls with each input of `header`.
#![no_main]

#[path = "../entries/header.rs"]
mod header;

libfuzzer_sys::fuzz_target!(|input: &[u8]| header::run(input));
