//! Proofs that a transaction is in a body (formats: Body and its root).

use crate::hash::{TxRoot, Wtxid};
use starling_sha256::{node, nodes_in_place};

/// A proof for one `wtxid` against a `tx_root`; its shape follows from `index` and `count` and must be exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxProof {
    /// Which transaction of the body.
    pub index: u32,
    /// Of how many: `tx_count` of the header that holds the root.
    pub count: u32,
    /// From the leaf up; a level at which the last element is promoted has none.
    pub siblings: Vec<[u8; 32]>,
}

impl TxProof {
    /// The proof for the transaction `index` of those with these ids; none when there is no such transaction.
    pub fn new(wtxids: impl IntoIterator<Item = Wtxid>, index: u32) -> Option<Self> {
        let mut level: Vec<[u8; 32]> = wtxids.into_iter().map(|id| *id.as_bytes()).collect();
        let count = u32::try_from(level.len()).ok()?;
        let mut at = usize::try_from(index).ok().filter(|&at| at < level.len())?;
        let mut siblings = Vec::new();
        while level.len() > 1 {
            siblings.extend(level.get(at ^ 1));
            at /= 2;
            let nodes = nodes_in_place(&mut level);
            level.truncate(nodes);
        }
        Some(Self { index, count, siblings })
    }

    /// Whether the transaction with this id is where the proof says, under `root`.
    #[must_use]
    pub fn verify(&self, wtxid: &Wtxid, root: &TxRoot) -> bool {
        if self.index >= self.count {
            return false;
        }
        let (mut at, mut last) = (self.index, self.count - 1);
        let mut siblings = self.siblings.iter();
        let mut acc = *wtxid.as_bytes();
        while last > 0 {
            let is_right = at & 1 == 1;
            if is_right || at < last {
                let Some(sibling) = siblings.next() else { return false };
                acc = if is_right { node(sibling, &acc) } else { node(&acc, sibling) };
            }
            at /= 2;
            last /= 2;
        }
        siblings.next().is_none() && acc == *root.as_bytes()
    }
}

#[cfg(test)]
mod tests;
