//! Bodies are checked beside the core: the lowest first, for it is the one that is connected next.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// Threads that check bodies. While there are as many bodies as threads, each is checked by one alone: a
/// thread that waits for others to do their share of a body would begin with another one meanwhile, and the
/// first would be done last. Fewer bodies are each checked by all.
pub(super) struct Checkers(Arc<Queue>);

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By height, and among equals by their turn.
    waiting: BTreeMap<(u32, u64), Work>,
    turns: u64,
    /// Bodies that are being checked.
    busy: usize,
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
        for _ in 0..threads {
            let (queue, all) = (checkers.0.clone(), all.clone());
            // In a pool of one thread nothing is done by others.
            pool("check", 1)?.spawn(move || {
                while let Some((work, is_alone)) = queue.next(threads) {
                    if is_alone {
                        work()
                    } else {
                        all.install(work)
                    }
                    queue.lock().busy -= 1;
                }
            });
        }
        Ok(checkers)
    }

    /// Checks the body of a block of this height when its turn comes; what never got its turn by the end is
    /// dropped.
    pub(super) fn check(&self, height: u32, work: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock();
        state.turns += 1;
        let place = (height, state.turns);
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

    /// The lowest that waits, and whether one thread alone is to do it; none at the end.
    fn next(&self, threads: usize) -> Option<(Work, bool)> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let (_, work) = if state.ended { None } else { state.waiting.pop_first() }?;
        state.busy += 1;
        let is_alone = state.busy + state.waiting.len() >= threads;
        Some((work, is_alone))
    }
}

/// Worker threads. A panic in one ends the process: it is a mistake of ours, and what it was doing is lost.
pub(super) fn pool(name: &'static str, threads: usize) -> io::Result<ThreadPool> {
    let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(move |at| format!("{name}-{at}"));
    builder.build().map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
