//! Counters of what goes over each protocol and topic: messages and their bytes, without framing.

use super::message::{Protocol, Topic};
use super::shaping::Uplink;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Messages and bytes in both directions since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Messages received.
    pub messages_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages sent.
    pub messages_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
}

#[derive(Debug, Default)]
struct Counter {
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_out: AtomicU64,
}

impl Counter {
    fn flow(&self) -> Flow {
        Flow {
            messages_in: self.messages_in.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            messages_out: self.messages_out.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
        }
    }

    fn received(&self, bytes: usize) {
        self.messages_in.fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
    }

    fn sent(&self, bytes: usize) {
        self.messages_out.fetch_add(1, Relaxed);
        self.bytes_out.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
    }
}

/// The counters, shared between the driver and whoever shows them.
#[derive(Debug)]
pub struct Traffic {
    line: Arc<Uplink>,
    protocols: [Counter; Protocol::ALL.len()],
    topics: [Counter; Topic::ALL.len()],
    verdicts: [[AtomicU64; VERDICTS_WITHIN.len() + 1]; 2],
    /// From when to when the core connected blocks, the last [`REMEMBERED`] times.
    connecting: Mutex<VecDeque<RangeInclusive<Instant>>>,
}

/// Times of connecting blocks that are remembered: a message may wait through some of them.
const REMEMBERED: usize = 16;

/// Times that verdicts on gossip are counted by; those that take longer than all of them come last.
pub const VERDICTS_WITHIN: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_secs(1),
];

impl Traffic {
    pub(super) fn new(upload_limit: Option<u64>) -> Self {
        let line = Arc::new(Uplink::new(upload_limit, Instant::now()));
        let (protocols, topics) = Default::default();
        Self { line, protocols, topics, verdicts: Default::default(), connecting: Mutex::default() }
    }

    /// Our line to the world.
    pub(super) fn line(&self) -> &Arc<Uplink> {
        &self.line
    }

    /// Bytes that all protocols together sent since the start, with what they pass on for others and their
    /// own control messages.
    #[must_use]
    pub fn sent_in_all(&self) -> u64 {
        self.line.sent()
    }

    /// Questions and answers of a protocol.
    #[must_use]
    pub fn protocol(&self, protocol: Protocol) -> Flow {
        self.protocols[protocol as usize].flow()
    }

    /// Gossip of a topic: new messages that reached us (duplicates are dropped before they are counted), and
    /// messages we published. What is passed on for others is not counted.
    #[must_use]
    pub fn topic(&self, topic: Topic) -> Flow {
        self.topics[topic as usize].flow()
    }

    /// Verdicts on gossip messages that took up to each of [`VERDICTS_WITHIN`] and no less, and longer: on
    /// those that came while blocks were being connected, or on all others.
    #[must_use]
    pub fn verdicts(&self, while_connecting: bool) -> [u64; VERDICTS_WITHIN.len() + 1] {
        let counts = &self.verdicts[usize::from(while_connecting)];
        std::array::from_fn(|at| counts.get(at).map_or(0, |count| count.load(Relaxed)))
    }

    /// Blocks were connected from then until now; meanwhile no message could be judged.
    pub fn connected_since(&self, began: Instant) {
        let mut connecting = self.connecting();
        connecting.truncate(REMEMBERED - 1);
        connecting.push_front(began..=Instant::now());
    }

    /// There is a verdict on a message that came then.
    pub(super) fn judged(&self, came: Instant) {
        let after = came.elapsed();
        let at = VERDICTS_WITHIN.iter().take_while(|within| **within < after).count();
        let while_connecting = self.connecting().iter().any(|time| time.contains(&came));
        if let Some(count) = self.verdicts[usize::from(while_connecting)].get(at) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn connecting(&self) -> MutexGuard<'_, VecDeque<RangeInclusive<Instant>>> {
        self.connecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn received(&self, protocol: Protocol, bytes: usize) {
        self.protocols[protocol as usize].received(bytes);
    }

    pub(super) fn sent(&self, protocol: Protocol, bytes: usize) {
        self.protocols[protocol as usize].sent(bytes);
    }

    pub(super) fn heard(&self, topic: Topic, bytes: usize) {
        self.topics[topic as usize].received(bytes);
    }

    pub(super) fn published(&self, topic: Topic, bytes: usize) {
        self.topics[topic as usize].sent(bytes);
    }
}

#[cfg(test)]
mod tests;
