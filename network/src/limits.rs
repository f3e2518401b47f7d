//! How much one peer may ask or send: token buckets (network design: Topics and messages, Request protocols).
//!
//! The same quotas bound what we serve and what we ask, so two honest nodes never refuse one another for
//! long.

use crate::driver::{Protocol, Topic};
use crate::wire::Question;
use std::time::Duration;

/// Block announcements of one peer: 4 a second, bursts of 16.
const BLOCKS: Quota = Quota { each: Duration::from_millis(250), burst: 16 };
/// Transactions of one peer: 200 a second, bursts of 1,000.
const TXS: Quota = Quota { each: Duration::from_millis(5), burst: 1_000 };

/// A rate with bursts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Time in which one unit comes back.
    pub(crate) each: Duration,
    /// Units that may be used at once.
    pub(crate) burst: u32,
}

impl Quota {
    const fn per_seconds(burst: u32, seconds: u32) -> Self {
        let each = Duration::from_micros(seconds as u64 * 1_000_000 / burst as u64);
        Self { each, burst }
    }

    /// The quota of a request protocol; `push/1` shares the topics' budgets and has none of its own.
    pub(crate) const fn of_protocol(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Status => Self::per_seconds(5, 15),
            Protocol::Headers | Protocol::BlockTxs => Self::per_seconds(20, 10),
            // Most blocks are small: what bounds large ones is the line.
            Protocol::Bodies => Self::per_seconds(512, 10),
            Protocol::BlockIds => Self::per_seconds(10, 10),
            Protocol::Pool => Self::per_seconds(4, 60),
            Protocol::SendCompact => Self::per_seconds(20, 60),
            Protocol::Peers => Self::per_seconds(1, 60),
            // Counted in ids.
            Protocol::Announce | Protocol::Txs => Self::per_seconds(4_000, 1),
            Protocol::Push => TXS,
            Protocol::Compact => BLOCKS,
        }
    }

    /// The budget of a topic.
    pub(crate) const fn of_topic(topic: Topic) -> Self {
        match topic {
            Topic::Block => BLOCKS,
            Topic::Tx => TXS,
        }
    }
}

/// Units that a question costs of its protocol's quota.
pub(crate) fn cost(question: &Question) -> u32 {
    match question {
        Question::Announce(ids) | Question::Txs(ids) => u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1),
        _ => 1,
    }
}

/// The state of one quota: when it will be whole again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    whole_at: Duration,
}

impl Bucket {
    /// Takes `units`, or says how long to wait for them; more than the burst never come.
    pub(crate) fn take(&mut self, quota: Quota, units: u32, now: Duration) -> Result<(), Duration> {
        let wait = self.wait(quota, units, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.whole_at = self.whole_at.max(now).saturating_add(quota.each.saturating_mul(units));
        Ok(())
    }

    /// Takes `units` that are there already or will be: what follows waits longer.
    pub(crate) fn charge(&mut self, quota: Quota, units: u32, now: Duration) {
        self.whole_at = self.whole_at.max(now).saturating_add(quota.each.saturating_mul(units));
    }

    /// Whether none of it is in use.
    pub(crate) fn is_whole(&self, quota: Quota, now: Duration) -> bool {
        self.wait(quota, quota.burst, now).is_zero()
    }

    /// How long until `units` are there; zero when they are.
    pub(crate) fn wait(&self, quota: Quota, units: u32, now: Duration) -> Duration {
        let whole_at = self.whole_at.max(now).saturating_add(quota.each.saturating_mul(units));
        whole_at.saturating_sub(now.saturating_add(quota.each.saturating_mul(quota.burst)))
    }
}

#[cfg(test)]
mod tests;
