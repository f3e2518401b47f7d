//! What libFuzzer calls with each input of `messages`.
#![no_main]

#[path = "../entries/messages.rs"]
mod messages;

libfuzzer_sys::fuzz_target!(|input: &[u8]| messages::run(input));
