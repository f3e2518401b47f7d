//! Threads for the parts of one block: beside those that check the next blocks, so that neither waits in the
//! other's queue. All ledgers of a process share them.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Does work whose parallel parts go to the workers. Where the system gave no threads, they go to the pool of
/// whoever asks.
pub(crate) fn on_workers<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match workers() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

fn workers() -> Option<&'static ThreadPool> {
    static WORKERS: OnceLock<Option<ThreadPool>> = OnceLock::new();
    WORKERS.get_or_init(|| pool("ledger")).as_ref()
}

fn readers() -> Option<&'static ThreadPool> {
    static READERS: OnceLock<Option<ThreadPool>> = OnceLock::new();
    READERS.get_or_init(|| pool("ledger-reader")).as_ref()
}

fn pool(name: &'static str) -> Option<ThreadPool> {
    ThreadPoolBuilder::new().thread_name(move |at| format!("{name}-{at}")).build().ok()
}

/// What workers find.
pub(crate) struct Answer<T>(Mutex<Receiver<T>>);

impl<T> Answer<T> {
    /// Whether it is not there yet.
    pub(crate) fn is_open(&mut self) -> bool {
        let answer = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        matches!(answer.try_recv(), Err(TryRecvError::Empty))
    }

    /// Waits for it; none when the work was given up.
    pub(crate) fn wait(self) -> Option<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

/// Begins to read in parallel parts, beside the workers: what is to come does not hold up what is now. None
/// where the system gave no threads.
pub(crate) fn begin<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<Answer<T>> {
    let pool = readers()?;
    let (tell, answer) = sync_channel(1);
    // Nobody waits for it any more when it turned out not to be needed.
    pool.spawn(move || drop(tell.send(work())));
    Some(Answer(Mutex::new(answer)))
}

/// Does two things, at once when they are `large`.
pub(crate) fn both<A: Send, B: Send>(
    large: bool,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if large { on_workers(|| rayon::join(one, other)) } else { (one(), other()) }
}
