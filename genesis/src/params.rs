//! The parameters of a chain, resolved (consensus: Parameters, per chain).

use starling_primitives::{Amount, Bits, PowKind, Prefix, Tag, Target, Work};

static CHAIN: Tag = Tag::new("starling/chain");

/// How a block's bits follow from its ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difficulty {
    /// Always the genesis bits.
    Fixed,
    /// ASERT with this half-life.
    Asert {
        /// Seconds, at least 1.
        half_life: u32,
    },
}

/// Everything the rules and a node's policy ask of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The hash that must meet the target.
    pub pow: PowKind,
    /// Seconds between blocks that the difficulty aims at, at least 1.
    pub interval: u32,
    /// How the difficulty follows.
    pub difficulty: Difficulty,
    /// Seconds that a block is at least later than its parent.
    pub step: u32,
    /// Seconds that a block may be ahead of the clock; `u32::MAX` is no limit.
    pub future_limit: u32,
    /// The easiest target, compact: the larger of the file's and the genesis block's.
    pub easiest_bits: Bits,
    /// The target of `easiest_bits`.
    pub easiest_target: Target,
    /// The bits of blocks 0 and 1.
    pub genesis_bits: Bits,
    /// Bytes of a body at the most.
    pub max_body_bytes: u32,
    /// What the first blocks pay.
    pub subsidy: Amount,
    /// Blocks between halvings, at least 1.
    pub halving_interval: u32,
    /// What a new account costs, once.
    pub account_charge: Amount,
    /// The human-readable part of addresses.
    pub prefix: Prefix,
    /// Blocks that can be undone; not a rule of validity.
    pub undo_blocks: u32,
    /// Work below which no branch is kept; not a rule of validity.
    pub minimum_work: Work,
    /// The mempool's floor in motes per byte; not a rule of validity.
    pub min_fee_per_byte: u64,
}

impl Params {
    /// What a block at `height` creates: `subsidy >> (height / halving_interval)`, nothing for genesis and
    /// from a shift of 64.
    #[must_use]
    pub fn subsidy_at(&self, height: u32) -> Amount {
        let halvings = height / self.halving_interval;
        if height == 0 || halvings >= 64 {
            return Amount::ZERO;
        }
        Amount::from_motes(self.subsidy.motes() >> halvings).expect("not above the first subsidy")
    }

    /// All that blocks up to `height` created, unless it is over 2^100.
    #[must_use]
    pub fn issued_by(&self, height: u32) -> Option<Amount> {
        let mut total = Amount::ZERO;
        let mut first = 1;
        while first <= height && first / self.halving_interval < 64 {
            let next_era = (first / self.halving_interval + 1).checked_mul(self.halving_interval);
            let last = next_era.map_or(height, |next| height.min(next - 1));
            let blocks = u64::from(last - first) + 1;
            total = total.checked_add(self.subsidy_at(first).checked_mul(blocks)?)?;
            match last.checked_add(1) {
                Some(next) => first = next,
                None => break,
            }
        }
        Some(total)
    }

    /// The genesis block's extra: the hash that pins every rule parameter (formats: Genesis).
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        let prefix = self.prefix.as_str().as_bytes();
        let (fixed, half_life) = match self.difficulty {
            Difficulty::Fixed => (1, 0),
            Difficulty::Asert { half_life } => (0, half_life),
        };
        let pow = match self.pow {
            PowKind::Sha256d => 0,
            PowKind::Sha256dTagged => 1,
        };
        CHAIN.hash(&[
            &[pow],
            &self.interval.to_le_bytes(),
            &half_life.to_le_bytes(),
            &self.step.to_le_bytes(),
            &self.future_limit.to_le_bytes(),
            &[fixed],
            &self.easiest_bits.to_u32().to_le_bytes(),
            &self.max_body_bytes.to_le_bytes(),
            &self.subsidy.motes().to_le_bytes(),
            &self.halving_interval.to_le_bytes(),
            &self.account_charge.motes().to_le_bytes(),
            &[u8::try_from(prefix.len()).expect("a prefix has at most 32 characters")],
            prefix,
        ])
    }
}
