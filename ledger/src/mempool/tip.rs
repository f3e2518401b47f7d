//! What blocks do to the pool: what they took leaves, what they left comes back, and all that a sender's new
//! account no longer allows goes.

use super::events::{DropReason, EventKind as What};
use super::sender::{Chain, Entry, Source, memory, need};
use super::{Mempool, Settled};
use starling_consensus::{Accounts, check_expiry};
use starling_primitives::limits::TX_LEN_BYTES;
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, BlockId, Header, Transaction, TxId, Wtxid};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// A block that was connected or disconnected; it kept all rules, so its signatures need no second look.
#[derive(Clone, Copy, Debug)]
pub struct TipBlock<'a> {
    /// Its id.
    pub id: BlockId,
    /// Its height.
    pub height: u32,
    /// Whom it paid.
    pub miner: Address,
    /// Its transactions, in order.
    pub txs: &'a [Arc<Transaction>],
}

/// What a change of the tip did to the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TipReport {
    /// Pending ones that blocks took.
    pub mined: Vec<Wtxid>,
    /// Those of disconnected blocks that are pending again; peers should be offered them.
    pub returned: Vec<Wtxid>,
    /// Those that waited behind a gap and can be mined now; peers should be offered them.
    pub promoted: Vec<Wtxid>,
    /// Pending ones that left otherwise.
    pub dropped: Vec<Wtxid>,
}

/// Everything that is read before anything changes.
#[derive(Default)]
struct Reads {
    /// The new accounts of all senders whose chains must be looked at.
    accounts: BTreeMap<Address, Account>,
    /// New costs of pending transactions whose recipients may have ceased to exist.
    needs: Vec<(Address, u64, Amount)>,
    returning: Vec<Returning>,
}

struct Returning {
    tx: Arc<Transaction>,
    txid: TxId,
    sender: Address,
    need: Amount,
}

impl<'a> TipBlock<'a> {
    /// The block with this header and these transactions.
    #[must_use]
    pub fn of(header: &Header, txs: &'a [Arc<Transaction>]) -> Self {
        Self { id: header.id(), height: header.height(), miner: header.content().miner, txs }
    }
}

impl Mempool {
    /// Follows the tip: blocks that left the best branch and those that joined it, each list in any order,
    /// and the state at the new tip. Transactions of disconnected blocks come back unless a connected one has
    /// them too; what they cannot be kept for is in their trails.
    ///
    /// # Errors
    /// When the accounts cannot be read; the pool is unchanged then.
    pub fn tip_changed<A: Accounts>(
        &mut self,
        disconnected: &[TipBlock<'_>],
        connected: &[TipBlock<'_>],
        settled: &Settled<'_, A>,
    ) -> Result<TipReport, A::Error> {
        let mut disconnected = disconnected.to_vec();
        disconnected.sort_by_key(|block| block.height);
        let mut connected = connected.to_vec();
        connected.sort_by_key(|block| block.height);
        let reads = self.read(&disconnected, &connected, settled)?;
        self.now = settled.now;
        let mut report = TipReport::default();
        let mut chains: BTreeMap<Address, Chain> = BTreeMap::new();
        for (sender, account) in &reads.accounts {
            let chain = self.senders.get(sender).cloned();
            chains.insert(*sender, chain.unwrap_or_else(|| Chain::new(account.nonce)));
        }
        for block in &disconnected {
            self.note_disconnected(block);
        }
        for block in &connected {
            self.take_mined(block, &mut chains, &mut report);
        }
        self.take_expired(settled.next_height, &mut chains, &mut report);
        let returned = self.put_back(reads.returning, settled.next_height, &mut chains);
        for (sender, nonce, need) in reads.needs {
            if let Some(chain) = chains.get_mut(&sender) {
                chain.set_need(nonce, need);
            }
        }
        for (sender, mut chain) in chains {
            let left = chain.settle(&reads.accounts[&sender]);
            let promoted = chain.renew(self.now);
            self.put(sender, chain);
            report
                .dropped
                .extend(left.iter().map(|(entry, why)| self.leave(entry, What::Dropped(why.clone()))));
            self.note_promoted(&promoted);
            report.promoted.extend(promoted);
        }
        self.note_returned(returned, &mut report);
        report.dropped.extend(self.shrink());
        Ok(report)
    }

    fn read<A: Accounts>(
        &self,
        disconnected: &[TipBlock<'_>],
        connected: &[TipBlock<'_>],
        settled: &Settled<'_, A>,
    ) -> Result<Reads, A::Error> {
        let mut reads = Reads::default();
        let mut senders: BTreeSet<Address> = BTreeSet::new();
        let expired = self.by_last_height.range(..(settled.next_height, Wtxid::ZERO));
        senders.extend(expired.filter_map(|(_, wtxid)| Some(self.by_wtxid.get(wtxid)?.sender)));
        if !self.senders.is_empty() {
            let all = connected.iter().flat_map(|block| block.txs).map(|tx| tx.sender());
            senders.extend(all.filter(|sender| self.senders.contains_key(sender)));
        }
        if !disconnected.is_empty() {
            let again: HashSet<Wtxid> =
                connected.iter().flat_map(|block| block.txs).map(|tx| tx.wtxid()).collect();
            // Accounts that may have less than before, or be gone.
            let mut fallen: HashSet<Address> = disconnected.iter().map(|block| block.miner).collect();
            // However deep it goes, no more comes back than the pool can hold; the lowest nonces are worth
            // most.
            let mut room = self.limits.max_bytes;
            for tx in disconnected.iter().flat_map(|block| block.txs) {
                let (sender, txid) = (tx.sender(), tx.txid(&self.genesis));
                fallen.insert(sender);
                fallen.extend(tx.unsigned().outputs.iter().map(|output| output.to));
                let gone = !again.contains(&tx.wtxid()) && !self.by_txid.contains_key(&txid);
                if gone && let Some(less) = room.checked_sub(memory(tx)) {
                    room = less;
                    let need = need(tx, &self.params, settled.accounts)?.unwrap_or(Amount::MAX);
                    reads.returning.push(Returning { tx: Arc::clone(tx), txid, sender, need });
                    senders.insert(sender);
                }
            }
            senders.extend(self.senders.keys().filter(|sender| fallen.contains(sender)));
            reads.needs = self.needs_of_payments_to(&fallen, settled.accounts)?;
            senders.extend(reads.needs.iter().map(|(sender, _, _)| *sender));
        }
        for sender in senders {
            reads.accounts.insert(sender, settled.accounts.account(&sender)?);
        }
        Ok(reads)
    }

    /// What pending transactions to any of these accounts cost now.
    fn needs_of_payments_to<A: Accounts>(
        &self,
        fallen: &HashSet<Address>,
        accounts: &A,
    ) -> Result<Vec<(Address, u64, Amount)>, A::Error> {
        let mut needs = Vec::new();
        for (sender, chain) in &self.senders {
            for entry in chain.entries() {
                if entry.tx.unsigned().outputs.iter().any(|output| fallen.contains(&output.to)) {
                    let need = need(&entry.tx, &self.params, accounts)?;
                    needs.push((*sender, entry.nonce(), need.unwrap_or(Amount::MAX)));
                }
            }
        }
        Ok(needs)
    }

    fn note_disconnected(&mut self, block: &TipBlock<'_>) {
        for tx in block.txs {
            let what = What::Disconnected { height: block.height, block: block.id };
            self.events.record_known(tx.txid(&self.genesis), self.now, what);
        }
    }

    /// Takes out what the block took, and what it made impossible.
    fn take_mined(
        &mut self,
        block: &TipBlock<'_>,
        chains: &mut BTreeMap<Address, Chain>,
        report: &mut TipReport,
    ) {
        let mined = What::Mined { height: block.height, block: block.id };
        let mut rates = Vec::new();
        let idle = chains.is_empty() && self.events.is_empty();
        for tx in block.txs.iter().filter(|_| !idle) {
            let (sender, txid) = (tx.sender(), tx.txid(&self.genesis));
            match chains.get_mut(&sender).and_then(|chain| chain.remove(tx.unsigned().nonce)) {
                Some(entry) if entry.txid == txid => {
                    rates.push(entry.rate());
                    report.mined.push(self.leave(&entry, mined.clone()));
                }
                Some(entry) => {
                    let conflict = What::Dropped(DropReason::Conflict(txid));
                    report.dropped.push(self.leave(&entry, conflict));
                    self.events.record_known(txid, self.now, mined.clone());
                }
                None => self.events.record_known(txid, self.now, mined.clone()),
            }
        }
        let body_bytes = block.txs.iter().map(|tx| TX_LEN_BYTES + tx.size()).sum();
        self.recent.push(body_bytes, self.params.max_body_bytes, rates);
    }

    /// Takes out what the next block can no longer hold.
    fn take_expired(
        &mut self,
        next_height: u32,
        chains: &mut BTreeMap<Address, Chain>,
        report: &mut TipReport,
    ) {
        let expired = self.by_last_height.range(..(next_height, Wtxid::ZERO));
        let places: Vec<_> = expired.filter_map(|(_, wtxid)| self.by_wtxid.get(wtxid).copied()).collect();
        for place in places {
            // What a block took in the same moment is out already.
            if let Some(entry) = chains.get_mut(&place.sender).and_then(|chain| chain.remove(place.nonce)) {
                let valid_until = entry.tx.unsigned().valid_until;
                report.dropped.push(self.leave(&entry, What::Dropped(DropReason::Expired { valid_until })));
            }
        }
    }

    /// Puts back what may come back; the chains are fitted to their accounts afterwards.
    fn put_back(
        &mut self,
        returning: Vec<Returning>,
        next_height: u32,
        chains: &mut BTreeMap<Address, Chain>,
    ) -> Vec<(Wtxid, TxId)> {
        let mut returned = Vec::new();
        for Returning { tx, txid, sender, need } in returning {
            let (wtxid, valid_until) = (tx.wtxid(), tx.unsigned().valid_until);
            self.signatures.insert(wtxid);
            let arrival = self.next_arrival();
            let reason = match self.check_floor(&tx) {
                Err(error) => DropReason::Refused(error.code()),
                Ok(()) if check_expiry(&tx, next_height).is_err() => DropReason::Expired { valid_until },
                Ok(()) => {
                    let (source, added) = (Source::Reorg, self.now);
                    let entry = Entry { tx, txid, need, source, added, waiting_since: None, arrival };
                    if let Some(chain) = chains.get_mut(&sender)
                        && chain.get(entry.nonce()).is_none()
                    {
                        chain.insert(entry);
                        returned.push((wtxid, txid));
                        continue;
                    }
                    DropReason::NonceUsed
                }
            };
            self.events.record_known(txid, self.now, What::Dropped(reason));
        }
        returned
    }

    /// Begins the trails of those that came back and stayed.
    fn note_returned(&mut self, returned: Vec<(Wtxid, TxId)>, report: &mut TipReport) {
        for (wtxid, txid) in returned {
            if let Some(entry) = self.by_wtxid.get(&wtxid).and_then(|place| self.entry(place)) {
                let executable = entry.waiting_since.is_none();
                self.events.record(txid, self.now, What::Received(Source::Reorg));
                self.events.record(txid, self.now, What::Accepted { executable });
                report.returned.push(wtxid);
            }
        }
    }
}

#[cfg(test)]
mod tests;
