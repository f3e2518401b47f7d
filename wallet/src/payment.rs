//! What is to be paid, until it becomes an unsigned transaction.

use starling_primitives::{Amount, GenesisId, Memo, Output, Policy, UnsignedTransaction};
use thiserror::Error;

/// What the miner is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fee {
    /// This much.
    Exact(Amount),
    /// This much for each byte of the finished transaction.
    PerByte(Amount),
}

/// A transfer, without its chain and its payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The sender's nonce that it uses up.
    pub nonce: u64,
    /// What the miner is offered.
    pub fee: Fee,
    /// Last height at which it may be included; 0 = no limit.
    pub valid_until: u32,
    /// 1 to 255 recipients.
    pub outputs: Vec<Output>,
    /// A note.
    pub memo: Memo,
}

/// The fee would be over 2^100 motes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{size} bytes at {per_byte} STAR each cost more than can exist; choose a smaller fee")]
pub struct FeeTooLarge {
    /// Bytes of the transaction.
    pub size: usize,
    /// The rate.
    pub per_byte: Amount,
}

impl Payment {
    /// The transaction of this payment on a chain, paid by `policy`.
    ///
    /// # Errors
    /// [`FeeTooLarge`]. The format's limits are checked when it is signed.
    pub fn unsigned(self, policy: Policy, genesis: &GenesisId) -> Result<UnsignedTransaction, FeeTooLarge> {
        let mut unsigned = UnsignedTransaction {
            chain_id: genesis.chain_id(),
            nonce: self.nonce,
            fee: Amount::ZERO,
            valid_until: self.valid_until,
            outputs: self.outputs,
            memo: self.memo,
            policy,
        };
        unsigned.fee = match self.fee {
            Fee::Exact(fee) => fee,
            Fee::PerByte(rate) => fee_for(&unsigned, rate)?,
        };
        Ok(unsigned)
    }
}

/// The fee at a rate for each byte of the finished transaction; the fee's own value does not change the size.
///
/// # Errors
/// [`FeeTooLarge`].
pub fn fee_for(unsigned: &UnsignedTransaction, per_byte: Amount) -> Result<Amount, FeeTooLarge> {
    let size = unsigned.finished_size();
    let count = u64::try_from(size).map_err(|_| FeeTooLarge { size, per_byte })?;
    per_byte.checked_mul(count).ok_or(FeeTooLarge { size, per_byte })
}

#[cfg(test)]
mod tests;
