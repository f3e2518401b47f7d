//! Proof of work as numbers: compact bits, targets, cumulative work (formats: Work header).

use ruint::aliases::U256;
use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use thiserror::Error;

const SIGN_BIT: u32 = 0x0080_0000;
const MANTISSA_MASK: u32 = 0x007f_ffff;

/// Bitcoin's compact form of a target; any 32 bits, checked by [`Bits::target`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Bits(u32);

/// A number that a pow hash must not exceed: 1 to 2^256-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(U256);

/// Expected number of hashes, summed over a branch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Work(U256);

/// Why compact bits name no target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// The target would be 0.
    #[error("bits {0} are a target of zero")]
    Zero(Bits),
    /// The sign bit is set.
    #[error("bits {0} are negative")]
    Negative(Bits),
    /// The target would be 2^256 or more.
    #[error("bits {0} are over 256 bits")]
    Overflow(Bits),
    /// Another form of the same target is the canonical one.
    #[error("bits {0} are not the canonical form of their target, {1}")]
    NotCanonical(Bits, Bits),
    /// Not eight lower-case hex digits.
    #[error("{0:?} are not bits; write 8 lower-case hex digits, like 1e0fffff")]
    Syntax(String),
}

impl TargetError {
    /// The stable snake-case name of the refusal (`docs/spec/errors.md`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Zero(_) => "target_zero",
            Self::Negative(_) => "target_negative",
            Self::Overflow(_) => "target_overflow",
            Self::NotCanonical(..) => "target_not_canonical",
            Self::Syntax(_) => "bits_syntax",
        }
    }
}

impl Bits {
    /// From the number in the header.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    /// The number in the header.
    #[must_use]
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// The target that these bits name.
    ///
    /// # Errors
    /// [`TargetError`] for zero, negative, overflowing and non-canonical bits.
    pub fn target(self) -> Result<Target, TargetError> {
        let mantissa = self.0 & MANTISSA_MASK;
        let bytes = self.0 >> 24;
        if self.0 & SIGN_BIT != 0 {
            return Err(TargetError::Negative(self));
        }
        let value = if bytes <= 3 {
            U256::from(mantissa >> (8 * (3 - bytes)))
        } else {
            let shift = usize::try_from(8 * (bytes - 3)).expect("at most 2,016");
            let value = U256::from(mantissa);
            if mantissa != 0 && value.bit_len() + shift > 256 {
                return Err(TargetError::Overflow(self));
            }
            if mantissa == 0 { U256::ZERO } else { value << shift }
        };
        if value.is_zero() {
            return Err(TargetError::Zero(self));
        }
        let target = Target(value);
        let canonical = target.bits();
        if canonical == self { Ok(target) } else { Err(TargetError::NotCanonical(self, canonical)) }
    }
}

impl Target {
    /// The largest target: every hash meets it.
    pub const MAX: Self = Self(U256::MAX);

    /// A target from its number; 0 becomes 1.
    #[must_use]
    pub fn new(value: U256) -> Self {
        Self(value.max(U256::ONE))
    }

    /// `2^exponent`, at most `2^255`.
    #[must_use]
    pub fn power_of_two(exponent: u8) -> Self {
        Self(U256::ONE << usize::from(exponent))
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> U256 {
        self.0
    }

    /// The compact form, rounded down to its 23 bits of mantissa.
    #[must_use]
    pub fn bits(self) -> Bits {
        let mut bytes = self.0.byte_len();
        let low = if bytes <= 3 { self.0 << (8 * (3 - bytes)) } else { self.0 >> (8 * (bytes - 3)) };
        let mut mantissa: u32 = low.to();
        if mantissa & SIGN_BIT != 0 {
            mantissa >>= 8;
            bytes += 1;
        }
        let bytes = u32::try_from(bytes).expect("at most 33 bytes");
        Bits((bytes << 24) | mantissa)
    }

    /// Whether a pow hash, as a little-endian number, is at most this target.
    #[must_use]
    pub fn is_met_by(self, pow_hash: &[u8; 32]) -> bool {
        U256::from_le_bytes(*pow_hash) <= self.0
    }

    /// The work of one block at this target: `2^256 / (target + 1)`.
    #[must_use]
    pub fn work(self) -> Work {
        // 2^256 / (t+1) = (2^256 - (t+1)) / (t+1) + 1, and 2^256 - (t+1) is the complement of t.
        match self.0.checked_add(U256::ONE) {
            Some(divisor) => Work(!self.0 / divisor + U256::ONE),
            None => Work(U256::ONE),
        }
    }

    /// Big-endian bytes, as miners' protocols show a target.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }
}

impl Work {
    /// None.
    pub const ZERO: Self = Self(U256::ZERO);
    /// More than any branch can have.
    pub const MAX: Self = Self(U256::MAX);

    /// From 32 big-endian bytes.
    #[must_use]
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }

    /// 32 big-endian bytes.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// The difference, at least zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product, at most [`Work::MAX`].
    #[must_use]
    pub fn saturating_mul(self, times: u32) -> Self {
        Self(self.0.saturating_mul(U256::from(times)))
    }

    /// An approximate number, for display and estimates.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0.as_limbs().iter().rev().fold(0.0, |sum, &limb| sum * 2f64.powi(64) + to_f64(limb))
    }
}

/// The nearest float; exact halves, for a `u32` always fits.
fn to_f64(limb: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & 0xffff_ffff).expect("32 bits"));
    half(limb >> 32) * 2f64.powi(32) + half(limb)
}

/// Saturates: a sum that reached 2^256 would need more hashes than can ever be made.
impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl FromStr for Bits {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let digits = text.len() == 8 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let bits = u32::from_str_radix(text, 16).ok().filter(|_| digits);
        bits.map(Self).ok_or_else(|| TargetError::Syntax(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 64 hex digits, big-endian.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_be_bytes()))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 64 hex digits, big-endian.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_be_bytes()))
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
