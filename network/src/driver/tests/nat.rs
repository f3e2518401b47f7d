//! Whether others can reach a node, what it does for those who ask, and what a relayed connection carries.

use super::super::gate::is_relayed;
use super::super::quietly::suggest;
use super::*;
use futures::StreamExt;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Swarm, SwarmBuilder, autonat, dcutr, identify, noise, ping, relay, tcp, yamux};
use std::collections::HashSet;

fn helpful(listen: &str) -> DriverConfig {
    DriverConfig { discovery: true, nat: true, ..config(listen) }
}

impl Node {
    async fn reachable(&mut self) -> Vec<Multiaddr> {
        self.until("a way to reach it", |event| match event {
            NetEvent::Reachable(reach) if reach.reachable == Some(true) => Some(reach.addresses.clone()),
            _ => None,
        })
        .await
    }
}

/// Another program on libp2p, without the chain's protocols.
#[derive(NetworkBehaviour)]
struct Stranger {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    relays: relay::client::Behaviour,
    punch: Toggle<dcutr::Behaviour>,
    probe: autonat::v2::client::Behaviour,
}

fn stranger(punches: bool) -> Swarm<Stranger> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key, relays| Stranger {
            identify: identify::Behaviour::new(identify::Config::new(version(CHAIN), key.public())),
            ping: ping::Behaviour::default(),
            relays,
            punch: punches.then(|| dcutr::Behaviour::new(key.public().to_peer_id())).into(),
            probe: autonat::v2::client::Behaviour::default(),
        })
        .unwrap()
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(DEADLINE))
        .build()
}

/// A stranger that listens, and has a place at the relay: how it is dialled over it.
async fn behind(relay: &mut Node, stranger: &mut Swarm<Stranger>) -> Multiaddr {
    stranger.listen_on(TCP.parse().unwrap()).unwrap();
    stranger.dial(relay.address.clone()).unwrap();
    let id = *stranger.local_peer_id();
    let mut asked = false;
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        tokio::select! {
            event = stranger.select_next_some() => match event {
                // The relay offers itself once a stranger has come to it.
                SwarmEvent::Behaviour(StrangerEvent::Identify(identify::Event::Received { info, .. }))
                    if !asked && info.protocols.contains(&relay::HOP_PROTOCOL_NAME) =>
                {
                    let circuit = relay.address.clone().with(Part::P2pCircuit);
                    stranger.listen_on(circuit).unwrap();
                    asked = true;
                }
                SwarmEvent::Behaviour(StrangerEvent::Relays(
                    relay::client::Event::ReservationReqAccepted { .. },
                )) => return relay.address.clone().with(Part::P2pCircuit).with(Part::P2p(id)),
                SwarmEvent::Behaviour(StrangerEvent::Identify(identify::Event::Received { peer_id, .. })) => {
                    stranger.behaviour_mut().identify.push([peer_id]);
                }
                _ => {}
            },
            _ = relay.step() => {}
        }
    }
    panic!("no place at the relay");
}

#[tokio::test]
async fn a_node_learns_from_another_s_dial_that_it_can_be_reached() {
    let (mut asks, mut helps) = (Node::with(&helpful(TCP)).await, Node::with(&helpful(TCP)).await);
    connect(&mut asks, &mut helps).await;
    let ours = asks.address.iter().filter(|part| !matches!(part, Part::P2p(_))).collect::<Multiaddr>();
    assert_eq!(asks.reachable().await, [ours], "the other dialled back");
    helps.reachable().await;
    // Who asks for a dial is not a peer of our choice for it, nor connected twice.
    let dialled = |event: &NetEvent| matches!(event, NetEvent::Connected { .. });
    assert_eq!(helps.seen.iter().filter(|event| dialled(event)).count(), 0, "{:?}", helps.seen);
    assert!(asks.seen.iter().chain(&helps.seen).all(|event| !matches!(event, NetEvent::Disconnected { .. })));
}

#[tokio::test]
async fn nobody_is_dialled_at_an_address_that_is_not_the_asker_s() {
    let mut helps = Node::with(&helpful(TCP)).await;
    let mut asks = stranger(false);
    let listening = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = listening.local_addr().unwrap().port();
    asks.listen_on(TCP.parse().unwrap()).unwrap();
    asks.dial(helps.address.clone()).unwrap();
    let elsewhere: Multiaddr = format!("/ip4/127.0.0.2/tcp/{port}").parse().unwrap();
    suggest(&mut asks.behaviour_mut().probe, &elsewhere);
    let outcome = async {
        loop {
            tokio::select! {
                event = asks.select_next_some() => match event {
                    SwarmEvent::Behaviour(StrangerEvent::Probe(test)) if test.tested_addr == elsewhere => {
                        return test.result.is_ok();
                    }
                    _ => {}
                },
                _ = helps.step() => {}
            }
        }
    };
    assert!(!timeout(DEADLINE, outcome).await.expect("the test ends"), "it was refused");
    let came = timeout(Duration::ZERO, listening.accept()).await;
    assert!(came.is_err(), "and nobody was dialled");
}

#[tokio::test]
async fn a_relayed_connection_carries_no_chain_data() {
    let (mut relay, mut node) = (Node::with(&helpful(TCP)).await, Node::with(&helpful(TCP)).await);
    let mut stranger = stranger(false);
    let address = behind(&mut relay, &mut stranger).await;
    let wanted = *stranger.local_peer_id();
    node.send(dial(address.clone())).await;
    let (mut said, mut over): (Option<HashSet<String>>, bool) = (None, false);
    let told = async {
        while said.is_none() || !over {
            tokio::select! {
                event = stranger.select_next_some() => if let SwarmEvent::Behaviour(
                    StrangerEvent::Identify(identify::Event::Received { peer_id, info, .. })) = event
                    && peer_id == node.handle.local_peer() {
                    said = Some(info.protocols.iter().map(ToString::to_string).collect());
                },
                event = node.events.recv() => match event.expect("the driver runs") {
                    // Nobody there makes a direct connection of it, so it ends.
                    NetEvent::DialFailed { address: failed, end, .. } => {
                        assert_eq!((failed, end), (address.clone(), DialEnd::Failed));
                        over = true;
                    }
                    NetEvent::Connected { peer, .. } if peer == wanted => panic!("over a relay alone"),
                    _ => {}
                },
                _ = relay.step() => {}
            }
        }
    };
    timeout(2 * DEADLINE, told).await.expect("it identifies itself, and the dial ends");
    let said = said.expect("it was told");
    assert!(said.contains("/ipfs/id/1.0.0"), "{said:?}");
    let of_chain = |name: &&String| name.starts_with("/starling/") || name.starts_with("/meshsub/");
    assert_eq!(said.iter().filter(of_chain).count(), 0, "{said:?}");
}

#[tokio::test]
async fn a_relay_leads_to_a_direct_connection() {
    let (mut relay, mut node) = (Node::with(&helpful(TCP)).await, Node::with(&helpful(TCP)).await);
    let mut stranger = stranger(true);
    let address = behind(&mut relay, &mut stranger).await;
    let wanted = *stranger.local_peer_id();
    // Both know where they may be dialled: the relay has told them.
    connect(&mut node, &mut relay).await;
    node.until("the relay's name", |event| matches!(event, NetEvent::Identified { .. }).then_some(())).await;
    // What a router would let through: here, where it listens.
    let listens: Vec<Multiaddr> = stranger.listeners().filter(|a| !is_relayed(a)).cloned().collect();
    for addr in &listens {
        suggest(&mut stranger.behaviour_mut().punch, addr);
    }
    node.send(dial(address)).await;
    let met = async {
        loop {
            tokio::select! {
                _ = stranger.select_next_some() => {}
                event = node.events.recv() => match event.expect("the driver runs") {
                    NetEvent::Connected { peer, address, outbound } if peer == wanted => {
                        return (address, outbound);
                    }
                    NetEvent::DialFailed { error, .. } => panic!("{error}"),
                    _ => {}
                },
                _ = relay.step() => {}
            }
        }
    };
    let (address, outbound) = timeout(DEADLINE, met).await.expect("they meet directly");
    assert!(outbound, "we wanted it");
    assert!(!is_relayed(&address), "{address}");
}

#[tokio::test]
async fn peers_name_the_nodes_they_know_and_nobody_is_dialled_for_it() {
    let (mut knows, mut known) = (Node::with(&helpful(TCP)).await, Node::with(&helpful(TCP)).await);
    let mut asks = Node::with(&helpful(TCP)).await;
    connect(&mut known, &mut knows).await;
    connect(&mut asks, &mut knows).await;
    let wanted = known.peer();
    let deadline = Instant::now() + DEADLINE;
    let mut found = None;
    // They have to have identified themselves first.
    while found.is_none() {
        assert!(Instant::now() < deadline, "not named; seen: {:?}", asks.seen);
        asks.send(NetCommand::Walk).await;
        tokio::join!(asks.step(), knows.step(), known.step());
        found = asks.seen.iter().find_map(|event| match event {
            NetEvent::Discovered { peer, addresses, by } if *peer == wanted => Some((addresses.clone(), *by)),
            _ => None,
        });
    }
    let (addresses, by) = found.expect("just found");
    assert_eq!(by, Some(knows.peer()));
    let bare: Multiaddr = known.address.iter().filter(|part| !matches!(part, Part::P2p(_))).collect();
    let named = |address: &Multiaddr| address.iter().zip(bare.iter()).all(|(a, b)| a == b);
    assert!(addresses.iter().any(named), "{addresses:?}");
    let to_wanted = |event: &NetEvent| matches!(event, NetEvent::Connected { peer, .. } if *peer == wanted);
    assert!(!asks.seen.iter().any(to_wanted));
}

#[tokio::test]
async fn who_is_to_bring_blocks_alone_gets_no_gossip_by_coming_itself() {
    let mut node = Node::with(&helpful(TCP)).await;
    let mut stranger = stranger(false);
    stranger.listen_on(TCP.parse().unwrap()).unwrap();
    let ours = *stranger.local_peer_id();
    let (mut dialled, mut offered) = (false, Vec::new());
    let told = async {
        while offered.len() < 2 {
            tokio::select! {
                event = stranger.select_next_some() => match event {
                    SwarmEvent::NewListenAddr { address, .. } => {
                        let addresses = vec![address];
                        node.send(NetCommand::Dial { peer: Some(ours), addresses, quiet: true }).await;
                    }
                    SwarmEvent::Behaviour(StrangerEvent::Identify(identify::Event::Received {
                        connection_id, info, ..
                    })) if !offered.iter().any(|(id, _)| *id == connection_id) => {
                        offered.push((connection_id, info.protocols));
                        if !std::mem::replace(&mut dialled, true) {
                            let options = DialOpts::peer_id(node.peer()).condition(PeerCondition::Always);
                            let options = options.addresses(vec![node.address.clone()]).build();
                            stranger.dial(options).unwrap();
                        }
                    }
                    _ => {}
                },
                _ = node.step() => {}
            }
        }
    };
    timeout(DEADLINE, told).await.expect("two connections stand");
    for (_, protocols) in offered {
        let has = |what: &str| protocols.iter().any(|name| name.as_ref().contains(what));
        assert!(has("/bodies/1"), "{protocols:?}");
        assert!(!has("/meshsub/") && !has("/kad/"), "{protocols:?}");
    }
}

#[tokio::test]
async fn who_asks_for_a_test_and_goes_is_not_connected_by_it() {
    let mut helps = Node::with(&helpful(TCP)).await;
    let mut asks = stranger(false);
    asks.listen_on(TCP.parse().unwrap()).unwrap();
    asks.dial(helps.address.clone()).unwrap();
    let (ours, mut first, mut tested) = (*asks.local_peer_id(), None, false);
    let gone = async {
        loop {
            tokio::select! {
                event = asks.select_next_some() => match event {
                    SwarmEvent::NewListenAddr { address, .. } => {
                        suggest(&mut asks.behaviour_mut().probe, &address);
                    }
                    SwarmEvent::ConnectionEstablished { connection_id, endpoint, .. } => {
                        if endpoint.is_dialer() {
                            first = Some(connection_id);
                        } else if let Some(first) = first {
                            // The test has come: leave by the door we came in.
                            tested = asks.close_connection(first);
                        }
                    }
                    _ => {}
                },
                event = helps.events.recv() => match event.expect("the driver runs") {
                    NetEvent::Connected { peer, outbound, .. } if peer == ours => assert!(!outbound),
                    NetEvent::Disconnected { peer } if peer == ours => return,
                    _ => {}
                },
            }
        }
    };
    timeout(DEADLINE, gone).await.expect("it is gone, whatever tests it");
    assert!(tested);
}
