//! Jobs are checked when they are made, and shares do not overlap.

use super::testing::{easy, endless, template};
use super::*;
use starling_primitives::Bits;
use std::collections::BTreeSet;

#[test]
fn bits_without_a_target_are_refused() {
    let (work, content) = template(5, 8);
    let work = WorkHeader { bits: Bits::new(0), ..work };
    let error = Job::new(work, b"test", content, PowKind::Sha256d).unwrap_err();
    assert_eq!(error, JobError::Target(TargetError::Zero(Bits::new(0))));
}

#[test]
fn a_version_that_is_not_allowed_is_refused() {
    let (work, content) = template(5, 8);
    let work = WorkHeader { version: 4, ..work };
    let error = Job::new(work, b"test", content, PowKind::Sha256d).unwrap_err();
    assert_eq!(error, JobError::Format(DecodeError::BadHeaderVersion(4)));
}

#[test]
fn a_prefix_may_be_empty_and_must_leave_room_for_the_counter() {
    // Height 5 is pushed by one byte, so 99 bytes of extra fit, 8 of them the counter's.
    let (work, content) = template(5, 8);
    let new = |length| Job::new(work, &vec![0; length], content, PowKind::Sha256d);
    assert!(new(0).is_ok() && new(91).is_ok());
    assert_eq!(new(92).unwrap_err(), JobError::Format(DecodeError::ExtraTooLong(100)));
}

#[test]
fn each_counter_is_a_coinbase_of_its_own() {
    let job = easy(5, PowKind::Sha256d);
    let roots: BTreeSet<[u8; 32]> = (0..50).map(|counter| job.candidate(counter).work.root).collect();
    assert_eq!(roots.len(), 50);
}

#[test]
fn work_that_does_not_hold_is_not_handed_out() {
    let job = endless(5);
    let candidate = job.candidate(0);
    assert_eq!(job.finish(candidate.work, &candidate), None);

    let job = Job { target: Target::MAX, ..job };
    assert!(job.finish(candidate.work, &candidate).is_some());
    let other_root = WorkHeader { root: [9; 32], ..candidate.work };
    assert_eq!(job.finish(other_root, &candidate), None);
    let bad_version = WorkHeader { version: 1, ..candidate.work };
    assert_eq!(job.finish(bad_version, &candidate), None);
}

#[test]
fn shares_are_disjoint_and_leave_nothing_out() {
    let count = NonZeroU16::new(3).unwrap();
    let mut all: Vec<u64> = Part::split(count).flat_map(|part| part.counters().take(10)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..30).collect::<Vec<u64>>());
    assert_eq!(Part::split(NonZeroU16::MIN).collect::<Vec<_>>(), [Part::WHOLE]);
}
