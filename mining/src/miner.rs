//! Threads that mine the latest job.

use crate::job::{Job, Part};
use crate::search::search;
use starling_primitives::Header;
use std::io;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Found headers that wait to be taken. One that finds the queue full is dropped: whoever is 64 blocks behind
/// has no use for it.
pub const FOUND_QUEUE: usize = 64;
/// The nice value of threads that mine: where another wants the time, they get a seventieth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

/// OS threads that search the latest job until one of them finds a block; then all rest until the next job.
/// On Linux they give way to other threads. Dropping it stops and joins them.
pub struct Miner {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// A job and the flag that ends the search on it.
#[derive(Clone)]
struct Order {
    job: Arc<Job>,
    done: Arc<AtomicBool>,
}

#[derive(Default)]
struct Desk {
    order: Option<Order>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
    hashes: AtomicU64,
}

impl Miner {
    /// Starts threads that wait for a job, and gives the end of the queue where found headers come out. Each
    /// was checked by the plain path; two threads may find one at the same moment.
    ///
    /// # Errors
    /// Whatever the operating system says when it starts no more threads.
    pub fn start(threads: NonZeroU16) -> io::Result<(Self, Receiver<Header>)> {
        let (found, receiver) = sync_channel(FOUND_QUEUE);
        let mut miner = Self { shared: Arc::default(), threads: Vec::new() };
        for (i, part) in Part::split(threads).enumerate() {
            let (shared, found) = (Arc::clone(&miner.shared), found.clone());
            let thread = Builder::new().name(format!("miner-{i}"));
            miner.threads.push(thread.spawn(move || mine(&shared, part, &found))?);
        }
        Ok((miner, receiver))
    }

    /// Mines this job and no other from now on; `None` rests. The search before it ends within 4,096 hashes.
    pub fn set_job(&self, job: Option<Job>) {
        let order = job.map(|job| Order { job: Arc::new(job), done: Arc::default() });
        self.shared.replace(order, false);
    }

    /// Hashes made since the start, by all threads.
    #[must_use]
    pub fn hashes(&self) -> u64 {
        self.shared.hashes.load(Ordering::Relaxed)
    }

    /// How many threads search.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len()
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.shared.replace(None, true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has ended too, and has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Nothing under this lock can leave it half changed.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, order: Option<Order>, closed: bool) {
        let mut desk = self.desk();
        if let Some(before) = std::mem::replace(&mut desk.order, order) {
            before.done.store(true, Ordering::Relaxed);
        }
        desk.closed = closed;
        self.changed.notify_all();
    }

    /// Waits for an order that is not done; `None` when the miner is dropped.
    fn next_order(&self) -> Option<Order> {
        let mut desk = self.desk();
        loop {
            if desk.closed {
                return None;
            }
            if let Some(order) = desk.order.as_ref().filter(|order| !order.done.load(Ordering::Relaxed)) {
                return Some(order.clone());
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A node that mines on all cores still has to answer others, and whoever uses the machine to get along.
#[cfg(target_os = "linux")]
fn give_way() {
    // Linux has this for each thread, and refuses it to nobody; without it the search works as well.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

fn mine(shared: &Shared, part: Part, found: &SyncSender<Header>) {
    #[cfg(target_os = "linux")]
    give_way();
    while let Some(order) = shared.next_order() {
        let header = search(&order.job, part, &order.done, &shared.hashes);
        order.done.store(true, Ordering::Relaxed);
        if let Some(header) = header {
            // Full or without a receiver: see `FOUND_QUEUE`.
            let _ = found.try_send(header);
        }
    }
}

#[cfg(test)]
mod tests;
