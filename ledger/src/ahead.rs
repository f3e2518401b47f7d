//! What comes next is worked on by other cores, while this one uses what came before.

use std::sync::mpsc::{Receiver, sync_channel};

/// Blocks that are checked while others are connected: enough to keep all cores busy, and at most 16 times
/// what a block takes in memory.
pub const CHECKED_AHEAD: usize = 16;

/// Begins some work on another core. Its answer waits until it is asked for; the channel is closed without
/// one when the work was given up.
pub fn ahead<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (tell, answer) = sync_channel(1);
    // Nobody waits for it any more after something earlier was refused.
    rayon::spawn(move || drop(tell.send(work())));
    answer
}
