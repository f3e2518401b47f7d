//! Why the pool refuses a transaction: one variant for each rule, with the values that broke it.

use starling_consensus::TxError;
use starling_primitives::{Amount, TxId};
use thiserror::Error;

/// A transaction that the pool does not take. The text tells its sender what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PoolError {
    /// Wrong by itself, on any state: another chain's, a sum over 2^100 motes, a bad signature, the last
    /// nonce.
    #[error(transparent)]
    Invalid(#[from] TxError),
    /// The same bytes are pending.
    #[error("the transaction is pending already; nothing is left to do but wait")]
    Duplicate,
    /// The same body with other signatures is pending. Its fee is the same, so it never pays as a
    /// replacement.
    #[error("transaction {0} is pending under other signatures; to replace it, raise the fee and sign again")]
    KnownTxid(TxId),
    /// Below the floor.
    #[error(
        "the fee is {fee} STAR; the pool asks for at least {needed} ({floor} motes per byte): raise the fee"
    )]
    FeeTooLow {
        /// The transaction's fee.
        fee: Amount,
        /// The floor times its size.
        needed: Amount,
        /// Motes per byte.
        floor: u64,
    },
    /// No block can take it any more.
    #[error("valid until height {valid_until}, but the next block has height {height}: sign it again")]
    Expired {
        /// The transaction's limit.
        valid_until: u32,
        /// Height of the next block.
        height: u32,
    },
    /// Too few blocks could take it.
    #[error(
        "valid until height {valid_until} is too soon; sign it again with 0 (no limit) or at least {least}"
    )]
    ExpiresTooSoon {
        /// The transaction's limit.
        valid_until: u32,
        /// The least that is taken now.
        least: u32,
    },
    /// The nonce is used up by a block.
    #[error("nonce {found} is used already; the sender's next is {next}: sign it again with that")]
    NonceTooLow {
        /// The transaction's.
        found: u64,
        /// The settled account's.
        next: u64,
    },
    /// So far ahead that it could not be executable with all before it.
    #[error("nonce {found} is too far ahead, the next is {next}; submit those between first")]
    NonceTooFar {
        /// The transaction's.
        found: u64,
        /// The sender's next, pending transactions counted.
        next: u64,
    },
    /// All places behind a gap are taken.
    #[error(
        "{limit} transactions of this sender wait behind a missing nonce already; submit nonce {next} first"
    )]
    TooManyWaiting {
        /// Waiting transactions that a sender may have.
        limit: usize,
        /// The missing nonce.
        next: u64,
    },
    /// All executable places are taken.
    #[error("{limit} transactions of this sender are pending already; wait until a block takes some")]
    TooManyPending {
        /// Executable transactions that a sender may have.
        limit: usize,
    },
    /// The settled balance does not cover all that the sender has pending.
    #[error(
        "the balance is {balance} STAR, but this and all pending before it need {needed}, account charges \
         included; lower the amount, or wait for money to arrive in a block"
    )]
    Insufficient {
        /// What the sender has at the tip.
        balance: Amount,
        /// Fees, amounts and charges of all its pending transactions and this one.
        needed: Amount,
    },
    /// Another transaction has the nonce, and this one does not pay enough to take its place.
    #[error(
        "a transaction with this nonce is pending; to replace it, raise the fee from {fee} to {needed} STAR"
    )]
    ReplacementTooCheap {
        /// The transaction's fee.
        fee: Amount,
        /// The least that replaces.
        needed: Amount,
    },
    /// No space, and all there is pays at least as much per byte.
    #[error(
        "the pool is full, and all in it pay at least as much; raise the fee above {rate} motes per byte"
    )]
    PoolFull {
        /// Motes per byte of the cheapest that could make room; `u64::MAX` when the pool is too small for
        /// this.
        rate: u64,
    },
    /// Its source has too much waiting behind gaps already.
    #[error(
        "this peer's share of {limit} bytes for transactions behind a nonce gap is used up; close gaps first"
    )]
    PeerQuota {
        /// Bytes of memory.
        limit: usize,
    },
}

impl PoolError {
    /// The refusal's stable snake-case name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(error) => match error {
                TxError::WrongChain { .. } => "wrong_chain",
                TxError::SumTooLarge => "sum_too_large",
                TxError::Signature { .. } => "bad_signature",
                TxError::NonceExhausted => "nonce_exhausted",
                // The pool has names of its own for these, with what is pending counted in.
                TxError::Expired { .. } => "expired",
                TxError::Nonce { .. } => "nonce_too_low",
                TxError::Balance { .. } => "insufficient_balance",
            },
            Self::Duplicate => "duplicate",
            Self::KnownTxid(_) => "known_txid",
            Self::FeeTooLow { .. } => "fee_too_low",
            Self::Expired { .. } => "expired",
            Self::ExpiresTooSoon { .. } => "expires_too_soon",
            Self::NonceTooLow { .. } => "nonce_too_low",
            Self::NonceTooFar { .. } => "nonce_too_far",
            Self::TooManyWaiting { .. } => "too_many_waiting",
            Self::TooManyPending { .. } => "too_many_pending",
            Self::Insufficient { .. } => "insufficient_balance",
            Self::ReplacementTooCheap { .. } => "replacement_too_cheap",
            Self::PoolFull { .. } => "pool_full",
            Self::PeerQuota { .. } => "peer_quota",
        }
    }

    /// Whether the transaction is wrong by itself, so that its source is to blame; every other refusal may be
    /// a matter of timing.
    #[must_use]
    pub fn is_wrong_by_itself(&self) -> bool {
        matches!(self, Self::Invalid(_))
    }
}

/// Why [`Mempool::add`](super::Mempool::add) failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddError<E> {
    /// The pool refuses the transaction and is unchanged.
    #[error(transparent)]
    Refused(#[from] PoolError),
    /// The accounts cannot be read; the pool is unchanged.
    #[error("reading accounts: {0}")]
    Read(E),
}
