//! Which signatures were found right: a bounded set, the oldest forgotten first.

use starling_primitives::Wtxid;
use std::collections::{HashSet, VecDeque};

/// Bytes of memory that one takes in set and queue.
pub(super) const VERIFIED_BYTES: usize = 128;

/// Transactions outside the pool whose signatures are known to be right.
#[derive(Debug)]
pub(super) struct Verified {
    set: HashSet<Wtxid>,
    by_age: VecDeque<Wtxid>,
    max: usize,
}

impl Verified {
    pub(super) fn new(max: usize) -> Self {
        Self { set: HashSet::new(), by_age: VecDeque::new(), max }
    }

    pub(super) fn contains(&self, wtxid: &Wtxid) -> bool {
        self.set.contains(wtxid)
    }

    pub(super) fn insert(&mut self, wtxid: Wtxid) {
        if self.set.insert(wtxid) {
            self.by_age.push_back(wtxid);
        }
        while self.by_age.len() > self.max {
            if let Some(oldest) = self.by_age.pop_front() {
                self.set.remove(&oldest);
            }
        }
    }

    /// Set and queue agree and are within bounds.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.set.len(), self.by_age.len());
        assert!(self.set.len() <= self.max);
    }
}

#[cfg(test)]
mod tests;
