//! Proofs that a key has a value, or none (formats: State).

use super::{StateKey, leaf, subtree};
use crate::hash::StateRoot;
use starling_sha256::node;
use thiserror::Error;

/// Bits of a key, and so levels of the tree at the most.
const KEY_BITS: usize = 256;

/// The lone leaf that stands where the key would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherLeaf {
    /// Its key, which shares the first `depth` bits.
    pub key: StateKey,
    /// Its value.
    pub value: Vec<u8>,
}

/// What ends the way from the root to the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The key's own leaf, with its value.
    Value(Vec<u8>),
    /// Another key's lone leaf.
    Other(OtherLeaf),
    /// An empty subtree.
    Nothing,
}

/// A proof for one key against a state root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The value, or what stands in its place.
    pub found: Found,
    /// Bit i (most significant first) set: the sibling met at key bit i is not zero.
    pub bitmap: [u8; 32],
    /// Those siblings, from the root down.
    pub siblings: Vec<[u8; 32]>,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The siblings are not those that the bitmap counts.
    #[error("the bitmap counts {counted} siblings, {given} are given")]
    SiblingCount {
        /// Bits set.
        counted: usize,
        /// Hashes given.
        given: usize,
    },
    /// A sibling is zero.
    #[error("a sibling is zero")]
    ZeroSibling,
    /// The other leaf could not stand there.
    #[error("the other leaf's key does not share the first bits, or is the key itself")]
    WrongOther,
    /// Another root.
    #[error("the proof leads to another state root")]
    WrongRoot,
}

impl Proof {
    /// The value proven for `key` under `root`, or none when its absence is proven.
    ///
    /// # Errors
    /// [`ProofError`] when the proof does not hold.
    pub fn verify(&self, key: &StateKey, root: &StateRoot) -> Result<Option<&[u8]>, ProofError> {
        let bitmap = StateKey::new(self.bitmap);
        let counted = (0..KEY_BITS).filter(|&i| bitmap.bit(i)).count();
        if counted != self.siblings.len() {
            return Err(ProofError::SiblingCount { counted, given: self.siblings.len() });
        }
        if self.siblings.contains(&[0; 32]) {
            return Err(ProofError::ZeroSibling);
        }
        let depth = (0..KEY_BITS).rev().find(|&i| bitmap.bit(i)).map_or(0, |last| last + 1);
        let start = match &self.found {
            Found::Value(value) => leaf(key, value),
            Found::Other(other) => {
                let shares = (0..depth).all(|i| other.key.bit(i) == key.bit(i));
                if !shares || other.key == *key {
                    return Err(ProofError::WrongOther);
                }
                leaf(&other.key, &other.value)
            }
            Found::Nothing => [0; 32],
        };
        let mut siblings = self.siblings.iter().rev();
        let folded = (0..depth).rev().fold(start, |acc, i| {
            let met = if bitmap.bit(i) { siblings.next() } else { None };
            let sibling = met.copied().unwrap_or_default();
            if key.bit(i) { node(&sibling, &acc) } else { node(&acc, &sibling) }
        });
        if folded != *root.as_bytes() {
            return Err(ProofError::WrongRoot);
        }
        Ok(match &self.found {
            Found::Value(value) => Some(value),
            Found::Other(_) | Found::Nothing => None,
        })
    }
}

/// The proof for `key` over entries that ascend by key.
#[must_use]
pub fn prove<V: AsRef<[u8]>>(entries: &[(StateKey, V)], key: &StateKey) -> Proof {
    let mut rest = entries;
    let (mut bitmap, mut siblings) = ([0u8; 32], Vec::new());
    let mut depth = 0;
    while rest.len() > 1 {
        let (left, right) = rest.split_at(rest.partition_point(|(other, _)| !other.bit(depth)));
        let (ours, sibling) = if key.bit(depth) { (right, left) } else { (left, right) };
        if !sibling.is_empty() {
            bitmap[depth / 8] |= 0x80 >> (depth % 8);
            siblings.push(subtree(sibling, depth + 1));
        }
        rest = ours;
        depth += 1;
    }
    let found = match rest {
        [(at, value)] if at == key => Found::Value(value.as_ref().to_vec()),
        [(at, value)] => Found::Other(OtherLeaf { key: *at, value: value.as_ref().to_vec() }),
        _ => Found::Nothing,
    };
    Proof { found, bitmap, siblings }
}
