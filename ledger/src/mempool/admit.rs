//! Admission: a plan that changes nothing, then the signatures, then the change.

use super::error::{AddError, PoolError};
use super::events::EventKind as What;
use super::order::{ChunkRef, OrderKey, wide};
use super::sender::{Chain, Entry, MAX_EXECUTABLE, MAX_NONCES_AHEAD, MAX_WAITING, Source, need};
use super::{Mempool, Place, Settled, waiting_key};
use starling_consensus::{
    Accounts, KnownKeys, TxError, check_fields, check_transaction, signature_checks, verify_batch,
};
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, Transaction, TxId, Wtxid};
use std::sync::Arc;

/// Blocks that a transaction with a last height must have before it.
const MIN_BLOCKS_VALID: u32 = 20;
/// Percent of the fee, and of the fee per byte, that a replacement must pay.
const REPLACEMENT_PERCENT: u128 = 110;

/// What taking a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its name for people.
    pub txid: TxId,
    /// Its name for machines.
    pub wtxid: Wtxid,
    /// Whether blocks can take it; else it waits behind a nonce gap.
    pub executable: bool,
    /// The one with the same nonce that it replaced.
    pub replaced: Option<Arc<Transaction>>,
    /// Those that paid less and had to make room.
    pub evicted: Vec<Wtxid>,
    /// Those that waited for it and can be mined now; peers should be offered them.
    pub promoted: Vec<Wtxid>,
}

/// A change that keeps every rule, not yet made.
struct Plan {
    sender: Address,
    nonce: u64,
    txid: TxId,
    /// The sender's chain as it will be.
    chain: Chain,
    replaced: Option<Entry>,
    promoted: Vec<Wtxid>,
    /// Chunks of the executable space, worst first, that make room.
    evict: Vec<(OrderKey, ChunkRef)>,
    /// Transactions of the waiting space that make room.
    push_out: Vec<Place>,
}

impl Mempool {
    /// Takes a transaction if it keeps every rule, asked in this order: chain and sums, not known yet, fee
    /// floor, last height (0, or at least 20 blocks ahead), nonce, replacement, balance (everything that its
    /// sender has pending, account charges included), space, signatures.
    ///
    /// # Errors
    /// [`AddError`]; the pool is unchanged then.
    pub fn add<A: Accounts>(
        &mut self,
        tx: Arc<Transaction>,
        source: Source,
        settled: &Settled<'_, A>,
    ) -> Result<Admitted, AddError<A::Error>> {
        let plan = self.plan(&tx, source, settled)?;
        if !self.is_verified(&tx.wtxid()) {
            check_transaction(&tx, &self.genesis).map_err(PoolError::Invalid)?;
            self.signatures.insert(tx.wtxid());
        }
        self.now = settled.now;
        Ok(self.commit(&tx, source, plan))
    }

    /// Whether [`Mempool::add`] would take the transaction if its signatures are right: everything else is
    /// checked, so that signatures can be verified elsewhere (see [`Mempool::note_verified`]) or together
    /// (see [`Mempool::verify_together`]) and never in vain.
    ///
    /// # Errors
    /// [`AddError`], as `add` would say.
    pub fn check<A: Accounts>(
        &self,
        tx: &Arc<Transaction>,
        source: Source,
        settled: &Settled<'_, A>,
    ) -> Result<(), AddError<A::Error>> {
        self.plan(tx, source, settled).map(|_| ())
    }

    /// Verifies the signatures of transactions that came together, in batches on all cores: less work than
    /// one by one. When one is wrong, [`Mempool::add`] finds out which.
    pub fn verify_together<'a>(&self, txs: impl Iterator<Item = &'a Arc<Transaction>>, keys: &KnownKeys) {
        let unknown: Vec<_> = txs.filter(|tx| !self.is_verified(&tx.wtxid())).collect();
        let checks: Vec<_> = unknown.iter().flat_map(|tx| signature_checks(tx, &self.genesis)).collect();
        if verify_batch(&checks, keys).is_ok() {
            unknown.iter().for_each(|tx| self.note_verified(tx.wtxid()));
        }
    }

    fn plan<A: Accounts>(
        &self,
        tx: &Arc<Transaction>,
        source: Source,
        settled: &Settled<'_, A>,
    ) -> Result<Plan, AddError<A::Error>> {
        let txid = self.check_alone(tx, source, settled.next_height)?;
        let (sender, nonce) = (tx.sender(), tx.unsigned().nonce);
        let account = settled.accounts.account(&sender).map_err(AddError::Read)?;
        let mut chain = self.senders.get(&sender).cloned().unwrap_or_else(|| Chain::new(account.nonce));
        check_nonce(nonce, &chain)?;
        if let Some(entry) = chain.get(nonce) {
            check_replacement(tx, &entry.tx, self.floor.current())?;
        }
        let need = need(tx, &self.params, settled.accounts).map_err(AddError::Read)?;
        let (tx, arrival) = (Arc::clone(tx), self.arrivals + 1);
        let replaced = chain.insert(Entry {
            tx,
            txid,
            need: need.unwrap_or(Amount::MAX),
            source,
            added: settled.now,
            waiting_since: None,
            arrival,
        });
        let promoted = chain.renew(settled.now);
        check_places(nonce, &chain)?;
        check_balance(&chain, &account)?;
        let mut plan =
            Plan { sender, nonce, txid, chain, replaced, promoted, evict: Vec::new(), push_out: Vec::new() };
        self.plan_room(&mut plan)?;
        Ok(plan)
    }

    /// The rules that need no account.
    fn check_alone(&self, tx: &Transaction, source: Source, next_height: u32) -> Result<TxId, PoolError> {
        check_fields(tx, &self.genesis)?;
        if self.contains(&tx.wtxid()) {
            return Err(PoolError::Duplicate);
        }
        let txid = tx.txid(&self.genesis);
        if self.by_txid.contains_key(&txid) {
            return Err(PoolError::KnownTxid(txid));
        }
        self.check_floor(tx)?;
        let valid_until = tx.unsigned().valid_until;
        // One from the pool's file had its blocks when it first came.
        let ahead = if source == Source::Loaded { 0 } else { MIN_BLOCKS_VALID };
        let least = next_height.saturating_add(ahead);
        match valid_until {
            0 => Ok(txid),
            _ if valid_until < next_height => Err(PoolError::Expired { valid_until, height: next_height }),
            _ if valid_until < least => Err(PoolError::ExpiresTooSoon { valid_until, least }),
            _ => Ok(txid),
        }
    }

    pub(super) fn check_floor(&self, tx: &Transaction) -> Result<(), PoolError> {
        let (fee, floor) = (tx.unsigned().fee, self.floor.current());
        let needed = at_floor(floor, tx.size());
        if fee.motes() < needed {
            return Err(PoolError::FeeTooLow { fee, needed: capped(needed), floor });
        }
        Ok(())
    }

    /// Finds what must leave so that the new chain fits.
    fn plan_room(&self, plan: &mut Plan) -> Result<(), PoolError> {
        let before = self.senders.get(&plan.sender);
        let (executable_before, waiting_before) =
            before.map_or((0, 0), |chain| (memory(chain.executable()), memory(chain.waiting())));
        let executable = self.executable.bytes - executable_before + memory(plan.chain.executable());
        let waiting = self.waiting.bytes - waiting_before + memory(plan.chain.waiting());
        if let Some(over) = over(executable, self.limits.executable_bytes()) {
            plan.evict = self.room_among_executable(plan, over)?;
        }
        if let Some(entry) = plan.chain.waiting().iter().find(|entry| entry.nonce() == plan.nonce) {
            self.check_quota(entry, plan.replaced.as_ref())?;
            if let Some(over) = over(waiting, self.limits.waiting_bytes()) {
                plan.push_out = self.room_among_waiting(plan, entry, over)?;
            }
        }
        Ok(())
    }

    /// The worst chunks of other senders, `over` bytes at least, all of them worse than the one that the
    /// newest executable transaction would be mined with: so none with followers goes for one that pays less
    /// than them together.
    fn room_among_executable(
        &self,
        plan: &Plan,
        over: usize,
    ) -> Result<Vec<(OrderKey, ChunkRef)>, PoolError> {
        let full = PoolError::PoolFull { rate: u64::MAX };
        let chunks = plan.chain.chunks();
        let newest = if plan.promoted.is_empty() { plan.nonce } else { plan.chain.next_nonce() - 1 };
        let landing = chunks.iter().rev().find(|chunk| chunk.key.nonce.0 <= newest).ok_or(full.clone())?;
        let (mut freed, mut evict) = (0, Vec::new());
        for (key, chunk) in self.executable.order.iter().filter(|(_, chunk)| chunk.sender != plan.sender) {
            if key.rate >= landing.key.rate {
                return Err(PoolError::PoolFull { rate: key.rate.per_byte() });
            }
            evict.push((*key, *chunk));
            freed += memory(self.chunk_entries(key, chunk));
            if freed >= over {
                return Ok(evict);
            }
        }
        Err(full)
    }

    /// The same among those behind gaps, one by one.
    fn room_among_waiting(&self, plan: &Plan, entry: &Entry, over: usize) -> Result<Vec<Place>, PoolError> {
        let (mut freed, mut push_out) = (0, Vec::new());
        for (key, chunk) in self.waiting.order.iter().filter(|(_, chunk)| chunk.sender != plan.sender) {
            if key.rate >= waiting_key(entry).rate {
                return Err(PoolError::PoolFull { rate: key.rate.per_byte() });
            }
            let place = Place { sender: chunk.sender, nonce: key.nonce.0 };
            push_out.push(place);
            freed += self.entry(&place).map_or(0, Entry::memory);
            if freed >= over {
                return Ok(push_out);
            }
        }
        Err(PoolError::PoolFull { rate: u64::MAX })
    }

    fn check_quota(&self, entry: &Entry, replaced: Option<&Entry>) -> Result<(), PoolError> {
        let Source::Peer(peer) = entry.source else { return Ok(()) };
        let freed = replaced.filter(|replaced| replaced.source == entry.source).map_or(0, Entry::memory);
        let used = self.peer_bytes.get(&peer).copied().unwrap_or(0);
        let limit = self.limits.peer_bytes();
        if (used + entry.memory()).saturating_sub(freed) > limit {
            return Err(PoolError::PeerQuota { limit });
        }
        Ok(())
    }

    fn commit(&mut self, tx: &Transaction, source: Source, plan: Plan) -> Admitted {
        let mut evicted = Vec::new();
        for (key, chunk) in &plan.evict {
            evicted.extend(self.evict(key, chunk));
        }
        for place in plan.push_out {
            let floor = self.floor.current();
            evicted.extend(self.take(place.sender, place.nonce, What::Evicted { floor }));
        }
        self.next_arrival();
        let executable = plan.chain.is_executable(plan.nonce);
        self.put(plan.sender, plan.chain);
        self.events.record(plan.txid, self.now, What::Received(source));
        self.events.record(plan.txid, self.now, What::Accepted { executable });
        self.note_promoted(&plan.promoted);
        let replaced = plan.replaced.map(|entry| {
            self.leave(&entry, What::ReplacedBy(plan.txid));
            entry.tx
        });
        Admitted {
            txid: plan.txid,
            wtxid: tx.wtxid(),
            executable,
            replaced,
            evicted,
            promoted: plan.promoted,
        }
    }

    pub(super) fn note_promoted(&mut self, promoted: &[Wtxid]) {
        for wtxid in promoted {
            if let Some(txid) =
                self.by_wtxid.get(wtxid).and_then(|place| self.entry(place)).map(|entry| entry.txid)
            {
                self.events.record(txid, self.now, What::Promoted);
            }
        }
    }
}

/// Before anything is compared with the account: the nonce can be used at all.
fn check_nonce(nonce: u64, chain: &Chain) -> Result<(), PoolError> {
    let (settled, next) = (chain.base(), chain.next_nonce());
    if nonce < settled {
        return Err(PoolError::NonceTooLow { found: nonce, next });
    }
    if nonce == u64::MAX {
        return Err(PoolError::Invalid(TxError::NonceExhausted));
    }
    if chain.get(nonce).is_none() && nonce >= next && chain.executable().len() == MAX_EXECUTABLE {
        return Err(PoolError::TooManyPending { limit: MAX_EXECUTABLE });
    }
    let ahead = u64::try_from(MAX_NONCES_AHEAD).expect("a small number");
    if nonce - settled >= ahead {
        return Err(PoolError::NonceTooFar { found: nonce, next });
    }
    Ok(())
}

/// A replacement pays at least 10 % more, in all and per byte, and the floor once more for the bytes that it
/// makes the network carry again.
fn check_replacement(tx: &Transaction, old: &Transaction, floor: u64) -> Result<(), PoolError> {
    let (fee, old_fee) = (tx.unsigned().fee, old.unsigned().fee.motes());
    let in_all = (old_fee * REPLACEMENT_PERCENT).div_ceil(100);
    let per_byte = (old_fee * REPLACEMENT_PERCENT * wide(tx.size())).div_ceil(100 * wide(old.size()));
    let carried = old_fee + at_floor(floor, tx.size());
    let needed = in_all.max(per_byte).max(carried);
    if fee.motes() < needed {
        return Err(PoolError::ReplacementTooCheap { fee, needed: capped(needed) });
    }
    Ok(())
}

fn check_places(nonce: u64, chain: &Chain) -> Result<(), PoolError> {
    if chain.is_executable(nonce) || chain.waiting().len() <= MAX_WAITING {
        return Ok(());
    }
    Err(PoolError::TooManyWaiting { limit: MAX_WAITING, next: chain.next_nonce() })
}

fn check_balance(chain: &Chain, account: &Account) -> Result<(), PoolError> {
    let needed = chain.need().unwrap_or(Amount::MAX);
    if chain.need().is_none_or(|need| need > account.balance) {
        return Err(PoolError::Insufficient { balance: account.balance, needed });
    }
    Ok(())
}

fn memory(entries: &[Entry]) -> usize {
    entries.iter().map(Entry::memory).sum()
}

fn over(bytes: usize, limit: usize) -> Option<usize> {
    bytes.checked_sub(limit).filter(|over| *over > 0)
}

/// Motes that the floor asks for a transaction of this size.
fn at_floor(floor: u64, size: usize) -> u128 {
    u128::from(floor) * wide(size)
}

/// For messages: an amount, 2^100 when it is more.
fn capped(motes: u128) -> Amount {
    Amount::from_motes(motes).unwrap_or(Amount::MAX)
}

#[cfg(test)]
mod tests;
