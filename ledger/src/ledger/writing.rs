//! A large batch is written by another thread, while the next block is worked on (ledger: Pipeline of one
//! block). One is on its way at a time, so that they reach the disk in order; whoever needs what is in it
//! waits for it.

use super::Ledger;
use crate::published::Moment;
use crate::store::{StoreError, Writes};
use starling_primitives::BlockId;
use std::panic::resume_unwind;
use std::thread::{Builder, JoinHandle};

/// Entries from which on a batch is worth a thread.
const LARGE_ENTRIES: usize = 256;

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// The block was connected.
    Connected(BlockId),
    Disconnected,
    /// The state that waited.
    State,
}

/// A batch on its way.
pub(super) struct Writing {
    what: Wrote,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Ledger {
    /// Waits until all that was connected, disconnected or flushed is written: only then do readers see it.
    ///
    /// # Errors
    /// [`StoreError`]; what is in memory and what is on disk are two things then, and the ledger is of no use
    /// until it is opened again.
    pub fn complete(&mut self) -> Result<(), StoreError> {
        let Some(Writing { what, thread }) = self.writing.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        self.written(what);
        Ok(())
    }

    /// Whether the block's own batch is on its way.
    pub(super) fn is_being_connected(&self, id: &BlockId) -> bool {
        self.writing.as_ref().is_some_and(|writing| writing.what == Wrote::Connected(*id))
    }

    /// Begins to write what `make` gives, or writes it when that is little; `next` holds for readers from
    /// then on. Whatever was on its way is written before.
    ///
    /// # Errors
    /// As for [`Ledger::complete`].
    pub(super) fn write(
        &mut self,
        (what, next): (Wrote, Moment),
        (entries, sync): (usize, bool),
        make: impl FnOnce() -> Writes + Send + 'static,
    ) -> Result<(), StoreError> {
        self.complete()?;
        self.published.announce(next);
        let store = self.store.clone();
        let work = move || store.write(make(), sync);
        if entries < LARGE_ENTRIES {
            work()?;
            self.written(what);
            return Ok(());
        }
        let thread = Builder::new().name("ledger-writer".into()).spawn(work);
        let thread = thread.map_err(|error| self.store.io(&format!("no thread to write with: {error}")))?;
        self.writing = Some(Writing { what, thread });
        Ok(())
    }

    fn written(&mut self, what: Wrote) {
        self.published.settle();
        if what == Wrote::State {
            self.state.flushed();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Whoever reads ahead has the database open.
        self.expected.end();
        if let Err(error) = self.complete() {
            tracing::error!(%error, "the last block was not written");
        }
    }
}

#[cfg(test)]
mod tests;
