//! Tests of the pace.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_pace_is_that_of_the_last_half_minute_of_one_stage() {
    let mut pace = Pace::default();
    let rate = |pace: &Pace, height, at| pace.rate(SyncState::Bodies, height, SECOND * at);
    assert_eq!(rate(&pace, 5, 0), 0.0);
    for n in 0..=10 {
        pace.note(SyncState::Bodies, 100 * n, SECOND * n);
        pace.note(SyncState::Bodies, 100 * n + 1, SECOND * n + SECOND / 10);
    }
    assert_eq!(rate(&pace, 1_000, 10), 100.0);
    // It stands still: the pace falls, and is gone after half a minute.
    for n in 11..=25 {
        pace.note(SyncState::Bodies, 1_000, SECOND * n);
    }
    assert_eq!(rate(&pace, 1_000, 25), 40.0);
    for n in 26..=60 {
        pace.note(SyncState::Bodies, 1_000, SECOND * n);
    }
    assert_eq!(rate(&pace, 1_000, 60), 0.0);
    pace.note(SyncState::Headers, 7, SECOND * 61);
    assert_eq!(rate(&pace, 1_000, 70), 0.0, "another stage has another pace");
}

#[test]
fn a_height_that_falls_begins_anew() {
    let mut pace = Pace::default();
    pace.note(SyncState::Headers, 9_000, SECOND);
    pace.note(SyncState::Headers, 0, SECOND * 2);
    assert_eq!(pace.rate(SyncState::Headers, 4_000, SECOND * 4), 2_000.0, "the second pass");
}
