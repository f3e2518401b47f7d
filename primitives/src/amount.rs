//! Amounts of money: motes, 10^18 to the STAR (formats: Amounts).

use std::fmt;
use thiserror::Error;

/// Motes in one STAR.
const MOTES_PER_STAR: u128 = 1_000_000_000_000_000_000;
/// Decimals of a STAR.
const DECIMALS: usize = 18;
/// Characters of an amount's text at the most: 2^100 has 31 digits, 18 of them behind the point.
const MAX_TEXT_CHARS: usize = 64;

/// Motes, 0 to 2^100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

/// Why a text or a number is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("{0:?} is not an amount; write STAR as digits with a point, like 1.25")]
    Syntax(String),
    /// More than 18 decimals.
    #[error("{0:?} has more than 18 decimals; one mote is 0.000000000000000001 STAR")]
    TooFine(String),
    /// Above 2^100 motes.
    #[error("the amount is over 2^100 motes, the most that can exist")]
    TooLarge,
}

impl AmountError {
    /// The stable snake-case name of the refusal (`docs/spec/errors.md`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "amount_syntax",
            Self::TooFine(_) => "amount_too_fine",
            Self::TooLarge => "amount_too_large",
        }
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: 2^100 motes.
    pub const MAX: Self = Self(1 << 100);

    /// From motes.
    ///
    /// # Errors
    /// [`AmountError::TooLarge`] above 2^100.
    pub const fn from_motes(motes: u128) -> Result<Self, AmountError> {
        if motes > Self::MAX.0 { Err(AmountError::TooLarge) } else { Ok(Self(motes)) }
    }

    /// The number of motes.
    #[must_use]
    pub const fn motes(self) -> u128 {
        self.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, unless it is over 2^100.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        // Both are at most 2^100, so the sum of the numbers cannot wrap.
        Self::from_motes(self.0 + other.0).ok()
    }

    /// The difference, unless it is below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The product with a count, unless it is over 2^100.
    #[must_use]
    pub fn checked_mul(self, count: u64) -> Option<Self> {
        self.0.checked_mul(u128::from(count)).and_then(|motes| Self::from_motes(motes).ok())
    }

    /// The sum of many, unless it is over 2^100.
    #[must_use]
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Reads STAR as people write it: digits, at most one point, at most 18 decimals.
    ///
    /// # Errors
    /// [`AmountError`], one variant for each way to be wrong.
    pub fn from_star(text: &str) -> Result<Self, AmountError> {
        let shown = || text.chars().take(MAX_TEXT_CHARS).collect::<String>();
        let syntax = || AmountError::Syntax(shown());
        if text.len() > MAX_TEXT_CHARS {
            return Err(syntax());
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(syntax());
        }
        if fraction.len() > DECIMALS {
            return Err(AmountError::TooFine(shown()));
        }
        let whole: u128 = whole.parse().map_err(|_| AmountError::TooLarge)?;
        let fraction: u128 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| syntax())?;
        let motes = whole.checked_mul(MOTES_PER_STAR).and_then(|motes| motes.checked_add(fraction));
        Self::from_motes(motes.ok_or(AmountError::TooLarge)?)
    }

    /// Reads a decimal number of motes, as JSON carries it.
    ///
    /// # Errors
    /// [`AmountError::Syntax`] or [`AmountError::TooLarge`].
    pub fn from_mote_text(text: &str) -> Result<Self, AmountError> {
        let canonical = text == "0" || !text.starts_with('0');
        if text.is_empty() || text.len() > MAX_TEXT_CHARS || !canonical {
            return Err(AmountError::Syntax(text.chars().take(MAX_TEXT_CHARS).collect()));
        }
        if !text.bytes().all(|c| c.is_ascii_digit()) {
            return Err(AmountError::Syntax(text.to_owned()));
        }
        Self::from_motes(text.parse().map_err(|_| AmountError::TooLarge)?)
    }
}

/// STAR without trailing zeros, and without the unit.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / MOTES_PER_STAR, self.0 % MOTES_PER_STAR);
        if fraction == 0 {
            return f.pad(&whole.to_string());
        }
        let fraction = format!("{fraction:018}");
        f.pad(&format!("{whole}.{}", fraction.trim_end_matches('0')))
    }
}

#[cfg(test)]
mod tests;
