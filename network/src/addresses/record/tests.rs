//! Tests of records, signed and by word of mouth.

use super::*;
use crate::addresses::testing::{OPEN, PUBLIC, address, keypair, peer_id, record_bytes, sealed, signed};

const DOMAIN: &str = "libp2p-routing-state";
const KIND: &[u8] = b"/libp2p/routing-state-record";

fn addresses(list: &[&str]) -> Vec<Multiaddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_signed_record_gives_the_peer_and_its_addresses() {
    let listed = addresses(&["/ip4/8.8.1.1/tcp/7333", "/ip4/8.8.1.1/udp/7333/quic-v1", "/ip6/2a00::1/tcp/1"]);
    let bytes = signed(1, 42, &listed);
    let record = Record::from_signed(&bytes, PUBLIC).unwrap();
    assert_eq!(record.peer(), keypair(1).public().to_peer_id());
    assert_eq!((record.addresses(), record.seq()), (&listed[..], 42));
    assert_eq!(record.signed().map(|signed| signed.to_vec()), Some(bytes));
    assert_eq!(record.group().to_string(), "8.8/16");
}

#[test]
fn what_rust_libp2p_signs_is_read() {
    let made = PeerRecord::new(&keypair(1), vec![address("8.8.1.1")]).unwrap();
    let bytes = made.to_signed_envelope().into_protobuf_encoding();
    let record = Record::from_signed(&bytes, PUBLIC).unwrap();
    assert_eq!((record.seq(), record.addresses()), (made.seq(), made.addresses()));
}

#[test]
fn the_peers_id_at_the_end_is_taken_off() {
    let own = keypair(1).public().to_peer_id();
    let with = |peer| address("8.8.1.1").with(Protocol::P2p(peer));
    let record = Record::from_signed(&signed(1, 1, &[with(own)]), PUBLIC).unwrap();
    assert_eq!(record.addresses(), [address("8.8.1.1")]);
    let other = signed(1, 1, &[with(peer_id(9))]);
    assert_eq!(Record::from_signed(&other, PUBLIC), Err(RecordError::NothingUsable));
}

#[test]
fn forged_records_are_faults() {
    let (own, listed) = (keypair(1).public().to_peer_id(), [address("8.8.1.1")]);
    let payload = record_bytes(&own, 1, &listed);
    let other_signer = sealed(2, DOMAIN, KIND, &payload);
    let other_domain = sealed(1, "libp2p-peer-record", KIND, &payload);
    let other_kind = sealed(1, DOMAIN, b"x", &payload);
    let no_record = sealed(1, DOMAIN, KIND, &[0xff; 9]);
    let refused = |bytes: &[u8]| {
        let error = Record::from_signed(bytes, PUBLIC).unwrap_err();
        assert!(error.is_fault(), "{error}");
        error
    };
    assert_eq!(refused(&other_signer), RecordError::BadSignature);
    assert_eq!(refused(&other_domain), RecordError::BadSignature);
    assert_eq!(refused(&other_kind), RecordError::Undecodable);
    assert_eq!(refused(&no_record), RecordError::Undecodable);
    assert_eq!(refused(&[]), RecordError::Undecodable);
    let mut altered = signed(1, 1, &listed);
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&altered), RecordError::BadSignature);
}

#[test]
fn no_flipped_byte_and_no_cut_gives_another_record() {
    let bytes = signed(1, 1, &[address("8.8.1.1")]);
    let whole = Record::from_signed(&bytes, PUBLIC).unwrap();
    for at in 0..bytes.len() {
        assert!(Record::from_signed(&bytes[..at], PUBLIC).is_err(), "cut at {at}");
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x41;
        // A flip outside of what is signed may be without a meaning; then nothing of it stays.
        assert!(!Record::from_signed(&flipped, PUBLIC).is_ok_and(|record| record != whole), "{at}");
    }
}

#[test]
fn what_others_put_around_a_record_is_not_passed_on() {
    let bytes = signed(1, 1, &[address("8.8.1.1")]);
    // An unknown field, number 9, of three bytes.
    let padded = [&bytes[..], &[0x4a, 3, 1, 2, 3]].concat();
    let record = Record::from_signed(&padded, PUBLIC).unwrap();
    assert_eq!(record.signed().map(|signed| signed.to_vec()), Some(bytes));
}

#[test]
fn sizes_are_capped() {
    let listed: Vec<_> = (1..=33).map(|n| address(&format!("8.8.1.{n}"))).collect();
    let error = Record::from_signed(&signed(1, 1, &listed), PUBLIC).unwrap_err();
    assert_eq!(error, RecordError::TooMany(33));
    assert!(error.is_fault());
    let record = Record::from_signed(&signed(1, 1, &listed[..32]), PUBLIC).unwrap();
    assert_eq!(record.addresses(), &listed[..4]);
    let long: Multiaddr = format!("/dns4/{}/tcp/1", "x".repeat(1_000)).parse().unwrap();
    let bytes = signed(1, 1, &[long]);
    assert_eq!(Record::from_signed(&bytes, PUBLIC), Err(RecordError::TooLarge(bytes.len())));
}

#[test]
fn what_cannot_be_dialled_is_no_fault() {
    let relay = format!("/ip4/10.8.1.1/tcp/1/p2p/{}/p2p-circuit", peer_id(3));
    let listed = addresses(&["/ip4/192.168.1.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/dns4/a.b/tcp/1", &relay]);
    for list in [&listed[..], &[]] {
        let error = Record::from_signed(&signed(1, 1, list), PUBLIC).unwrap_err();
        assert_eq!(error, RecordError::NothingUsable);
        assert!(!error.is_fault());
    }
    let open = Record::from_signed(&signed(1, 1, &listed), OPEN).unwrap();
    assert_eq!(open.addresses(), &listed[..2], "a house dials its own network, and no relay");
}

#[test]
fn a_way_over_a_relay_is_kept_when_there_is_no_other() {
    let over = |relay: &str| format!("{relay}/p2p/{}/p2p-circuit", peer_id(3));
    let (good, private) = (over("/ip4/8.8.1.1/tcp/1"), over("/ip4/192.168.1.1/tcp/1"));
    let twice = format!("{good}/p2p/{}/p2p-circuit", peer_id(4));
    let listed = addresses(&["/ip4/192.168.1.1/tcp/1", &private, &twice, &good]);
    let record = Record::from_signed(&signed(1, 1, &listed), PUBLIC).unwrap();
    assert_eq!((record.addresses(), record.is_relayed()), (&listed[3..], true));
    assert_eq!(
        record.group(),
        Group::of(&addresses(&["/ip4/8.8.2.2/tcp/1"])[0]),
        "it counts for the relay's"
    );
    assert!(record.fits(PUBLIC));
    let both = addresses(&[&good, "/ip4/8.8.4.4/tcp/1"]);
    let record = Record::from_signed(&signed(1, 2, &both), PUBLIC).unwrap();
    assert_eq!((record.addresses(), record.is_relayed()), (&both[1..], false));
}

#[test]
fn nobody_stands_in_two_places() {
    let listed = addresses(&[
        "/ip6/2a00:1::1/tcp/1",
        "/ip4/8.8.1.1/tcp/1",
        "/ip4/9.9.1.1/tcp/1",
        "/ip6/2a00:2::1/tcp/1",
        "/ip4/8.8.1.1/tcp/1",
        "/ip4/8.8.2.2/tcp/1",
    ]);
    let record = Record::unsigned(peer_id(1), &listed, PUBLIC).unwrap();
    let kept = addresses(&["/ip6/2a00:1::1/tcp/1", "/ip4/8.8.1.1/tcp/1", "/ip4/8.8.2.2/tcp/1"]);
    assert_eq!(record.addresses(), kept);
    assert_eq!(record.group().to_string(), "2a00:1/32");
    assert_eq!(record.signed(), None);
    assert_eq!(Record::unsigned(peer_id(1), &[], PUBLIC), None);
}
