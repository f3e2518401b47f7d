//! What is asked about the pool.

use super::events::{Event, EventKind as What, Fresh, TxStatus};
use super::fees::{FeeClass, estimate};
use super::sender::{Chain, Entry};
use super::{Mempool, Place, Settled, waiting_key};
use starling_consensus::{Accounts, SignatureCache};
use starling_primitives::{Address, Amount, Transaction, TxId, Wtxid};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

/// Transactions of one page at the most.
const MAX_PAGE: usize = 2_000;

/// The pool in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolInfo {
    /// Transactions.
    pub count: usize,
    /// Of them, those that blocks can take.
    pub executable: usize,
    /// Of them, those behind a nonce gap.
    pub waiting: usize,
    /// Bytes of memory, as counted against `max_bytes`: structures and indexes included.
    pub bytes: usize,
    /// Bytes of memory that transactions may take.
    pub max_bytes: usize,
    /// Bytes of their encodings.
    pub encoded_bytes: usize,
    /// Motes per byte that a new transaction must pay.
    pub floor: u64,
    /// Executable transactions by fee, best first.
    pub histogram: Vec<FeeClass>,
}

/// A pending transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTx {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// Its name for people.
    pub txid: TxId,
    /// Whether blocks can take it.
    pub executable: bool,
    /// When it came, in Unix seconds.
    pub added: u64,
}

/// Part of the pool, best fee first; those behind gaps after all that are executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The transactions.
    pub txs: Vec<PoolTx>,
    /// Where the next page begins; zero at the end.
    pub next: Wtxid,
}

/// An account as its owner can use it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingAccount {
    /// The nonce to sign next: after all executable transactions, into the first gap.
    pub nonce: u64,
    /// What can still be spent: the settled balance less all that the owner's pending transactions can cost,
    /// those behind a gap too. Money on its way to the account does not count before a block has it.
    pub balance: Amount,
}

impl Mempool {
    /// A pending transaction by its name for machines.
    #[must_use]
    pub fn get(&self, wtxid: &Wtxid) -> Option<&Arc<Transaction>> {
        self.by_wtxid.get(wtxid).and_then(|place| self.entry(place)).map(|entry| &entry.tx)
    }

    /// A pending transaction by its name for people.
    #[must_use]
    pub fn get_by_txid(&self, txid: &TxId) -> Option<PoolTx> {
        let place = self.by_txid.get(txid)?;
        self.entry(place).map(pool_tx)
    }

    /// All that is pending, in no order.
    pub fn ids(&self) -> impl Iterator<Item = Wtxid> {
        self.by_wtxid.keys().copied()
    }

    /// Whether this transaction is pending.
    #[must_use]
    pub fn contains(&self, wtxid: &Wtxid) -> bool {
        self.by_wtxid.contains_key(wtxid)
    }

    /// Whether the transaction's signatures were found right: it is pending, or was, or was noted. Old ones
    /// are forgotten.
    #[must_use]
    pub fn is_verified(&self, wtxid: &Wtxid) -> bool {
        self.contains(wtxid) || self.signatures.contains(wtxid)
    }

    /// Remembers that the transaction's signatures were verified elsewhere.
    pub fn note_verified(&self, wtxid: Wtxid) {
        self.signatures.insert(wtxid);
    }

    /// Which signatures were found right, for those who check blocks elsewhere.
    #[must_use]
    pub fn signatures(&self) -> &Arc<SignatureCache> {
        &self.signatures
    }

    /// Records that a transaction was offered to this many more peers.
    pub fn note_announced(&mut self, wtxid: &Wtxid, peers: u32, now: u64) {
        if let Some(txid) =
            self.by_wtxid.get(wtxid).and_then(|place| self.entry(place)).map(|entry| entry.txid)
        {
            self.events.record_known(txid, now, What::Announced { peers });
        }
    }

    /// The transaction's way so far, as far as the log reaches; its middle may be missing.
    #[must_use]
    pub fn events(&self, txid: &TxId) -> &[Event] {
        self.events.trail(txid)
    }

    /// Events since they were last taken, for subscribers; bounded by
    /// [`MAX_FRESH_EVENTS`](super::MAX_FRESH_EVENTS).
    pub fn take_fresh(&mut self) -> Fresh {
        self.events.take_fresh()
    }

    /// Where the transaction stands, as far as the pool knows.
    #[must_use]
    pub fn status(&self, txid: &TxId) -> TxStatus {
        match self.by_txid.contains_key(txid) {
            true => TxStatus::Pending,
            false => self.events.last_status(txid),
        }
    }

    /// The account as its owner can use it now.
    ///
    /// # Errors
    /// When the accounts cannot be read.
    pub fn pending_account<A: Accounts>(
        &self,
        address: &Address,
        settled: &Settled<'_, A>,
    ) -> Result<PendingAccount, A::Error> {
        let account = settled.accounts.account(address)?;
        let Some(chain) = self.senders.get(address) else {
            return Ok(PendingAccount { nonce: account.nonce, balance: account.balance });
        };
        let left = chain.need().and_then(|need| account.balance.checked_sub(need));
        Ok(PendingAccount { nonce: chain.next_nonce(), balance: left.unwrap_or(Amount::ZERO) })
    }

    /// Motes per byte that a new transaction must pay.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.floor.current()
    }

    /// The pool in numbers.
    #[must_use]
    pub fn info(&self) -> PoolInfo {
        PoolInfo {
            count: self.executable.count + self.waiting.count,
            executable: self.executable.count,
            waiting: self.waiting.count,
            bytes: self.executable.bytes + self.waiting.bytes,
            max_bytes: self.limits.max_bytes,
            encoded_bytes: self.executable.encoded + self.waiting.encoded,
            floor: self.floor(),
            histogram: self.histogram.classes(),
        }
    }

    /// Motes per byte with which a transaction should be mined within this many blocks (1, 3 and 10 are
    /// usual), from what the pool holds and what recent full blocks took of it.
    #[must_use]
    pub fn estimate_fee(&self, blocks: u32) -> u64 {
        estimate(&self.histogram, &self.recent, blocks, self.params.max_body_bytes).max(self.floor())
    }

    /// At most `limit` (and 2,000) transactions, best fee first, after the one that `cursor` names; zero
    /// begins. None when that one has left meanwhile: begin again.
    #[must_use]
    pub fn list(&self, cursor: &Wtxid, limit: usize) -> Option<Page> {
        // From which chunk on, how many of it to pass over, and where among those behind gaps.
        let (mut from, mut skip, mut behind) = (Unbounded, 0, Unbounded);
        if *cursor != Wtxid::ZERO {
            let place = self.by_wtxid.get(cursor)?;
            let chain = self.senders.get(&place.sender)?;
            let chunk = chain.chunks().into_iter().rev().find(|chunk| chunk.key.nonce.0 <= place.nonce);
            match chunk.filter(|_| chain.is_executable(place.nonce)) {
                Some(chunk) => {
                    from = Included(chunk.key);
                    skip = usize::try_from(place.nonce - chunk.key.nonce.0 + 1).ok()?;
                }
                None => {
                    // Past everything executable.
                    skip = usize::MAX;
                    behind = Excluded(waiting_key(chain.get(place.nonce)?));
                }
            }
        }
        let chunks = self.executable.order.range((Unbounded, from)).rev();
        let executable = chunks.take(if skip == usize::MAX { 0 } else { usize::MAX });
        let executable = executable.flat_map(|(key, chunk)| self.chunk_entries(key, chunk)).skip(skip);
        let waiting = self.waiting.order.range((Unbounded, behind)).rev();
        let waiting = waiting.filter_map(|(key, chunk)| self.senders.get(&chunk.sender)?.get(key.nonce.0));
        let mut rest = executable.chain(waiting).map(pool_tx);
        let txs: Vec<PoolTx> = rest.by_ref().take(limit.min(MAX_PAGE)).collect();
        let last = txs.last().filter(|_| rest.next().is_some());
        let next = last.map_or(Wtxid::ZERO, |last| last.tx.wtxid());
        Some(Page { txs, next })
    }

    pub(super) fn entry(&self, place: &Place) -> Option<&Entry> {
        self.senders.get(&place.sender).and_then(|chain: &Chain| chain.get(place.nonce))
    }
}

fn pool_tx(entry: &Entry) -> PoolTx {
    PoolTx {
        tx: Arc::clone(&entry.tx),
        txid: entry.txid,
        executable: entry.waiting_since.is_none(),
        added: entry.added,
    }
}

#[cfg(test)]
mod tests;
