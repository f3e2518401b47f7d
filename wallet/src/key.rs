//! One key: its address, and what it signs.

use crate::mnemonic::Mnemonic;
use ed25519_dalek::{Signer, SigningKey};
use starling_primitives::{
    Address, Auth, DecodeError, GenesisId, Policy, PublicKey, Transaction, UnsignedTransaction,
};
use thiserror::Error;
use zeroize::Zeroizing;

/// The public mnemonic of the accounts that private chains fund: never for anything of value.
pub const DEV_MNEMONIC: &str = "test test test test test test test test test test test junk";
/// How many accounts private chains fund.
pub const DEV_ACCOUNTS: u32 = 10;

/// An Ed25519 key. Without a `Debug`, and wiped when dropped.
pub struct Key(SigningKey);

/// Why a key does not sign a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignError {
    /// Another policy pays.
    #[error(
        "the transaction is paid by address {payer:?}, and this key owns {ours:?}; open the wallet that pays"
    )]
    OtherPayer {
        /// Who pays.
        payer: Address,
        /// What this key owns.
        ours: Address,
    },
    /// Another chain.
    #[error("the transaction is for chain {found:08x}, and this is chain {expected:08x}; build it anew here")]
    OtherChain {
        /// Its chain id.
        found: u32,
        /// The id of the chain that is signed for.
        expected: u32,
    },
    /// No well-formed transaction comes of it.
    #[error(transparent)]
    Format(#[from] DecodeError),
}

impl Key {
    /// From the 32 bytes that RFC 8032 calls the private key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32 bytes of [`Key::from_seed`], for a backup.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.verifying_key().to_bytes()
    }

    /// The policy of this key alone.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::Single(self.public_key())
    }

    /// The address of this key alone.
    #[must_use]
    pub fn address(&self) -> Address {
        self.policy().address()
    }

    /// Signs the txid (formats: Transaction).
    ///
    /// # Errors
    /// [`SignError`] for another payer or chain than this key's, or when a limit of the format is broken.
    pub fn sign(
        &self,
        unsigned: &UnsignedTransaction,
        genesis: &GenesisId,
    ) -> Result<Transaction, SignError> {
        if unsigned.policy != self.policy() {
            return Err(SignError::OtherPayer { payer: unsigned.policy.address(), ours: self.address() });
        }
        let expected = genesis.chain_id();
        if unsigned.chain_id != expected {
            return Err(SignError::OtherChain { found: unsigned.chain_id, expected });
        }
        let signature = self.0.sign(unsigned.txid(genesis).as_bytes());
        Ok(unsigned.with_auth(&Auth::Single(signature.to_bytes()))?)
    }
}

/// Account 0 to 9 of [`DEV_MNEMONIC`].
#[must_use]
pub fn dev_account(index: u32) -> Option<Key> {
    let mnemonic = Mnemonic::parse(DEV_MNEMONIC).expect("its checksum holds");
    (index < DEV_ACCOUNTS).then(|| mnemonic.key(index).expect("ten accounts exist"))
}

#[cfg(test)]
mod tests;
