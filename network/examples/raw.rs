//! A peer that writes what no node writes, for tests against whole nodes: `raw ADDRESS CHAIN_ID WHAT`.
//!
//! `controls`: floods of gossip's control messages. `drip`: questions for blocks, a byte a second.
//! It says when it has begun, comes again when it is sent away, and goes on until it is killed.

#[path = "../src/driver/tests/hostile/raw.rs"]
mod raw;

use futures::StreamExt as _;
use libp2p::swarm::SwarmEvent;
use raw::{GOSSIP, Raw, controls, swarm};
use starling_network::{Multiaddr, Protocol, Topic};
use std::io::{self, Write as _};
use std::time::Duration;

/// Floods in one stream, of some 270 KB each.
const FLOODS: usize = 40;
/// Questions at a time.
const QUESTIONS: usize = 64;
/// Before it comes again.
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, chain, what] = &args[..] else { panic!("raw ADDRESS CHAIN_ID controls|drip") };
    let address: Multiaddr = address.parse().expect("an address with a peer behind");
    let chain: u32 = chain.parse().expect("the number of a chain");
    let drips = match what.as_str() {
        "controls" => false,
        "drip" => true,
        other => panic!("{other} is neither controls nor drip"),
    };
    let protocol = if drips { Protocol::Bodies.name(chain) } else { GOSSIP.to_owned() };
    let mut swarm = swarm(&protocol, Raw { reads: true, drips });
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
                // Whoever started it hears of the first time.
                drop(writeln!(io::stdout(), "begun"));
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
