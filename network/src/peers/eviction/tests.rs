//! Tests of who has to make room.

use super::*;
use crate::testing::{arrival, peer, status};
use libp2p::Multiaddr;

const SECOND: Duration = Duration::from_secs(1);

fn address(network: u8, n: u8) -> Multiaddr {
    format!("/ip4/{network}.1.0.{n}/tcp/1").parse().unwrap()
}

fn come(peers: &mut Peers, n: u8, network: u8, now: Duration) {
    assert!(peers.connect(peer(n), arrival(address(network, n), false, Slot::Inbound), now));
}

/// Lets them go that must; who went.
fn crowd_out(peers: &mut Peers, now: Duration) -> Vec<PeerId> {
    let mut gone = Vec::new();
    while let Some(id) = peers.crowded_out(7, None, now) {
        peers.disconnect(&id, now);
        gone.push(id);
    }
    gone
}

#[test]
fn a_crowd_from_one_network_does_not_push_others_out() {
    let mut peers = Peers::default();
    // Twenty honest peers of many networks, then a crowd that is younger.
    for n in 1..=20 {
        come(&mut peers, n, 20 + n, SECOND * u32::from(n));
    }
    let later = SECOND * 1_000;
    for n in 100..=127 {
        come(&mut peers, n, 9, later);
        let gone = peers.crowded_out(7, Some(peer(n)), later);
        assert!(gone.is_none(), "there is room for all: {gone:?}");
    }
    let gone = crowd_out(&mut peers, later + SECOND * 60);
    assert_eq!(gone.len(), 8);
    assert!((1..=20).all(|n| peers.contains(&peer(n))), "honest peers stay: {gone:?}");
}

#[test]
fn whoever_comes_last_is_refused_when_all_others_are_spared() {
    let mut peers = Peers::default();
    for n in 1..=48 {
        come(&mut peers, n, n, SECOND);
        peers.set_status(&peer(n), status(0, 1), &status(1_000, 9), SECOND);
        // As newcomers they are not there to be pushed out.
        peers.set_slot(&peer(n), Slot::Newcomer);
    }
    come(&mut peers, 99, 99, SECOND * 2);
    assert_eq!(peers.crowded_out(7, Some(peer(99)), SECOND * 2), Some(peer(99)));
}

#[test]
fn the_useful_and_the_near_stay() {
    let mut peers = Peers::default();
    for n in 1..=41 {
        // All of one network and one age: nothing else tells them apart.
        come(&mut peers, n, 5, SECOND);
    }
    peers.told_block(&peer(40), SECOND * 2);
    peers.told_tx(&peer(41), SECOND * 2);
    peers.set_latency(&peer(39), Duration::from_millis(1));
    for round in 0..25 {
        let now = SECOND * (60 + round);
        come(&mut peers, 100 + u8::try_from(round).unwrap(), 6, now);
        crowd_out(&mut peers, now + SECOND * 20);
    }
    assert!([39, 40, 41].iter().all(|n| peers.contains(&peer(*n))));
    assert_eq!(peers.count(Slot::Inbound), INBOUND);
}

#[test]
fn those_far_behind_have_places_of_their_own() {
    let mut peers = Peers::default();
    let ours = status(1_000, 9);
    for n in 1..=10 {
        come(&mut peers, n, n, SECOND);
        peers.set_status(&peer(n), status(100, 1), &ours, SECOND);
        peers.place_guest(&peer(n), ours.height);
    }
    assert_eq!(peers.count(Slot::Newcomer), NEWCOMERS);
    peers.set_status(&peer(1), status(999, 9), &ours, SECOND);
    peers.place_guest(&peer(1), ours.height);
    assert_eq!(peers.count(Slot::Newcomer), NEWCOMERS - 1, "it has caught up");
}
