//! Two blocks at once with the SHA instructions of x86-64: one waits for the other's results.
#![allow(unsafe_code, reason = "loads and stores of vectors go through pointers")]

use super::rounds::K;
use crate::compress::BLOCK_BYTES;
use std::arch::x86_64::*;

/// Blocks in flight.
pub(super) const LANES: usize = 2;

/// A state as the instructions want it: words a, b, e, f and c, d, g, h, the first in the highest place.
type Packed = (__m128i, __m128i);

pub(super) fn is_supported() -> bool {
    std::is_x86_feature_detected!("sha") && std::is_x86_feature_detected!("sse4.1")
}

/// The hashes of `blocks` from one start.
#[target_feature(enable = "sha,sse4.1")]
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
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn compress<const N: usize>(start: Packed, blocks: &[[u8; BLOCK_BYTES]; N], out: &mut [[u8; 32]; N]) {
    let mut states = [start; N];
    let mut w = [[_mm_setzero_si128(); 4]; N];
    for (w, block) in w.iter_mut().zip(blocks) {
        *w = load(block);
    }
    let [first, later @ ..] = &K;
    for i in 0..4 {
        let k = constants(first, i);
        for (state, w) in states.iter_mut().zip(&w) {
            rounds(state, _mm_add_epi32(w[i], k));
        }
    }
    for row in later {
        for i in 0..4 {
            let k = constants(row, i);
            for (state, w) in states.iter_mut().zip(&mut w) {
                w[i] = schedule(w, i);
                rounds(state, _mm_add_epi32(w[i], k));
            }
        }
    }
    for (state, out) in states.into_iter().zip(out) {
        store((_mm_add_epi32(state.0, start.0), _mm_add_epi32(state.1, start.1)), out);
    }
}

/// Four rounds.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn rounds((abef, cdgh): &mut Packed, w: __m128i) {
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, w);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(w));
}

/// The four words that follow the sixteen in `w`, of which the oldest are at `i`.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn schedule(w: &[__m128i; 4], i: usize) -> __m128i {
    let last = w[(i + 3) % 4];
    let sum =
        _mm_add_epi32(_mm_sha256msg1_epu32(w[i], w[(i + 1) % 4]), _mm_alignr_epi8::<4>(last, w[(i + 2) % 4]));
    _mm_sha256msg2_epu32(sum, last)
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn constants(row: &[u32; 16], i: usize) -> __m128i {
    let row = &row[4 * i..4 * i + 4];
    // SAFETY: the load is an unaligned one of 16 bytes, and four words have 16.
    unsafe { _mm_loadu_si128(row.as_ptr().cast()) }
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn pack(state: &[u32; 8]) -> Packed {
    let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
    (_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h))
}

/// The block's words, four in a vector.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn load(block: &[u8; BLOCK_BYTES]) -> [__m128i; 4] {
    let (quarters, _) = block.as_chunks::<16>();
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    let mut words = [_mm_setzero_si128(); 4];
    for (words, bytes) in words.iter_mut().zip(quarters) {
        // SAFETY: the load is an unaligned one of 16 bytes, and a quarter of a block has 16.
        *words = _mm_shuffle_epi8(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }, order);
    }
    words
}

/// The state as bytes, big-endian.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn store((abef, cdgh): Packed, out: &mut [u8; 32]) {
    // The packed words have their first byte highest: one shuffle of all bytes puts both orders right.
    let order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let abcd = _mm_shuffle_epi8(_mm_unpackhi_epi64(cdgh, abef), order);
    let efgh = _mm_shuffle_epi8(_mm_unpacklo_epi64(cdgh, abef), order);
    let (halves, _) = out.as_chunks_mut::<16>();
    for (out, words) in halves.iter_mut().zip([abcd, efgh]) {
        // SAFETY: the store is an unaligned one of 16 bytes, and half a hash has 16.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), words) };
    }
}
