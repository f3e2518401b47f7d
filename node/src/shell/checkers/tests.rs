//! The order of checks, and how many threads one has.

use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Holds up a thread of the checkers until it is dropped; returns when the thread has begun.
fn hold(checkers: &Checkers) -> Sender<()> {
    let ((release, held), (begin, begun)) = (channel::<()>(), channel());
    checkers.check(0, move || {
        begin.send(()).expect("the test waits");
        let _released = held.recv();
    });
    begun.recv().expect("it begins");
    release
}

/// Asks for bodies of these heights; gives each with the threads that it could use, as they are done.
fn ask(checkers: &Checkers, heights: &[u32]) -> Receiver<(u32, usize)> {
    let (tell, found) = channel();
    for height in heights.iter().copied() {
        let tell = tell.clone();
        let found = move || (height, rayon::current_num_threads());
        checkers.check(height, move || tell.send(found()).expect("the test waits"));
    }
    found
}

#[test]
fn the_lowest_is_checked_first_whenever_it_came() {
    let checkers = Checkers::with_threads(1).unwrap();
    let held = hold(&checkers);
    let found = ask(&checkers, &[7, 5, 9, 5, 6]);
    drop(held);
    let order: Vec<u32> = found.iter().map(|(height, _)| height).collect();
    assert_eq!(order, [5, 5, 6, 7, 9]);
}

#[test]
fn many_bodies_are_checked_by_a_thread_each_and_few_by_all() {
    let checkers = Checkers::with_threads(3).unwrap();
    assert_eq!(ask(&checkers, &[1]).recv().unwrap(), (1, 3), "all have nothing else to do");
    while checkers.0.lock().busy > 0 {
        std::thread::yield_now();
    }
    let held = hold(&checkers);
    assert_eq!(ask(&checkers, &[2]).recv().unwrap(), (2, 1), "all are at work on another one");
    let other = hold(&checkers);
    let found = ask(&checkers, &[3, 4, 5, 6]);
    assert_eq!(found.iter().collect::<Vec<_>>(), [(3, 1), (4, 1), (5, 1), (6, 1)]);
    drop((held, other));
}

#[test]
fn threads_end_with_whoever_asks() {
    let checkers = Checkers::with_threads(2).unwrap();
    let queue = Arc::downgrade(&checkers.0);
    let (held, other) = (hold(&checkers), hold(&checkers));
    let found = ask(&checkers, &[1]);
    drop(checkers);
    drop((held, other));
    assert!(found.recv().is_err(), "what waits is let go");
    while queue.upgrade().is_some() {
        std::thread::yield_now();
    }
}
