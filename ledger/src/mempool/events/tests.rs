//! Tests.

use super::*;

fn id(index: u8) -> TxId {
    TxId::new([index; 32])
}

fn all_kinds() -> Vec<EventKind> {
    let (height, block) = (7, BlockId::new([1; 32]));
    vec![
        EventKind::Received(Source::Peer(3)),
        EventKind::Accepted { executable: true },
        EventKind::Promoted,
        EventKind::Announced { peers: 2 },
        EventKind::ReplacedBy(id(9)),
        EventKind::Evicted { floor: 5 },
        EventKind::Mined { height, block },
        EventKind::Disconnected { height, block },
        EventKind::Dropped(DropReason::Conflict(id(9))),
    ]
}

#[test]
fn every_event_has_its_own_name_and_a_text() {
    let kinds = all_kinds();
    let mut codes: Vec<_> = kinds.iter().map(EventKind::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), kinds.len());
    assert!(kinds.iter().all(|kind| !kind.to_string().is_empty()));
    let dropped = EventKind::Dropped(DropReason::Expired { valid_until: 9 });
    assert_eq!(dropped.to_string(), "dropped: it was valid until height 9");
}

#[test]
fn the_oldest_trail_is_forgotten_first() {
    let mut events = Events::new(2);
    for index in [1, 2, 1, 3] {
        events.record(id(index), 5, EventKind::Promoted);
        events.check();
    }
    assert_eq!([1, 2, 3].map(|index| events.trail(&id(index)).len()), [0, 1, 1]);
    events.record_known(id(1), 6, EventKind::Promoted);
    assert!(events.trail(&id(1)).is_empty(), "nothing begins a trail but `record`");
}

#[test]
fn a_trail_keeps_its_first_and_its_latest_events() {
    let mut events = Events::new(2);
    let long = u32::try_from(MAX_TRAIL_EVENTS).unwrap() + 5;
    for height in 0..long {
        events.record(id(1), height.into(), EventKind::Mined { height, block: BlockId::ZERO });
    }
    let times: Vec<u64> = events.trail(&id(1)).iter().map(|event| event.time).collect();
    assert_eq!((times.len(), times[0], times[1]), (MAX_TRAIL_EVENTS, 0, 6));
    assert_eq!(times.last(), Some(&u64::from(long - 1)));
}

#[test]
fn announcements_add_up() {
    let mut events = Events::new(2);
    events.record(id(1), 5, EventKind::Received(Source::Local));
    events.record(id(1), 6, EventKind::Announced { peers: 2 });
    events.record(id(1), 7, EventKind::Announced { peers: 3 });
    let expected = Event { time: 6, what: EventKind::Announced { peers: 5 } };
    assert_eq!(events.trail(&id(1))[1..], [expected]);
    let fresh = events.take_fresh();
    assert_eq!(fresh.events.len(), 3);
    assert_eq!(fresh.events[2].1, Event { time: 7, what: EventKind::Announced { peers: 5 } });
    assert_eq!(events.take_fresh(), Fresh::default());
}

#[test]
fn events_that_nobody_takes_are_counted() {
    let mut events = Events::new(2);
    let more = 3;
    for _ in 0..MAX_FRESH_EVENTS + more {
        events.record(id(1), 5, EventKind::Promoted);
    }
    let fresh = events.take_fresh();
    assert_eq!((fresh.events.len(), fresh.missed), (MAX_FRESH_EVENTS, 3));
}

#[test]
fn the_end_of_the_trail_is_the_status() {
    let mut events = Events::new(2);
    assert_eq!(events.last_status(&id(1)), TxStatus::Unknown);
    let (height, block) = (7, BlockId::new([1; 32]));
    events.record(id(1), 5, EventKind::Mined { height, block });
    events.record(id(1), 6, EventKind::Announced { peers: 1 });
    assert_eq!(events.last_status(&id(1)), TxStatus::Mined { height, block });
    events.record(id(1), 7, EventKind::Disconnected { height, block });
    assert_eq!(events.last_status(&id(1)), TxStatus::Dropped);
}
