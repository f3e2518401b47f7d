//! Tests of who is found to bring nothing.

use super::*;
use crate::testing::{arrival, peer};

const SECOND: Duration = Duration::from_secs(1);

/// Peers 1 to `count`, all of them in the mesh.
fn mesh(count: u8) -> Peers {
    let mut peers = Peers::default();
    for n in 1..=count {
        let address = format!("/ip4/10.0.0.{n}/tcp/1").parse().unwrap();
        assert!(peers.connect(peer(n), arrival(address, true, Slot::Full), SECOND));
    }
    peers
}

/// Lets `reports` of ten seconds go by in which each peer brings so many messages; what was found.
fn pass(peers: &mut Peers, from: u32, reports: u32, brings: impl Fn(u8) -> u32) -> Vec<Finding> {
    let count = u8::try_from(peers.iter().count()).unwrap();
    let mut findings = Vec::new();
    for report in from..from + reports {
        let delivery = |n| Delivery { txs: brings(n), in_mesh: [true; 2], ..Delivery::default() };
        let list: Vec<(PeerId, Delivery)> = (1..=count).map(|n| (peer(n), delivery(n))).collect();
        findings.extend(peers.delivered(&list, SECOND * 10 * report));
    }
    findings
}

#[test]
fn a_peer_of_the_mesh_that_passes_nothing_on_leaves_it() {
    let mut peers = mesh(6);
    assert!(pass(&mut peers, 1, 29, |n| if n == 3 { 0 } else { 5 }).is_empty(), "it is on trial");
    let found = pass(&mut peers, 30, 10, |n| if n == 3 { 0 } else { 5 });
    assert_eq!(found, [Finding::Appraise(peer(3), SILENT_SCORE)], "once");
    let silent = peers.get(&peer(3)).unwrap();
    assert!(Peers::silent_for(silent, SECOND * 390) > SECOND * 60);
    assert_eq!(peers.snapshot(SECOND)[2].score, 0.0, "it is no fault");
    let found = pass(&mut peers, 40, 5, |_| 5);
    assert_eq!(found, [Finding::Appraise(peer(3), 0)], "and it is believed again");
}

#[test]
fn a_peer_of_the_mesh_of_blocks_alone_is_not_held_against_those_that_bring_payments() {
    let mut peers = mesh(6);
    for report in 1..60 {
        let delivery = |n| match n {
            3 => Delivery { blocks: 1, in_mesh: [true, false], ..Delivery::default() },
            _ => Delivery { blocks: 1, txs: 100, in_mesh: [true; 2], ..Delivery::default() },
        };
        let list: Vec<(PeerId, Delivery)> = (1..=6).map(|n| (peer(n), delivery(n))).collect();
        assert_eq!(peers.delivered(&list, SECOND * 10 * report), []);
    }
}

#[test]
fn the_slow_the_few_and_a_quiet_network_are_left_alone() {
    // One brings a tenth of what the others do: it is only far away.
    assert!(pass(&mut mesh(6), 1, 60, |n| if n == 3 { 1 } else { 10 }).is_empty());
    // Of three, nobody can say which is right.
    assert!(pass(&mut mesh(3), 1, 60, |n| if n == 3 { 0 } else { 10 }).is_empty());
    // There is nothing to pass on.
    assert!(pass(&mut mesh(6), 1, 60, |_| 0).is_empty());
}

#[test]
fn a_flood_costs_rank_and_then_the_connection() {
    let mut peers = mesh(2);
    let over = |over| [(peer(1), Delivery { over, ..Delivery::default() })];
    assert_eq!(peers.delivered(&over(3), SECOND * 10), [Finding::Over(peer(1))]);
    assert_eq!(peers.delivered(&over(FLOOD), SECOND * 20), [Finding::Over(peer(1))], "it may be an accident");
    assert_eq!(peers.delivered(&over(1), SECOND * 30), [Finding::Over(peer(1))], "it has stopped");
    peers.delivered(&over(FLOOD), SECOND * 31);
    assert_eq!(peers.delivered(&over(FLOOD), SECOND * 32), [Finding::Floods(peer(1))]);
    assert!(peers.delivered(&over(0), SECOND * 40).is_empty());
}
