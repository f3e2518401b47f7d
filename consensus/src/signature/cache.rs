//! Which transactions' signatures were found right, so that a block need not ask again.

use starling_primitives::Wtxid;

use super::generations::Generations;

/// Wtxids of transactions all of whose signatures were found right, of which the pool and the checking of
/// blocks share one. A `wtxid` commits to keys, signatures and content (formats: Transaction), so a
/// transaction that was changed anywhere is another one here.
///
/// Bounded, and shared by all threads: what is in it leaves as newer ones come, in the order of generations.
/// Whether a transaction is on the right chain, has not expired and is paid for is asked all the same.
#[derive(Debug)]
pub struct SignatureCache(Generations<Wtxid, ()>);

impl SignatureCache {
    /// Keeps wtxids in at most `max_bytes`, between 38 and 80 bytes each; below about 21,000 bytes none.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self(Generations::new(max_bytes))
    }

    /// Whether this transaction's signatures are known to be right.
    #[must_use]
    pub fn contains(&self, wtxid: &Wtxid) -> bool {
        self.0.contains(wtxid)
    }

    /// Takes in a transaction whose signatures were all found right.
    pub fn insert(&self, wtxid: Wtxid) {
        self.0.insert(wtxid, ());
    }

    /// Takes in many such transactions.
    pub fn insert_many(&self, wtxids: impl IntoIterator<Item = Wtxid>) {
        wtxids.into_iter().for_each(|wtxid| self.insert(wtxid));
    }

    /// Wtxids at this moment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wtxids at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Bytes taken at this moment.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

#[cfg(test)]
mod tests;
