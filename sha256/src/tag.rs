//! Tagged hashes: one domain for each thing that is hashed (formats: Hashes; BIP 340).

use crate::compress::{BLOCK_BYTES, State, join, sha256};
use std::sync::OnceLock;

/// A domain: `sha256(sha256(name) || sha256(name) || x)`, with the state after the first 64 bytes kept.
#[derive(Debug)]
pub struct Tag {
    name: &'static str,
    start: OnceLock<State>,
}

impl Tag {
    /// A domain by its ASCII name; the state is computed at first use.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, start: OnceLock::new() }
    }

    /// The tagged hash of the parts, taken as one string of bytes.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.start.get_or_init(|| start(self.name)).finish(BLOCK_BYTES as u64, parts)
    }
}

/// The tagged hash under a name that is not known in advance.
#[must_use]
pub fn tagged(name: &str, parts: &[&[u8]]) -> [u8; 32] {
    start(name).finish(BLOCK_BYTES as u64, parts)
}

fn start(name: &str) -> State {
    let name = sha256(name.as_bytes());
    State::INITIAL.after(&join(&name, &name))
}
