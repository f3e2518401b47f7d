//! The swarm: transports, the protocols of a connection, and their settings.

use super::codec::Frames;
use super::gossip::gossip;
use super::guard::Guard;
use super::intake::Intake;
use super::message::Protocol;
use super::shaping::Shaped;
use super::traffic::Traffic;
use super::watch::Watched;
use super::{ConnectionCaps, DriverConfig, DriverError};
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, Transport, identify, mdns, noise, ping, quic, tcp, yamux,
};
use prometheus_client::registry::Registry;
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
/// after a refusal was not told of the connection. There is no relay: a relayed connection must carry no
/// chain data.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    guard: Guard,
    limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) gossip: Watched,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    status: Exchange,
    headers: Exchange,
    bodies: Exchange,
    block_ids: Exchange,
    block_txs: Exchange,
    announce: Exchange,
    pool: Exchange,
    txs: Exchange,
    push: Exchange,
    peers: Exchange,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
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
            Protocol::Peers => &mut self.peers,
        }
    }

    fn new(config: &DriverConfig, metrics: &mut Registry) -> Result<Self, DriverError> {
        let exchange = |protocol| exchange(protocol, config.chain_id, config.max_body_bytes);
        let peer = config.key.public().to_peer_id();
        Ok(Self {
            guard: Guard::new(config.public),
            limits: connection_limits::Behaviour::new(limits(config.connections)),
            blocked: allow_block_list::Behaviour::default(),
            gossip: Watched::new(
                gossip(config.chain_id, config.upload_limit, metrics).map_err(DriverError::Gossip)?,
                Intake::new(config.chain_id),
            ),
            identify: identify::Behaviour::new(
                identify::Config::new_with_signed_peer_record(version(config.chain_id), &config.key)
                    .with_agent_version(config.agent.clone())
                    // The peer book is ours: addresses are not remembered here.
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
            status: exchange(Protocol::Status)?,
            headers: exchange(Protocol::Headers)?,
            bodies: exchange(Protocol::Bodies)?,
            block_ids: exchange(Protocol::BlockIds)?,
            block_txs: exchange(Protocol::BlockTxs)?,
            announce: exchange(Protocol::Announce)?,
            pool: exchange(Protocol::Pool)?,
            txs: exchange(Protocol::Txs)?,
            push: exchange(Protocol::Push)?,
            peers: exchange(Protocol::Peers)?,
            mdns: Toggle::from(config.mdns.then(|| discovery(peer)).flatten()),
        })
    }
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
    let behaviour = Behaviour::new(config, metrics)?;
    let (over_tcp, over_quic) = (Arc::clone(traffic.line()), Arc::clone(traffic.line()));
    let tcp = |key: &Keypair| -> Result<_, Box<dyn Error + Send + Sync>> {
        let mut mux = yamux::Config::default();
        mux.set_max_num_streams(usize::from(MAX_STREAMS));
        let plain = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
        let secure = plain.upgrade(Version::V1Lazy).authenticate(noise::Config::new(key)?);
        let shape = move |(peer, muxer), _| (peer, Shaped::new(muxer, over_tcp));
        Ok(secure.multiplex(mux).map(shape))
    };
    let quic = |key: &Keypair| {
        let mut quic = quic::Config::new(key);
        quic.max_concurrent_stream_limit = u32::from(MAX_STREAMS);
        let shape = move |(peer, muxer), _| (peer, Shaped::new(muxer, over_quic));
        quic::tokio::Transport::new(quic).map(shape)
    };
    let setup = |error: &dyn std::fmt::Display| DriverError::Setup(error.to_string());
    let builder = SwarmBuilder::with_existing_identity(config.key.clone()).with_tokio();
    let builder = builder.with_other_transport(tcp).map_err(|error| setup(&error))?;
    let Ok(builder) = builder.with_other_transport(quic);
    let builder = builder.with_dns().map_err(DriverError::Dns)?;
    let Ok(builder) = builder.with_behaviour(|_: &Keypair| behaviour);
    let swarm = builder.with_swarm_config(|settings| {
        settings
            .with_idle_connection_timeout(IDLE_TIMEOUT)
            .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
            .with_smart_dial()
    });
    Ok(swarm.build())
}
