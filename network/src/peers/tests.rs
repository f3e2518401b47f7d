//! Tests of scores, bans and dialling.

use super::bans::MAX_REMEMBERED;
use super::*;
use crate::driver::{Delivery, DialEnd};
use crate::testing::{arrival, peer};

const MINUTE: Duration = Duration::from_secs(60);

fn address(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

fn with(ids: &[PeerId]) -> Peers {
    let mut peers = Peers::default();
    for id in ids {
        assert!(peers.connect(*id, arrival(address(1), true, Slot::Full), Duration::ZERO));
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
    assert!(peers.memory().is_banned(&peer(1)) && !peers.memory().is_banned(&some(0)));
}

#[test]
fn faults_fade_but_outlive_the_connection() {
    let mut peers = with(&[peer(1)]);
    peers.penalise(&peer(1), Penalty::Heavy, "a false body", Duration::ZERO);
    peers.disconnect(&peer(1), Duration::ZERO);
    assert!(peers.connect(peer(1), arrival(address(1), true, Slot::Full), MINUTE * 10));
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
    peers.memory_mut().ban(peer(2), MINUTE, "by hand", MINUTE);
    peers.disconnect(&peer(1), MINUTE);
    peers.disconnect(&peer(2), MINUTE);
    assert!(!peers.connect(peer(1), arrival(address(1), false, Slot::Inbound), MINUTE * 2));
    assert_eq!(peers.memory().bans(MINUTE).len(), 2);
    assert_eq!(peers.memory().bans(MINUTE).iter().find(|ban| ban.peer_id == peer(1)).unwrap().remaining, BAN);
    assert_eq!(peers.memory_mut().expire(MINUTE * 2), [peer(2)]);
    assert!(peers.memory_mut().unban(&peer(1)) && !peers.memory_mut().unban(&peer(1)));
    assert!(peers.connect(peer(1), arrival(address(1), false, Slot::Inbound), MINUTE * 3));
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
    let taken =
        many(100).filter(|id| peers.connect(*id, arrival(address(1), false, Slot::Inbound), MINUTE)).count();
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
        peers.memory_mut().ban(id, MINUTE, "x", MINUTE);
    }
    assert_eq!(peers.memory().bans(MINUTE).len(), MAX_BANS);
    let mut peers = Peers::default();
    for id in many(1_100) {
        peers.connect(id, arrival(address(1), false, Slot::Inbound), MINUTE);
        peers.penalise(&id, Penalty::Medium, "x", MINUTE);
        peers.disconnect(&id, MINUTE);
    }
    assert_eq!(peers.memory().remembered(), MAX_REMEMBERED);
}

#[test]
fn the_useful_are_ranked_first() {
    let mut peers = with(&[peer(1), peer(2), peer(3)]);
    peers.reward(&peer(2), 3.0, MINUTE);
    peers.penalise(&peer(1), Penalty::Rank, "slow", MINUTE);
    assert_eq!(peers.ranked(MINUTE), [peer(2), peer(3), peer(1)]);
}

#[test]
fn whoever_was_asked_for_by_hand_stays() {
    let mut peers = Peers::default();
    peers.connect(peer(1), arrival(address(1), true, Slot::Manual), MINUTE);
    assert_eq!(peers.penalise(&peer(1), Penalty::Ban, "x", MINUTE), Sentence::Nothing);
    let info = &peers.snapshot(MINUTE)[0];
    assert!(info.score <= -99.0 && info.reasons == ["x"], "it shows what it did: {info:?}");
}

#[test]
fn when_most_are_late_the_fault_is_ours() {
    let mut peers = with(&[peer(1), peer(2), peer(3), peer(4), peer(5)]);
    let slow = |peers: &mut Peers, n: u8, now| {
        peers.late(&peer(n), now);
        peers.penalise(&peer(n), Penalty::Rank, "no answer", now);
        peers.snapshot(now)[usize::from(n) - 1].score
    };
    assert!(slow(&mut peers, 1, MINUTE) < 0.0 && slow(&mut peers, 2, MINUTE) < 0.0);
    assert!(!peers.link_is_down(MINUTE));
    assert_eq!(slow(&mut peers, 3, MINUTE), 0.0, "three of five: nobody is to blame");
    assert_eq!(peers.penalise(&peer(4), Penalty::Ban, "forged", MINUTE), Sentence::Ban { over: None });
    let later = MINUTE + Duration::from_secs(31);
    assert!(!peers.link_is_down(later) && slow(&mut peers, 3, later) < 0.0);
}

#[test]
fn addresses_are_dialled_ever_more_slowly_as_long_as_they_are_wanted() {
    let mut dials = Dials::default();
    dials.add(address(1), Giver::Hand).unwrap();
    dials.add(address(2), Giver::Bootstrap).unwrap();
    let second = Duration::from_secs(1);
    let mut at = Vec::new();
    for n in 0..200 {
        for (dialled, giver) in dials.due(second * n, n < 100, |_| false) {
            dials.failed(&dialled, DialEnd::Failed, second * n);
            at.push((n, giver));
        }
    }
    let of = |giver| at.iter().filter(|(_, by)| *by == giver).map(|(n, _)| *n).collect::<Vec<_>>();
    assert_eq!(of(Giver::Hand)[..9], [0, 1, 3, 7, 15, 30, 45, 60, 75]);
    assert_eq!(of(Giver::Bootstrap).last(), Some(&90), "enough peers: the list is left alone");
    assert_eq!(dials.connected(&peer(1), &address(1)), Some(Giver::Hand));
    assert!(dials.due(second * 500, false, |id| *id == peer(1)).is_empty(), "connected peers are left alone");
    dials.disconnected(&peer(1), MINUTE, second * 600);
    assert_eq!(dials.due(second * 601, false, |_| false), [(address(1), Giver::Hand)]);
    dials.remove(&peer(1));
    assert!(dials.due(second * 9_999, false, |_| false).is_empty());
}

#[test]
fn our_own_address_and_those_of_seeds_are_not_tried_again() {
    let mut dials = Dials::default();
    dials.add(address(1), Giver::Bootstrap).unwrap();
    dials.add(address(2), Giver::Seed).unwrap();
    dials.add(address(3), Giver::Seed).unwrap();
    assert!(dials.failed(&address(1), DialEnd::Ourselves, MINUTE), "whoever named it is told");
    assert!(!dials.failed(&address(2), DialEnd::Failed, MINUTE));
    assert_eq!(dials.connected(&peer(3), &address(3)), Some(Giver::Seed));
    assert!(dials.due(MINUTE, true, |_| false).is_empty());
}

#[test]
fn a_few_addresses_of_seeds_are_dialled_at_a_time_and_none_is_lost() {
    let mut dials = Dials::default();
    for n in 1..=20 {
        dials.add(address(n), Giver::Seed).unwrap();
    }
    let nobody = |_: &PeerId| false;
    let mut dialled = Vec::new();
    for second in 0..4 {
        let due = dials.due(Duration::from_secs(second), true, nobody);
        assert!(due.len() <= 8, "{due:?}");
        for (address, _) in due {
            dials.failed(&address, DialEnd::Failed, MINUTE);
            dialled.push(address);
        }
    }
    assert_eq!(dialled.len(), 20, "each once");
}

#[test]
fn what_people_gave_by_hand_makes_room_for_itself() {
    let mut dials = Dials::default();
    for port in 0..64 {
        dials.add(address(port), Giver::Bootstrap).unwrap();
    }
    assert_eq!(dials.add(address(99), Giver::Seed), Err(AddPeerError::TooMany));
    dials.add(address(99), Giver::Hand).unwrap();
    let due = dials.due(Duration::ZERO, true, |_| false);
    assert!(due.contains(&(address(99), Giver::Hand)) && due.len() == 64);
}

#[test]
fn who_was_named_is_corrected_by_who_is_named_later_and_an_address_can_be_taken_back() {
    let with = |n: u8| address(1).with_p2p(peer(n)).unwrap();
    let mut dials = Dials::default();
    let due = |dials: &mut Dials, second: u64| {
        let due = dials.due(Duration::from_secs(second), true, |_| false);
        due.into_iter().map(|(address, _)| address).collect::<Vec<_>>()
    };
    dials.add(with(1), Giver::Bootstrap).unwrap();
    assert_eq!(due(&mut dials, 100), [with(1)]);
    dials.add(with(2), Giver::Hand).unwrap();
    assert_eq!(due(&mut dials, 100), [with(2)], "at once");
    dials.add(with(3), Giver::Bootstrap).unwrap();
    assert_eq!(due(&mut dials, 200), [with(2)], "by hand counts for more");
    dials.add(address(1), Giver::Hand).unwrap();
    assert_eq!(due(&mut dials, 200), [address(1)], "whoever is there");
    assert!(dials.remove_address(&with(9)) && !dials.remove_address(&address(1)));
    assert!(due(&mut dials, 900).is_empty());
}

#[test]
fn it_is_told_now_and_then_that_a_named_address_cannot_be_reached() {
    let mut dials = Dials::default();
    dials.add(address(1), Giver::Bootstrap).unwrap();
    let told = |dials: &mut Dials, end, minutes| dials.failed(&address(1), end, MINUTE * minutes);
    assert!(!told(&mut dials, DialEnd::Needless, 1) && !told(&mut dials, DialEnd::NoRoom, 1));
    let tell: Vec<bool> = (1..100).map(|minute| told(&mut dials, DialEnd::Failed, minute)).collect();
    assert_eq!(tell.iter().filter(|told| **told).count(), 2, "once an hour");
    dials.connected(&peer(1), &address(1));
    assert!(!told(&mut dials, DialEnd::Failed, 100), "it may be anybody");
    dials.greeted(&peer(1));
    assert!(told(&mut dials, DialEnd::Failed, 101), "it was there meanwhile");
}

#[test]
fn an_address_given_again_is_still_known_to_be_its_peers() {
    let mut dials = Dials::default();
    let is_one = |id: &PeerId| *id == peer(1);
    dials.add(address(1), Giver::Hand).unwrap();
    dials.connected(&peer(1), &address(1));
    for again in [address(1), address(1).with_p2p(peer(1)).unwrap(), address(1)] {
        dials.add(again, Giver::Hand).unwrap();
        assert!(dials.due(MINUTE, true, is_one).is_empty(), "it is connected");
    }
    dials.connected(&peer(2), &address(1));
    assert!(!dials.remove(&peer(1)) && dials.remove(&peer(2)), "whoever answered there last");
}

#[test]
fn bans_and_sums_outlive_a_run_and_fade_meanwhile() {
    let mut peers = with(&[peer(1), peer(2), peer(3)]);
    peers.penalise(&peer(1), Penalty::Ban, "undecodable", MINUTE);
    peers.penalise(&peer(2), Penalty::Medium, "x", MINUTE);
    peers.reward(&peer(3), 8.0, MINUTE);
    let mut bytes = Vec::new();
    peers.remembered(MINUTE).write(1_000, &mut bytes);
    // Ten minutes later by the wall clock.
    let mut again = Peers::default();
    let epoch = 1_000 + 60 + 600;
    *again.memory_mut() = Memory::read(&mut starling_primitives::Reader::new(&bytes), epoch).unwrap();
    let bans = again.memory().bans(Duration::ZERO);
    assert_eq!(bans[0].reason, "undecodable");
    assert_eq!(bans[0].remaining, BAN - MINUTE * 10);
    for (n, score) in [(2, -2.5), (3, 4.0)] {
        again.connect(peer(n), arrival(address(1), true, Slot::Full), Duration::ZERO);
        let info = again.snapshot(Duration::ZERO);
        let known = info.iter().find(|info| info.peer_id == peer(n)).unwrap().score;
        assert!((known - score).abs() < 1e-9, "{n}: {known}");
    }
    for cut in 0..bytes.len() {
        assert!(Memory::read(&mut starling_primitives::Reader::new(&bytes[..cut]), epoch).is_err());
    }
}

#[test]
fn who_brought_nothing_is_still_known_for_it_when_it_comes_again() {
    let ids: Vec<PeerId> = (1..=5).map(peer).collect();
    let mut peers = with(&ids);
    let report = |loud: &[PeerId], ids: &[PeerId]| -> Vec<(PeerId, Delivery)> {
        let brought = |id: &PeerId| u32::from(loud.contains(id)) * 100;
        let of =
            |id: &PeerId| (*id, Delivery { in_mesh: [true; 2], txs: brought(id), ..Delivery::default() });
        ids.iter().map(of).collect()
    };
    let mut found = Vec::new();
    for n in 0..40 {
        found.extend(peers.delivered(&report(&ids[1..], &ids), Duration::from_secs(10 * n)));
    }
    assert_eq!(found, [Finding::Appraise(ids[0], -5)]);
    let now = Duration::from_secs(400);
    let mut bytes = Vec::new();
    peers.remembered(now).write(1_000, &mut bytes);
    let mut again = Peers::default();
    *again.memory_mut() = Memory::read(&mut starling_primitives::Reader::new(&bytes), 1_400).unwrap();
    for id in &ids {
        assert!(again.connect(*id, arrival(address(1), false, Slot::Inbound), MINUTE));
    }
    let first = again.delivered(&report(&[], &ids), MINUTE);
    assert_eq!(first, [Finding::Appraise(ids[0], -5)], "from the first report on");
    assert_eq!(again.delivered(&report(&[], &ids), 2 * MINUTE), [], "and said once");
}
