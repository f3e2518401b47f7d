//! The rules that a transaction meets by itself, and on a state (consensus: Block rules 2 to 4).

use crate::signature::{SignatureCheck, SignatureError};
use starling_primitives::{Address, Amount, GenesisId, Transaction, TxId};
use thiserror::Error;

/// Which rule a transaction breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TxError {
    /// Rule 2: signed for another chain.
    #[error("the transaction is for chain {found:08x}; this is chain {expected:08x}")]
    WrongChain {
        /// The transaction's.
        found: u32,
        /// This chain's.
        expected: u32,
    },
    /// Rule 2: fee and amounts together are over 2^100.
    #[error("fee and amounts together exceed 2^100 motes")]
    SumTooLarge,
    /// Rule 2.
    #[error("signature {index}: {error}")]
    Signature {
        /// Which of the transaction's signatures.
        index: usize,
        /// Why.
        error: SignatureError,
    },
    /// Rule 3.
    #[error("valid until height {valid_until}, and this would be {height}")]
    Expired {
        /// The transaction's limit.
        valid_until: u32,
        /// The block's height.
        height: u32,
    },
    /// Rule 4.
    #[error("nonce {found}, but the sender's next is {expected}")]
    Nonce {
        /// The transaction's.
        found: u64,
        /// The sender's.
        expected: u64,
    },
    /// Rule 4: the last nonce cannot be used up.
    #[error("the sender's nonces are used up")]
    NonceExhausted,
    /// Rule 4.
    #[error("{sender:?} has {balance} STAR and needs {needed}")]
    Balance {
        /// Who pays.
        sender: Address,
        /// What it has.
        balance: Amount,
        /// Fee, amounts and account charges; the most there is when they are over it.
        needed: Amount,
    },
}

/// Rule 2 without the signatures: chain and sums.
///
/// # Errors
/// [`TxError::WrongChain`] or [`TxError::SumTooLarge`].
pub fn check_fields(tx: &Transaction, genesis: &GenesisId) -> Result<(), TxError> {
    let (found, expected) = (tx.unsigned().chain_id, genesis.chain_id());
    if found != expected {
        return Err(TxError::WrongChain { found, expected });
    }
    tx.spent().map(|_| ()).ok_or(TxError::SumTooLarge)
}

/// Rule 2: the transaction is right by itself.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_transaction(tx: &Transaction, genesis: &GenesisId) -> Result<(), TxError> {
    check_fields(tx, genesis)?;
    for (index, check) in signature_checks(tx, genesis).into_iter().enumerate() {
        crate::signature::verify(&check).map_err(|error| TxError::Signature { index, error })?;
    }
    Ok(())
}

/// Rule 3.
///
/// # Errors
/// [`TxError::Expired`].
pub fn check_expiry(tx: &Transaction, height: u32) -> Result<(), TxError> {
    let valid_until = tx.unsigned().valid_until;
    if valid_until != 0 && valid_until < height {
        return Err(TxError::Expired { valid_until, height });
    }
    Ok(())
}

/// What the transaction's signatures must sign, each by its key.
#[must_use]
pub fn signature_checks(tx: &Transaction, genesis: &GenesisId) -> Vec<SignatureCheck> {
    signature_checks_of(tx, &tx.txid(genesis))
}

/// The same for a transaction whose id is known.
pub(crate) fn signature_checks_of(tx: &Transaction, txid: &TxId) -> Vec<SignatureCheck> {
    let message = *txid.as_bytes();
    tx.signatures().map(|(key, signature)| SignatureCheck { key, signature, message }).collect()
}
