//! Tests of scores, bans and dialling.

use super::*;
use crate::testing::peer;

const MINUTE: Duration = Duration::from_secs(60);

fn address(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

fn with(ids: &[PeerId]) -> Peers {
    let mut peers = Peers::default();
    for id in ids {
        assert!(peers.connect(*id, address(1), true, Duration::ZERO));
    }
    peers
}

#[test]
fn each_penalty_has_its_consequence() {
    let now = MINUTE;
    let sentences = |penalty, times: usize| {
        let mut peers = with(&[peer(1)]);
        (0..times).fold(Sentence::Nothing, |_, _| peers.penalise(&peer(1), penalty, "x", now))
    };
    assert_eq!(sentences(Penalty::None, 1_000), Sentence::Nothing);
    assert_eq!(sentences(Penalty::Rank, 1_000), Sentence::Nothing, "slow is never a ban");
    assert_eq!(sentences(Penalty::Medium, 3), Sentence::Nothing);
    assert_eq!(sentences(Penalty::Medium, 4), Sentence::Disconnect);
    assert_eq!(sentences(Penalty::Medium, 10), Sentence::Ban { over: None });
    assert_eq!(sentences(Penalty::Heavy, 1), Sentence::Disconnect);
    assert_eq!(sentences(Penalty::Heavy, 2), Sentence::Ban { over: None });
    assert_eq!(sentences(Penalty::Ban, 1), Sentence::Ban { over: None });
}

#[test]
fn the_ban_that_makes_room_for_another_is_named() {
    let some = |n: u32| {
        let hash = [&n.to_le_bytes()[..], &[7; 32]].concat();
        let hash = libp2p::multihash::Multihash::<64>::wrap(0, &hash).expect("36 bytes fit");
        PeerId::from_multihash(hash).expect("an identity hash of at most 42 bytes")
    };
    let mut peers = Peers::default();
    for (n, at) in (0..u32::try_from(MAX_BANS).unwrap()).zip(1..) {
        let sentence = peers.penalise(&some(n), Penalty::Ban, "x", Duration::from_secs(at));
        assert_eq!(sentence, Sentence::Ban { over: None });
    }
    let sentence = peers.penalise(&peer(1), Penalty::Ban, "x", MINUTE * 60);
    assert_eq!(sentence, Sentence::Ban { over: Some(some(0)) });
    assert!(peers.is_banned(&peer(1)) && !peers.is_banned(&some(0)));
}

#[test]
fn faults_fade_but_outlive_the_connection() {
    let mut peers = with(&[peer(1)]);
    peers.penalise(&peer(1), Penalty::Heavy, "a false body", Duration::ZERO);
    peers.disconnect(&peer(1), Duration::ZERO);
    assert!(peers.connect(peer(1), address(1), true, MINUTE * 10));
    let score = peers.snapshot(MINUTE * 10)[0].score;
    assert!((score + 15.0).abs() < 1e-9, "half is left after ten minutes, not {score}");
    assert_eq!(peers.penalise(&peer(1), Penalty::Heavy, "another", MINUTE * 10), Sentence::Disconnect);
}

#[test]
fn usefulness_does_not_buy_faults_off() {
    let mut peers = with(&[peer(1)]);
    peers.reward(&peer(1), 100.0, MINUTE);
    assert_eq!(peers.penalise(&peer(1), Penalty::Heavy, "x", MINUTE), Sentence::Disconnect);
    assert!(peers.snapshot(MINUTE)[0].score > 0.0);
}

#[test]
fn bans_end_and_can_be_taken_back() {
    let mut peers = with(&[peer(1), peer(2)]);
    peers.penalise(&peer(1), Penalty::Ban, "undecodable", MINUTE);
    peers.ban(peer(2), MINUTE, "by hand", MINUTE);
    peers.disconnect(&peer(1), MINUTE);
    peers.disconnect(&peer(2), MINUTE);
    assert!(!peers.connect(peer(1), address(1), false, MINUTE * 2));
    assert_eq!(peers.bans(MINUTE).len(), 2);
    assert_eq!(peers.bans(MINUTE).iter().find(|ban| ban.peer_id == peer(1)).unwrap().remaining, BAN);
    assert_eq!(peers.expire_bans(MINUTE * 2), [peer(2)]);
    assert!(peers.unban(&peer(1)) && !peers.unban(&peer(1)));
    assert!(peers.connect(peer(1), address(1), false, MINUTE * 3));
    assert_eq!(peers.snapshot(MINUTE * 3)[0].score, 0.0, "the faults are forgiven with the ban");
}

#[test]
fn everything_is_bounded() {
    let many = |count: u16| {
        (0..count).map(|n| {
            let mut digest = [0; 36];
            digest[..2].copy_from_slice(&n.to_le_bytes());
            PeerId::from_multihash(libp2p::multihash::Multihash::wrap(0, &digest).unwrap()).unwrap()
        })
    };
    let mut peers = Peers::default();
    let taken = many(100).filter(|id| peers.connect(*id, address(1), false, MINUTE)).count();
    assert_eq!(taken, MAX_PEERS);
    let id = *peers.iter().next().unwrap().0;
    for n in 0..50 {
        peers.penalise(&id, Penalty::Rank, &format!("{n}: {}", "long ".repeat(99)), MINUTE);
    }
    let snapshot = peers.snapshot(MINUTE);
    let info = snapshot.iter().find(|info| info.peer_id == id).unwrap();
    assert_eq!(info.reasons.len(), MAX_REASONS);
    assert!(info.reasons[7].starts_with("49: ") && info.reasons[7].chars().count() == MAX_REASON_CHARS);

    for id in many(1_100) {
        peers.ban(id, MINUTE, "x", MINUTE);
    }
    assert_eq!(peers.bans(MINUTE).len(), MAX_BANS);
    let mut peers = Peers::default();
    for id in many(1_100) {
        peers.connect(id, address(1), false, MINUTE);
        peers.penalise(&id, Penalty::Medium, "x", MINUTE);
        peers.disconnect(&id, MINUTE);
    }
    assert_eq!(peers.remembered.len(), MAX_REMEMBERED);
}

#[test]
fn the_useful_are_ranked_first() {
    let mut peers = with(&[peer(1), peer(2), peer(3)]);
    peers.reward(&peer(2), 3.0, MINUTE);
    peers.penalise(&peer(1), Penalty::Rank, "slow", MINUTE);
    assert_eq!(peers.ranked(MINUTE), [peer(2), peer(3), peer(1)]);
}

#[test]
fn a_manual_address_is_dialled_ever_more_slowly_and_never_dropped() {
    let mut dials = Dials::default();
    dials.add(address(1), None, true).unwrap();
    let second = Duration::from_secs(1);
    let mut at = Vec::new();
    for n in 0..200 {
        let now = second * n;
        for dialled in dials.due(now, |_| false) {
            dials.failed(&dialled);
            at.push(n);
        }
    }
    assert_eq!(at[..9], [0, 1, 3, 7, 15, 30, 45, 60, 75]);
    assert!(dials.connected(&peer(1), &address(1)), "it was asked for by hand");
    assert!(dials.due(second * 500, |id| *id == peer(1)).is_empty(), "connected peers are left alone");
    dials.disconnected(&peer(1), MINUTE, second * 600);
    assert_eq!(dials.due(second * 601, |_| false), [address(1)]);
    dials.remove(&peer(1));
    assert!(dials.due(second * 9_999, |_| false).is_empty());
}

#[test]
fn discovered_addresses_are_given_up_and_make_room() {
    let mut dials = Dials::default();
    for port in 0..64 {
        dials.add(address(port), Some(peer(1)), false).unwrap();
    }
    assert_eq!(dials.add(address(99), None, false), Err(BookFull));
    dials.add(address(99), None, true).unwrap();
    for _ in 0..8 {
        dials.failed(&address(5));
    }
    let due = dials.due(Duration::ZERO, |_| false);
    assert!(due.contains(&address(99)) && !due.contains(&address(5)) && !due.contains(&address(0)));
    dials.not_ours(&peer(1));
    assert_eq!(dials.due(MINUTE * 60, |_| false), [address(99)]);
}
