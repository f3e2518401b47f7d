//! A peer that writes what no node writes, for tests against whole nodes: `raw ADDRESS CHAIN_ID WHAT`.
//!
//! `controls`: floods of gossip's control messages. `drip`: questions for blocks, a byte a second. `sockets`:
//! a thousand connections that say nothing, from a hundred addresses, and no more when those are closed.
//! `oversize`: a transaction of 16,385 bytes.
//! It says who it is (but for sockets) and when it has begun, comes again when it is sent away, and goes on
//! until it is killed.

#[path = "../src/driver/tests/hostile/raw.rs"]
mod raw;

use futures::StreamExt as _;
use libp2p::swarm::SwarmEvent;
use raw::{GOSSIP, Raw, controls, publish, swarm};
use starling_network::{Multiaddr, Protocol, Topic};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Floods in one stream, of some 270 KB each.
const FLOODS: usize = 40;
/// Bytes of a transaction that is one too long.
const OVERSIZE: usize = 16_385;
/// Questions at a time.
const QUESTIONS: usize = 64;
/// Sockets of each address, and addresses.
const SOCKETS: usize = 10;
const ADDRESSES: u8 = 100;
/// Connections that are enough to begin with: the system's queue is short.
const ENOUGH: usize = 100;
/// How long a connection may take: the node may have shut its door.
const DOOR: Duration = Duration::from_secs(2);
/// Before it comes again.
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, chain, what] = &args[..] else {
        panic!("raw ADDRESS CHAIN_ID controls|drip|oversize|sockets")
    };
    let address: Multiaddr = address.parse().expect("an address with a peer behind");
    let chain: u32 = chain.parse().expect("the number of a chain");
    match what.as_str() {
        "controls" => {
            let floods = controls(&Topic::Tx.name(chain)).repeat(FLOODS);
            write(address, GOSSIP, Raw::default(), vec![floods]).await;
        }
        "drip" => {
            let question = [&200_u32.to_le_bytes()[..], &[0; 96]].concat();
            let raw = Raw { drips: true, ..Raw::default() };
            write(address, &Protocol::Bodies.name(chain), raw, vec![question; QUESTIONS]).await;
        }
        "oversize" => {
            let rpc = publish(&Topic::Tx.name(chain), &[1; OVERSIZE]);
            write(address, GOSSIP, Raw::default(), vec![rpc]).await;
        }
        "sockets" => open(&address).await,
        other => panic!("{other} is none of controls, drip, oversize and sockets"),
    }
}

/// Whoever started it hears of it.
fn begun() {
    drop(writeln!(io::stdout(), "begun"));
}

async fn open(address: &Multiaddr) {
    let parts: Vec<String> = address.to_string().split('/').map(str::to_owned).collect();
    let to: SocketAddr = format!("{}:{}", parts[2], parts[4]).parse().expect("an address of IPv4 and TCP");
    let mut dials = JoinSet::new();
    for number in 0..ADDRESSES {
        dials.spawn(async move {
            let mut open: Vec<TcpStream> = Vec::new();
            for _ in 0..SOCKETS {
                let Ok(socket) = TcpSocket::new_v4() else { break };
                // An address of its own, as an attacker has.
                socket.bind((Ipv4Addr::new(127, 66, 0, number), 0).into()).expect("a loopback address");
                open.extend(timeout(DOOR, socket.connect(to)).await.ok().and_then(Result::ok));
            }
            open
        });
    }
    let open = dials.join_all().await;
    let count: usize = open.iter().map(Vec::len).sum();
    assert!(count >= ENOUGH, "{to} takes {count} connections");
    begun();
    std::future::pending::<()>().await;
}

async fn write(address: Multiaddr, protocol: &str, raw: Raw, all: Vec<Vec<u8>>) {
    let mut swarm = swarm(protocol, Raw { begun, ..raw });
    drop(writeln!(io::stdout(), "{}", swarm.local_peer_id()));
    swarm.dial(address.clone()).expect("a first dial");
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id: victim, .. } => {
                for bytes in &all {
                    swarm.behaviour_mut().send_request(&victim, bytes.clone());
                }
            }
            SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => {
                tokio::time::sleep(PAUSE).await;
                // Another dial may be under way.
                drop(swarm.dial(address.clone()));
            }
            _ => {}
        }
    }
}
