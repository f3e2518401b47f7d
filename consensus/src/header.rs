//! The rules of headers (consensus: Header rules), cheap ones first.

use crate::asert::{self, Anchor, Stamp};
use starling_genesis::{Chain, Params};
use starling_primitives::history::{Accumulator, Leaf, PlacedNode};
use starling_primitives::{Bits, BlockId, Header, HistoryRoot, Target, TargetError, TxRoot, Work, limits};
use thiserror::Error;

/// Which rule a header breaks, or why it cannot be judged yet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Rule 1: the body would be over the chain's limit.
    #[error("a body of {bytes} bytes is over the limit of {limit}")]
    BodyTooLarge {
        /// What the header says.
        bytes: u32,
        /// The chain's limit.
        limit: u32,
    },
    /// Rule 1: no such body exists.
    #[error("{txs} transactions cannot fill {bytes} bytes")]
    ImpossibleCounts {
        /// Transactions.
        txs: u32,
        /// Bytes of the body.
        bytes: u32,
    },
    /// Rule 1: `tx_root` is zero if and only if there is no transaction.
    #[error("tx_root {root} does not go with {txs} transactions")]
    RootOfNothing {
        /// The root.
        root: TxRoot,
        /// Transactions.
        txs: u32,
    },
    /// Rule 3.
    #[error("root is not the hash of the rebuilt coinbase")]
    FalseRoot,
    /// Rule 4: bits that name no target.
    #[error(transparent)]
    Bits(#[from] TargetError),
    /// Rule 4: easier than the chain allows.
    #[error("target of bits {bits} is easier than the easiest, {easiest}")]
    TooEasy {
        /// The header's.
        bits: Bits,
        /// The chain's.
        easiest: Bits,
    },
    /// Rule 4.
    #[error("the pow hash does not meet the target of bits {0}")]
    NoWork(Bits),
    /// Rule 5.
    #[error("height {found} follows {parent}")]
    Height {
        /// The header's.
        found: u32,
        /// The parent's.
        parent: u32,
    },
    /// Rule 6.
    #[error("time {found} is before {least}, the least that may follow the parent")]
    TimeTooEarly {
        /// The header's.
        found: u32,
        /// Parent's time and step.
        least: u64,
    },
    /// Rule 7.
    #[error("bits {found}, but ASERT asks for {expected}")]
    WrongBits {
        /// The header's.
        found: Bits,
        /// ASERT's.
        expected: Bits,
    },
    /// Rule 8.
    #[error("history_root {found}, but the branch's is {expected}")]
    WrongHistory {
        /// The header's.
        found: HistoryRoot,
        /// The branch's.
        expected: HistoryRoot,
    },
    /// Rule 9: held, nobody is blamed.
    #[error("time {time} is more than {limit} s ahead of the clock, {now}")]
    FromTheFuture {
        /// The header's.
        time: u32,
        /// The clock.
        now: u32,
        /// The chain's limit.
        limit: u32,
    },
    /// The parent is not in the tree.
    #[error("parent {0} is unknown")]
    UnknownParent(BlockId),
    /// An ancestor was found invalid.
    #[error("ancestor {0} is invalid")]
    InvalidAncestor(BlockId),
    /// Not worth keeping (consensus: Header rules, last paragraph).
    #[error("the branch has work {work}, and {needed} is the least that is kept")]
    TooLittleWork {
        /// The branch's.
        work: Work,
        /// The least that is kept.
        needed: Work,
    },
}

impl HeaderError {
    /// The stable snake-case name of the refusal (`docs/spec/errors.md`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BodyTooLarge { .. } | Self::ImpossibleCounts { .. } | Self::RootOfNothing { .. } => {
                "impossible_counts"
            }
            Self::FalseRoot => "false_root",
            Self::Bits(error) => error.code(),
            Self::TooEasy { .. } => "too_easy",
            Self::NoWork(_) => "no_work",
            Self::Height { .. } => "height",
            Self::TimeTooEarly { .. } => "time_too_early",
            Self::WrongBits { .. } => "wrong_bits",
            Self::WrongHistory { .. } => "wrong_history",
            Self::FromTheFuture { .. } => "from_the_future",
            Self::UnknownParent(_) => "unknown_parent",
            Self::InvalidAncestor(_) => "invalid_ancestor",
            Self::TooLittleWork { .. } => "too_little_work",
        }
    }
}

/// A header that is true by itself: rules 1 to 4 hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedHeader {
    header: Header,
    target: Target,
    pow_hash: [u8; 32],
}

impl CheckedHeader {
    /// Checks rules 1 to 4.
    ///
    /// # Errors
    /// The first rule that the header breaks.
    pub fn check(header: Header, params: &Params) -> Result<Self, HeaderError> {
        check_counts(&header, params)?;
        let bits = header.work().bits;
        let target = bits.target()?;
        if target > params.easiest_target {
            return Err(HeaderError::TooEasy { bits, easiest: params.easiest_bits });
        }
        let pow_hash = header.work().pow_hash(params.pow);
        if !target.is_met_by(&pow_hash) {
            return Err(HeaderError::NoWork(bits));
        }
        if header.work().root != header.coinbase().root() {
            return Err(HeaderError::FalseRoot);
        }
        Ok(Self { header, target, pow_hash })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The hash that meets the target.
    #[must_use]
    pub fn pow_hash(&self) -> &[u8; 32] {
        &self.pow_hash
    }

    /// The work of this block alone.
    #[must_use]
    pub fn work(&self) -> Work {
        self.target.work()
    }
}

/// Rule 1: counts that can be true.
fn check_counts(header: &Header, params: &Params) -> Result<(), HeaderError> {
    const LEAST: u64 = (limits::MIN_TX_BYTES + limits::TX_LEN_BYTES) as u64;
    const MOST: u64 = (limits::MAX_TX_BYTES + limits::TX_LEN_BYTES) as u64;
    let content = header.content();
    let (txs, bytes) = (content.tx_count, content.body_bytes);
    if bytes > params.max_body_bytes {
        return Err(HeaderError::BodyTooLarge { bytes, limit: params.max_body_bytes });
    }
    let count = u64::from(txs);
    if !(LEAST * count..=MOST * count).contains(&u64::from(bytes)) {
        return Err(HeaderError::ImpossibleCounts { txs, bytes });
    }
    if (content.tx_root == TxRoot::ZERO) != (txs == 0) {
        return Err(HeaderError::RootOfNothing { root: content.tx_root, txs });
    }
    Ok(())
}

/// Rule 9.
///
/// # Errors
/// [`HeaderError::FromTheFuture`]: hold the header and try again.
pub fn check_time(header: &Header, params: &Params, now: u32) -> Result<(), HeaderError> {
    let (time, limit) = (header.work().time, params.future_limit);
    if limit != u32::MAX && u64::from(time) > u64::from(now) + u64::from(limit) {
        return Err(HeaderError::FromTheFuture { time, now, limit });
    }
    Ok(())
}

/// The end of a branch: all that the rules need to know to judge the next header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) id: BlockId,
    pub(crate) height: u32,
    pub(crate) time: u32,
    pub(crate) work: Work,
    pub(crate) anchor: Anchor,
    /// Over this block and all before it.
    pub(crate) history: Accumulator,
}

impl Cursor {
    /// The branch of genesis alone, and the history nodes that it makes.
    #[must_use]
    pub fn genesis(chain: &Chain) -> (Self, Vec<PlacedNode>) {
        let header = &chain.genesis;
        let work = chain.params.genesis_bits.target().map_or(Work::ZERO, Target::work);
        let stamp = Stamp { height: 0, time: header.work().time, bits: header.work().bits };
        let mut cursor = Self {
            id: header.id(),
            height: 0,
            time: stamp.time,
            work,
            anchor: asert::anchor_of(stamp, None, &chain.params),
            history: Accumulator::new(),
        };
        let leaf = Leaf { id: cursor.id, height: 0, time: stamp.time, bits: stamp.bits, work };
        let nodes = cursor.history.push(&leaf);
        (cursor, nodes)
    }

    /// Id of the last block.
    #[must_use]
    pub fn id(&self) -> BlockId {
        self.id
    }

    /// Height of the last block.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Time of the last block.
    #[must_use]
    pub fn time(&self) -> u32 {
        self.time
    }

    /// Cumulative work.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }

    /// What the next header must state as its history.
    #[must_use]
    pub fn history_root(&self) -> HistoryRoot {
        self.history.root()
    }

    /// What the next header must state as its bits.
    #[must_use]
    pub fn next_bits(&self, params: &Params) -> Bits {
        asert::next_bits(self.height, self.time, &self.anchor, params)
    }

    /// The least time that the next header may state.
    #[must_use]
    pub fn least_next_time(&self, params: &Params) -> u64 {
        u64::from(self.time) + u64::from(params.step)
    }

    /// Checks rules 5 to 8 for a header whose parent this is.
    ///
    /// # Errors
    /// The first rule that the header breaks.
    pub fn check(&self, checked: &CheckedHeader, params: &Params) -> Result<(), HeaderError> {
        let (work, content) = (checked.header.work(), checked.header.content());
        if work.parent != self.id {
            return Err(HeaderError::UnknownParent(work.parent));
        }
        if Some(content.height) != self.height.checked_add(1) {
            return Err(HeaderError::Height { found: content.height, parent: self.height });
        }
        let least = self.least_next_time(params);
        if u64::from(work.time) < least {
            return Err(HeaderError::TimeTooEarly { found: work.time, least });
        }
        let expected = self.next_bits(params);
        if work.bits != expected {
            return Err(HeaderError::WrongBits { found: work.bits, expected });
        }
        let expected = self.history_root();
        if content.history_root != expected {
            return Err(HeaderError::WrongHistory { found: content.history_root, expected });
        }
        Ok(())
    }

    /// Steps onto a header that passed [`Cursor::check`]; returns the history nodes that this makes.
    pub fn advance(&mut self, checked: &CheckedHeader, params: &Params) -> Vec<PlacedNode> {
        let work = checked.header.work();
        let stamp = Stamp { height: checked.header.height(), time: work.time, bits: work.bits };
        self.anchor = asert::anchor_of(stamp, Some((self.time, self.anchor)), params);
        self.id = checked.header.id();
        self.height = stamp.height;
        self.time = stamp.time;
        self.work = self.work + checked.work();
        let Stamp { height, time, bits } = stamp;
        self.history.push(&Leaf { id: self.id, height, time, bits, work: self.work })
    }
}

#[cfg(test)]
mod tests;
