//! Tests of who may knock.

use super::*;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::ListenError;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};

fn address(text: &str) -> Multiaddr {
    format!("/ip4/{text}/tcp/1").parse().unwrap()
}

fn by_quic(text: &str) -> Multiaddr {
    format!("/ip4/{text}/udp/1/quic-v1").parse().unwrap()
}

/// Connections are numbered as they come.
struct Door {
    guard: Guard,
    last: usize,
}

impl Door {
    fn new(public: bool) -> Self {
        Self { guard: Guard::new(public), last: 0 }
    }

    fn knock(&mut self, from: &str) -> Option<ConnectionId> {
        self.knock_from(&address(from))
    }

    fn knock_from(&mut self, from: &Multiaddr) -> Option<ConnectionId> {
        self.last += 1;
        let id = ConnectionId::new_unchecked(self.last);
        self.guard.handle_pending_inbound_connection(id, &address("10.0.0.1"), from).ok().map(|()| id)
    }

    fn come_in(&mut self, id: ConnectionId, from: &str) -> bool {
        let (peer, local, remote) = (PeerId::random(), address("10.0.0.1"), address(from));
        if self.guard.handle_established_inbound_connection(id, peer, &local, &remote).is_err() {
            return false;
        }
        let endpoint = ConnectedPoint::Listener { local_addr: local, send_back_addr: remote };
        self.guard.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id: id,
            endpoint: &endpoint,
            failed_addresses: &[],
            other_established: 0,
        }));
        true
    }

    fn leave(&mut self, id: ConnectionId, from: &str) {
        let endpoint =
            ConnectedPoint::Listener { local_addr: address("10.0.0.1"), send_back_addr: address(from) };
        self.guard.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
            peer_id: PeerId::random(),
            connection_id: id,
            endpoint: &endpoint,
            cause: None,
            remaining_established: 0,
        }));
    }

    fn enter(&mut self, from: &str) -> Option<ConnectionId> {
        self.knock(from).filter(|id| self.come_in(*id, from))
    }
}

#[test]
fn one_address_cannot_keep_the_door_busy() {
    let mut door = Door::new(false);
    let waiting: Vec<ConnectionId> = (0..99).filter_map(|_| door.knock("192.0.2.1")).collect();
    assert_eq!(waiting.len(), MAX_PENDING);
    assert!(door.knock("192.0.2.2").is_some(), "others may knock");
    let (local, remote) = (address("10.0.0.1"), address("192.0.2.1"));
    door.guard.on_swarm_event(FromSwarm::ListenFailure(ListenFailure {
        local_addr: &local,
        send_back_addr: &remote,
        error: &ListenError::Aborted,
        connection_id: waiting[0],
        peer_id: None,
    }));
    assert!(door.knock("192.0.2.1").is_some(), "one of them gave up");
}

#[test]
fn on_a_public_chain_one_network_cannot_keep_the_door_busy() {
    let mut door = Door::new(true);
    let knocks = |door: &mut Door| (1..=40).filter(|n| door.knock(&format!("192.0.2.{n}")).is_some()).count();
    assert_eq!(knocks(&mut door), MAX_PENDING_OF_NETWORK);
    assert!(door.knock("192.0.3.1").is_some(), "others may knock");
    // Who these are from is not certain, so they count for nobody else.
    let spoofed = (1..=40).filter(|n| door.knock_from(&by_quic(&format!("198.51.100.{n}"))).is_some());
    assert_eq!(spoofed.count(), 40);
    assert!(door.knock("198.51.100.99").is_some());
    assert_eq!(knocks(&mut Door::new(false)), 40, "where all may be in one house");
}

#[test]
fn on_a_public_chain_an_address_has_three_connections_and_a_network_twelve() {
    let mut door = Door::new(true);
    let in_house: Vec<ConnectionId> = (0..5).filter_map(|_| door.enter("192.0.2.1")).collect();
    assert_eq!(in_house.len(), MAX_STANDING);
    let near = (2..99).filter(|n| door.enter(&format!("192.0.2.{n}")).is_some()).count();
    assert_eq!(in_house.len() + near, MAX_OF_NETWORK);
    assert!(door.enter("192.0.3.1").is_some());
    door.leave(in_house[0], "192.0.2.1");
    assert!(door.enter("192.0.2.1").is_some(), "there is room again");
}

#[test]
fn where_all_may_be_in_one_house_addresses_are_not_counted() {
    let mut door = Door::new(false);
    assert!((0..99).all(|_| door.enter("127.0.0.1").is_some()));
}

#[test]
fn few_come_over_relays_at_a_time() {
    let mut guard = Guard::new(true);
    let circuit: Multiaddr =
        format!("/ip4/1.1.1.1/tcp/1/p2p/{}/p2p-circuit", PeerId::random()).parse().unwrap();
    let remote: Multiaddr = format!("/p2p/{}", PeerId::random()).parse().unwrap();
    let mut come = |number: usize| {
        let id = ConnectionId::new_unchecked(number);
        guard.handle_established_inbound_connection(id, PeerId::random(), &circuit, &remote).is_ok()
    };
    assert_eq!((0..50).filter(|number| come(*number)).count(), 8);
}
