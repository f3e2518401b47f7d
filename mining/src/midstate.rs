//! The pow hash from the state after the first 64 bytes: two compressions for each nonce.

use starling_primitives::{PowKind, WorkHeader, sha256};
use starling_sha256::{BLOCK_BYTES, State};

/// Bytes of the work header in the last block; the last four of them are the nonce.
const TAIL_BYTES: usize = 16;
const NONCE_AT: usize = 12;
const HASH_BYTES: usize = 32;
/// The marker that begins SHA-256's padding.
const PADDING: u8 = 0x80;
/// Bits of a work header, and of the block of the tag before it.
const WORK_BITS: u64 = 640;
const TAG_BITS: u64 = 512;

/// All of a work header but its nonce, ready for hashing.
pub(crate) struct Midstate {
    state: State,
    /// The last 16 bytes and the padding.
    tail: [u8; BLOCK_BYTES],
    /// A hash and the padding: the input of the second hash.
    inner: [u8; BLOCK_BYTES],
}

impl Midstate {
    pub(crate) fn new(work: &WorkHeader, kind: PowKind) -> Self {
        let bytes = work.encode();
        let (head, rest) = bytes.split_first_chunk().expect("80 bytes have 64 in front");
        let (start, bits) = match kind {
            PowKind::Sha256d => (State::INITIAL, WORK_BITS),
            PowKind::Sha256dTagged => (after_tag(), TAG_BITS + WORK_BITS),
        };
        let mut tail = padded(TAIL_BYTES, bits);
        tail[..TAIL_BYTES].copy_from_slice(rest);
        Self { state: start.after(head), tail, inner: padded(HASH_BYTES, 256) }
    }

    /// The same as [`WorkHeader::pow_hash`] with this nonce.
    pub(crate) fn pow_hash(&mut self, nonce: u32) -> [u8; 32] {
        self.tail[NONCE_AT..TAIL_BYTES].copy_from_slice(&nonce.to_le_bytes());
        self.inner[..HASH_BYTES].copy_from_slice(&self.state.after(&self.tail).to_bytes());
        State::INITIAL.after(&self.inner).to_bytes()
    }
}

/// A last block with room for `filled` bytes of a message of `bits` bits.
fn padded(filled: usize, bits: u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[filled] = PADDING;
    block[BLOCK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
    block
}

/// The state after the block that begins every `tagged("starling/pow", ..)` (formats: Hashes).
fn after_tag() -> State {
    let name = sha256(b"starling/pow");
    let mut block = [0; BLOCK_BYTES];
    block[..HASH_BYTES].copy_from_slice(&name);
    block[HASH_BYTES..].copy_from_slice(&name);
    State::INITIAL.after(&block)
}

#[cfg(test)]
mod tests;
