//! What is mined: a block that lacks only its work.

use starling_primitives::{
    Coinbase, Content, DecodeError, Extra, Header, PowKind, Target, TargetError, WorkHeader,
};
use std::num::NonZeroU16;
use thiserror::Error;

/// Bytes that the search appends to a template's extra: a counter, little-endian.
pub const COUNTER_BYTES: usize = 8;

/// A template, the hash it is mined with, and the target it must meet.
#[derive(Clone, Debug)]
pub struct Job {
    work: WorkHeader,
    prefix: Vec<u8>,
    content: Content,
    pow: PowKind,
    target: Target,
}

/// Why a template cannot be mined.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JobError {
    /// Its bits name no target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A version that is not allowed, or a prefix that leaves no room for the counter behind it.
    #[error("the template with {COUNTER_BYTES} more bytes of extra makes no header: {0}")]
    Format(#[from] DecodeError),
}

/// One of several disjoint shares of a job: every `count`th counter from `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    index: u16,
    count: NonZeroU16,
}

/// One coinbase of a job, with the work header that commits to it.
pub(crate) struct Candidate {
    extra: Vec<u8>,
    /// Nonce and rolled version bits are still those of the template.
    pub(crate) work: WorkHeader,
}

impl Job {
    /// A job from the parts of a template, whose `root` and `nonce` do not matter. `prefix` begins every
    /// extra that is tried: two miners who are paid at one address need different ones, or they try the same
    /// headers.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn new(work: WorkHeader, prefix: &[u8], content: Content, pow: PowKind) -> Result<Self, JobError> {
        let target = work.bits.target()?;
        // Every header of the search has this form.
        Header::new(work, &[prefix, &[0; COUNTER_BYTES]].concat(), content)?;
        Ok(Self { work, prefix: prefix.to_vec(), content, pow, target })
    }

    /// Blocks since genesis of the block that is mined.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.content.height
    }

    /// The hash that must meet the target.
    #[must_use]
    pub fn pow(&self) -> PowKind {
        self.pow
    }

    /// What the hash must not exceed.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// The coinbase with this counter in its extra.
    pub(crate) fn candidate(&self, counter: u64) -> Candidate {
        let extra = [self.prefix.as_slice(), &counter.to_le_bytes()].concat();
        let measured = Extra::new(&extra, self.content.height).expect("`Job::new` measured an extra as long");
        let root = Coinbase::new(&self.content, &measured).root();
        Candidate { extra, work: WorkHeader { root, ..self.work } }
    }

    /// The header with this work, if the plain path agrees that it is a block: right version bits, committed
    /// to by its root, and under the target.
    pub(crate) fn finish(&self, work: WorkHeader, candidate: &Candidate) -> Option<Header> {
        let header = Header::new(work, &candidate.extra, self.content).ok()?;
        let committed = header.coinbase().root() == work.root;
        let worked = self.target.is_met_by(&work.pow_hash(self.pow));
        (committed && worked).then_some(header)
    }
}

impl Part {
    /// All of a job.
    pub const WHOLE: Self = Self { index: 0, count: NonZeroU16::MIN };

    /// The shares of `count` searchers.
    pub fn split(count: NonZeroU16) -> impl Iterator<Item = Self> {
        (0..count.get()).map(move |index| Self { index, count })
    }

    /// The counters of this share, ascending.
    pub(crate) fn counters(self) -> impl Iterator<Item = u64> {
        let step = u64::from(self.count.get());
        std::iter::successors(Some(u64::from(self.index)), move |counter| counter.checked_add(step))
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod testing;
