//! The libp2p driver: a task that owns the swarm.
//!
//! It knows no rules. It reports what arrived ([`NetEvent`]) and does what it is told ([`NetCommand`]), both
//! over bounded channels and as raw bytes; it never blocks, never decides what is valid, and never chooses a
//! peer.
//!
//! - [`message`]: the events, commands, topics and protocols; [`task`]: the loop between channels and swarm
//! - [`behaviour`]: transports, protocols, limits; [`gossip`]: its settings and the gate before its caches;
//!   [`watch`]: closes connections on which gossip has given up
//! - [`guard`]: who may knock; [`intake`]: what peers may bring by gossip
//! - [`gate`]: which connections have which protocols; [`kademlia`]: nodes that peers name
//! - [`reach`]: whether others can dial us; [`quietly`], [`vetted`]: the libraries that help with it, kept
//!   from announcing and dialling by themselves
//! - [`codec`]: frames and caps of the request protocols; [`inbound`]: requests being served
//! - [`carried`]: what gossip has seen; [`dialling`]: how to dial; [`seeds`]: what DNS knows; [`keys`]: the
//!   node's key; [`traffic`]: counters; [`shaping`]: how fast we send; [`delay`]: how late
//!   we hear

mod behaviour;
mod carried;
mod codec;
mod delay;
mod dialling;
mod gate;
mod gossip;
mod guard;
mod inbound;
mod intake;
mod kademlia;
mod keys;
mod message;
mod quietly;
mod reach;
mod seeds;
mod shaping;
mod task;
mod traffic;
mod vetted;
mod watch;

pub use gossip::VERDICT_WINDOW;
pub use inbound::MAX_INBOUND_PER_PROTOCOL;
pub use keys::{KeyError, load_or_create_key};
pub use libp2p::identity::Keypair;
pub use libp2p::{Multiaddr, PeerId};
pub use message::{
    Delivery, DialEnd, MessageRef, NetCommand, NetEvent, Protocol, ReplyToken, RequestFailure, RequestId,
    Topic, Verdict,
};
pub use reach::Reachability;
pub use task::REPORT_EVERY;
pub use traffic::{Flow, Traffic, VERDICTS_WITHIN};

use libp2p::core::transport::TransportError;
use libp2p::multiaddr::Protocol as Part;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;
use std::fmt;
use std::io;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use task::Task;
use tokio::sync::mpsc;

/// Characters kept of what a peer calls itself.
pub const MAX_AGENT_CHARS: usize = 64;
/// Events that wait for the core at the most; when they are full, the network waits.
pub const EVENT_QUEUE: usize = 128;
/// Commands that wait for the driver at the most; when they are full, the sender waits or is told so.
pub const COMMAND_QUEUE: usize = 256;

/// Connections that may stand at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCaps {
    /// Those others opened.
    pub inbound: u32,
    /// Those we opened.
    pub outbound: u32,
}

impl Default for ConnectionCaps {
    /// 56 inbound (40, 8 for newcomers, and those on whom it is not decided yet), 32 outbound (12 slots, room
    /// for two connections to a peer, and peers named by hand).
    fn default() -> Self {
        Self { inbound: 56, outbound: 32 }
    }
}

/// What the driver needs to know.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// The node's key ([`load_or_create_key`]).
    pub key: Keypair,
    /// The chain; topics and protocols carry it in their names.
    pub chain_id: u32,
    /// What we call ourselves, `starling/VERSION`.
    pub agent: String,
    /// Where to listen; nowhere if empty. Port 0 is any free one.
    pub listen: Vec<Multiaddr>,
    /// Whether the chain is for everybody: then connections are counted by address and network.
    pub public: bool,
    /// Whether to find nodes on the local network (mDNS).
    pub mdns: bool,
    /// Whether to ask peers for nodes, and answer those who ask (Kademlia).
    pub discovery: bool,
    /// Whether to find out if others can reach us, and to help it: `UPnP`, `AutoNAT`, relays, hole punching.
    pub nat: bool,
    /// Connections at a time.
    pub connections: ConnectionCaps,
    /// Bytes of a body at the most on this chain: caps of several protocols follow from it.
    pub max_body_bytes: u32,
    /// Bytes a second that may be sent; as many as the line takes if none.
    pub upload_limit: Option<u64>,
    /// How much later what peers send is delivered; zero but for trying a network out.
    pub link_delay: Duration,
}

/// Why the driver does not start.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Another program listens there.
    #[error(
        "{address} is in use: stop the program that listens there (another node?), or listen on another port"
    )]
    AddressInUse {
        /// The address.
        address: Multiaddr,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {reason}; an address looks like /ip4/0.0.0.0/tcp/8644 \
         or /ip4/0.0.0.0/udp/8644/quic-v1"
    )]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system said.
        reason: String,
    },
    /// The system's resolver settings cannot be read.
    #[error("cannot read the system's name servers: {0}; check /etc/resolv.conf")]
    Dns(#[source] io::Error),
    /// Gossip refuses its settings.
    #[error("gossip settings: {0}")]
    Gossip(String),
    /// The transports or protocols cannot be set up.
    #[error("cannot set up the network: {0}")]
    Setup(String),
    /// There is no tokio runtime here.
    #[error("the network needs to be started inside a tokio runtime")]
    NoRuntime,
}

/// The core's end of the driver. The driver stops, and closes its connections, when the last clone is
/// dropped.
#[derive(Clone, Debug)]
pub struct NetHandle {
    commands: mpsc::Sender<NetCommand>,
    local_peer: PeerId,
    traffic: Arc<Traffic>,
    metrics: Arc<Registry>,
}

impl NetHandle {
    /// The commands' queue. Whoever waits on it should keep taking events, or use `try_send`.
    #[must_use]
    pub fn commands(&self) -> &mpsc::Sender<NetCommand> {
        &self.commands
    }

    /// Our peer id.
    #[must_use]
    pub fn local_peer(&self) -> PeerId {
        self.local_peer
    }

    /// What libp2p counts, as lines of `OpenMetrics` text without its end.
    ///
    /// # Errors
    /// As for any formatting.
    pub fn write_metrics(&self, out: &mut String) -> fmt::Result {
        encode_registry(out, &self.metrics)
    }

    /// The traffic counters.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

/// Starts the driver on the current tokio runtime: it listens when this returns, and tells where by
/// [`NetEvent::Listening`].
///
/// # Errors
/// [`DriverError`]: an address in use or impossible, or a system without what the network needs.
pub fn start(config: &DriverConfig) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), DriverError> {
    start_with_queue(config, EVENT_QUEUE)
}

fn start_with_queue(
    config: &DriverConfig,
    events: usize,
) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), DriverError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(|_| DriverError::NoRuntime)?;
    let mut metrics = Registry::with_prefix("libp2p");
    let traffic = Arc::new(Traffic::new(config.upload_limit));
    let mut swarm = behaviour::swarm(config, &traffic, &mut metrics)?;
    for address in &config.listen {
        check_free(address)?;
    }
    for address in &config.listen {
        if let Err(error) = swarm.listen_on(address.clone()) {
            let reason = match error {
                TransportError::MultiaddrNotSupported(_) => "no transport for such an address".into(),
                TransportError::Other(error) => error.to_string(),
            };
            return Err(DriverError::Listen { address: address.clone(), reason });
        }
    }
    let (command_sender, commands) = mpsc::channel(COMMAND_QUEUE);
    let (events, event_receiver) = mpsc::channel(events);
    let local_peer = *swarm.local_peer_id();
    runtime.spawn(Task::new(swarm, config, commands, Arc::clone(&traffic)).run(events));
    let metrics = Arc::new(metrics);
    Ok((NetHandle { commands: command_sender, local_peer, traffic, metrics }, event_receiver))
}

/// Refuses an address that is taken or not ours. The transport would not always: it listens on TCP with
/// `SO_REUSEPORT`, with which two nodes of one user share a port in silence, and each gets half of the
/// connections.
fn check_free(address: &Multiaddr) -> Result<(), DriverError> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Part::Ip4(ip)) => IpAddr::from(ip),
        Some(Part::Ip6(ip)) => IpAddr::from(ip),
        _ => return Ok(()),
    };
    let tried = match parts.next() {
        Some(Part::Tcp(port)) => TcpListener::bind((ip, port)).map(drop),
        Some(Part::Udp(port)) => UdpSocket::bind((ip, port)).map(drop),
        _ => return Ok(()),
    };
    tried.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => DriverError::AddressInUse { address: address.clone() },
        _ => DriverError::Listen { address: address.clone(), reason: error.to_string() },
    })
}

#[cfg(test)]
mod tests;
