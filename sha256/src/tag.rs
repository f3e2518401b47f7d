//! Tagged hashes: one domain for each thing that is hashed (formats: Hashes; BIP 340).

use crate::compress::{BLOCK_BYTES, PADDING_BYTES, State, join, sha256};
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
        self.start().finish(BLOCK_BYTES as u64, parts)
    }

    /// The one block in which the hash of a short message ends, padding included; none for parts of more
    /// than 55 bytes together. It is the same under every name.
    #[must_use]
    #[inline]
    pub fn block(parts: &[&[u8]]) -> Option<[u8; BLOCK_BYTES]> {
        let mut block = [0; BLOCK_BYTES];
        let mut rest = &mut block[..];
        for part in parts {
            let (now, later) = rest.split_at_mut_checked(part.len())?;
            now.copy_from_slice(part);
            rest = later;
        }
        if rest.len() < PADDING_BYTES {
            return None;
        }
        rest[0] = 0x80;
        // The block of the name comes before.
        let bits = (2 * BLOCK_BYTES - rest.len()) as u64 * 8;
        block[BLOCK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
        Some(block)
    }

    /// The tagged hashes of many short messages by their blocks (see [`Tag::block`]): `out[i]` is that of
    /// `blocks[i]`.
    ///
    /// # Panics
    /// When there are not as many hashes as blocks.
    pub fn hash_many(&self, blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
        self.start().after_many(blocks, out);
    }

    fn start(&self) -> &State {
        self.start.get_or_init(|| start(self.name))
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
