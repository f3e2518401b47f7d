//! Tests of what feeds the book, and of whom it lets us find.

use crate::addresses::{MAX_SIGNED_BYTES, Record, Rules, signed_record};
use crate::driver::{NetCommand, NetEvent, Protocol};
use crate::peers::Slot;
use crate::protocol::PeerOptions;
use crate::testing::{Bench, peer, status};
use crate::wire::{Answer, Question};
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use std::sync::Arc;

fn address(n: u8) -> Multiaddr {
    format!("/ip4/10.0.{n}.1/tcp/8644").parse().unwrap()
}

/// A node that can sign, and its record.
fn signed(n: u8) -> (PeerId, Arc<[u8]>) {
    let key = Keypair::ed25519_from_bytes([n; 32]).unwrap();
    (key.public().to_peer_id(), signed_record(&key, &[address(n)], 1_000_000).unwrap().into())
}

/// Peers that are dialled, and whether for blocks alone.
fn dials(bench: &Bench) -> Vec<(PeerId, bool)> {
    let dial = |command: &NetCommand| match command {
        NetCommand::Dial { peer: Some(peer), quiet, .. } => Some((*peer, *quiet)),
        _ => None,
    };
    bench.commands.iter().filter_map(dial).collect()
}

/// What a node knows that has told us of some others.
fn told(bench: &mut Bench, n: u8, of: &[u8]) {
    bench.pass(100);
    let asked = bench.take(n, Protocol::Peers).expect("a peer of our choice is asked for others");
    bench.reply(&asked, &Answer::Peers(of.iter().map(|n| signed(*n).1).collect()));
}

#[test]
fn peers_of_our_choice_are_asked_for_others_who_are_dialled() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    told(&mut bench, 1, &[50, 51]);
    bench.pass(3_000);
    let mut found = dials(&bench);
    found.sort_unstable();
    let mut expected = [(signed(50).0, false), (signed(51).0, false)];
    expected.sort_unstable();
    assert_eq!(found, expected);
    bench.pass(90_000);
    assert!(bench.take(1, Protocol::Peers).is_some(), "asked again while places are free");
}

#[test]
fn what_peers_tell_of_themselves_is_told_to_others() {
    let mut bench = Bench::new();
    for n in 1..=3 {
        bench.meet(n, status(0, 1));
    }
    let (id, record) = signed(60);
    // A record of somebody else is not its own.
    let agent = String::new;
    let say = |peer, record: &Arc<[u8]>| NetEvent::Identified {
        peer,
        agent: agent(),
        protocols_ok: true,
        record: Some(record.to_vec()),
    };
    bench.event(say(peer(1), &record));
    let asked = |bench: &mut Bench, n: u8| {
        let token = bench.ask(n, Protocol::Peers, Question::Peers(64).encode());
        let reply = |command: &NetCommand| match command {
            NetCommand::Reply { token: of, data } if *of == token => Some(data.clone()),
            _ => None,
        };
        bench.commands.iter().find_map(reply).expect("an answer")
    };
    assert_eq!(asked(&mut bench, 1), Answer::Peers(vec![]).encode());
    bench.event(NetEvent::Connected { peer: id, address: address(60), outbound: false });
    bench.event(say(id, &record));
    assert_eq!(asked(&mut bench, 2), Answer::Peers(vec![record]).encode());
    let token = bench.ask(2, Protocol::Peers, Question::Peers(64).encode());
    bench.pass(200);
    let limited = |command: &NetCommand| match command {
        NetCommand::Reply { token: of, data } => *of == token && data[0] == 1,
        _ => false,
    };
    assert!(bench.commands.iter().any(limited), "once a minute");
}

#[test]
fn a_forged_record_is_held_against_whoever_told_it() {
    let forge = |change: fn(&mut Vec<u8>)| {
        let mut bench = Bench::new();
        bench.meet(1, status(0, 1));
        bench.pass(100);
        let asked = bench.take(1, Protocol::Peers).unwrap();
        let mut record = signed(50).1.to_vec();
        change(&mut record);
        bench.reply(&asked, &Answer::Peers(vec![record.into()]));
        (bench.is_connected(1), bench.is_banned(1))
    };
    assert_eq!(forge(|_| {}), (true, false));
    let flip = |record: &mut Vec<u8>| {
        let last = record.len() - 1;
        record[last] ^= 1;
    };
    assert_eq!(forge(flip), (false, false));
    assert_eq!(forge(|record| record.truncate(9)), (false, false));
    assert_eq!(
        forge(|record| record.resize(MAX_SIGNED_BYTES + 1, 0)),
        (false, true),
        "over the format's cap"
    );
}

#[test]
fn quiet_peers_hear_of_nobody_and_tell_nothing() {
    let mut bench = Bench::new();
    bench.event(NetEvent::Connected { peer: signed(60).0, address: address(60), outbound: false });
    let events = [(50, true), (51, true)].map(|(n, outbound)| (signed(n).0, address(n), outbound));
    for (peer, address, _) in &events {
        bench.event(NetEvent::Discovered { peer: *peer, addresses: vec![address.clone()], by: None });
    }
    // All places for everything are taken, so the next are for blocks alone.
    for n in 1..=8 {
        bench.meet(n, status(0, 1));
        drop(bench.take(n, Protocol::Peers));
    }
    bench.pass(2_000);
    assert_eq!(dials(&bench).iter().filter(|(_, quiet)| *quiet).count(), 2);
    for (peer, address, outbound) in events {
        bench.event(NetEvent::Connected { peer, address, outbound });
    }
    let quiet = bench.net.peers().into_iter().filter(|info| info.slot == Slot::BlockOnly);
    let quiet: Vec<PeerId> = quiet.map(|info| info.peer_id).collect();
    assert_eq!(quiet.len(), 2);
    bench.pass(30_000);
    let asked = |bench: &Bench, protocol| {
        bench.asked.iter().filter(|a| quiet.contains(&a.peer) && a.question.protocol() == protocol).count()
    };
    assert!(asked(&bench, Protocol::Status) > 0);
    assert_eq!(asked(&bench, Protocol::Pool) + asked(&bench, Protocol::Peers), 0);
}

#[test]
fn seeds_are_asked_when_nobody_else_knows_anybody() {
    let peers = PeerOptions { seeds: vec!["seed.test".into()], ..PeerOptions::default() };
    let mut bench = Bench::with(crate::protocol::NetworkConfig { peers, ..Bench::config() });
    let asked = |bench: &Bench| {
        let resolve = NetCommand::Resolve("seed.test".into());
        bench.commands.iter().filter(|command| **command == resolve).count()
    };
    bench.pass(8_000);
    assert_eq!(asked(&bench), 0, "others may be faster");
    bench.pass(4_000);
    assert_eq!(asked(&bench), 1);
    let named: Multiaddr = format!("{}/p2p/{}", address(70), peer(70)).parse().unwrap();
    bench.event(NetEvent::Seeded(vec![named, address(71)]));
    bench.pass(3_000);
    assert!(dials(&bench).contains(&(peer(70), false)));
    let bare = NetCommand::Dial { peer: None, addresses: vec![address(71)], quiet: true };
    assert!(bench.commands.contains(&bare), "who is there is not known: a feeler finds out");
    bench.event(NetEvent::Connected { peer: peer(71), address: address(71), outbound: true });
    assert_eq!(bench.net.peers()[0].slot, Slot::Feeler);
    bench.pass(300_000);
    assert_eq!(asked(&bench), 2);
}

#[test]
fn a_feeler_leaves_when_it_has_seen_the_peer() {
    let mut bench = Bench::new();
    bench.event(NetEvent::Seeded(vec![address(1)]));
    bench.pass(1_000);
    bench.event(NetEvent::Connected { peer: peer(1), address: address(1), outbound: true });
    assert!(bench.is_connected(1));
    let asked = bench.take(1, Protocol::Status).unwrap();
    bench.reply(&asked, &Answer::Status(status(0, 1)));
    bench.pass(200);
    assert!(!bench.is_connected(1));
    assert!(bench.commands.contains(&NetCommand::Disconnect(peer(1))));
}

#[test]
fn with_named_peers_alone_nobody_else_is_looked_for_or_told_of() {
    let peers = PeerOptions { bootstrap: vec![address(1)], only_named: true, ..PeerOptions::default() };
    let mut bench = Bench::with(crate::protocol::NetworkConfig { peers, ..Bench::config() });
    bench.event(NetEvent::Discovered { peer: peer(50), addresses: vec![address(50)], by: None });
    bench.event(NetEvent::Connected { peer: peer(1), address: address(1), outbound: true });
    bench.pass(60_000);
    assert!(dials(&bench).is_empty());
    assert_eq!(bench.asked.iter().filter(|a| a.question.protocol() == Protocol::Peers).count(), 0);
}

#[test]
fn the_book_believes_only_addresses_that_can_be_reached() {
    let rules = Rules { public: true };
    assert!(Record::from_signed(&signed(50).1, rules).is_err(), "a private address on a public chain");
}
