//! One sender's pending transactions: a run of consecutive nonces that blocks can take, and a few behind a
//! gap.

use super::events::DropReason;
use super::order::{Chunk, FeeRate, chunks};
use starling_consensus::Accounts;
use starling_genesis::Params;
use starling_primitives::limits::MAX_TX_BYTES;
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, Transaction, TxId, Wtxid};
use std::sync::Arc;

/// Executable transactions that a sender may have.
pub const MAX_EXECUTABLE: usize = 64;
/// Transactions that a sender may have behind a gap.
pub const MAX_WAITING: usize = 16;
/// Nonces from the settled one on that a sender may use.
pub(super) const MAX_NONCES_AHEAD: usize = MAX_EXECUTABLE + MAX_WAITING;
/// Bytes of memory that a transaction takes in structures and indexes, beside twice its encoding (which is
/// kept encoded and decoded).
const ENTRY_OVERHEAD_BYTES: usize = 1_024;

/// From where a transaction came to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Submitted to this node.
    Local,
    /// From a peer, by a number that the caller chose for it.
    Peer(u64),
    /// From a block that was disconnected.
    Reorg,
    /// From the pool's file.
    Loaded,
}

/// A pending transaction.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) tx: Arc<Transaction>,
    pub(super) txid: TxId,
    /// What it can cost its sender at the most: fee, amounts, and the charge for each distinct recipient that
    /// was absent when it came. Recipients only come to exist, except by a reorganisation, which asks again.
    pub(super) need: Amount,
    pub(super) source: Source,
    /// Unix seconds.
    pub(super) added: u64,
    /// Unix seconds; none while it is executable.
    pub(super) waiting_since: Option<u64>,
    /// Number in the order of arrival.
    pub(super) arrival: u64,
}

impl Entry {
    pub(super) fn nonce(&self) -> u64 {
        self.tx.unsigned().nonce
    }

    pub(super) fn rate(&self) -> FeeRate {
        FeeRate { fee: self.tx.unsigned().fee.motes(), bytes: self.tx.size() }
    }

    /// Bytes of the pool's space that it takes.
    pub(super) fn memory(&self) -> usize {
        memory(&self.tx)
    }
}

/// Bytes of the pool's space that a transaction takes.
pub(super) fn memory(tx: &Transaction) -> usize {
    2 * tx.size() + ENTRY_OVERHEAD_BYTES
}

/// The same for the largest there can be.
pub(super) const MAX_ENTRY_BYTES: usize = 2 * MAX_TX_BYTES + ENTRY_OVERHEAD_BYTES;

/// See [`Entry::need`]; none when it is over 2^100 motes.
pub(super) fn need<A: Accounts>(
    tx: &Transaction,
    params: &Params,
    accounts: &A,
) -> Result<Option<Amount>, A::Error> {
    let mut recipients: Vec<Address> = tx.unsigned().outputs.iter().map(|output| output.to).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let mut new = 0;
    for address in &recipients {
        new += u64::from(accounts.account(address)?.is_absent());
    }
    let charges = params.account_charge.checked_mul(new);
    Ok(tx.spent().zip(charges).and_then(|(spent, charges)| spent.checked_add(charges)))
}

/// All of one sender, by ascending nonce. The first `executable` follow the settled nonce without a gap.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The sender's settled nonce.
    base: u64,
    executable: usize,
    /// Grown by one place at a time: most senders have one transaction.
    entries: Vec<Entry>,
}

impl Chain {
    pub(super) fn new(base: u64) -> Self {
        Self { base, executable: 0, entries: Vec::new() }
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn executable(&self) -> &[Entry] {
        &self.entries[..self.executable]
    }

    pub(super) fn waiting(&self) -> &[Entry] {
        &self.entries[self.executable..]
    }

    /// The nonce after the last executable one.
    pub(super) fn next_nonce(&self) -> u64 {
        self.executable().last().map_or(self.base, |entry| entry.nonce().saturating_add(1))
    }

    pub(super) fn get(&self, nonce: u64) -> Option<&Entry> {
        self.position(nonce).ok().map(|at| &self.entries[at])
    }

    /// Those that the other chain does not have.
    pub(super) fn entries_not_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Entry> {
        let known = |entry: &Entry| {
            other.get(entry.nonce()).is_some_and(|there| there.tx.wtxid() == entry.tx.wtxid())
        };
        self.entries.iter().filter(move |entry| !known(entry))
    }

    pub(super) fn is_executable(&self, nonce: u64) -> bool {
        self.position(nonce).is_ok_and(|at| at < self.executable)
    }

    /// What all of it can cost; none when over 2^100 motes.
    pub(super) fn need(&self) -> Option<Amount> {
        Amount::sum(self.entries.iter().map(|entry| entry.need))
    }

    pub(super) fn chunks(&self) -> Vec<Chunk> {
        chunks(self.executable().iter().map(|entry| (entry.nonce(), entry.arrival, entry.rate())))
    }

    /// Puts an entry into its place and returns the one that had its nonce. [`Chain::renew`] must follow.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        match self.position(entry.nonce()) {
            Ok(at) => Some(std::mem::replace(&mut self.entries[at], entry)),
            Err(at) => {
                self.entries.reserve_exact(1);
                self.entries.insert(at, entry);
                None
            }
        }
    }

    /// Takes an entry out. [`Chain::renew`] must follow.
    pub(super) fn remove(&mut self, nonce: u64) -> Option<Entry> {
        let at = self.position(nonce).ok()?;
        self.executable = self.executable.min(at);
        Some(self.entries.remove(at))
    }

    /// Keeps the time that it first came, when it was read from a file.
    pub(super) fn set_added(&mut self, nonce: u64, added: u64) {
        if let Ok(at) = self.position(nonce) {
            self.entries[at].added = added;
        }
    }

    pub(super) fn set_need(&mut self, nonce: u64, need: Amount) {
        if let Ok(at) = self.position(nonce) {
            self.entries[at].need = need;
        }
    }

    /// Counts the executable ones anew and returns those that had been waiting.
    pub(super) fn renew(&mut self, now: u64) -> Vec<Wtxid> {
        self.executable = self.gapless();
        let (executable, waiting) = self.entries.split_at_mut(self.executable);
        for entry in waiting {
            entry.waiting_since.get_or_insert(now);
        }
        let promoted =
            executable.iter_mut().filter_map(|entry| entry.waiting_since.take().map(|_| entry.tx.wtxid()));
        promoted.collect()
    }

    /// Fits the chain to the settled account: what cannot stay leaves with its reason, highest nonces first
    /// where it is a matter of space or money. [`Chain::renew`] must follow.
    pub(super) fn settle(&mut self, account: &Account) -> Vec<(Entry, DropReason)> {
        self.base = account.nonce;
        let used = self.entries.partition_point(|entry| entry.nonce() < account.nonce);
        let mut left: Vec<(Entry, DropReason)> =
            self.entries.drain(..used).map(|entry| (entry, DropReason::NonceUsed)).collect();
        left.extend(self.trim().into_iter().map(|entry| (entry, DropReason::TooManyWaiting)));
        while self.need().is_none_or(|need| need > account.balance) {
            left.extend(self.entries.pop().map(|entry| (entry, DropReason::Insufficient)));
        }
        self.executable = self.executable.min(self.entries.len());
        left
    }

    /// Takes out what is too much behind a gap, highest nonces first.
    pub(super) fn trim(&mut self) -> Vec<Entry> {
        self.executable = self.gapless();
        let most = self.executable + MAX_WAITING;
        let mut left = Vec::new();
        while self.entries.len() > most {
            left.extend(self.entries.pop());
        }
        left
    }

    /// Entries that follow the settled nonce without a gap, as many as may be executable.
    fn gapless(&self) -> usize {
        let nonces = (self.base..=u64::MAX).take(MAX_EXECUTABLE);
        self.entries.iter().zip(nonces).take_while(|(entry, nonce)| entry.nonce() == *nonce).count()
    }

    fn position(&self, nonce: u64) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&nonce, Entry::nonce)
    }
}

#[cfg(test)]
mod tests;
