//! What is pending: transactions that blocks can take, or could once a missing nonce comes.
//!
//! The pool holds chains, one for each sender: up to 64 consecutive nonces from the settled one on, all of
//! them covered by the sender's settled balance, and up to 16 behind a gap. So whatever order
//! [`Mempool::select`] takes senders in, every transaction applies: a transaction takes from its sender
//! alone, and never more than was counted. Chains are split into chunks (the prefix with the best fee per
//! byte, then the best prefix of the rest, and so on), and all chunks of all senders stand in one order:
//! templates take from its best end, eviction from its worst.
//!
//! - `admit`: the rules of admission, replacement and eviction; `tip`: what blocks do to the pool
//! - `select`: what a block should hold; `view`: everything that is asked about the pool
//! - `sender`, `order`: the two structures; `fees`, `events`: floor and estimates, trails,
//!   signatures
//! - `file`: the pool across restarts
//!
//! A change is computed on a copy of one chain and put in place by one function, which alone touches the
//! indexes. The pool never reads a clock, a file or a socket; times are Unix seconds that the caller passes.

mod admit;
mod error;
mod events;
mod fees;
mod file;
mod order;
mod select;
mod sender;
mod tip;
mod view;

pub use admit::Admitted;
pub use error::{AddError, PoolError};
pub use events::{DropReason, Event, EventKind, Fresh, MAX_FRESH_EVENTS, MAX_TRAIL_EVENTS, TxStatus};
pub use fees::FeeClass;
pub use file::{FileError, LoadError, Loaded, Snapshot};
pub use sender::{MAX_EXECUTABLE, MAX_WAITING, Source};
pub use tip::{TipBlock, TipReport};
pub use view::{Page, PendingAccount, PoolInfo, PoolTx};

use events::{EventKind as What, Events};
use fees::{Floor, Histogram, RecentBlocks};
use order::{ChunkRef, Order, OrderKey};
use sender::{Chain, Entry};
use starling_consensus::SignatureCache;
use starling_genesis::Params;
use starling_primitives::{Address, GenesisId, TxId, Wtxid, limits};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Bytes of memory that the pool uses at the most, whatever its share is.
pub const MAX_POOL_BYTES: usize = 300_000_000;
/// Of the space for transactions, this part is for those behind a gap.
const WAITING_PART: usize = 20;
/// Of the space behind gaps, one peer gets this part, but room for one transaction at least.
const PEER_PART: usize = 64;
/// Of the budget, trails and known signatures get this part each.
const LOG_PART: usize = 20;
/// Seconds that a transaction stays behind a gap.
const MAX_WAITING_SECS: u64 = 3 * 3_600;
/// Seconds that a transaction stays.
const MAX_AGE_SECS: u64 = 14 * 86_400;
/// Seconds between two looks at all ages.
const AGE_CHECK_SECS: u64 = 60;

/// How much memory the pool may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Bytes of memory for transactions, counted as [`PoolInfo::bytes`] is.
    pub max_bytes: usize,
    /// Transactions whose trail is kept.
    pub trails: usize,
    /// Bytes for the ids of transactions whose signatures are remembered as right, pending or not.
    pub verified_bytes: usize,
}

impl PoolLimits {
    /// Splits a budget in bytes of memory, of which at most [`MAX_POOL_BYTES`] are used: nine tenths for
    /// transactions, the rest for trails and signatures.
    #[must_use]
    pub fn from_budget(bytes: usize) -> Self {
        let bytes = bytes.min(MAX_POOL_BYTES);
        let part = bytes / LOG_PART;
        Self { max_bytes: bytes - 2 * part, trails: part / events::TRAIL_BYTES, verified_bytes: part }
    }

    fn waiting_bytes(&self) -> usize {
        self.max_bytes / WAITING_PART
    }

    fn executable_bytes(&self) -> usize {
        self.max_bytes - self.waiting_bytes()
    }

    fn peer_bytes(&self) -> usize {
        (self.waiting_bytes() / PEER_PART).max(sender::MAX_ENTRY_BYTES)
    }
}

/// The settled state at the tip.
pub struct Settled<'a, A> {
    /// Its accounts.
    pub accounts: &'a A,
    /// Height of the next block.
    pub next_height: u32,
    /// Unix seconds.
    pub now: u64,
}

/// Pending transactions. Every change of the tip must be told by [`Mempool::tip_changed`], and the settled
/// state that other calls get is the one at that tip.
#[derive(Debug)]
pub struct Mempool {
    params: Arc<Params>,
    genesis: GenesisId,
    limits: PoolLimits,
    senders: BTreeMap<Address, Chain>,
    by_wtxid: HashMap<Wtxid, Place>,
    by_txid: HashMap<TxId, Place>,
    /// Transactions with a last height, by it.
    by_last_height: BTreeSet<(u32, Wtxid)>,
    executable: Space,
    waiting: Space,
    /// Bytes of memory behind gaps by the peer they came from.
    peer_bytes: HashMap<u64, usize>,
    histogram: Histogram,
    recent: RecentBlocks,
    floor: Floor,
    events: Events,
    signatures: Arc<SignatureCache>,
    arrivals: u64,
    now: u64,
    ages_checked: u64,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    sender: Address,
    nonce: u64,
}

/// One of the pool's two spaces.
#[derive(Debug, Default)]
struct Space {
    order: Order,
    count: usize,
    /// Bytes of memory.
    bytes: usize,
    /// Bytes of encodings.
    encoded: usize,
}

impl Mempool {
    /// An empty pool for the chain with these parameters.
    #[must_use]
    pub fn new(params: Arc<Params>, genesis: GenesisId, limits: PoolLimits) -> Self {
        Self {
            floor: Floor::new(params.min_fee_per_byte),
            params,
            genesis,
            limits,
            senders: BTreeMap::new(),
            by_wtxid: HashMap::new(),
            by_txid: HashMap::new(),
            by_last_height: BTreeSet::new(),
            executable: Space::default(),
            waiting: Space::default(),
            peer_bytes: HashMap::new(),
            histogram: Histogram::new(),
            recent: RecentBlocks::default(),
            events: Events::new(limits.trails),
            signatures: Arc::new(SignatureCache::new(limits.verified_bytes)),
            arrivals: 0,
            now: 0,
            ages_checked: 0,
        }
    }

    /// Lets time pass: halves a raised floor every 10 minutes; once a minute, drops what waited behind a gap
    /// for 3 hours or was pending for 14 days. Returns what left.
    pub fn tick(&mut self, now: u64) -> Vec<Wtxid> {
        self.now = now;
        self.floor.tick(now);
        if now.abs_diff(self.ages_checked) < AGE_CHECK_SECS {
            return Vec::new();
        }
        self.ages_checked = now;
        let too_old = |entry: &Entry| match entry.waiting_since {
            _ if now.saturating_sub(entry.added) >= MAX_AGE_SECS => Some(DropReason::Aged),
            Some(since) if now.saturating_sub(since) >= MAX_WAITING_SECS => Some(DropReason::WaitedTooLong),
            _ => None,
        };
        let mut left = Vec::new();
        for (sender, chain) in &self.senders {
            let old =
                chain.entries().iter().filter_map(|entry| Some((*sender, entry.nonce(), too_old(entry)?)));
            left.extend(old);
        }
        let take = |(sender, nonce, reason)| self.take(sender, nonce, What::Dropped(reason));
        let mut gone: Vec<Wtxid> = left.into_iter().flat_map(take).collect();
        gone.extend(self.shrink());
        gone
    }

    /// Takes one transaction out, for the given reason; those after it wait from now on, as many as may.
    fn take(&mut self, sender: Address, nonce: u64, what: What) -> Vec<Wtxid> {
        let Some(mut chain) = self.senders.get(&sender).cloned() else { return Vec::new() };
        let Some(entry) = chain.remove(nonce) else { return Vec::new() };
        let trimmed = chain.trim();
        chain.renew(self.now);
        self.put(sender, chain);
        let mut left = vec![self.leave(&entry, what)];
        left.extend(trimmed.iter().map(|entry| self.leave(entry, What::Dropped(DropReason::TooManyWaiting))));
        left
    }

    /// Records why an entry that is no longer in its chain left.
    fn leave(&mut self, entry: &Entry, what: What) -> Wtxid {
        self.signatures.insert(entry.tx.wtxid());
        self.events.record(entry.txid, self.now, what);
        entry.tx.wtxid()
    }

    /// Makes both spaces keep their bounds, by dropping what pays least. A chain that was cut by an age or a
    /// block can bring in more behind gaps than there is space for.
    fn shrink(&mut self) -> Vec<Wtxid> {
        let mut evicted = Vec::new();
        while self.executable.bytes > self.limits.executable_bytes()
            && let Some((key, chunk)) = self.executable.order.first_key_value()
        {
            let (key, chunk) = (*key, *chunk);
            evicted.extend(self.evict(&key, &chunk));
        }
        while self.waiting.bytes > self.limits.waiting_bytes()
            && let Some((key, chunk)) = self.waiting.order.first_key_value()
        {
            let (nonce, sender) = (key.nonce.0, chunk.sender);
            let floor = self.floor.current();
            evicted.extend(self.take(sender, nonce, What::Evicted { floor }));
        }
        evicted
    }

    /// Evicts a whole chunk that is the last of its chain.
    fn evict(&mut self, key: &OrderKey, chunk: &ChunkRef) -> Vec<Wtxid> {
        self.floor.raise_above(key.rate, self.now);
        let Some(mut chain) = self.senders.get(&chunk.sender).cloned() else { return Vec::new() };
        let first = key.nonce.0;
        let entries: Vec<Entry> =
            (first..=u64::MAX).take(chunk.count).filter_map(|nonce| chain.remove(nonce)).collect();
        chain.renew(self.now);
        self.put(chunk.sender, chain);
        let floor = self.floor.current();
        entries.iter().map(|entry| self.leave(entry, What::Evicted { floor })).collect()
    }

    /// Puts a sender's chain in the place of the one there was: the one function that touches the indexes.
    /// Only what differs is touched, for most changes append to a long chain.
    fn put(&mut self, sender: Address, chain: Chain) {
        let before = self.senders.remove(&sender).unwrap_or_else(|| Chain::new(chain.base()));
        self.put_names(sender, &before, &chain);
        let (old, new) = (before.chunks(), chain.chunks());
        let same = old.iter().zip(&new).take_while(|(old, new)| old.is_same(new)).count();
        for chunk in &old[same..] {
            self.executable.order.remove(&chunk.key);
            self.histogram.remove(chunk.key.rate, chunk.count);
        }
        for chunk in &new[same..] {
            self.executable.order.insert(chunk.key, ChunkRef { sender, count: chunk.count });
            self.histogram.add(chunk.key.rate, chunk.count);
        }
        self.put_waiting(sender, &before, &chain);
        self.executable.remove(before.executable());
        self.executable.add(chain.executable());
        self.waiting.remove(before.waiting());
        self.waiting.add(chain.waiting());
        if !chain.is_empty() {
            self.senders.insert(sender, chain);
        }
    }

    fn put_names(&mut self, sender: Address, before: &Chain, chain: &Chain) {
        for entry in before.entries_not_in(chain) {
            let wtxid = entry.tx.wtxid();
            self.by_wtxid.remove(&wtxid);
            self.by_txid.remove(&entry.txid);
            self.by_last_height.remove(&(entry.tx.unsigned().valid_until, wtxid));
        }
        for entry in chain.entries_not_in(before) {
            let (wtxid, place) = (entry.tx.wtxid(), Place { sender, nonce: entry.nonce() });
            self.by_wtxid.insert(wtxid, place);
            self.by_txid.insert(entry.txid, place);
            let valid_until = entry.tx.unsigned().valid_until;
            if valid_until != 0 {
                self.by_last_height.insert((valid_until, wtxid));
            }
        }
    }

    fn put_waiting(&mut self, sender: Address, before: &Chain, chain: &Chain) {
        for entry in before.waiting() {
            self.waiting.order.remove(&waiting_key(entry));
            if let Source::Peer(peer) = entry.source
                && let Some(bytes) = self.peer_bytes.get_mut(&peer)
            {
                *bytes -= entry.memory();
                if *bytes == 0 {
                    self.peer_bytes.remove(&peer);
                }
            }
        }
        for entry in chain.waiting() {
            self.waiting.order.insert(waiting_key(entry), ChunkRef { sender, count: 1 });
            if let Source::Peer(peer) = entry.source {
                *self.peer_bytes.entry(peer).or_default() += entry.memory();
            }
        }
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }
}

impl Space {
    fn add(&mut self, entries: &[Entry]) {
        self.count += entries.len();
        self.bytes += entries.iter().map(Entry::memory).sum::<usize>();
        self.encoded += entries.iter().map(|entry| entry.tx.size()).sum::<usize>();
    }

    fn remove(&mut self, entries: &[Entry]) {
        self.count -= entries.len();
        self.bytes -= entries.iter().map(Entry::memory).sum::<usize>();
        self.encoded -= entries.iter().map(|entry| entry.tx.size()).sum::<usize>();
    }
}

/// Waiting transactions stand alone: what they will be mined with is not known yet.
fn waiting_key(entry: &Entry) -> OrderKey {
    OrderKey { rate: entry.rate(), arrival: Reverse(entry.arrival), nonce: Reverse(entry.nonce()) }
}

const _: () = assert!(limits::MAX_TX_BYTES < MAX_POOL_BYTES);

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
