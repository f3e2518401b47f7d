//! What is counted where.

use super::*;

#[test]
fn verdicts_are_counted_by_their_time_and_apart_while_blocks_are_connected() {
    let traffic = Traffic::new(None);
    let began = Instant::now();
    traffic.judged(began);
    traffic.connected_since(began);
    traffic.judged(began);
    let ended = Instant::now();
    while Instant::now() == ended {}
    traffic.judged(Instant::now());
    let sum = |while_connecting| traffic.verdicts(while_connecting).iter().sum::<u64>();
    assert_eq!((sum(false), sum(true)), (2, 1));
    let long_ago = began.checked_sub(Duration::from_secs(2)).expect("the machine runs for two seconds");
    traffic.judged(long_ago);
    assert_eq!(traffic.verdicts(false).last(), Some(&1), "longer than all");
    traffic.connected_since(long_ago);
    traffic.judged(long_ago);
    assert_eq!(traffic.verdicts(true).last(), Some(&1));
    for _ in 0..2 * REMEMBERED {
        traffic.connected_since(Instant::now());
    }
    assert_eq!(traffic.connecting().len(), REMEMBERED);
}
