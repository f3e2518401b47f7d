//! Peers, and whether the node is of use.

use super::Api;
use crate::core::{Core, SyncState};
use crate::shell::core_task::{CoreGone, CoreHandle};
use starling_network::{Multiaddr, Protocol, Topic};
use starling_rpc::types::{Direction, Health, NetAdded, NetInfo, PeerInfo, ProtocolTraffic};
use starling_rpc::{ApiError, ApiResult, ErrorKind};
use std::sync::PoisonError;

impl Api {
    pub(super) async fn network(&self) -> ApiResult<NetInfo> {
        let peers = self.ask(|core| core.net().peers()).await?;
        let outbound = peers.iter().filter(|peer| peer.outbound).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let listen = self.listen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(NetInfo {
            peer_id: self.net.local_peer().to_string(),
            listen: listen.iter().map(Multiaddr::to_string).collect(),
            external: Vec::new(),
            reachable: None,
            peers: count(peers.len()),
            inbound: count(peers.len() - outbound),
            outbound: count(outbound),
            traffic: self.traffic(),
        })
    }

    pub(super) async fn add(&self, address: String) -> ApiResult<NetAdded> {
        let parsed: Multiaddr = address.parse().map_err(|_| {
            let error =
                ApiError::new(ErrorKind::InvalidParams, "bad_multiaddr", "this is not a multiaddress");
            error.hint("write it like /ip4/192.0.2.1/tcp/8644, or with /p2p/PEER_ID behind")
        })?;
        if !self.ask(move |core| core.add_peer(parsed)).await? {
            let error = ApiError::new(
                ErrorKind::Refused,
                "too_many_addresses",
                "too many addresses are kept already",
            );
            return Err(error.hint("start the node anew with fewer --bootstrap addresses"));
        }
        Ok(NetAdded { address })
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
        group: None,
        connected_seconds: peer.connected_for.as_secs(),
    };
    core.net().peers().into_iter().map(show).collect()
}

pub(super) async fn health(core: &CoreHandle) -> Health {
    let health = core.call(|core| {
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
    });
    health.await.unwrap_or_else(|CoreGone| Health {
        ready: false,
        reason: Some("the node is stopping".to_owned()),
        height: 0,
        target_height: 0,
        peers: 0,
        seconds_since_block: 0,
    })
}
