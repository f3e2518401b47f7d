//! Each transaction's way through the pool, kept as a bounded log.

use super::sender::Source;
use starling_primitives::{BlockId, TxId};
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// Events that one transaction's trail keeps; the first and the latest.
pub const MAX_TRAIL_EVENTS: usize = 16;
/// New events that wait to be taken with [`Mempool::take_fresh`](super::Mempool::take_fresh); older ones are
/// only counted.
pub const MAX_FRESH_EVENTS: usize = 32_768;
/// Bytes of memory that a trail takes: four events, the map's place and the queue's, and its share of the new
/// events.
pub(super) const TRAIL_BYTES: usize = 512;

/// A step of a transaction's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unix seconds.
    pub time: u64,
    /// What happened.
    pub what: EventKind,
}

/// What happened to a transaction. The `Display` text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It came.
    Received(Source),
    /// The pool took it.
    Accepted {
        /// Whether blocks can take it; else it waits behind a nonce gap.
        executable: bool,
    },
    /// The gap before it closed.
    Promoted,
    /// It was offered to peers.
    Announced {
        /// To how many, all announcements together.
        peers: u32,
    },
    /// Another with the same nonce paid more.
    ReplacedBy(TxId),
    /// The pool was full and others paid more.
    Evicted {
        /// The pool's floor from then on, in motes per byte.
        floor: u64,
    },
    /// A block took it.
    Mined {
        /// Of the block.
        height: u32,
        /// Of the block.
        block: BlockId,
    },
    /// The block that had it left the best branch.
    Disconnected {
        /// Of the block.
        height: u32,
        /// Of the block.
        block: BlockId,
    },
    /// It left the pool for another reason.
    Dropped(DropReason),
}

/// Why a transaction left the pool, or did not come back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A block took another transaction with its nonce.
    Conflict(TxId),
    /// Its nonce is used up.
    NonceUsed,
    /// Past its own last height.
    Expired {
        /// That height.
        valid_until: u32,
    },
    /// Pending for too long.
    Aged,
    /// Behind a gap for too long.
    WaitedTooLong,
    /// Behind a gap that came to be, with too many others.
    TooManyWaiting,
    /// The settled balance no longer covers it.
    Insufficient,
    /// It could not come back: the refusal's name, see [`PoolError::code`](super::PoolError::code).
    Refused(&'static str),
}

/// What the pool knows of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxStatus {
    /// In the pool.
    Pending,
    /// Taken by a block while the pool watched.
    Mined {
        /// Of the block.
        height: u32,
        /// Of the block.
        block: BlockId,
    },
    /// It was in the pool and left it otherwise.
    Dropped,
    /// Never seen, or longer ago than the log reaches.
    Unknown,
}

/// Events since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fresh {
    /// In the order they happened.
    pub events: Vec<(TxId, Event)>,
    /// Older ones that are lost.
    pub missed: u64,
}

impl EventKind {
    /// The stable snake-case name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Received(_) => "received",
            Self::Accepted { .. } => "accepted",
            Self::Promoted => "promoted",
            Self::Announced { .. } => "announced",
            Self::ReplacedBy(_) => "replaced",
            Self::Evicted { .. } => "evicted",
            Self::Mined { .. } => "mined",
            Self::Disconnected { .. } => "disconnected",
            Self::Dropped(_) => "dropped",
        }
    }
}

impl DropReason {
    /// The stable snake-case name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::NonceUsed => "nonce_too_low",
            Self::Expired { .. } => "expired",
            Self::Aged => "pending_too_long",
            Self::WaitedTooLong => "waited_too_long",
            Self::TooManyWaiting => "too_many_waiting",
            Self::Insufficient => "insufficient_balance",
            Self::Refused(code) => code,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received(Source::Local) => f.write_str("submitted to this node"),
            Self::Received(Source::Peer(peer)) => write!(f, "received from peer {peer}"),
            Self::Received(Source::Reorg) => f.write_str("back from a block that left the best branch"),
            Self::Received(Source::Loaded) => f.write_str("read from the pool's file"),
            Self::Accepted { executable: true } => f.write_str("the next blocks can take it"),
            Self::Accepted { executable: false } => f.write_str("it waits for a missing nonce"),
            Self::Promoted => f.write_str("the missing nonce came; the next blocks can take it"),
            Self::Announced { peers } => write!(f, "announced to {peers} peers"),
            Self::ReplacedBy(txid) => write!(f, "replaced by {txid}, which pays more"),
            Self::Evicted { floor } => {
                write!(f, "evicted from a full pool; at least {floor} motes per byte are asked for now")
            }
            Self::Mined { height, block } => write!(f, "in block {block} at height {height}"),
            Self::Disconnected { height, block } => {
                write!(f, "block {block} at height {height} left the best branch")
            }
            Self::Dropped(reason) => write!(f, "dropped: {reason}"),
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(txid) => write!(f, "a block took {txid}, which has the same nonce"),
            Self::NonceUsed => f.write_str("its nonce is used up"),
            Self::Expired { valid_until } => write!(f, "it was valid until height {valid_until}"),
            Self::Aged => f.write_str("no block took it for 14 days"),
            Self::WaitedTooLong => f.write_str("the missing nonce before it did not come for 3 hours"),
            Self::TooManyWaiting => f.write_str("too many of its sender wait for a missing nonce"),
            Self::Insufficient => f.write_str("its sender's balance no longer covers it"),
            Self::Refused(code) => write!(f, "it could not come back: {code}"),
        }
    }
}

/// The log: trails by transaction, the oldest trail forgotten first.
#[derive(Debug)]
pub(super) struct Events {
    trails: HashMap<TxId, Vec<Event>>,
    by_age: VecDeque<TxId>,
    max_trails: usize,
    fresh: VecDeque<(TxId, Event)>,
    missed: u64,
}

impl Events {
    pub(super) fn new(max_trails: usize) -> Self {
        Self {
            trails: HashMap::new(),
            by_age: VecDeque::new(),
            max_trails,
            fresh: VecDeque::new(),
            missed: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.trails.is_empty()
    }

    pub(super) fn trail(&self, txid: &TxId) -> &[Event] {
        self.trails.get(txid).map_or(&[], Vec::as_slice)
    }

    /// Adds to the transaction's trail, and begins one when there is none.
    pub(super) fn record(&mut self, txid: TxId, time: u64, what: EventKind) {
        if !self.trails.contains_key(&txid) {
            self.by_age.push_back(txid);
            self.trails.insert(txid, Vec::new());
        }
        self.record_known(txid, time, what);
        while self.by_age.len() > self.max_trails {
            if let Some(oldest) = self.by_age.pop_front() {
                self.trails.remove(&oldest);
            }
        }
    }

    /// Adds to the transaction's trail if there is one.
    pub(super) fn record_known(&mut self, txid: TxId, time: u64, what: EventKind) {
        let Some(trail) = self.trails.get_mut(&txid) else { return };
        let mut event = Event { time, what };
        if let (EventKind::Announced { peers }, Some(last)) = (&mut event.what, trail.last_mut())
            && let EventKind::Announced { peers: before } = &mut last.what
        {
            *before = before.saturating_add(*peers);
            *peers = *before;
        } else {
            if trail.len() >= MAX_TRAIL_EVENTS {
                trail.remove(1);
            }
            trail.push(event.clone());
        }
        self.fresh.push_back((txid, event));
        if self.fresh.len() > MAX_FRESH_EVENTS {
            self.fresh.pop_front();
            self.missed = self.missed.saturating_add(1);
        }
    }

    pub(super) fn take_fresh(&mut self) -> Fresh {
        Fresh { events: std::mem::take(&mut self.fresh).into(), missed: std::mem::take(&mut self.missed) }
    }

    /// What the trail's end says of a transaction that is not in the pool.
    pub(super) fn last_status(&self, txid: &TxId) -> TxStatus {
        let moves =
            self.trail(txid).iter().rev().find(|event| !matches!(event.what, EventKind::Announced { .. }));
        match moves.map(|event| &event.what) {
            None => TxStatus::Unknown,
            Some(EventKind::Mined { height, block }) => TxStatus::Mined { height: *height, block: *block },
            Some(_) => TxStatus::Dropped,
        }
    }

    /// Trails and their queue agree and are within bounds.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.trails.len(), self.by_age.len());
        assert!(self.trails.len() <= self.max_trails && self.fresh.len() <= MAX_FRESH_EVENTS);
        assert!(self.trails.values().all(|trail| trail.len() <= MAX_TRAIL_EVENTS));
    }
}

#[cfg(test)]
mod tests;
