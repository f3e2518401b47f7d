//! `starling peers`.

use super::{client, configure, wait_for};
use crate::cli::AskArgs;
use crate::failure::{Outcome, say};
use crate::output::{self, duration};
use starling_rpc::types::{Direction, PeerInfo};

/// Shows a node's peers.
pub(super) fn peers(args: &AskArgs) -> Outcome<()> {
    let client = client(&configure(args.node.layer())?)?;
    let peers = wait_for(async { Ok(client.net_peers().await?) })?;
    if args.format.json {
        return output::json(&peers);
    }
    if peers.is_empty() {
        say("no peers; `starling run --bootstrap MULTIADDR` names one, and the log tells if nobody is there");
        return Ok(());
    }
    let rows: Vec<_> = peers.iter().map(row).collect();
    let names = ["peer", "address", "group", "way", "slot", "height", "ms", "score", "why", "for", "client"];
    output::table(&names, &rows)
}

fn row(peer: &PeerInfo) -> Vec<String> {
    let direction = match peer.direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
    };
    vec![
        peer.peer_id.clone(),
        peer.address.clone(),
        peer.group.clone().unwrap_or_default(),
        direction.to_owned(),
        peer.slot.clone(),
        peer.height.map_or_else(String::new, |height| height.to_string()),
        peer.latency_ms.map_or_else(String::new, |latency| latency.to_string()),
        format!("{:.0}", peer.score),
        peer.why.clone().unwrap_or_default(),
        duration(peer.connected_seconds),
        peer.agent.clone(),
    ]
}
