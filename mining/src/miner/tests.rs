//! The threads follow the latest job, find blocks, rest and end.

use super::*;
use crate::job::testing::{assert_is_block, easy, endless};
use starling_primitives::PowKind;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(120);

fn start(threads: u16) -> (Miner, Receiver<Header>) {
    Miner::start(NonZeroU16::new(threads).unwrap()).unwrap()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// Whether the only holders of an order are the test and, as long as it is the latest, the desk: no thread.
fn at_rest(order: &Order, holders: usize) -> bool {
    order.done.load(Ordering::Relaxed) && Arc::strong_count(&order.done) == holders
}

#[test]
fn each_job_is_answered_with_its_block() {
    let (miner, found) = start(2);
    assert_eq!(miner.threads(), 2);
    for (height, pow) in [(1, PowKind::Sha256d), (2, PowKind::Sha256dTagged), (3, PowKind::Sha256d)] {
        let job = easy(height, pow);
        miner.set_job(Some(job.clone()));
        // A second find of the job before may still come in front.
        let header = std::iter::repeat_with(|| found.recv_timeout(DEADLINE).unwrap())
            .find(|header| header.height() == height)
            .unwrap();
        assert_is_block(&header, &job);
    }
    assert!(miner.hashes() > 0);
}

#[test]
fn a_new_job_replaces_one_that_would_not_end() {
    let (miner, found) = start(2);
    miner.set_job(Some(endless(1)));
    wait_until("hashes on the first job", || miner.hashes() > 0);
    miner.set_job(Some(easy(2, PowKind::Sha256d)));
    assert_eq!(found.recv_timeout(DEADLINE).unwrap().height(), 2);
}

#[test]
fn after_a_find_and_without_a_job_the_threads_rest() {
    let (miner, found) = start(2);
    miner.set_job(Some(easy(1, PowKind::Sha256d)));
    found.recv_timeout(DEADLINE).unwrap();
    let order = miner.shared.desk().order.clone().unwrap();
    wait_until("rest after a find", || at_rest(&order, 2));

    let hashes = miner.hashes();
    assert!(hashes > 0);
    miner.set_job(Some(endless(2)));
    wait_until("hashes on the next job", || miner.hashes() > hashes);
    let order = miner.shared.desk().order.clone().unwrap();
    miner.set_job(None);
    wait_until("rest without a job", || at_rest(&order, 1));
}

#[test]
fn a_drop_joins_threads_at_work_and_at_rest() {
    for job in [None, Some(endless(1))] {
        let (miner, found) = start(3);
        let works = job.is_some();
        miner.set_job(job);
        wait_until("hashes", || !works || miner.hashes() > 0);
        let shared = Arc::downgrade(&miner.shared);
        drop(miner);
        assert_eq!(shared.strong_count(), 0);
        // Each thread held a sender.
        assert_eq!(found.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
    }
}

#[test]
fn a_full_queue_or_a_lost_receiver_stops_no_thread() {
    let (miner, found) = start(1);
    let give = |height| {
        miner.set_job(Some(easy(height, PowKind::Sha256d)));
        let order = miner.shared.desk().order.clone().unwrap();
        wait_until("the job is done", || at_rest(&order, 2));
    };
    let many = u32::try_from(FOUND_QUEUE).unwrap() + 3;
    (1..=many).for_each(give);
    assert_eq!(found.try_iter().count(), FOUND_QUEUE);
    drop(found);
    give(many + 1);
}

#[cfg(target_os = "linux")]
#[test]
fn the_threads_that_mine_give_way_to_all_others() {
    let own = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().to_owned()
    };
    let before = own();
    let (miner, _found) = start(2);
    miner.set_job(Some(endless(1)));
    wait_until("hashes", || miner.hashes() > 0);
    let nice = || -> Vec<i32> {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        // A thread of another test may have ended meanwhile.
        let stats =
            threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        // proc_pid_stat(5): the name stands in parentheses, the nice value 17 fields behind it.
        let fields = stats.filter(|stat| stat.contains("(miner-"));
        let after_name = |stat: String| stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        fields.filter_map(after_name).map(|rest| rest.split(' ').nth(16).unwrap().parse().unwrap()).collect()
    };
    // Those that begin have not come to it yet.
    wait_until("low priority", || nice().len() >= 2 && nice().iter().all(|nice| *nice == NICE));
    assert_eq!(own(), before, "nobody else becomes less important");
}
