//! Tests of whom we dial, and as what.

use super::*;
use crate::addresses::{Record, Rules, Source};
use crate::testing::{arrival, peer, status, work};

const SECOND: Duration = Duration::from_secs(1);

struct Place {
    slots: Slots,
    peers: Peers,
    book: Book,
    dice: Dice,
    at: Situation,
}

/// Peer `n`, in a network of its own.
fn address(n: u8) -> Multiaddr {
    format!("/ip4/{}.1.0.1/tcp/8644", 11 + u16::from(n)).parse().unwrap()
}

impl Place {
    /// A node whose book has peers 1 to `known`.
    fn new(known: u8, public: bool) -> Self {
        let mut book = Book::new([1; 32], Rules { public });
        for n in 1..=known {
            let record = Record::unsigned(peer(n), &[address(n)], Rules { public }).unwrap();
            assert!(book.add(record, Source::other(&address(n)), 1_000_000));
        }
        let at = Situation {
            now: SECOND,
            unix: 1_000_000,
            local: Some(peer(200)),
            public,
            stale: false,
            claims: false,
        };
        Self { slots: Slots::default(), peers: Peers::default(), book, dice: Dice::new(1), at }
    }

    fn choose(&mut self) -> Option<Chosen> {
        let Self { slots, peers, book, dice, at } = self;
        slots.choose(Scene { peers, book, dice, at })
    }

    /// The next dial within `seconds`, which finds somebody.
    fn dial(&mut self, seconds: u32) -> Option<Chosen> {
        for _ in 0..10 * seconds {
            self.at.now += SECOND / 10;
            let chosen = self.choose();
            if let Some(chosen) = chosen {
                self.book.attempt(&chosen.peer, self.at.unix);
                let slot = self.slots.connected(&chosen.peer).unwrap();
                let to = chosen.addresses[0].clone();
                assert!(self.peers.connect(chosen.peer, arrival(to, true, slot), self.at.now));
                return Some(chosen);
            }
        }
        None
    }

    /// All say where they stand: one of them there, the others with us.
    fn greet(&mut self, one: PeerId, there: crate::wire::Status) {
        let (ours, now) = (status(10, 9), self.at.now);
        let all: Vec<PeerId> = self.peers.iter().map(|(id, _)| *id).collect();
        for id in all {
            self.peers.set_status(&id, if id == one { there } else { ours }, &ours, now);
        }
    }

    fn fill(&mut self) -> Vec<Slot> {
        (0..10).map(|_| self.dial(2).expect("there are peers enough").slot).collect()
    }
}

#[test]
fn eight_are_for_everything_and_two_for_blocks() {
    let mut place = Place::new(30, false);
    let slots = place.fill();
    assert_eq!(slots[..8], [Slot::Full; 8]);
    assert_eq!(slots[8..], [Slot::BlockOnly; 2]);
    assert!(!place.slots.wants_peers(&place.peers));
    let feeler = place.dial(180).unwrap();
    assert_eq!(feeler.slot, Slot::Feeler);
    assert!(place.dial(50).is_none(), "one feeler at a time");
    place.peers.disconnect(&feeler.peer, place.at.now);
    assert_eq!(place.dial(180).unwrap().slot, Slot::Feeler);
}

#[test]
fn no_two_of_our_choice_are_of_one_network_where_networks_matter() {
    for public in [false, true] {
        let mut place = Place::new(0, public);
        for n in 1..=30 {
            let at: Multiaddr = format!("/ip4/9.1.0.{n}/tcp/1").parse().unwrap();
            let record = Record::unsigned(peer(n), &[at], Rules { public }).unwrap();
            place.book.add(record, Source::other(&address(n)), 1_000_000);
        }
        place.slots.next_feeler = SECOND * 99_999;
        assert!(place.dial(2).is_some());
        assert_eq!(place.dial(5).is_some(), !public);
    }
}

#[test]
fn block_only_peers_of_the_last_run_come_first() {
    let mut place = Place::new(30, true);
    place.slots.remember(vec![peer(7), peer(8)]);
    let first = [place.dial(2).unwrap(), place.dial(2).unwrap()];
    assert!(first.iter().all(|chosen| chosen.slot == Slot::BlockOnly));
    let mut ids = first.map(|chosen| chosen.peer);
    ids.sort_unstable();
    assert_eq!(ids, [peer(7), peer(8)]);
    assert_eq!(place.dial(2).unwrap().slot, Slot::Full);
}

#[test]
fn the_connected_the_banned_and_ourselves_are_left_alone() {
    let mut place = Place::new(3, false);
    let ours = Record::unsigned(peer(200), &[address(100)], Rules { public: false }).unwrap();
    place.book.add(ours, Source::other(&address(200)), 1_000_000);
    place.peers.connect(peer(1), arrival(address(1), false, Slot::Inbound), SECOND);
    place.peers.memory_mut().ban(peer(2), SECOND * 9_999, "x", SECOND);
    assert_eq!(place.dial(5).unwrap().peer, peer(3));
    assert!(place.dial(200).is_none());
}

#[test]
fn further_peers_are_looked_for_while_no_block_comes() {
    let mut place = Place::new(40, true);
    place.fill();
    place.slots.next_feeler = SECOND * 99_999;
    assert!(place.dial(5).is_none());
    place.at.stale = true;
    let extra = place.dial(2).unwrap();
    assert_eq!(extra.slot, Slot::Extra);
    assert!(place.dial(5).is_none());
    place.at.claims = true;
    assert_eq!(place.dial(2).unwrap().slot, Slot::Extra, "peers claim more work: two of them");
    assert!(place.dial(5).is_none());
    place.at.now += SECOND * 301;
    place.greet(peer(200), status(10, 9));
    let over = place.slots.over(&place.peers, &place.at);
    assert_eq!(over.len(), 2, "they brought nothing: others may try");
    place.at.stale = false;
    assert_eq!(place.slots.over(&place.peers, &place.at)[0].1, "blocks come again");
}

#[test]
fn a_peer_that_stays_behind_gives_its_place_up() {
    let mut place = Place::new(40, true);
    place.fill();
    let id = *place.peers.iter().next().unwrap().0;
    let mut theirs = status(5, 1);
    place.greet(id, theirs);
    place.at.now += SECOND * 600;
    place.greet(id, theirs);
    assert!(place.slots.over(&place.peers, &place.at).is_empty());
    place.at.now += SECOND * 601;
    place.greet(id, theirs);
    assert_eq!(place.slots.over(&place.peers, &place.at), [(id, "stays behind")]);
    theirs.work = work(9);
    place.greet(id, theirs);
    assert!(place.slots.over(&place.peers, &place.at).is_empty());
}

#[test]
fn a_peer_that_does_not_say_where_it_stands_loses_its_place() {
    let mut place = Place::new(40, true);
    place.fill();
    let (id, ours) = (*place.peers.iter().next().unwrap().0, status(10, 9));
    place.at.now += SECOND * 170;
    assert!(place.slots.over(&place.peers, &place.at).is_empty());
    place.peers.set_status(&id, ours, &ours, place.at.now);
    place.at.now += SECOND * 20;
    let over = place.slots.over(&place.peers, &place.at);
    assert_eq!(over.len(), 9, "all but the one that did");
    assert!(over.iter().all(|(peer, why)| *peer != id && *why == "does not say where it stands"));
}

#[test]
fn a_dial_without_an_outcome_is_forgotten() {
    let mut place = Place::new(1, false);
    place.at.now += SECOND;
    assert!(place.choose().is_some());
    place.at.now += SECOND * 60;
    assert!(place.choose().is_none());
    place.at.now += SECOND * 60;
    assert!(place.choose().is_some());
}

#[test]
fn who_is_met_by_way_of_a_relay_is_a_full_peer_or_none() {
    let mut place = Place::new(0, false);
    let circuit = format!("/ip4/10.0.0.9/tcp/1/p2p/{}/p2p-circuit", peer(99)).parse().unwrap();
    let record = Record::unsigned(peer(1), &[circuit], Rules { public: false }).unwrap();
    assert!(place.book.add(record, Source::other(&address(1)), 1_000_000));
    for n in 2..=9 {
        let to = arrival(address(n), true, Slot::Full);
        assert!(place.peers.connect(peer(n), to, place.at.now));
    }
    assert!(place.dial(300).is_none(), "neither for blocks alone nor as a feeler");
    place.peers.disconnect(&peer(2), place.at.now);
    assert_eq!(place.dial(60).map(|chosen| (chosen.peer, chosen.slot)), Some((peer(1), Slot::Full)));
}
