//! Real swarms on loopback.

use super::behaviour::{is_of_chain, version};
use super::*;
use crate::addresses::{Record, Rules};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout};

mod exchanges;
mod gossip;
mod hostile;
mod nat;
mod node;

use node::{BODY, CHAIN, DEADLINE, Node, QUIC, TCP, config, connect, dial, eventually, pair, warm_up};

#[tokio::test]
async fn two_nodes_meet_over_tcp_and_over_quic() {
    for listen in [TCP, QUIC] {
        let (mut a, mut b) = (Node::new(listen).await, Node::new(listen).await);
        a.send(dial(b.address.clone())).await;
        let end = |of: PeerId| {
            move |event: &NetEvent| match event {
                NetEvent::Connected { peer, outbound, .. } if *peer == of => Some(*outbound),
                _ => None,
            }
        };
        assert!(a.until("connection", end(b.peer())).await, "a dialled");
        assert!(!b.until("connection", end(a.peer())).await, "b was dialled");
        let said = a
            .until("identity", |event| match event {
                NetEvent::Identified { agent, protocols_ok, .. } => Some((agent.clone(), *protocols_ok)),
                _ => None,
            })
            .await;
        assert_eq!(said, ("starling/0.0.0".to_string(), true));
        a.until("ping", |event| matches!(event, NetEvent::Ping { .. }).then_some(())).await;
        a.talk(&mut b, 1).await;
        a.send(NetCommand::Disconnect(b.peer())).await;
        a.disconnected(b.peer()).await;
        b.disconnected(a.peer()).await;
    }
}

/// Whether what this machine says to a group on its network is heard here; else why not.
fn hears_its_network() -> std::io::Result<()> {
    let group = Ipv4Addr::new(239, 255, 86, 44);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    socket.send_to(b"hello", (group, socket.local_addr()?.port()))?;
    let (_, from) = socket.recv_from(&mut [0; 8])?;
    if from.ip().is_loopback() { Err(std::io::Error::other("only with itself")) } else { Ok(()) }
}

#[tokio::test]
async fn two_nodes_on_one_network_find_each_other() {
    if let Err(why) = hears_its_network() {
        return eprintln!("skipped: no multicast here ({why})");
    }
    let ours = || DriverConfig { mdns: true, ..config("/ip4/0.0.0.0/tcp/0") };
    let (mut a, b) = (Node::with(&ours()).await, Node::with(&ours()).await);
    let is_other = |event: &NetEvent| match event {
        NetEvent::Discovered { peer, addresses, by: None } if *peer == b.peer() => addresses.first().cloned(),
        _ => None,
    };
    let address = a.until("the other's address", is_other).await;
    a.send(dial(address)).await;
    a.connected(b.peer()).await;
}

#[tokio::test]
async fn a_node_is_found_by_name() {
    let (mut a, mut b) = (Node::new(TCP).await, Node::new(TCP).await);
    let by_name = b.address.to_string().replace("/ip4/127.0.0.1/", "/dns4/localhost/");
    a.send(dial(by_name.parse().unwrap())).await;
    a.connected(b.peer()).await;
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn what_a_stranger_calls_itself_is_fit_for_a_log() {
    let agent = format!("star\n\u{1b}[31mling\u{202e}/{}", "9".repeat(500));
    let mut a = Node::with(&DriverConfig { agent, ..config(TCP) }).await;
    let mut b = Node::new(TCP).await;
    connect(&mut a, &mut b).await;
    let said = b
        .until("identity", |event| match event {
            NetEvent::Identified { agent, .. } => Some(agent.clone()),
            _ => None,
        })
        .await;
    assert_eq!(said, format!("star[31mling/{}", "9".repeat(MAX_AGENT_CHARS - 13)));
}

#[tokio::test]
async fn connections_over_the_cap_are_refused() {
    let caps = ConnectionCaps { inbound: 1, outbound: 1 };
    let mut a = Node::with(&DriverConfig { connections: caps, ..config(TCP) }).await;
    let (mut b, mut c) = (Node::new(TCP).await, Node::new(TCP).await);
    connect(&mut b, &mut a).await;
    c.send(dial(a.address.clone())).await;
    c.until("refusal", |event| {
        matches!(event, NetEvent::DialFailed { .. } | NetEvent::Disconnected { .. }).then_some(())
    })
    .await;
    // One outbound connection has a place of its own, a second has none.
    c.seen.clear();
    connect(&mut a, &mut c).await;
    let d = Node::new(TCP).await;
    a.send(dial(d.address.clone())).await;
    a.until("refusal", |event| matches!(event, NetEvent::DialFailed { .. }).then_some(())).await;
    a.talk(&mut b, 1).await;
    a.talk(&mut c, 2).await;
    d.send(NetCommand::Disconnect(a.peer())).await;
    assert!(!a.seen.iter().any(|event| matches!(event, NetEvent::Connected { .. })));
}

#[tokio::test]
async fn a_banned_peer_is_cut_off_and_kept_out() {
    let (mut a, mut b) = pair(TCP).await;
    a.send(NetCommand::Ban(b.peer())).await;
    a.disconnected(b.peer()).await;
    b.disconnected(a.peer()).await;
    b.send(dial(a.address.clone())).await;
    b.until("refusal", |event| {
        matches!(event, NetEvent::DialFailed { .. } | NetEvent::Disconnected { .. }).then_some(())
    })
    .await;
    a.send(dial(b.address.clone())).await;
    a.until("refusal", |event| matches!(event, NetEvent::DialFailed { .. }).then_some(())).await;
    assert!(!a.seen.iter().any(|event| matches!(event, NetEvent::Connected { .. })));
    a.send(NetCommand::Unban(b.peer())).await;
    b.seen.clear();
    connect(&mut a, &mut b).await;
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn another_node_at_an_address_is_named_and_a_dial_without_a_name_takes_it() {
    let b = Node::new(TCP).await;
    let named = b.address.clone();
    let mut bare = named.clone();
    bare.pop();
    drop(b);
    // The key is not the one that comes back.
    let again = DriverConfig { listen: vec![bare.clone()], ..config(TCP) };
    let b = eventually("the port is free", async || start(&again).ok()).await;
    let mut a = Node::new(TCP).await;
    a.send(dial(named)).await;
    let error = a.until("another node", dial_failure).await.1;
    assert!(error.contains("/p2p/") && error.contains(&b.0.local_peer().to_string()), "{error}");
    a.send(dial(bare)).await;
    a.connected(b.0.local_peer()).await;
}

/// A dial that came to nothing: where to, why, and whether that was the dialler itself.
fn dial_failure(event: &NetEvent) -> Option<(Multiaddr, String, bool)> {
    match event {
        NetEvent::DialFailed { address, error, end, .. } => {
            Some((address.clone(), error.clone(), *end == DialEnd::Ourselves))
        }
        _ => None,
    }
}

#[tokio::test]
async fn every_dial_ends_and_says_when_it_led_to_ourselves() {
    let (mut a, mut b) = pair(TCP).await;
    let bare = |address: &Multiaddr| {
        let mut bare = address.clone();
        bare.pop();
        bare
    };
    let elsewhere: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
    for (address, why, is_ours) in [
        (a.address.clone(), "own address", true),
        (bare(&a.address), "", true),
        (b.address.clone(), "connected already", false),
        (elsewhere.clone(), "refused", false),
    ] {
        a.send(dial(address.clone())).await;
        let failed = a.until("failure", dial_failure).await;
        assert_eq!((&failed.0, failed.2), (&address, is_ours), "{}", failed.1);
        assert!(failed.1.contains(why), "{}", failed.1);
    }
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn a_dial_of_a_peer_that_is_not_there_names_it() {
    let mut a = Node::new(TCP).await;
    let peer = PeerId::random();
    // As the book has it: without the id at the end.
    let addresses = vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()];
    a.send(NetCommand::Dial { peer: Some(peer), addresses, quiet: true }).await;
    let failed = |event: &NetEvent| match event {
        NetEvent::DialFailed { peer, end, .. } => Some((*peer, *end)),
        _ => None,
    };
    assert_eq!(a.until("failure", failed).await, (Some(peer), DialEnd::Failed));
}

#[tokio::test]
async fn an_address_in_use_or_impossible_is_an_error_that_says_so() {
    for listen in [TCP, QUIC] {
        let a = Node::new(listen).await;
        let mut taken = a.address.clone();
        taken.pop();
        let error = start(&DriverConfig { listen: vec![taken.clone()], ..config(listen) }).unwrap_err();
        assert!(matches!(error, DriverError::AddressInUse { .. }), "{error}");
        assert!(error.to_string().contains(&taken.to_string()) && error.to_string().contains("another port"));
    }
    for impossible in ["/ip4/203.0.113.1/tcp/0", "/ip4/127.0.0.1/udp/1"] {
        let error = start(&config(impossible)).unwrap_err();
        assert!(matches!(error, DriverError::Listen { .. }), "{error}");
        assert!(error.to_string().contains(impossible), "{error}");
    }
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    assert!(matches!(start(&config(TCP)), Err(DriverError::NoRuntime)));
}

#[tokio::test]
async fn the_driver_stops_with_its_handle_and_tells_its_peers() {
    for listen in [TCP, QUIC] {
        let (mut a, b) = pair(listen).await;
        let Node { handle, mut events, .. } = b;
        let peer = handle.local_peer();
        drop(handle);
        a.disconnected(peer).await;
        timeout(DEADLINE, async { while events.recv().await.is_some() {} }).await.unwrap();
    }
}

#[test]
fn a_peer_may_be_on_our_chain_unless_it_names_another() {
    let ours = version(CHAIN);
    let (on_ours, on_another) = (Protocol::Status.name(CHAIN), Protocol::Status.name(CHAIN + 1));
    let asks = |said: &str, spoken: &[&str]| is_of_chain(CHAIN, said, spoken, true);
    assert!(asks(&ours, &[&on_ours, "/meshsub/1.2.0"]));
    assert!(is_of_chain(CHAIN, &ours, &[&on_ours], false), "we may have dialled it");
    // A program that knows nothing of chains but their topics, and came by itself.
    assert!(asks("ipfs/0.1.0", &["/meshsub/1.1.0", "/ipfs/ping/1.0.0"]));
    assert!(!is_of_chain(CHAIN, "ipfs/0.1.0", &["/meshsub/1.1.0"], false));
    assert!(!asks("ipfs/0.1.0", &["/ipfs/kad/1.0.0"]), "it is here for something else");
    assert!(!asks(&version(CHAIN + 1), &[&on_another]));
    assert!(!asks("/starling/", &[&on_ours]), "another version of ours");
    assert!(!asks("ipfs/0.1.0", &["/meshsub/1.1.0", &on_another]));
}
