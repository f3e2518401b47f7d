//! Bodies are checked beside the core: the lowest first, for it is the one that is connected next.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// Threads that check bodies. While there are as many bodies as threads, each is checked by one alone; of
/// fewer, one at a time is checked by all. Two that are checked by the same threads would get in each other's
/// way: a thread that waits for others to do their share of a body would begin with the other body meanwhile,
/// and the first would be done last.
pub(super) struct Checkers(Arc<Queue>);

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By the number they came with, mostly a height, and among equals in the order in which they came.
    waiting: BTreeMap<(u32, u64), Work>,
    came: u64,
    /// Bodies that are being checked, and whether all threads check one of them.
    busy: usize,
    shared: bool,
    ended: bool,
}

impl Checkers {
    /// One thread a core.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(super) fn start() -> io::Result<Self> {
        Self::with_threads(available_parallelism().map_or(1, NonZeroUsize::get))
    }

    fn with_threads(threads: usize) -> io::Result<Self> {
        let all = Arc::new(pool("check-all", threads)?);
        let checkers = Self(Arc::default());
        for at in 0..threads {
            let (queue, all) = (checkers.0.clone(), all.clone());
            // In a pool of one thread nothing is done by others.
            pool(&format!("check-{at}"), 1)?.spawn(move || {
                while let Some((work, shared)) = queue.next(threads) {
                    if shared {
                        all.install(work);
                    } else {
                        work();
                    }
                    queue.done(shared);
                }
            });
        }
        Ok(checkers)
    }

    /// Does a check when its turn comes, the lowest first; what never got its turn by the end is dropped.
    pub(super) fn check(&self, turn: u32, work: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock();
        state.came += 1;
        let place = (turn, state.came);
        state.waiting.insert(place, Box::new(work));
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Drop for Checkers {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lowest that waits, and whether all threads are to do it; none at the end.
    fn next(&self, threads: usize) -> Option<(Work, bool)> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let (_, work) = if state.ended { None } else { state.waiting.pop_first() }?;
        state.busy += 1;
        let shared = !state.shared && state.busy + state.waiting.len() < threads;
        state.shared |= shared;
        Some((work, shared))
    }

    fn done(&self, shared: bool) {
        let mut state = self.lock();
        state.busy -= 1;
        state.shared &= !shared;
    }
}

/// Worker threads. A panic in one ends the process: it is a mistake of ours, and what it was doing is lost.
pub(super) fn pool(name: &str, threads: usize) -> io::Result<ThreadPool> {
    let name = name.to_owned();
    let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(move |at| format!("{name}-{at}"));
    builder.build().map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
