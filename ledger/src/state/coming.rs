//! Accounts of a block whose turn is to come: they are read from disk while those before it are connected
//! (ledger: Pipeline of one block, stage 4).

use super::{READ_TOGETHER, State, Touched};
use crate::state_tree::{Bucket, Entry};
use crate::store::StoreError;
use crate::workers::{Answer, begin};
use rayon::prelude::*;
use starling_primitives::Address;
use starling_primitives::state::StateKey;

/// Buckets as they are on disk.
type Read = Result<Vec<Vec<Entry>>, StoreError>;

/// What a block names, and what of it is being read.
pub(crate) struct Coming {
    /// Whom it names, ascending by key.
    order: Vec<(StateKey, Address)>,
    /// Their buckets that were not in memory.
    missing: Vec<Bucket>,
    /// What is read of these; none where the system has no threads for it.
    read: Option<Answer<Read>>,
    /// Which state on disk that is.
    flushes: u64,
    /// What had left memory until then.
    evicted: u64,
}

impl Coming {
    /// Whether something is being read still.
    pub(crate) fn is_reading(&mut self) -> bool {
        self.read.as_mut().is_some_and(Answer::is_open)
    }

    /// Waits until nothing is read any more: the block does not come.
    pub(crate) fn end(self) {
        drop(self.read.and_then(Answer::wait));
    }
}

impl State {
    /// Begins to read the accounts of these addresses.
    pub(crate) fn expect(&mut self, named: impl Iterator<Item = Address>) -> Coming {
        let order = Self::order(named);
        let missing = self.missing(order.iter().map(|(key, _)| key));
        let (store, wanted) = (self.store.clone(), missing.clone());
        let read = move || -> Read {
            let read = wanted.par_chunks(READ_TOGETHER).map(|some| store.buckets(some));
            Ok(read.collect::<Result<Vec<_>, StoreError>>()?.into_iter().flatten().collect())
        };
        let read = if missing.is_empty() { None } else { begin(read) };
        Coming { order, missing, read, flushes: self.flushes, evicted: self.cache.evicted() }
    }

    /// Whether what is read is of use: the state on disk is the same.
    pub(crate) fn is_fresh(&self, coming: &Coming) -> bool {
        coming.flushes == self.flushes
    }

    /// As when others had taken the place of all accounts in memory.
    #[cfg(test)]
    pub(crate) fn forget_accounts(&mut self) {
        self.cache.clear(self.max_bytes);
    }

    /// The accounts that were expected. What was read is the state on disk, and what has changed since is
    /// known; after a flush it no longer is, and all is read anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn touch_expected(&mut self, coming: Coming) -> Result<Touched, StoreError> {
        let Coming { order, missing, read, flushes, evicted } = coming;
        let mut whole = self.flushes == flushes && self.cache.evicted() == evicted;
        if let Some(read) = read.and_then(Answer::wait).filter(|_| self.flushes == flushes) {
            for (bucket, entries) in missing.iter().zip(read?) {
                if self.cache.get(*bucket).is_none() {
                    let entries = self.overlay.over(*bucket, entries);
                    self.cache.insert(*bucket, entries);
                }
            }
        } else {
            whole &= missing.is_empty();
        }
        if !whole {
            self.prefetch(order.iter().map(|(key, _)| key))?;
        }
        self.look_up(order)
    }
}
