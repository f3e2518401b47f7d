//! The swarm: transports, the protocols of a connection, and their settings.

use super::codec::Frames;
use super::gate::Gated;
use super::gossip::gossip;
use super::guard::Guard;
use super::intake::Intake;
use super::kademlia::Feeder;
use super::message::Protocol;
use super::quietly::Quietly;
use super::shaping::Shaped;
use super::traffic::Traffic;
use super::vetted::Vetted;
use super::watch::Watched;
use super::{ConnectionCaps, DriverConfig, DriverError};
use crate::addresses::Rules;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{ConnectionId, NetworkBehaviour};
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, Transport, autonat, dcutr, identify, mdns, noise, ping,
    quic, relay, tcp, upnp, yamux,
};
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// A connection without any stream is kept this long: gossip keeps only those of its mesh alive, and a peer
/// outside it is as good a peer. Slots decide who has to go.
const IDLE_TIMEOUT: Duration = Duration::from_secs(12 * 3600);
/// Dials under way at a time.
pub(super) const MAX_DIALS: u32 = 32;
/// Connections from outside that are still shaking hands.
const MAX_PENDING_INBOUND: u32 = 64;
/// Connections to one peer: both may dial at the same moment.
const MAX_CONNECTIONS_PER_PEER: u32 = 2;
/// Streams of one request protocol on a connection, both directions together: those being served, those of
/// ours, and a few that are told to come back later. Where questions are long, few: each may be half sent.
const MAX_EXCHANGES: usize = 16;
const MAX_LONG_EXCHANGES: usize = 6;
/// Bytes from which on a question is long.
const LONG_QUESTION: u32 = 64 * 1024;
/// Streams of a connection: all protocols at their limits, and some room. Each may hold 256 KiB that were
/// not asked for yet.
const MAX_STREAMS: u16 = 96;
/// Streams of a connection that are still agreeing on a protocol.
const MAX_NEGOTIATING: usize = 32;
/// How often a connection is measured; a peer that fails to answer is noticed after two of these.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// One request protocol.
pub(super) type Exchange = request_response::Behaviour<Frames>;

/// All protocols of a connection. The first three refuse connections, and have to come first: what stands
/// after a refusal was not told of the connection. What is [`Gated`] is on direct connections only.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    guard: Guard,
    limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) chain: Gated<Chain>,
    pub(super) kademlia: Gated<Feeder>,
    pub(super) identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    upnp: Toggle<Quietly<upnp::tokio::Behaviour>>,
    pub(super) probe: Gated<Quietly<autonat::v2::client::Behaviour>>,
    dial_back: Gated<Vetted<autonat::v2::server::Behaviour>>,
    relays: relay::client::Behaviour,
    /// The library's would panic on a connection over another relay when its status changes.
    pub(super) relay: Gated<relay::Behaviour>,
    pub(super) punch: Toggle<Vetted<dcutr::Behaviour>>,
}

/// What carries the chain.
#[derive(NetworkBehaviour)]
pub(super) struct Chain {
    pub(super) gossip: Gated<Watched>,
    status: Exchange,
    headers: Exchange,
    bodies: Exchange,
    block_ids: Exchange,
    block_txs: Exchange,
    announce: Exchange,
    pool: Exchange,
    txs: Exchange,
    push: Exchange,
    compact: Exchange,
    send_compact: Exchange,
    peers: Exchange,
}

impl Behaviour {
    /// Gossip itself, its watch, and what it lets through.
    pub(super) fn gossip(&mut self) -> &mut Watched {
        &mut self.chain.inner.gossip.inner
    }

    /// The connection that this dial leads to carries blocks alone: nobody is to find out by what else we say
    /// that we are linked.
    pub(super) fn keep_quiet(&mut self, dial: ConnectionId) {
        self.chain.inner.gossip.shut(dial);
        self.kademlia.shut(dial);
    }
}

impl Chain {
    /// The behaviour of one request protocol.
    pub(super) fn exchange(&mut self, protocol: Protocol) -> &mut Exchange {
        match protocol {
            Protocol::Status => &mut self.status,
            Protocol::Headers => &mut self.headers,
            Protocol::Bodies => &mut self.bodies,
            Protocol::BlockIds => &mut self.block_ids,
            Protocol::BlockTxs => &mut self.block_txs,
            Protocol::Announce => &mut self.announce,
            Protocol::Pool => &mut self.pool,
            Protocol::Txs => &mut self.txs,
            Protocol::Push => &mut self.push,
            Protocol::Compact => &mut self.compact,
            Protocol::SendCompact => &mut self.send_compact,
            Protocol::Peers => &mut self.peers,
        }
    }

    fn new(config: &DriverConfig, metrics: &mut Registry) -> Result<Self, DriverError> {
        let exchange = |protocol| exchange(protocol, config.chain_id, config.max_body_bytes);
        let gossip = gossip(config.chain_id, config.upload_limit, metrics).map_err(DriverError::Gossip)?;
        Ok(Self {
            gossip: Gated::new(Watched::new(gossip, Intake::new(config.chain_id)), true),
            status: exchange(Protocol::Status)?,
            headers: exchange(Protocol::Headers)?,
            bodies: exchange(Protocol::Bodies)?,
            block_ids: exchange(Protocol::BlockIds)?,
            block_txs: exchange(Protocol::BlockTxs)?,
            announce: exchange(Protocol::Announce)?,
            pool: exchange(Protocol::Pool)?,
            txs: exchange(Protocol::Txs)?,
            push: exchange(Protocol::Push)?,
            compact: exchange(Protocol::Compact)?,
            send_compact: exchange(Protocol::SendCompact)?,
            peers: exchange(Protocol::Peers)?,
        })
    }
}

impl Behaviour {
    fn new(
        config: &DriverConfig,
        chain: Chain,
        relays: relay::client::Behaviour,
    ) -> Result<Self, DriverError> {
        let local = config.key.public().to_peer_id();
        let rules = Rules { public: config.public };
        let nat = config.nat;
        let kademlia = format!("/starling/{:08x}/kad/1", config.chain_id);
        let kademlia = StreamProtocol::try_from_owned(kademlia);
        let kademlia = kademlia.map_err(|error| DriverError::Setup(error.to_string()))?;
        let punch = nat.then(|| Vetted::new(dcutr::Behaviour::new(local), rules, false));
        let dial_back = autonat::v2::server::Behaviour::default();
        // Two tests at once by one server would be two connections more than a peer may have.
        let one = autonat::v2::client::Config::default().with_max_candidates(1);
        Ok(Self {
            guard: Guard::new(config.public),
            limits: connection_limits::Behaviour::new(limits(config.connections)),
            blocked: allow_block_list::Behaviour::default(),
            chain: Gated::new(chain, true),
            kademlia: Gated::new(Feeder::new(local, kademlia, rules), config.discovery),
            identify: identify::Behaviour::new(
                identify::Config::new_with_signed_peer_record(version(config.chain_id), &config.key)
                    .with_agent_version(config.agent.clone())
                    // Only what we know to be ours, and this chain's nodes may dial.
                    .with_hide_listen_addrs(true)
                    // The peer book is ours: addresses are not remembered here.
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
            mdns: Toggle::from(config.mdns.then(|| discovery(local)).flatten()),
            upnp: Toggle::from(nat.then(|| Quietly(upnp::tokio::Behaviour::default()))),
            probe: Gated::new(
                Quietly(autonat::v2::client::Behaviour::new(rand::make_rng::<StdRng>(), one)),
                nat,
            ),
            dial_back: Gated::new(Vetted::new(dial_back, rules, true), nat),
            relays,
            relay: Gated::new(relay_for_others(local), nat),
            punch: Toggle::from(punch),
        })
    }
}

/// A relay that only lets others find a direct connection; it helps once we can be reached ourselves.
fn relay_for_others(local: PeerId) -> relay::Behaviour {
    let config = relay::Config {
        max_reservations: 64,
        max_reservations_per_peer: 1,
        // They end with their connections: the library's handler of a timeout does not bear a renewal that is
        // on its way.
        reservation_duration: Duration::from_secs(365 * 24 * 3_600),
        max_circuits: 16,
        max_circuits_per_peer: 2,
        max_circuit_duration: Duration::from_secs(60),
        max_circuit_bytes: 64 * 1024,
        ..relay::Config::default()
    };
    let mut relay = relay::Behaviour::new(local, config);
    relay.set_status(Some(relay::Status::Disable));
    relay
}

/// What identify says of the protocols: the chain and their version.
pub(super) fn version(chain_id: u32) -> String {
    format!("/starling/{chain_id:08x}/1")
}

/// Whether a peer that says this of itself may be on the chain: a node of ours names it, and a program that
/// knows only gossip names nothing, but comes to us by itself. Others of that kind are on the network for
/// something else.
pub(super) fn is_of_chain(chain_id: u32, said: &str, protocols: &[&str], came: bool) -> bool {
    const OURS: &str = "/starling/";
    if said.starts_with(OURS) {
        return said == version(chain_id);
    }
    let chain = format!("{OURS}{chain_id:08x}/");
    let gossips = protocols.iter().any(|protocol| protocol.starts_with("/meshsub/"));
    let others = protocols.iter().any(|protocol| protocol.starts_with(OURS) && !protocol.starts_with(&chain));
    came && gossips && !others
}

fn exchange(protocol: Protocol, chain_id: u32, max_body_bytes: u32) -> Result<Exchange, DriverError> {
    let name = StreamProtocol::try_from_owned(protocol.name(chain_id))
        .map_err(|error| DriverError::Setup(error.to_string()))?;
    let frames = protocol.frames(max_body_bytes);
    let most = if frames.question_max > LONG_QUESTION { MAX_LONG_EXCHANGES } else { MAX_EXCHANGES };
    let config = request_response::Config::default()
        .with_request_timeout(protocol.timeout())
        .with_max_concurrent_streams(most);
    Ok(Exchange::with_codec(frames, [(name, ProtocolSupport::Full)], config))
}

fn limits(caps: ConnectionCaps) -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING_INBOUND))
        .with_max_pending_outgoing(Some(MAX_DIALS))
        .with_max_established_incoming(Some(caps.inbound))
        .with_max_established_outgoing(Some(caps.outbound))
        .with_max_established_per_peer(Some(MAX_CONNECTIONS_PER_PEER))
}

/// Discovery on the local network is a convenience: where it cannot work, the node does without.
fn discovery(peer: PeerId) -> Option<mdns::tokio::Behaviour> {
    match mdns::tokio::Behaviour::new(mdns::Config::default(), peer) {
        Ok(discovery) => Some(discovery),
        Err(error) => {
            tracing::warn!(%error, "no discovery on the local network (mDNS)");
            None
        }
    }
}

/// The swarm of this configuration, not listening yet. All it sends goes over the line of `traffic`.
pub(super) fn swarm(
    config: &DriverConfig,
    traffic: &Traffic,
    metrics: &mut Registry,
) -> Result<Swarm<Behaviour>, DriverError> {
    let chain = Chain::new(config, metrics)?;
    let (over_tcp, over_quic) = (Arc::clone(traffic.line()), Arc::clone(traffic.line()));
    let delay = config.link_delay;
    let mux = || {
        let mut mux = yamux::Config::default();
        mux.set_max_num_streams(usize::from(MAX_STREAMS));
        mux
    };
    let tcp = |key: &Keypair| -> Result<_, Box<dyn Error + Send + Sync>> {
        let plain = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
        let secure = plain.upgrade(Version::V1Lazy).authenticate(noise::Config::new(key)?);
        let shape = move |(peer, muxer), _| (peer, Shaped::new(muxer, over_tcp, delay));
        Ok(secure.multiplex(mux()).map(shape))
    };
    let quic = |key: &Keypair| {
        let mut quic = quic::Config::new(key);
        quic.max_concurrent_stream_limit = u32::from(MAX_STREAMS);
        let shape = move |(peer, muxer), _| (peer, Shaped::new(muxer, over_quic, delay));
        quic::tokio::Transport::new(quic).map(shape)
    };
    let setup = |error: &dyn std::fmt::Display| DriverError::Setup(error.to_string());
    let builder = SwarmBuilder::with_existing_identity(config.key.clone()).with_tokio();
    let builder = builder.with_other_transport(tcp).map_err(|error| setup(&error))?;
    let Ok(builder) = builder.with_other_transport(quic);
    let builder = builder.with_dns().map_err(DriverError::Dns)?;
    let builder = builder.with_relay_client(noise::Config::new, mux).map_err(|error| setup(&error))?;
    let behaviour = |_: &Keypair, relays| Behaviour::new(config, chain, relays).map_err(Box::from);
    let builder = builder.with_behaviour(behaviour).map_err(|error| setup(&error))?;
    let swarm = builder.with_swarm_config(|settings| {
        settings
            .with_idle_connection_timeout(IDLE_TIMEOUT)
            // A question leaves with the name of its protocol, and not a round trip after it.
            .with_substream_upgrade_protocol_override(Version::V1Lazy)
            .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
            .with_smart_dial()
    });
    Ok(swarm.build())
}
