//! A peer that writes what no node writes, for tests against whole nodes: `raw ADDRESS CHAIN_ID WHAT`.
//!
//! `controls`: floods of gossip's control messages. `drip`: questions for blocks, a byte a second. `sockets`:
//! a thousand connections that say nothing, from a hundred addresses.
//! It says when it has begun, comes again when it is sent away, and goes on until it is killed.

#[path = "../src/driver/tests/hostile/raw.rs"]
mod raw;

use futures::StreamExt as _;
use libp2p::swarm::SwarmEvent;
use raw::{GOSSIP, Raw, controls, swarm};
use starling_network::{Multiaddr, Protocol, Topic};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Floods in one stream, of some 270 KB each.
const FLOODS: usize = 40;
/// Questions at a time.
const QUESTIONS: usize = 64;
/// Sockets of each address, and addresses.
const SOCKETS: usize = 10;
const ADDRESSES: u8 = 100;
/// How long a connection may take: the node may have shut its door.
const DOOR: Duration = Duration::from_secs(2);
/// Before it comes again.
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, chain, what] = &args[..] else { panic!("raw ADDRESS CHAIN_ID controls|drip|sockets") };
    let address: Multiaddr = address.parse().expect("an address with a peer behind");
    let chain: u32 = chain.parse().expect("the number of a chain");
    match what.as_str() {
        "controls" => write(address, chain, false).await,
        "drip" => write(address, chain, true).await,
        "sockets" => open(&address).await,
        other => panic!("{other} is none of controls, drip and sockets"),
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
    assert!(open.iter().any(|open| !open.is_empty()), "nobody listens at {to}");
    begun();
    std::future::pending::<()>().await;
}

async fn write(address: Multiaddr, chain: u32, drips: bool) {
    let protocol = if drips { Protocol::Bodies.name(chain) } else { GOSSIP.to_owned() };
    let mut swarm = swarm(&protocol, Raw { drips, begun, ..Raw::default() });
    swarm.dial(address.clone()).expect("a first dial");
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id: victim, .. } => {
                let (bytes, times) = if drips {
                    ([&200_u32.to_le_bytes()[..], &[0; 96]].concat(), QUESTIONS)
                } else {
                    (controls(&Topic::Tx.name(chain)).repeat(FLOODS), 1)
                };
                for _ in 0..times {
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
