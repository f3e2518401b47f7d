//! Transactions seen lately that the pool does not hold: mined, replaced, refused. A block may have them.

use starling_primitives::{Transaction, Wtxid};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Bytes that all of it may take.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// What a transaction takes beside its encoded bytes: decoded, and with its places here.
const OVERHEAD_BYTES: usize = 512;

/// The last to come, up to a number of bytes.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    txs: HashMap<Wtxid, Arc<Transaction>>,
    order: VecDeque<Wtxid>,
    bytes: usize,
}

impl Leftovers {
    /// Keeps a transaction; the oldest make room.
    pub(crate) fn keep(&mut self, tx: Arc<Transaction>) {
        let (id, size) = (tx.wtxid(), bytes(&tx));
        if self.txs.insert(id, tx).is_some() {
            return;
        }
        self.order.push_back(id);
        self.bytes += size;
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.txs.remove(&oldest).map_or(0, |tx| bytes(&tx));
        }
    }

    /// All that is here.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Wtxid> {
        self.txs.keys().copied()
    }

    /// The transaction, if it was seen lately.
    pub(crate) fn get(&self, id: &Wtxid) -> Option<Arc<Transaction>> {
        self.txs.get(id).cloned()
    }
}

fn bytes(tx: &Transaction) -> usize {
    tx.size() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;
