//! Gossip's settings, and the gate in front of its caches.
//!
//! Messages are anonymous and named by their content (formats: On the wire), and none travels on before the
//! core's verdict. The settings answer what rust-libp2p's gossipsub 0.50 does with its defaults:
//!
//! - A reader refuses an RPC whose control part is over 16 KiB, and a busy node's list of ids is longer: its
//!   stream would break. Hence a wide limit for what is read and a narrow one for what is sent.
//! - The transmit limit is compared with the whole read buffer (up to 8 KiB more than the message), and a
//!   message over it breaks the stream rather than being skipped. Hence a limit far above the greatest
//!   message, and our own caps in [`Gate`], which cost the sender standing and not the stream.
//! - An id enters the duplicate cache before the verdict, so a message that was ignored once is not heard
//!   again for [`DUPLICATE_CACHE`]: whoever ignores one must be content to fetch it by request later.
//! - An id stays in the duplicate cache for [`DUPLICATE_CACHE`], and nothing else bounds it: what is over a
//!   peer's budget is dropped before ([`super::intake`]). Ten minutes of a busy chain would take a third of
//!   what a small node has; what comes again later is known to the pool or the chain.
//! - A message without a verdict leaves its cache after [`VERDICT_WINDOW`]: nothing leaks, and it is not
//!   passed on.

use super::message::Topic;
use libp2p::gossipsub::{
    Behaviour, Config, ConfigBuilder, DataTransform, IdentTopic, Message, MessageAuthenticity, MessageId,
    MetricsConfig, PeerScoreParams, PeerScoreThresholds, RawMessage, TopicHash, TopicScoreParams,
    ValidationMode, WhitelistSubscriptionFilter, score_parameter_decay,
};
use prometheus_client::registry::Registry;
use starling_primitives::Tag;
use starling_primitives::limits::{MAX_HEADER_BYTES, MAX_TX_BYTES};
use std::io;
use std::time::Duration;

const HEARTBEAT: Duration = Duration::from_millis(700);
/// Heartbeats a message stays in the cache, waiting for its verdict and then for those who ask.
const HISTORY_HEARTBEATS: u32 = 12;
/// How long a verdict has any effect: afterwards the message is forgotten.
pub const VERDICT_WINDOW: Duration = HEARTBEAT.saturating_mul(HISTORY_HEARTBEATS);
/// How long an id is remembered as seen.
const DUPLICATE_CACHE: Duration = Duration::from_secs(60);

/// Transactions whose ids are carried by a block's announcement (formats: On the wire).
const MAX_ANNOUNCED_TXS: usize = 8_192;
/// Bytes of a `block/1` message at the most.
const MAX_BLOCK_BYTES: usize = 2 + MAX_HEADER_BYTES + 32 * MAX_ANNOUNCED_TXS;
/// Bytes of one RPC at the most.
const MAX_RPC_BYTES: usize = 1024 * 1024;
/// Messages of one RPC at the most; our own RPCs carry one.
const MAX_MESSAGES_PER_RPC: usize = 64;
/// Bytes of the control part of one RPC that are read.
const MAX_CONTROL_BYTES: usize = 256 * 1024;
/// Ids in one list that we send, and ids we ask a peer for between two heartbeats.
const MAX_CONTROL_IDS: usize = 600;
/// Messages that wait for one slow peer; more are lost to it.
const PEER_QUEUE_MESSAGES: usize = 512;
/// Bytes a second that one peer of the mesh takes while there is much to tell: 200 transactions of 250 bytes.
const TO_EACH: u64 = 200 * 250;
/// Bytes a second below which a line is slow, and below which it is not enough for the greatest mesh.
const SLOW_LINE: u64 = 4 * TO_EACH;
const USUAL_LINE: u64 = 12 * TO_EACH;
/// Bytes of a message id (formats: On the wire).
const ID_BYTES: usize = 20;

const _: () = assert!(MAX_RPC_BYTES >= 2 * MAX_BLOCK_BYTES, "room for the read buffer and the framing");
const _: () =
    assert!(MAX_CONTROL_BYTES >= 16 * MAX_CONTROL_IDS * ID_BYTES, "a sent list is far below the limit");

/// Gossip as the driver uses it.
pub(super) type Gossip = Behaviour<Gate, WhitelistSubscriptionFilter>;

impl Topic {
    /// Bytes of one message at the most.
    fn max_bytes(self) -> usize {
        match self {
            Self::Block => MAX_BLOCK_BYTES,
            Self::Tx => MAX_TX_BYTES,
        }
    }

    /// The topic as gossipsub knows it.
    pub(super) fn ident(self, chain_id: u32) -> IdentTopic {
        IdentTopic::new(self.name(chain_id))
    }
}

/// Drops what is on no topic of this chain or over its topic's cap, before any cache sees it.
#[derive(Debug)]
pub(super) struct Gate {
    topics: [(TopicHash, Topic); Topic::ALL.len()],
}

impl Gate {
    /// The gate of a chain.
    pub(super) fn new(chain_id: u32) -> Self {
        Self { topics: Topic::ALL.map(|topic| (topic.ident(chain_id).hash(), topic)) }
    }

    /// The topic of this name, if it is one of the chain's.
    pub(super) fn topic(&self, hash: &TopicHash) -> Option<Topic> {
        self.topics.iter().find(|(known, _)| known == hash).map(|(_, topic)| *topic)
    }

    /// The topic of a message that may pass.
    pub(super) fn check(&self, hash: &TopicHash, bytes: usize) -> io::Result<Topic> {
        let Some(topic) = self.topic(hash) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "unknown topic"));
        };
        if bytes > topic.max_bytes() {
            let text =
                format!("{bytes} bytes on {}, at most {} are allowed", hash.as_str(), topic.max_bytes());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(topic)
    }
}

impl DataTransform for Gate {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<Message> {
        self.check(&raw.topic, raw.data.len())?;
        Ok(Message { source: None, data: raw.data, sequence_number: None, topic: raw.topic })
    }

    fn outbound_transform(&self, topic: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        self.check(topic, data.len())?;
        Ok(data)
    }
}

/// `tagged("starling/gossip", topic_len:u8 | topic | data)[0..20]` (formats: On the wire).
pub(super) fn message_id(topic: &TopicHash, data: &[u8]) -> MessageId {
    static ID: Tag = Tag::new("starling/gossip");
    let topic = topic.as_str().as_bytes();
    // The gate let only our own topics pass, and their names are short.
    let length = u8::try_from(topic.len()).unwrap_or(u8::MAX);
    let hash = ID.hash(&[&[length], topic, data]);
    MessageId::from(hash[..ID_BYTES].to_vec())
}

/// Peers that a message is passed on to: each takes its share of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mesh {
    least: usize,
    usual: usize,
    most: usize,
    /// Of our own choice, and told of what they missed.
    outbound: usize,
    lazy: usize,
}

impl Mesh {
    /// The mesh for a line of so many bytes a second.
    fn of(upload_limit: Option<u64>) -> Self {
        match upload_limit {
            Some(..SLOW_LINE) => Self { least: 2, usual: 3, most: 5, outbound: 1, lazy: 2 },
            Some(..USUAL_LINE) => Self { least: 4, usual: 5, most: 8, outbound: 2, lazy: 4 },
            _ => Self { least: 5, usual: 6, most: 12, outbound: 2, lazy: 6 },
        }
    }
}

fn settings(mesh: Mesh) -> Result<Config, String> {
    ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| message_id(&message.topic, &message.data))
        .heartbeat_initial_delay(HEARTBEAT)
        .heartbeat_interval(HEARTBEAT)
        .history_length(usize::try_from(HISTORY_HEARTBEATS).map_err(|error| error.to_string())?)
        .history_gossip(3)
        .duplicate_cache_time(DUPLICATE_CACHE)
        .mesh_n(mesh.usual)
        .mesh_n_low(mesh.least)
        .mesh_n_high(mesh.most)
        .mesh_outbound_min(mesh.outbound)
        .gossip_lazy(mesh.lazy)
        .flood_publish(false)
        .idontwant_on_publish(true)
        .max_transmit_size(MAX_RPC_BYTES)
        .max_publish_messages(MAX_MESSAGES_PER_RPC)
        .max_control_message_size(MAX_CONTROL_BYTES)
        .max_control_messages_sent(MAX_CONTROL_IDS)
        .connection_handler_queue_len(PEER_QUEUE_MESSAGES)
        .build()
        .map_err(|error| error.to_string())
}

/// Standing in the mesh: first deliveries raise it, invalid messages and broken promises lower it. Rates of
/// delivery do not count (blocks arrive by chance), nor does sharing an address: that is for the slots to
/// judge, and on one machine or behind one router everybody does.
fn scoring(chain_id: u32) -> (PeerScoreParams, PeerScoreThresholds) {
    let topic = |first_delivery: f64| TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: first_delivery,
        first_message_deliveries_decay: score_parameter_decay(Duration::from_secs(600)),
        first_message_deliveries_cap: 20.0 / first_delivery,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // The square counts: one bad message costs 10, three 90, which is past the last threshold.
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: score_parameter_decay(Duration::from_secs(600)),
        ..TopicScoreParams::default()
    };
    let params = PeerScoreParams {
        topics: [(Topic::Block, 1.0), (Topic::Tx, 0.02)]
            .map(|(name, weight)| (name.ident(chain_id).hash(), topic(weight)))
            .into(),
        topic_score_cap: 40.0,
        // What the delivery ledger says counts as it is.
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        // A few promises break under load without anybody's fault.
        behaviour_penalty_weight: -5.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: score_parameter_decay(Duration::from_secs(60)),
        ..PeerScoreParams::default()
    };
    let thresholds = PeerScoreThresholds { opportunistic_graft_threshold: 1.0, ..Default::default() };
    (params, thresholds)
}

/// What is counted: our own topics. Others a stranger could name without end.
fn counted() -> MetricsConfig {
    MetricsConfig { max_topics: Topic::ALL.len(), max_never_subscribed_topics: 0, ..MetricsConfig::default() }
}

/// Gossip on both topics of a chain; it counts into `metrics`.
pub(super) fn gossip(
    chain_id: u32,
    upload_limit: Option<u64>,
    metrics: &mut Registry,
) -> Result<Gossip, String> {
    let topics = Topic::ALL.map(|topic| topic.ident(chain_id));
    let allowed = WhitelistSubscriptionFilter(topics.iter().map(IdentTopic::hash).collect());
    let mut gossip = Behaviour::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        settings(Mesh::of(upload_limit))?,
        allowed,
        Gate::new(chain_id),
    )?
    .with_metrics(metrics.sub_registry_with_prefix("gossipsub"), counted());
    let (params, thresholds) = scoring(chain_id);
    gossip.with_peer_score(params, thresholds)?;
    for topic in &topics {
        gossip.subscribe(topic).map_err(|error| error.to_string())?;
    }
    Ok(gossip)
}

#[cfg(test)]
mod tests;
