//! What one client may cost a second, and what all of them together may keep in memory.

use crate::error::{ApiError, ErrorKind};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clients that are remembered at the most; further ones share one budget until others have rested.
const MAX_CLIENTS: usize = 4_096;

/// Token buckets, one for each client: an IPv4 address, or the /64 of an IPv6 address.
#[derive(Debug)]
pub(crate) struct Quotas {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Quotas {
    /// Budgets that refill by `per_second` and hold `burst`.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let buckets = Mutex::new(HashMap::new());
        Self { per_second: f64::from(per_second), burst: f64::from(burst), buckets }
    }

    /// Takes `cost` from the client's budget.
    ///
    /// # Errors
    /// `rate_limited` with `retry_after_ms`; nothing is taken then.
    pub(crate) fn charge(&self, client: IpAddr, cost: u32, now: Instant) -> Result<(), ApiError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let client = self.place(&mut buckets, group(client), now);
        let bucket = buckets.entry(client).or_insert(Bucket { left: self.burst, at: now });
        bucket.left = self.refilled(bucket, now);
        bucket.at = now;
        let cost = f64::from(cost);
        if bucket.left >= cost {
            bucket.left -= cost;
            return Ok(());
        }
        // A cost above the burst could never be paid: the wait is for as much as there can be.
        let seconds = (cost.min(self.burst) - bucket.left) / self.per_second;
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_millis().max(1);
        let wait = u64::try_from(wait).unwrap_or(u64::MAX);
        let error =
            ApiError::new(ErrorKind::RateLimited, "rate_limited", "too much asked for in a short time");
        Err(error.hint(format!("wait {wait} ms, then go on slower")).value("retry_after_ms", wait))
    }

    fn refilled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + seconds * self.per_second).min(self.burst)
    }

    /// The bucket's name: the client, or the common one while the map is full of clients in debt.
    fn place(&self, buckets: &mut HashMap<IpAddr, Bucket>, client: IpAddr, now: Instant) -> IpAddr {
        if buckets.len() < MAX_CLIENTS || buckets.contains_key(&client) {
            return client;
        }
        // A full bucket says nothing that a new one would not.
        buckets.retain(|_, bucket| self.refilled(bucket, now) < self.burst);
        if buckets.len() < MAX_CLIENTS { client } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) }
    }
}

/// Who counts as one client: a subscriber to IPv6 commonly holds a /64.
fn group(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

/// Bytes that may be held for all clients together: bodies being read, answers being written.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicUsize,
    bytes: usize,
}

impl Memory {
    /// Room for this many bytes.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), bytes })
    }

    /// Whether nothing more should be begun.
    pub(crate) fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.bytes
    }
}

/// Bytes held of a [`Memory`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Share {
    /// Nothing yet.
    pub(crate) fn new(memory: &Arc<Memory>) -> Self {
        Self { memory: memory.clone(), bytes: 0 }
    }

    /// Takes more; false, and nothing taken, when there is no room.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.memory.bytes);
        let taken = self.memory.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    /// Counts what is held already, room or not.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.memory.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back up to this much.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests;
