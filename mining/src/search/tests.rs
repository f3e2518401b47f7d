//! The search finds what the plain path accepts, rolls what may be rolled, and stops.

use super::*;
use crate::job::testing::{assert_is_block, easy, endless, job};
use starling_primitives::PowKind;
use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(120);

fn whole(job: &Job) -> Option<Header> {
    search(job, Part::WHOLE, &AtomicBool::new(false), &AtomicU64::new(0))
}

#[test]
fn a_block_is_found_for_both_kinds_of_work() {
    for pow in [PowKind::Sha256d, PowKind::Sha256dTagged] {
        for height in [1, 17, 70_000] {
            let job = easy(height, pow);
            assert_is_block(&whole(&job).unwrap(), &job);
        }
    }
}

#[test]
fn the_easiest_target_is_met_at_once() {
    let job = job(1, 1, PowKind::Sha256dTagged);
    assert_is_block(&whole(&job).unwrap(), &job);
}

#[test]
fn shares_find_different_blocks() {
    let job = easy(9, PowKind::Sha256d);
    let (stop, hashes) = (AtomicBool::new(false), AtomicU64::new(0));
    let find = |part| search(&job, part, &stop, &hashes).unwrap();
    let found: Vec<Header> = Part::split(NonZeroU16::new(4).unwrap()).map(find).collect();
    let extras: BTreeSet<&[u8]> = found.iter().map(|header| header.extra().as_bytes()).collect();
    assert_eq!(extras.len(), 4);
    found.iter().for_each(|header| assert_is_block(header, &job));
}

#[test]
fn a_set_stop_flag_ends_the_search_before_it_begins() {
    let hashes = AtomicU64::new(0);
    let found = search(&easy(1, PowKind::Sha256d), Part::WHOLE, &AtomicBool::new(true), &hashes);
    assert_eq!((found, hashes.into_inner()), (None, 0));
}

#[test]
fn a_running_search_sees_the_stop_flag() {
    let (job, stop, hashes) = (endless(1), AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let searching = scope.spawn(|| search(&job, Part::WHOLE, &stop, &hashes));
        let start = Instant::now();
        while hashes.load(Ordering::Relaxed) == 0 && start.elapsed() < DEADLINE {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(searching.join().unwrap(), None);
    });
    assert!(hashes.into_inner() > 0);
}

#[test]
fn between_two_looks_at_the_flag_there_are_4096_hashes() {
    let mut counts = Vec::new();
    let space = Space { last_nonce: u32::MAX, rolls: 1 };
    let found = search_space(&endless(1), Part::WHOLE, &space, &mut |count| {
        counts.push(count);
        counts.len() == 4
    });
    assert_eq!((found, counts), (None, vec![0, 4_096, 4_096, 4_096]));
}

#[test]
fn a_small_space_rolls_the_version_and_then_the_counter() {
    // Four nonces and two versions for each counter: about 256 hashes lie beyond the first of either.
    for pow in [PowKind::Sha256d, PowKind::Sha256dTagged] {
        let job = job(3, 10, pow);
        let space = Space { last_nonce: 3, rolls: 2 };
        let mut hashes = 0;
        let found = search_space(&job, Part::WHOLE, &space, &mut |count| {
            hashes += count;
            false
        });
        let header = found.unwrap();
        assert_is_block(&header, &job);
        assert!(header.work().nonce <= 3);
        let rolled = header.work().version ^ WorkHeader::BASE_VERSION;
        assert!(rolled == 0 || rolled == 1 << 5, "{rolled:x}");
        let counter: [u8; 8] = header.extra().as_bytes()[4..].try_into().unwrap();
        assert_eq!(u64::from_le_bytes(counter), u64::from((hashes - 1) / 8));
    }
}

#[test]
fn the_widest_roll_keeps_the_version_legal() {
    let rolled = WorkHeader::BASE_VERSION ^ ((VERSION_ROLLS - 1) << VERSION_SHIFT);
    assert_eq!(rolled, 0x3fff_ffe0 & !0x2000_0000 | 0x2000_0000);
    assert_eq!(rolled & 0xe000_001f, 0x2000_0000);
}
