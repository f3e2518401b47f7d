//! One block after the other in plain Rust, for every processor.

use super::rounds::{K, compression, sixteen};
use crate::compress::{BLOCK_BYTES, State};

/// Blocks in flight.
pub(super) const LANES: usize = 1;

type Word = u32;

pub(super) fn is_supported() -> bool {
    true
}

/// The hashes of `blocks` from one start.
pub(super) fn hash(start: &[u32; 8], blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
    for (block, out) in blocks.iter().zip(out) {
        let (words, _) = block.as_chunks();
        let words = std::array::from_fn(|i| u32::from_be_bytes(words[i]));
        *out = State(compress(start, words)).to_bytes();
    }
}

#[inline]
fn splat(word: u32) -> Word {
    word
}

#[inline]
fn add(a: Word, b: Word) -> Word {
    a.wrapping_add(b)
}

#[inline]
fn xor3(a: Word, b: Word, c: Word) -> Word {
    a ^ b ^ c
}

#[inline]
fn choose(a: Word, b: Word, c: Word) -> Word {
    (b ^ c) & a ^ c
}

/// In this form `a ^ b` is the next round's `b ^ c`, which the compiler finds.
#[inline]
fn majority(a: Word, b: Word, c: Word) -> Word {
    (a ^ b) & (b ^ c) ^ b
}

#[inline]
fn rotate<const BITS: u32>(x: Word) -> Word {
    x.rotate_right(BITS)
}

#[inline]
fn shift<const BITS: u32>(x: Word) -> Word {
    x >> BITS
}

compression!(Word);
