//! What became of the connected chain in one step, and how the pool follows it.

use super::Core;
use super::pool::settled;
use starling_ledger::{ConnectedBlock, DisconnectedBlock, StoreError, TipBlock};
use starling_network::Announcement;
use starling_primitives::{Header, Transaction, Wtxid};
use std::sync::Arc;

/// The part of the memory for bodies that the transactions of a reorganisation may have, in bytes as they are
/// stored. Those of a larger one are not held: the pool is judged anew, and what comes back is read from the
/// disk.
const HELD_PART: usize = 4;
/// Bytes of transactions that come back from there at the most.
const RETURNED_BYTES: usize = 64 << 20;

/// Seconds for which transactions of a block may still be sent by peers, or be in a rival of it.
const RELAYED_FOR_S: u64 = 3_600;

/// What was done: blocks in the order in which they were taken back, and those connected since.
#[derive(Default)]
pub(super) struct Change {
    pub(super) disconnected: Vec<Header>,
    pub(super) connected: Vec<Header>,
    /// The same with their transactions; of a large change only the last that was connected.
    back: Vec<DisconnectedBlock>,
    forth: Vec<ConnectedBlock>,
    bytes: usize,
    is_large: bool,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.disconnected.is_empty() && self.connected.is_empty()
    }

    /// Forgets blocks that were taken back and connected again, as after a branch that failed.
    pub(super) fn settle(&mut self) {
        let pairs = self.disconnected.iter().rev().zip(&self.connected);
        let count = pairs.take_while(|(back, forth)| back.id() == forth.id()).count();
        self.disconnected.truncate(self.disconnected.len() - count);
        self.connected.drain(..count);
        if !self.is_large {
            self.back.truncate(self.back.len() - count);
            self.forth.drain(..count);
        }
    }

    /// How the last block that was connected is announced.
    pub(super) fn announcement(&self) -> Option<Announcement> {
        let (header, last) = (self.connected.last()?, self.forth.last()?);
        let ids: Vec<_> = last.txs.iter().map(|tx| tx.wtxid()).collect();
        (last.header.id() == header.id()).then(|| Announcement::new(header.clone(), &ids))
    }

    /// A block was taken back.
    pub(super) fn note_back(&mut self, block: DisconnectedBlock, most: usize) {
        if self.connected.last().is_some_and(|last| last.id() == block.header.id()) {
            self.connected.pop();
            self.forth.pop();
            return;
        }
        self.disconnected.push(block.header.clone());
        self.hold(&block.txs, most);
        if !self.is_large {
            self.back.push(block);
        }
    }

    /// A block was connected.
    pub(super) fn note_forth(&mut self, block: ConnectedBlock, most: usize) {
        self.connected.push(block.header.clone());
        self.hold(&block.txs, most);
        if self.is_large {
            self.forth.clear();
        }
        self.forth.push(block);
    }

    fn hold(&mut self, txs: &[Arc<Transaction>], most: usize) {
        // What only goes on is bounded by what is connected at once.
        if self.disconnected.is_empty() {
            return;
        }
        self.bytes += txs.iter().map(|tx| tx.size()).sum::<usize>();
        if self.bytes > most / HELD_PART {
            self.is_large = true;
            (self.back, self.forth) = (Vec::new(), Vec::new());
        }
    }
}

impl Core {
    /// The pool follows the connected chain. Returns those that are in it again, and those that others wait
    /// for.
    pub(super) fn tell_pool(&mut self, change: &Change) -> Result<(Vec<Wtxid>, Vec<Wtxid>), StoreError> {
        if change.is_large {
            // What was in blocks comes before what was to follow it.
            let pending = self.pool.take_all();
            let mut returned = self.take_back(&change.disconnected)?;
            self.pool.take_in(pending, &settled(&self.ledger, self.now))?;
            returned.retain(|id| self.pool.contains(id));
            return Ok((returned, Vec::new()));
        }
        let back: Vec<_> = change.back.iter().map(|block| TipBlock::of(&block.header, &block.txs)).collect();
        let forth: Vec<_> =
            change.forth.iter().map(|block| TipBlock::of(&block.header, &block.txs)).collect();
        let report = self.pool.tip_changed(&back, &forth, &settled(&self.ledger, self.now))?;
        let newest_old = self.now.unix.saturating_sub(RELAYED_FOR_S);
        let young = |block: &&ConnectedBlock| u64::from(block.header.work().time) > newest_old;
        for id in &report.returned {
            self.recent.remove(id);
        }
        let seen: Vec<_> = change.forth.iter().filter(young).flat_map(|block| &block.txs).cloned().collect();
        for tx in &seen {
            self.recent.insert(tx.wtxid());
        }
        self.net.keep_leftovers(seen);
        Ok((report.returned, report.promoted))
    }

    /// Takes back what these blocks had, the lowest first: what is above builds on it.
    fn take_back(&mut self, disconnected: &[Header]) -> Result<Vec<Wtxid>, StoreError> {
        let (mut returned, mut bytes) = (Vec::new(), 0);
        for header in disconnected.iter().rev() {
            let Some(block) = self.ledger.reader().view()?.block(&header.id())? else { continue };
            bytes += block.txs.iter().map(|tx| tx.size()).sum::<usize>();
            if bytes > RETURNED_BYTES {
                break;
            }
            returned.extend(self.take_left(block.txs)?);
        }
        Ok(returned)
    }
}
