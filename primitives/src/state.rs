//! The state: a map from 32-byte keys to values, its root, and proofs against the root (formats: State).
//!
//! [`root`] computes from the whole set, the plain way; the ledger keeps an index that agrees with it.

mod proof;

pub use proof::{Found, OtherLeaf, Proof, ProofError, prove};

use crate::address::Address;
use crate::amount::Amount;
use crate::codec::{DecodeError, Reader};
use crate::hash::StateRoot;
use starling_sha256::{BLOCK_BYTES, Tag, node};

static ACCOUNT: Tag = Tag::new("starling/account");
static LEAF: Tag = Tag::new("starling/leaf");

/// Bytes of a balance.
const BALANCE_BYTES: usize = 15;

/// A key of the state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StateKey([u8; 32]);

/// Nonce and balance; both zero means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Transactions sent.
    pub nonce: u64,
    /// Motes owned.
    pub balance: Amount,
}

impl StateKey {
    /// From its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Bit `index` (0 to 255), most significant bit of byte 0 first.
    #[must_use]
    pub fn bit(&self, index: usize) -> bool {
        self.0[index / 8] >> (7 - index % 8) & 1 == 1
    }

    /// The key of an account: `tagged("starling/account", address)`.
    #[must_use]
    pub fn account(address: &Address) -> Self {
        Self(ACCOUNT.hash(&[address.as_bytes()]))
    }

    /// The keys of many accounts, in their order, hashed together.
    #[must_use]
    pub fn accounts(addresses: &[Address]) -> Vec<Self> {
        let block =
            |address: &Address| Tag::block(&[address.as_bytes()]).expect("20 bytes are a short message");
        let blocks: Vec<_> = addresses.iter().map(block).collect();
        let mut keys = vec![[0; 32]; blocks.len()];
        ACCOUNT.hash_many(&blocks, &mut keys);
        keys.into_iter().map(Self).collect()
    }
}

impl Account {
    /// Bytes of an encoded account.
    pub const BYTES: usize = 8 + BALANCE_BYTES;

    /// Whether the account does not exist.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        *self == Self::default()
    }

    /// The encoding: nonce, then 15 bytes of balance.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..8].copy_from_slice(&self.nonce.to_le_bytes());
        out[8..].copy_from_slice(&self.balance.motes().to_le_bytes()[..BALANCE_BYTES]);
        out
    }

    /// Reads an account that fills `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] for a wrong length, an amount above 2^100, or an account that is absent.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let nonce = reader.u64()?;
        let mut motes = [0; 16];
        motes[..BALANCE_BYTES].copy_from_slice(reader.take(BALANCE_BYTES)?);
        reader.finish()?;
        let motes = u128::from_le_bytes(motes);
        let balance = Amount::from_motes(motes).map_err(|_| DecodeError::AmountTooLarge(motes))?;
        let account = Self { nonce, balance };
        if account.is_absent() {
            return Err(DecodeError::BadField { what: "account", value: 0 });
        }
        Ok(account)
    }
}

/// `tagged("starling/leaf", key || value)`.
#[must_use]
pub fn leaf(key: &StateKey, value: &[u8]) -> [u8; 32] {
    LEAF.hash(&[&key.0, value])
}

/// The block from which [`leaves`] makes the leaf of an entry; none for a value of more than 23 bytes, whose
/// leaf takes two compressions: [`leaf`] makes that.
#[must_use]
#[inline]
pub fn leaf_block(key: &StateKey, value: &[u8]) -> Option<[u8; BLOCK_BYTES]> {
    Tag::block(&[&key.0, value])
}

/// The leaves of many entries by their [`leaf_block`]s: `out[i]` is that of `blocks[i]`.
///
/// # Panics
/// When there are not as many leaves as blocks.
pub fn leaves(blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
    LEAF.hash_many(blocks, out);
}

/// The root over entries that ascend by key.
#[must_use]
pub fn root<V: AsRef<[u8]>>(entries: &[(StateKey, V)]) -> StateRoot {
    StateRoot::new(subtree(entries, 0))
}

/// The hash of the subtree that holds `entries`, which share their first `depth` bits.
fn subtree<V: AsRef<[u8]>>(entries: &[(StateKey, V)], depth: usize) -> [u8; 32] {
    match entries {
        [] => [0; 32],
        [(key, value)] => leaf(key, value.as_ref()),
        _ => {
            let (left, right) = entries.split_at(entries.partition_point(|(key, _)| !key.bit(depth)));
            node(&subtree(left, depth + 1), &subtree(right, depth + 1))
        }
    }
}

#[cfg(test)]
mod tests;
