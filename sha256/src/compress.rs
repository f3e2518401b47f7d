//! The compression function and the plain forms built on it.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Bytes that one compression takes.
pub const BLOCK_BYTES: usize = 64;

/// Bytes that the padding needs at the least: one marker byte and the eight bytes of the length.
pub(crate) const PADDING_BYTES: usize = 9;

/// The eight words between two compressions (FIPS 180-4, 5.3.3 and 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(pub(crate) [u32; 8]);

impl State {
    /// The initial words of SHA-256.
    pub const INITIAL: Self = Self([
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ]);

    /// The state after one more block.
    #[must_use]
    pub fn after(mut self, block: &[u8; BLOCK_BYTES]) -> Self {
        compress256(&mut self.0, std::slice::from_ref(block));
        self
    }

    /// The words big-endian: the hash, when the last block carried the padding.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (out, word) in bytes.chunks_exact_mut(4).zip(self.0) {
            out.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// Hashes `parts` after `absorbed` bytes (a multiple of 64) that led to this state, padding included.
    #[must_use]
    pub fn finish(mut self, absorbed: u64, parts: &[&[u8]]) -> [u8; 32] {
        let mut buffer = [0; BLOCK_BYTES];
        let mut filled = 0;
        let mut total = absorbed;
        for part in parts {
            total += part.len() as u64;
            let mut rest = *part;
            while !rest.is_empty() {
                let take = rest.len().min(BLOCK_BYTES - filled);
                let (now, later) = rest.split_at(take);
                buffer[filled..filled + take].copy_from_slice(now);
                filled += take;
                rest = later;
                if filled == BLOCK_BYTES {
                    self = self.after(&buffer);
                    filled = 0;
                }
            }
        }
        buffer[filled] = 0x80;
        buffer[filled + 1..].fill(0);
        if filled + PADDING_BYTES > BLOCK_BYTES {
            self = self.after(&buffer);
            buffer.fill(0);
        }
        buffer[BLOCK_BYTES - 8..].copy_from_slice(&(total * 8).to_be_bytes());
        self.after(&buffer).to_bytes()
    }
}

/// SHA-256 of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of the SHA-256 of `bytes`.
#[must_use]
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

/// Where every [`node`] starts: after the block that names its domain.
pub(crate) static NODE: LazyLock<State> = LazyLock::new(|| {
    let name = sha256(b"starling/node");
    State::INITIAL.after(&join(&name, &name))
});

/// The inner node of every Starling tree: one compression of `left || right`, without padding, from a state
/// of its own (formats: Hashes).
#[must_use]
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    NODE.after(&join(left, right)).to_bytes()
}

/// Two hashes side by side in one block.
pub(crate) fn join(left: &[u8; 32], right: &[u8; 32]) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..32].copy_from_slice(left);
    block[32..].copy_from_slice(right);
    block
}

#[cfg(test)]
mod tests;
