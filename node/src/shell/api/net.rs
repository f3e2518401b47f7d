//! Peers, and whether the node is of use.

use super::Api;
use crate::core::{Core, SyncState};
use starling_network::{AddPeerError, Multiaddr, PeerId, Protocol, Topic};
use starling_rpc::types::{
    Ban, Direction, Health, NetAdded, NetInfo, PeerChanged, PeerInfo, ProtocolTraffic,
};
use starling_rpc::{ApiError, ApiResult, ErrorKind};
use std::sync::PoisonError;
use std::time::Duration;

impl Api {
    pub(super) async fn network(&self) -> ApiResult<NetInfo> {
        let peers = self.ask(|core| core.net().peers()).await?;
        let outbound = peers.iter().filter(|peer| peer.outbound).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(NetInfo {
            peer_id: self.net.local_peer().to_string(),
            listen: places.listen.iter().map(Multiaddr::to_string).collect(),
            external: places.reach.addresses.iter().map(Multiaddr::to_string).collect(),
            reachable: places.reach.reachable,
            peers: count(peers.len()),
            inbound: count(peers.len() - outbound),
            outbound: count(outbound),
            traffic: self.traffic(),
            sent_bytes: self.net.traffic().sent_in_all(),
            upload_limit: self.upload_limit,
        })
    }

    pub(super) async fn add(&self, address: String) -> ApiResult<NetAdded> {
        let parsed: Option<Multiaddr> = address.parse().ok().filter(is_dialable);
        let parsed = parsed.ok_or_else(bad_multiaddr)?;
        if address.ends_with(&format!("/p2p/{}", self.net.local_peer())) {
            return Err(ourselves());
        }
        match self.ask(move |core| core.add_peer(parsed)).await? {
            Ok(()) => Ok(NetAdded { address }),
            Err(error) => {
                let (code, hint) = match error {
                    AddPeerError::TooMany => {
                        ("too_many_addresses", "take one back with net_remove, by its address or peer id")
                    }
                    AddPeerError::Banned { .. } => ("peer_banned", "net_unban lets it in again"),
                };
                Err(ApiError::new(ErrorKind::Refused, code, error.to_string()).hint(hint))
            }
        }
    }

    /// Takes back a peer, or an address at which perhaps nobody ever was.
    pub(super) async fn remove(&self, peer_or_address: String) -> ApiResult<PeerChanged> {
        match peer_or_address.parse().ok().filter(is_dialable) {
            None if peer_or_address.starts_with('/') => Err(bad_multiaddr()),
            None => self.change_peer(peer_or_address, |core, peer| core.remove_peer(&peer)).await,
            Some(address) => {
                let known = self.ask(move |core| core.remove_address(&address)).await?;
                Ok(PeerChanged { peer: peer_or_address, known })
            }
        }
    }

    /// Refuses a peer for a time.
    pub(super) async fn ban(&self, peer_id: String, seconds: u32) -> ApiResult<PeerChanged> {
        if peer_id == self.net.local_peer().to_string() {
            return Err(ourselves());
        }
        let time = Duration::from_secs(seconds.into());
        self.change_peer(peer_id, move |core, peer| core.ban_peer(peer, time)).await
    }

    /// Does something to a peer by its id.
    pub(super) async fn change_peer(
        &self,
        peer_id: String,
        change: impl FnOnce(&mut Core, PeerId) -> bool + Send + 'static,
    ) -> ApiResult<PeerChanged> {
        let peer: PeerId = peer_id.parse().map_err(|_| {
            let error =
                ApiError::new(ErrorKind::InvalidParams, "bad_peer_id", "this is not the id of a peer");
            error.hint("`starling peers` shows the ids, like 12D3KooW..")
        })?;
        let known = self.ask(move |core| change(core, peer)).await?;
        self.core.news.peers.notify_one();
        Ok(PeerChanged { peer: peer_id, known })
    }

    fn traffic(&self) -> Vec<ProtocolTraffic> {
        let traffic = self.net.traffic();
        let row = |protocol: String, flow: starling_network::Flow| ProtocolTraffic {
            protocol,
            bytes_in: flow.bytes_in,
            bytes_out: flow.bytes_out,
        };
        let chain = self.reader.chain().chain_id();
        let topics = Topic::ALL.map(|topic| row(topic.name(chain), traffic.topic(topic)));
        let protocols = Protocol::ALL.map(|protocol| row(protocol.name(chain), traffic.protocol(protocol)));
        topics.into_iter().chain(protocols).collect()
    }
}

pub(super) fn peers(core: &mut Core) -> Vec<PeerInfo> {
    let show = |peer: starling_network::PeerInfo| PeerInfo {
        peer_id: peer.peer_id.to_string(),
        address: peer.address.to_string(),
        direction: if peer.outbound { Direction::Outbound } else { Direction::Inbound },
        slot: peer.slot.as_str().to_owned(),
        agent: peer.agent.unwrap_or_default(),
        height: peer.height,
        score: peer.score,
        why: peer.reasons.last().cloned(),
        latency_ms: peer.latency.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX)),
        group: Some(peer.group),
        connected_seconds: peer.connected_for.as_secs(),
    };
    core.net().peers().into_iter().map(show).collect()
}

/// Peers that are refused.
pub(super) fn bans(core: &mut Core) -> Vec<Ban> {
    let show = |ban: starling_network::BanInfo| Ban {
        peer_id: ban.peer_id.to_string(),
        remaining_seconds: ban.remaining.as_secs(),
        reason: ban.reason,
    };
    core.net().bans().into_iter().map(show).collect()
}

pub(super) fn health(core: &mut Core) -> Health {
    let (height, target_height) = (core.ledger().tip().height, core.target_height());
    let reason = match core.sync_state() {
        SyncState::Synced => None,
        SyncState::Waiting => Some("no peer is connected".to_owned()),
        SyncState::Headers => Some(format!("fetching headers up to {target_height}")),
        SyncState::Bodies => Some(format!("at block {height} of {target_height}")),
    };
    Health {
        ready: reason.is_none(),
        reason: reason.or_else(|| core.warnings().first().cloned()),
        height,
        target_height,
        peers: core.peer_count(),
        seconds_since_block: core.tip_age(),
    }
}

fn bad_multiaddr() -> ApiError {
    let message = "this is not the multiaddress of a peer: a host, and a port of tcp or of udp/quic-v1";
    let error = ApiError::new(ErrorKind::InvalidParams, "bad_multiaddr", message);
    error.hint("write it like /ip4/192.0.2.1/tcp/8644, or with /p2p/PEER_ID behind")
}

fn ourselves() -> ApiError {
    ApiError::new(ErrorKind::Refused, "own_peer", "this is the node itself").hint("name another peer")
}

/// Whether the driver can dial this: an address or a name with a port of TCP or QUIC, or a name whose own
/// records have the addresses; perhaps with a peer behind.
fn is_dialable(address: &Multiaddr) -> bool {
    let text = address.to_string();
    let mut parts: Vec<&str> = text.split('/').skip(1).collect();
    let names_peer = matches!(parts[..], [.., "p2p", _]);
    if names_peer {
        parts.truncate(parts.len() - 2);
    }
    // A way over a relay: it has to say who is meant.
    if let [.., "p2p", _, "p2p-circuit"] = parts[..] {
        if !names_peer {
            return false;
        }
        parts.truncate(parts.len() - 3);
    }
    let (host, port) = match parts[..] {
        ["dnsaddr", name] => return is_name(name),
        [kind, host, "tcp", port] | [kind, host, "udp", port, "quic-v1"] => ((kind, host), port),
        _ => return false,
    };
    let is_host = match host {
        ("ip4" | "ip6", _) => true,
        ("dns" | "dns4" | "dns6", name) => is_name(name),
        _ => false,
    };
    is_host && port != "0"
}

/// A host name (RFC 1123: labels of 1 to 63 characters, 253 in all).
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(allowed);
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(label)
}

#[cfg(test)]
mod tests;
