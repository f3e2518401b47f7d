//! The difficulty: aserti3-2d, anchored anew whenever a branch stands at the easiest target (consensus:
//! ASERT).
//!
//! Source: the specification of Bitcoin Cash's 2020 upgrade; a cubic approximation of 2^x with 16 fractional
//! bits.

use ruint::Uint;
use ruint::aliases::U256;
use starling_genesis::{Difficulty, Params};
use starling_primitives::{Bits, Target};

/// Wide enough for a target times a factor of 17 bits.
type Wide = Uint<320, 5>;

/// Fractional bits of the exponent.
const FRACTION_BITS: u32 = 16;
/// A shift by this many bits or more leaves nothing of a 256-bit number, or overflows it.
const MAX_SHIFT_BITS: i128 = 300;

/// The block that a target is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its height.
    pub height: u32,
    /// The time of its parent, in Unix seconds; for block 1 its own time less the interval, which may be
    /// below 0.
    pub parent_time: i64,
    /// Its bits.
    pub bits: Bits,
}

/// A block whose anchor is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) height: u32,
    pub(crate) time: u32,
    pub(crate) bits: Bits,
}

/// The anchor of a block, given its parent's: itself when it stands at the easiest target or is block 1 (or
/// 0).
pub(crate) fn anchor_of(block: Stamp, parent: Option<(u32, Anchor)>, params: &Params) -> Anchor {
    let own = |parent_time| Anchor { height: block.height, parent_time, bits: block.bits };
    match parent {
        None => own(i64::from(block.time)),
        Some(_) if block.height <= 1 => own(i64::from(block.time) - i64::from(params.interval)),
        Some((parent_time, _)) if block.bits == params.easiest_bits => own(i64::from(parent_time)),
        Some((_, anchor)) => anchor,
    }
}

/// The bits that the block after (height, time) must carry.
#[must_use]
pub fn next_bits(height: u32, time: u32, anchor: &Anchor, params: &Params) -> Bits {
    let Difficulty::Asert { half_life } = params.difficulty else {
        return params.genesis_bits;
    };
    if height == 0 {
        return params.genesis_bits;
    }
    let blocks = i128::from(height) - i128::from(anchor.height) + 1;
    let ahead = i128::from(time) - i128::from(anchor.parent_time) - i128::from(params.interval) * blocks;
    let exponent = exponent(ahead, half_life);
    let easiest = params.easiest_target;
    let target = anchor.bits.target().map_or(easiest, |anchor| scale(anchor, exponent));
    target.min(easiest).bits()
}

/// Half-lives in units of 2^-16; Rust's division truncates towards zero, as the specification's does.
fn exponent(ahead_s: i128, half_life: u32) -> i128 {
    (ahead_s << FRACTION_BITS) / i128::from(half_life)
}

/// `target * 2^(exponent / 2^16)`; 0 becomes 1, more than 256 bits become the largest number.
fn scale(target: Target, exponent: i128) -> Target {
    let shift = exponent >> FRACTION_BITS;
    if shift > MAX_SHIFT_BITS {
        return Target::MAX;
    }
    if shift < -MAX_SHIFT_BITS {
        return Target::new(U256::ZERO);
    }
    let fraction = u128::try_from(exponent & 0xffff).expect("16 bits");
    let cubic = 195_766_423_245_049 * fraction + 971_821_376 * fraction.pow(2) + 5_127 * fraction.pow(3);
    let factor = 65_536 + ((cubic + (1 << 47)) >> 48);
    let product = Wide::from(target.value()) * Wide::from(factor);
    let left = shift - i128::from(FRACTION_BITS);
    let bits = usize::try_from(left.unsigned_abs()).expect("at most 316");
    let scaled = if left <= 0 {
        product >> bits
    } else if product.bit_len() + bits > 256 {
        return Target::MAX;
    } else {
        product << bits
    };
    U256::checked_from_limbs_slice(scaled.as_limbs()).map_or(Target::MAX, Target::new)
}

#[cfg(test)]
mod tests;
