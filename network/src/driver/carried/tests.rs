//! Tests of what is remembered of gossip.

use super::*;

#[test]
fn the_last_messages_are_remembered_and_no_more() {
    let id = |number: usize| MessageId::from(number.to_le_bytes().to_vec());
    let mut carried = Carried::default();
    for number in 0..=MAX_MESSAGES {
        carried.insert(id(number));
        carried.insert(id(number));
    }
    assert!(!carried.contains(&id(0)));
    assert!(carried.contains(&id(1)) && carried.contains(&id(MAX_MESSAGES)));
    assert_eq!((carried.known.len(), carried.order.len()), (MAX_MESSAGES, MAX_MESSAGES));
}
