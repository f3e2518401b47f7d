//! Threads for the parts of one block: beside those that check the next blocks, so that neither waits in the
//! other's queue. All ledgers of a process share them.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::OnceLock;

static WORKERS: OnceLock<Option<ThreadPool>> = OnceLock::new();

/// Does work whose parallel parts go to the workers. Where the system gave no threads, they go to the pool of
/// whoever asks.
pub(crate) fn on_workers<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let build = || ThreadPoolBuilder::new().thread_name(|at| format!("ledger-{at}")).build().ok();
    match WORKERS.get_or_init(build) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Does two things, at once when they are `large`.
pub(crate) fn both<A: Send, B: Send>(
    large: bool,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if large { on_workers(|| rayon::join(one, other)) } else { (one(), other()) }
}
