//! The network as this node sees it.

use serde::{Deserialize, Serialize};

/// `net_info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetInfo {
    /// This node's peer id.
    pub peer_id: String,
    /// Multiaddrs that it listens on.
    pub listen: Vec<String>,
    /// Multiaddrs by which others know it.
    pub external: Vec<String>,
    /// Whether others can dial it; absent while unknown.
    pub reachable: Option<bool>,
    /// Connected peers.
    pub peers: u32,
    /// Of them, those that dialled us.
    pub inbound: u32,
    /// Of them, those that we dialled.
    pub outbound: u32,
    /// Bytes by protocol.
    pub traffic: Vec<ProtocolTraffic>,
    /// Bytes sent to peers in all since start: with what was passed on for others.
    pub sent_bytes: u64,
    /// Bytes a second that may be sent; absent when there is no limit.
    pub upload_limit: Option<u64>,
}

/// Bytes of one protocol since start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolTraffic {
    /// Name, like `bodies/1`.
    pub protocol: String,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// They did.
    Inbound,
    /// We did.
    Outbound,
}

/// One of `net_peers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// Its peer id.
    pub peer_id: String,
    /// The multiaddr of the connection.
    pub address: String,
    /// Who dialled.
    pub direction: Direction,
    /// The slot it holds, like `full` or `inbound`.
    pub slot: String,
    /// Its client's name and version.
    pub agent: String,
    /// The height that it told last.
    pub height: Option<u32>,
    /// -100 to 100.
    pub score: f64,
    /// The fault for which the score last went down; none where only deliveries moved it.
    pub why: Option<String>,
    /// Milliseconds of a round trip.
    pub latency_ms: Option<u32>,
    /// Network group of the address, for diversity.
    pub group: Option<String>,
    /// Seconds since it connected.
    pub connected_seconds: u64,
}

/// `net_remove`, `net_ban` and `net_unban`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerChanged {
    /// The peer, or the address that was taken back.
    pub peer: String,
    /// Whether anything was known of it: a connection, an address, a ban. A ban holds for strangers too.
    pub known: bool,
}

/// One of `net_bans`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The peer.
    pub peer_id: String,
    /// Seconds for which it is still refused.
    pub remaining_seconds: u64,
    /// Why.
    pub reason: String,
}

/// `net_add`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetAdded {
    /// The multiaddr that is dialled now, and again whenever it is lost.
    pub address: String,
}
