//! One thread's work: nonces, then version bits, then the counter in extra.

use crate::job::{Candidate, Job, Part};
use crate::midstate::Midstate;
use starling_primitives::{Header, WorkHeader};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Hashes between two looks at the stop flag: under a millisecond.
const STRIDE: u32 = 4_096;
/// The lowest version bit that miners may roll (formats: Work header).
const VERSION_SHIFT: u32 = 5;
/// Values of version bits 5 to 28.
const VERSION_ROLLS: u32 = 1 << 24;

/// How far nonce and version are rolled before the counter: all the way, but in tests.
struct Space {
    last_nonce: u32,
    rolls: u32,
}

/// Searches a share of a job until a block is found or `stop` is set, which is seen within 4,096 hashes.
/// `hashes` is counted up on the way. `None` means stopped: the space does not end, for each counter alone
/// has 2^56 headers. The time stays the template's.
#[must_use]
pub fn search(job: &Job, part: Part, stop: &AtomicBool, hashes: &AtomicU64) -> Option<Header> {
    search_space(job, part, &Space { last_nonce: u32::MAX, rolls: VERSION_ROLLS }, &mut |count| {
        hashes.fetch_add(u64::from(count), Ordering::Relaxed);
        stop.load(Ordering::Relaxed)
    })
}

/// `pause` is told how many hashes were made since the last time, and says whether to stop.
fn search_space(job: &Job, part: Part, space: &Space, pause: &mut dyn FnMut(u32) -> bool) -> Option<Header> {
    if pause(0) {
        return None;
    }
    for counter in part.counters() {
        let candidate = job.candidate(counter);
        for roll in 0..space.rolls {
            let version = candidate.work.version ^ (roll << VERSION_SHIFT);
            let mut scan = Scan::new(job, &candidate, version);
            for first in (0..=space.last_nonce).step_by(STRIDE as usize) {
                let last = space.last_nonce.min(first + (STRIDE - 1));
                let found = scan.find(first..=last);
                if pause(last - first + 1) || found.is_some() {
                    return found;
                }
            }
        }
    }
    None
}

/// The nonces of one version and coinbase.
struct Scan<'a> {
    job: &'a Job,
    candidate: &'a Candidate,
    work: WorkHeader,
    midstate: Midstate,
}

impl<'a> Scan<'a> {
    fn new(job: &'a Job, candidate: &'a Candidate, version: u32) -> Self {
        let work = WorkHeader { version, ..candidate.work };
        Self { job, candidate, work, midstate: Midstate::new(&work, job.pow()) }
    }

    fn find(&mut self, mut nonces: RangeInclusive<u32>) -> Option<Header> {
        let target = self.job.target();
        nonces.find_map(|nonce| {
            let met = target.is_met_by(&self.midstate.pow_hash(nonce));
            met.then(|| self.job.finish(WorkHeader { nonce, ..self.work }, self.candidate)).flatten()
        })
    }
}

#[cfg(test)]
mod tests;
