//! How many databases this process has open.
//!
//! Closing one while the process ends, after the statics that RocksDB uses are gone, aborts it. Other threads
//! may hold a database a moment longer than the one that ends the process, so that one waits for them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static OPEN: Mutex<usize> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();

/// Counts a database while it is open.
pub(super) struct Counted(());

impl Counted {
    pub(super) fn new() -> Self {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CLOSED.notify_all();
    }
}

/// Waits until no database of this process is open, but no longer than this; tells whether that is so.
pub fn wait_until_closed(longest: Duration) -> bool {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = CLOSED.wait_timeout_while(open, longest, |open| *open > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}
