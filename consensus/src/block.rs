//! The rules of blocks that need no state (consensus: Block rules 1 to 3).

use crate::header::CheckedHeader;
use crate::signature::{KnownKeys, SignatureCheck, verify_batch};
use crate::transaction::{TxError, check_expiry, check_fields, signature_checks_of};
use starling_primitives::{Block, GenesisId, StateRoot, Transaction, TxId, TxRoot, Wtxid, limits, tx_root};
use std::sync::Arc;
use thiserror::Error;

/// Which rule a block breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Rule 1: another number of transactions.
    #[error("{found} transactions, the header says {stated}")]
    TxCount {
        /// In the body.
        found: usize,
        /// In the header.
        stated: u32,
    },
    /// Rule 1: another number of bytes.
    #[error("a body of {found} bytes, the header says {stated}")]
    BodyBytes {
        /// In the body.
        found: usize,
        /// In the header.
        stated: u32,
    },
    /// Rule 1: other transactions.
    #[error("tx_root {found}, the header says {stated}")]
    TxRoot {
        /// Of the body.
        found: TxRoot,
        /// In the header.
        stated: TxRoot,
    },
    /// Rules 2 to 4.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Position in the block.
        index: usize,
        /// Which rule.
        error: TxError,
    },
    /// Rule 6.
    #[error("state_root {found}, the header says {stated}")]
    StateRoot {
        /// After applying the block.
        found: StateRoot,
        /// In the header.
        stated: StateRoot,
    },
}

impl BlockError {
    /// Whether the body is not the one that the header commits to: the server's fault, the block may be
    /// right. A body with the right root and another size is the miner's fault.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::TxCount { .. } | Self::TxRoot { .. })
    }

    /// The rule's stable snake-case name, kept with an invalid block.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::TxCount { .. } => "tx_count",
            Self::BodyBytes { .. } => "body_bytes",
            Self::TxRoot { .. } => "tx_root",
            Self::StateRoot { .. } => "state_root",
            Self::Transaction { error, .. } => match error {
                TxError::WrongChain { .. } => "tx_chain_id",
                TxError::SumTooLarge => "tx_sum",
                TxError::Signature { .. } => "tx_signature",
                TxError::Expired { .. } => "tx_expired",
                TxError::Nonce { .. } => "tx_nonce",
                TxError::NonceExhausted => "tx_nonce_exhausted",
                TxError::Balance { .. } => "tx_balance",
            },
        }
    }
}

/// A block that is true by itself: header rules 1 to 4 and block rules 1 to 3 hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBlock {
    header: CheckedHeader,
    txs: Vec<Arc<Transaction>>,
    txids: Vec<TxId>,
}

impl CheckedBlock {
    /// Checks block rules 1 to 3. `verified` says which transactions' signatures were already found right, by
    /// `wtxid`, so that they are not verified again; `keys` makes those of senders seen lately cheaper.
    ///
    /// # Errors
    /// The first rule that the block breaks.
    pub fn check(
        header: CheckedHeader,
        txs: Vec<Arc<Transaction>>,
        genesis: &GenesisId,
        verified: impl Fn(&Wtxid) -> bool,
        keys: &KnownKeys,
    ) -> Result<Self, BlockError> {
        check_body(&header, &txs)?;
        let height = header.header().height();
        let mut checks: Vec<SignatureCheck> = Vec::new();
        let mut owners: Vec<(usize, usize)> = Vec::new();
        let txids: Vec<TxId> = txs.iter().map(|tx| tx.txid(genesis)).collect();
        for (index, tx) in txs.iter().enumerate() {
            let refuse = |error| BlockError::Transaction { index, error };
            check_fields(tx, genesis).map_err(refuse)?;
            check_expiry(tx, height).map_err(refuse)?;
            if !verified(&tx.wtxid()) {
                let own = signature_checks_of(tx, &txids[index]);
                owners.extend((0..own.len()).map(|signature| (index, signature)));
                checks.extend(own);
            }
        }
        verify_batch(&checks, keys).map_err(|failed| {
            let (index, signature) = owners[failed.index];
            BlockError::Transaction {
                index,
                error: TxError::Signature { index: signature, error: failed.error },
            }
        })?;
        Ok(Self { header, txs, txids })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &CheckedHeader {
        &self.header
    }

    /// The transactions.
    #[must_use]
    pub fn txs(&self) -> &[Arc<Transaction>] {
        &self.txs
    }

    /// Their ids, in the same order.
    #[must_use]
    pub fn txids(&self) -> &[TxId] {
        &self.txids
    }

    /// As a block that can be encoded.
    #[must_use]
    pub fn to_block(&self) -> Block {
        Block { header: self.header.header().clone(), txs: self.txs.clone() }
    }
}

/// Rule 1: the body is the one that the header commits to.
fn check_body(header: &CheckedHeader, txs: &[Arc<Transaction>]) -> Result<(), BlockError> {
    let content = header.header().content();
    if u32::try_from(txs.len()) != Ok(content.tx_count) {
        return Err(BlockError::TxCount { found: txs.len(), stated: content.tx_count });
    }
    let root = tx_root(txs.iter().map(|tx| tx.wtxid()));
    if root != content.tx_root {
        return Err(BlockError::TxRoot { found: root, stated: content.tx_root });
    }
    let bytes = txs.iter().map(|tx| tx.size() + limits::TX_LEN_BYTES).sum::<usize>();
    if u32::try_from(bytes) != Ok(content.body_bytes) {
        return Err(BlockError::BodyBytes { found: bytes, stated: content.body_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
