//! Sixteen blocks at once in the lanes of AVX-512.
#![allow(unsafe_code, reason = "loads and stores of vectors go through pointers")]

use super::rounds::{K, compression, sixteen};
use crate::compress::BLOCK_BYTES;
use std::arch::x86_64::*;

/// Blocks in flight.
pub(super) const LANES: usize = 16;

/// One word of each lane.
type Word = __m512i;

pub(super) fn is_supported() -> bool {
    std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw")
}

/// The hashes of `blocks` from one start; missing lanes repeat the last block.
#[target_feature(enable = "avx512f,avx512bw")]
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
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load(blocks: &[[u8; BLOCK_BYTES]]) -> [Word; 16] {
    let mut rows = [_mm512_setzero_si512(); LANES];
    let last = blocks.len() - 1;
    for (lane, row) in rows.iter_mut().enumerate() {
        // SAFETY: the load is an unaligned one of 64 bytes, and a block has 64.
        *row = big_endian(unsafe { _mm512_loadu_si512(blocks[lane.min(last)].as_ptr().cast()) });
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = rows;
    let quads = [quads([a, b, c, d]), quads([e, f, g, h]), quads([i, j, k, l]), quads([m, n, o, p])];
    let mut words = [_mm512_setzero_si512(); 16];
    for column in 0..4 {
        let [a, b, c, d] = quads.map(|quad| quad[column]);
        let even = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(c, d));
        let odd = (_mm512_shuffle_i32x4::<0xdd>(a, b), _mm512_shuffle_i32x4::<0xdd>(c, d));
        words[column] = _mm512_shuffle_i32x4::<0x88>(even.0, even.1);
        words[column + 4] = _mm512_shuffle_i32x4::<0x88>(odd.0, odd.1);
        words[column + 8] = _mm512_shuffle_i32x4::<0xdd>(even.0, even.1);
        words[column + 12] = _mm512_shuffle_i32x4::<0xdd>(odd.0, odd.1);
    }
    words
}

/// The state of lane i, big-endian, in hash i.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn store(state: [Word; 8], out: &mut [[u8; 32]; LANES]) {
    let [a, b, c, d, e, f, g, h] = state.map(|word| big_endian(word));
    let (front, back) = (quads([a, b, c, d]), quads([e, f, g, h]));
    let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for row in 0..4 {
        let first = _mm512_permutex2var_epi64(front[row], low, back[row]);
        let second = _mm512_permutex2var_epi64(front[row], high, back[row]);
        let lanes = [
            _mm512_castsi512_si256(first),
            _mm512_extracti64x4_epi64::<1>(first),
            _mm512_castsi512_si256(second),
            _mm512_extracti64x4_epi64::<1>(second),
        ];
        for (at, hash) in lanes.into_iter().enumerate() {
            // SAFETY: the store is an unaligned one of 32 bytes, and a hash has 32.
            unsafe { _mm256_storeu_si256(out[row + 4 * at].as_mut_ptr().cast(), hash) };
        }
    }
}

/// Transposes each 128-bit column of four rows: word j of the four, next to each other, in vector j.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn quads([a, b, c, d]: [Word; 4]) -> [Word; 4] {
    let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
    let (ab_high, cd_high) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
    [
        _mm512_unpacklo_epi64(ab, cd),
        _mm512_unpackhi_epi64(ab, cd),
        _mm512_unpacklo_epi64(ab_high, cd_high),
        _mm512_unpackhi_epi64(ab_high, cd_high),
    ]
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn big_endian(words: Word) -> Word {
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order))
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn splat(word: u32) -> Word {
    _mm512_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn add(a: Word, b: Word) -> Word {
    _mm512_add_epi32(a, b)
}

// The numbers of the three functions below are their truth tables.

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn xor3(a: Word, b: Word, c: Word) -> Word {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn choose(a: Word, b: Word, c: Word) -> Word {
    _mm512_ternarylogic_epi32::<0xca>(a, b, c)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn majority(a: Word, b: Word, c: Word) -> Word {
    _mm512_ternarylogic_epi32::<0xe8>(a, b, c)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn rotate<const BITS: i32>(x: Word) -> Word {
    _mm512_ror_epi32::<BITS>(x)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn shift<const BITS: u32>(x: Word) -> Word {
    _mm512_srli_epi32::<BITS>(x)
}

compression!(Word, #[target_feature(enable = "avx512f,avx512bw")]);
