//! Dials are repeated with growing pauses until there is a connection, and again when it is gone.

use super::*;

fn id(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

fn one(address: &str) -> (Bootstrap, Multiaddr, Instant) {
    let now = Instant::now();
    let address: Multiaddr = address.parse().unwrap();
    (Bootstrap::new(std::slice::from_ref(&address), now), address, now)
}

/// Dials fail at once; the times at which they happen in the first `seconds`.
fn failing_dials(bootstrap: &mut Bootstrap, address: &Multiaddr, start: Instant, seconds: u64) -> Vec<u64> {
    let mut times = Vec::new();
    for second in 0..seconds {
        for _ in bootstrap.due(start + Duration::from_secs(second)) {
            bootstrap.dialling(address, id(1));
            bootstrap.failed(id(1), false);
            times.push(second);
        }
    }
    times
}

#[test]
fn pauses_double_up_to_the_longest() {
    let (mut bootstrap, address, now) = one("/ip4/127.0.0.1/tcp/1");
    let times = failing_dials(&mut bootstrap, &address, now, 250);
    assert_eq!(times[..9], [0, 1, 3, 7, 15, 30, 45, 60, 75]);
}

#[test]
fn nothing_is_dialled_while_dialling_or_connected() {
    let (mut bootstrap, address, now) = one("/ip4/127.0.0.1/tcp/1");
    let later = now + Duration::from_secs(1_000);
    assert_eq!(bootstrap.due(now), std::slice::from_ref(&address));
    bootstrap.dialling(&address, id(1));
    assert!(bootstrap.due(later).is_empty());
    let peer = PeerId::random();
    bootstrap.connected(id(1), peer, now);
    assert!(bootstrap.due(later).is_empty());
    bootstrap.disconnected(peer, later);
    assert!(bootstrap.due(later).is_empty());
    assert_eq!(
        bootstrap.due(later + FIRST_PAUSE),
        std::slice::from_ref(&address),
        "it lasted: the pause is short"
    );
}

#[test]
fn connections_that_do_not_last_do_not_shorten_the_pause() {
    let (mut bootstrap, address, now) = one("/ip4/127.0.0.1/tcp/1");
    let peer = PeerId::random();
    let mut times = Vec::new();
    for second in 0..40 {
        let now = now + Duration::from_secs(second);
        for _ in bootstrap.due(now) {
            bootstrap.dialling(&address, id(1));
            bootstrap.connected(id(1), peer, now);
            bootstrap.disconnected(peer, now);
            times.push(second);
        }
    }
    assert_eq!(times, [0, 2, 6, 14, 29]);
}

#[test]
fn a_peer_that_came_by_itself_is_not_dialled() {
    let peer = PeerId::random();
    let (mut bootstrap, _, now) = one(&format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}"));
    bootstrap.connected(id(9), peer, now);
    assert!(bootstrap.due(now + LONGEST_PAUSE).is_empty());
}

#[test]
fn our_own_address_is_given_up() {
    let (mut bootstrap, address, now) = one("/ip4/127.0.0.1/tcp/1");
    bootstrap.due(now);
    bootstrap.dialling(&address, id(1));
    bootstrap.failed(id(1), true);
    assert!(bootstrap.due(now + LONGEST_PAUSE).is_empty());
}

#[test]
fn two_addresses_of_one_peer_are_tried_in_turn() {
    let now = Instant::now();
    let peer = PeerId::random();
    let address = |port| format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}").parse::<Multiaddr>().unwrap();
    let (dead, alive) = (address(1), address(2));
    let mut bootstrap = Bootstrap::new(&[dead.clone(), alive.clone()], now);
    assert_eq!(bootstrap.due(now), std::slice::from_ref(&dead), "one at a time");
    bootstrap.dialling(&dead, id(1));
    assert!(bootstrap.due(now).is_empty(), "the other waits while the first is under way");
    bootstrap.failed(id(1), false);
    assert_eq!(bootstrap.due(now), [alive], "and is due at once when it failed");
}
