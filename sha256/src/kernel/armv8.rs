//! Two blocks at once with the SHA-256 instructions of ARMv8: one waits for the other's results.
#![allow(unsafe_code, reason = "loads and stores of vectors go through pointers")]

use super::rounds::K;
use crate::compress::BLOCK_BYTES;
use std::arch::aarch64::*;

/// Blocks in flight.
pub(super) const LANES: usize = 2;

/// A state as the instructions want it: words a to d, words e to h.
type Packed = (uint32x4_t, uint32x4_t);

pub(super) fn is_supported() -> bool {
    std::arch::is_aarch64_feature_detected!("sha2")
}

/// The hashes of `blocks` from one start.
#[target_feature(enable = "sha2")]
pub(super) fn hash(start: &[u32; 8], blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
    let start = pack(start);
    let (pairs, lone) = blocks.as_chunks::<LANES>();
    let (pairs_out, lone_out) = out.as_chunks_mut::<LANES>();
    for (blocks, out) in pairs.iter().zip(pairs_out) {
        compress(start, blocks, out);
    }
    if let ([block], [out]) = (lone, lone_out) {
        compress(start, std::array::from_ref(block), std::array::from_mut(out));
    }
}

/// `N` compressions side by side.
#[target_feature(enable = "sha2")]
#[inline]
fn compress<const N: usize>(start: Packed, blocks: &[[u8; BLOCK_BYTES]; N], out: &mut [[u8; 32]; N]) {
    let mut states = [start; N];
    let mut w = [[vdupq_n_u32(0); 4]; N];
    for (w, block) in w.iter_mut().zip(blocks) {
        *w = load(block);
    }
    let [first, later @ ..] = &K;
    for i in 0..4 {
        let k = four(first, i);
        for (state, w) in states.iter_mut().zip(&w) {
            rounds(state, vaddq_u32(w[i], k));
        }
    }
    for row in later {
        for i in 0..4 {
            let k = four(row, i);
            for (state, w) in states.iter_mut().zip(&mut w) {
                let early = vsha256su0q_u32(w[i], w[(i + 1) % 4]);
                w[i] = vsha256su1q_u32(early, w[(i + 2) % 4], w[(i + 3) % 4]);
                rounds(state, vaddq_u32(w[i], k));
            }
        }
    }
    for (state, out) in states.into_iter().zip(out) {
        store((vaddq_u32(state.0, start.0), vaddq_u32(state.1, start.1)), out);
    }
}

/// Four rounds.
#[target_feature(enable = "sha2")]
#[inline]
fn rounds((abcd, efgh): &mut Packed, w: uint32x4_t) {
    let before = *abcd;
    *abcd = vsha256hq_u32(before, *efgh, w);
    *efgh = vsha256h2q_u32(*efgh, before, w);
}

#[target_feature(enable = "sha2")]
#[inline]
fn pack(state: &[u32; 8]) -> Packed {
    (four(state, 0), four(state, 1))
}

/// Words 4 `i` to 4 `i` + 3.
#[target_feature(enable = "sha2")]
#[inline]
fn four(words: &[u32], i: usize) -> uint32x4_t {
    let words = &words[4 * i..4 * i + 4];
    // SAFETY: the load is one of four words, and four are there.
    unsafe { vld1q_u32(words.as_ptr()) }
}

/// The block's words, four in a vector.
#[target_feature(enable = "sha2")]
#[inline]
fn load(block: &[u8; BLOCK_BYTES]) -> [uint32x4_t; 4] {
    let (quarters, _) = block.as_chunks::<16>();
    let mut words = [vdupq_n_u32(0); 4];
    for (words, bytes) in words.iter_mut().zip(quarters) {
        // SAFETY: the load is one of 16 bytes, and a quarter of a block has 16.
        *words = vreinterpretq_u32_u8(vrev32q_u8(unsafe { vld1q_u8(bytes.as_ptr()) }));
    }
    words
}

/// The state as bytes, big-endian.
#[target_feature(enable = "sha2")]
#[inline]
fn store((abcd, efgh): Packed, out: &mut [u8; 32]) {
    let (halves, _) = out.as_chunks_mut::<16>();
    for (out, words) in halves.iter_mut().zip([abcd, efgh]) {
        // SAFETY: the store is one of 16 bytes, and half a hash has 16.
        unsafe { vst1q_u8(out.as_mut_ptr(), vrev32q_u8(vreinterpretq_u8_u32(words))) };
    }
}
