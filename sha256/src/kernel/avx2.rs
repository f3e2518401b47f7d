//! Eight blocks at once in the lanes of AVX2.
#![allow(unsafe_code, reason = "loads and stores of vectors go through pointers")]

use super::rounds::{K, compression, sixteen};
use crate::compress::BLOCK_BYTES;
use std::arch::x86_64::*;

/// Blocks in flight.
pub(super) const LANES: usize = 8;

/// One word of each lane.
type Word = __m256i;

pub(super) fn is_supported() -> bool {
    std::is_x86_feature_detected!("avx2")
}

/// The hashes of `blocks` from one start; missing lanes repeat the last block.
#[target_feature(enable = "avx2")]
pub(super) fn hash(start: &[u32; 8], blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
    let start = start.map(|word| splat(word));
    for (blocks, out) in blocks.chunks(LANES).zip(out.chunks_mut(LANES)) {
        let state = compress(&start, load(blocks));
        match <&mut [[u8; 32]; LANES]>::try_from(&mut *out) {
            Ok(out) => store(state, out),
            Err(_) => {
                let mut whole = [[0; 32]; LANES];
                store(state, &mut whole);
                out.copy_from_slice(&whole[..out.len()]);
            }
        }
    }
}

/// Word i of every block in vector i.
#[target_feature(enable = "avx2")]
#[inline]
fn load(blocks: &[[u8; BLOCK_BYTES]]) -> [Word; 16] {
    let mut words = [_mm256_setzero_si256(); 16];
    let last = blocks.len() - 1;
    for half in 0..2 {
        let mut rows = [_mm256_setzero_si256(); LANES];
        for (lane, row) in rows.iter_mut().enumerate() {
            let from = &blocks[lane.min(last)][32 * half..32 * half + 32];
            // SAFETY: the load is an unaligned one of 32 bytes, and half a block has 32.
            *row = big_endian(unsafe { _mm256_loadu_si256(from.as_ptr().cast()) });
        }
        let [a, b, c, d, e, f, g, h] = rows;
        let (front, back) = (quads([a, b, c, d]), quads([e, f, g, h]));
        for column in 0..4 {
            let at = 8 * half + column;
            words[at] = _mm256_permute2x128_si256::<0x20>(front[column], back[column]);
            words[at + 4] = _mm256_permute2x128_si256::<0x31>(front[column], back[column]);
        }
    }
    words
}

/// The state of lane i, big-endian, in hash i.
#[target_feature(enable = "avx2")]
#[inline]
fn store(state: [Word; 8], out: &mut [[u8; 32]; LANES]) {
    let [a, b, c, d, e, f, g, h] = state.map(|word| big_endian(word));
    let (front, back) = (quads([a, b, c, d]), quads([e, f, g, h]));
    for row in 0..4 {
        let low = _mm256_permute2x128_si256::<0x20>(front[row], back[row]);
        let high = _mm256_permute2x128_si256::<0x31>(front[row], back[row]);
        // SAFETY: both stores are unaligned ones of 32 bytes, and a hash has 32.
        unsafe {
            _mm256_storeu_si256(out[row].as_mut_ptr().cast(), low);
            _mm256_storeu_si256(out[row + 4].as_mut_ptr().cast(), high);
        }
    }
}

/// Transposes each 128-bit column of four rows: word j of the four, next to each other, in vector j.
#[target_feature(enable = "avx2")]
#[inline]
fn quads([a, b, c, d]: [Word; 4]) -> [Word; 4] {
    let (ab, cd) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
    let (ab_high, cd_high) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
    [
        _mm256_unpacklo_epi64(ab, cd),
        _mm256_unpackhi_epi64(ab, cd),
        _mm256_unpacklo_epi64(ab_high, cd_high),
        _mm256_unpackhi_epi64(ab_high, cd_high),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn big_endian(words: Word) -> Word {
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm256_shuffle_epi8(words, _mm256_broadcastsi128_si256(order))
}

#[target_feature(enable = "avx2")]
#[inline]
fn splat(word: u32) -> Word {
    _mm256_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx2")]
#[inline]
fn add(a: Word, b: Word) -> Word {
    _mm256_add_epi32(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
fn xor3(a: Word, b: Word, c: Word) -> Word {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}

#[target_feature(enable = "avx2")]
#[inline]
fn choose(a: Word, b: Word, c: Word) -> Word {
    _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(b, c), a), c)
}

/// In this form `a ^ b` is the next round's `b ^ c`, which the compiler finds.
#[target_feature(enable = "avx2")]
#[inline]
fn majority(a: Word, b: Word, c: Word) -> Word {
    _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)), b)
}

#[target_feature(enable = "avx2")]
#[inline]
fn rotate<const BITS: i32>(x: Word) -> Word {
    let left = _mm_cvtsi32_si128(32 - BITS);
    _mm256_or_si256(_mm256_srli_epi32::<BITS>(x), _mm256_sll_epi32(x, left))
}

#[target_feature(enable = "avx2")]
#[inline]
fn shift<const BITS: i32>(x: Word) -> Word {
    _mm256_srli_epi32::<BITS>(x)
}

compression!(Word, #[target_feature(enable = "avx2")]);
