//! What one client may cost a second, and what all of them together may keep in memory.

use crate::error::{ApiError, ErrorKind};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Clients whose budgets are remembered at the most; further ones share one until others have rested.
const MAX_CLIENTS: usize = 4_096;

/// Who counts as one client: an IPv4 address; the /64 of an IPv6 address, which a subscriber commonly holds
/// whole; all addresses of this machine's loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// The newcomers who share one budget while no more clients can be remembered.
    const CROWD: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));

    /// The client behind an address.
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Self(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            IpAddr::V4(ip) => Self(IpAddr::V4(ip)),
            IpAddr::V6(ip) => Self(IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64))),
        }
    }
}

/// Token buckets, one for each client.
#[derive(Debug)]
pub(crate) struct Quotas {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<Client, Bucket>>,
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
    pub(crate) fn charge(&self, client: Client, cost: u32, now: Instant) -> Result<(), ApiError> {
        let mut buckets = self.lock();
        let bucket = self.bucket(&mut buckets, client, now);
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

    /// Takes from the client's budget what is known only afterwards; it may end in debt, of a burst at the
    /// most.
    pub(crate) fn spend(&self, client: Client, cost: u32, now: Instant) {
        let mut buckets = self.lock();
        let bucket = self.bucket(&mut buckets, client, now);
        bucket.left = (bucket.left - f64::from(cost)).max(-self.burst);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client's bucket, refilled.
    fn bucket<'a>(
        &self,
        buckets: &'a mut HashMap<Client, Bucket>,
        client: Client,
        now: Instant,
    ) -> &'a mut Bucket {
        let client = self.place(buckets, client, now);
        let bucket = buckets.entry(client).or_insert(Bucket { left: self.burst, at: now });
        *bucket = Bucket { left: self.refilled(bucket, now), at: now };
        bucket
    }

    fn refilled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + seconds * self.per_second).min(self.burst)
    }

    /// The bucket's name: the client, or the common one while the map is full of clients in debt.
    fn place(&self, buckets: &mut HashMap<Client, Bucket>, client: Client, now: Instant) -> Client {
        if buckets.len() < MAX_CLIENTS || buckets.contains_key(&client) {
            return client;
        }
        // A full bucket says nothing that a new one would not.
        buckets.retain(|_, bucket| self.refilled(bucket, now) < self.burst);
        if buckets.len() < MAX_CLIENTS { client } else { Client::CROWD }
    }
}

/// Bytes that may be held for all clients together: bodies being read, messages being answered, answers being
/// written. One client holds half of them at the most, so that the others go on.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_client: HashMap<Client, usize>,
}

impl Memory {
    /// Room for this many bytes.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes, held: Mutex::default() })
    }

    /// Whether nothing more should be begun for this client.
    pub(crate) fn is_full(&self, client: Client) -> bool {
        !self.fits(&self.lock(), client, 1)
    }

    fn fits(&self, held: &Held, client: Client, more: usize) -> bool {
        let own = held.by_client.get(&client).copied().unwrap_or(0);
        held.total.saturating_add(more) <= self.bytes && own.saturating_add(more) <= self.bytes.div_ceil(2)
    }

    fn take(&self, held: &mut Held, client: Client, bytes: usize) {
        if bytes > 0 {
            held.total += bytes;
            *held.by_client.entry(client).or_default() += bytes;
        }
    }

    fn give_back(&self, client: Client, bytes: usize) {
        let mut held = self.lock();
        held.total -= bytes;
        let own = held.by_client.entry(client).or_default();
        *own -= bytes;
        if *own == 0 {
            held.by_client.remove(&client);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes held of a [`Memory`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    client: Client,
    bytes: usize,
}

impl Share {
    /// Nothing yet.
    pub(crate) fn new(memory: &Arc<Memory>, client: Client) -> Self {
        Self { memory: memory.clone(), client, bytes: 0 }
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes more; false, and nothing taken, when there is no room.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let mut held = self.memory.lock();
        let fits = self.memory.fits(&held, self.client, bytes);
        if fits {
            self.memory.take(&mut held, self.client, bytes);
            self.bytes += bytes;
        }
        fits
    }

    /// Counts what is held already, room or not.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.memory.take(&mut self.memory.lock(), self.client, bytes);
        self.bytes += bytes;
    }

    /// Gives back up to this much.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        if bytes > 0 {
            self.bytes -= bytes;
            self.memory.give_back(self.client, bytes);
        }
    }

    /// Gives back all.
    pub(crate) fn clear(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests;
