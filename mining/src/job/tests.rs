//! Jobs are checked when they are made, and shares do not overlap.

use super::samples::{easy, template};
use super::*;
use starling_primitives::Bits;
use std::collections::BTreeSet;

#[test]
fn bits_without_a_target_are_refused() {
    let header = template(5, b"test", 8);
    let work = WorkHeader { bits: Bits::new(0), ..*header.work() };
    let header = Header::new(work, b"test", *header.content()).unwrap();
    let error = Job::new(&header, PowKind::Sha256d).unwrap_err();
    assert_eq!(error, JobError::Target(TargetError::Zero(Bits::new(0))));
}

#[test]
fn an_extra_must_leave_room_for_the_counter() {
    // Height 5 is pushed by one byte, so 99 bytes of extra fit, 8 of them the counter's.
    assert!(Job::new(&template(5, &[0; 91], 8), PowKind::Sha256d).is_ok());
    let error = Job::new(&template(5, &[0; 92], 8), PowKind::Sha256d).unwrap_err();
    assert_eq!(error, JobError::Extra(DecodeError::ExtraTooLong(100)));
}

#[test]
fn each_counter_is_a_coinbase_of_its_own() {
    let job = easy(5, PowKind::Sha256d);
    let roots: BTreeSet<[u8; 32]> = (0..50).map(|counter| job.candidate(counter).work.root).collect();
    assert_eq!(roots.len(), 50);
}

#[test]
fn work_that_does_not_hold_is_not_handed_out() {
    let job = Job::new(&template(5, b"test", 255), PowKind::Sha256d).unwrap();
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
