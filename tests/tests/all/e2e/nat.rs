//! Two homes behind routers, and one node on the open network. It needs root, and a kernel and tools that let
//! it build routers; where they do not, it says so.

use super::miner;
use starling_tests::{Lab, Node, Pace, Town, agree, until, wait};

/// The first address under which the node is known, once it says this of whether it can be reached.
fn known_as(node: &Node, reachable: bool) -> String {
    until(&format!("reachable: {reachable}, and where"), || {
        let net = wait(node.rpc().net_info()).expect("a running node answers");
        match net.external.first() {
            Some(first) if net.reachable == Some(reachable) => Ok(first.clone()),
            _ => Err(format!("{:?} at {:?}", net.reachable, net.external)),
        }
    })
}

#[test]
fn two_homes_behind_routers_meet_by_way_of_a_relay_and_need_it_no_more() {
    if let Err(why) = Town::allowed(true) {
        return eprintln!("skipped: no routers can be built here: {why}");
    }
    let town = Town::new(3, 100);
    [2, 3].into_iter().for_each(|house| town.hide(house));
    let lab = Lab::new(Pace::Asked, &[]);
    let flags = ["--no-mdns"];
    let folder = |house: u8| lab.folder().join(format!("house{house}"));
    let mut open = town.node(1, &lab.file(), &folder(1), &flags);
    let bootstrap = open.as_bootstrap().map(str::to_owned);
    let flags = [&flags[..], &[&bootstrap[0], &bootstrap[1]]].concat();
    let homes = [2, 3].map(|house| town.hidden_node(house, &lab.file(), &folder(house), &flags));

    let at = known_as(&open, true);
    assert!(open.address().starts_with(&at), "{at}");
    let circuits = [0, 1].map(|home| known_as(&homes[home], false));
    let id = |node: &Node| node.ready().peer_id.clone();
    for (home, circuit) in homes.iter().zip(&circuits) {
        assert!(circuit.contains("/p2p-circuit") && circuit.contains(&id(&open)), "{circuit}");
        assert!(circuit.ends_with(&id(home)), "{circuit}");
    }

    wait(homes[1].rpc().net_add(&circuits[0])).expect("a way over a relay can be added");
    for (home, other) in [(0, 1), (1, 0)] {
        until("each home has the other for a peer, directly", || {
            let peers = wait(homes[home].rpc().net_peers()).expect("a running node answers");
            let found = peers.into_iter().find(|peer| peer.peer_id == id(&homes[other]));
            let direct = found.as_ref().is_some_and(|peer| !peer.address.contains("p2p-circuit"));
            if direct { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }
    open.kill();
    homes[0].generate(3, &miner(&lab, 1));
    agree(&[&homes[0], &homes[1]]);
}
