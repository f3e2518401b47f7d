//! `starling status`.

use super::{client, configure, wait_for};
use crate::cli::AskArgs;
use crate::failure::Outcome;
use crate::output::{self, ago, bytes, duration, metric, now, star};
use starling_rpc::types::{ChainInfo, MemoryInfo, NetInfo, NodeStatus, SyncStage};

/// Shows how a node is doing.
pub(super) fn status(args: &AskArgs) -> Outcome<()> {
    let client = client(&configure(args.node.layer())?)?;
    let status = wait_for(async { Ok(client.node_status().await?) })?;
    if args.format.json { output::json(&status) } else { show(client.url(), &status) }
}

fn show(url: &str, status: &NodeStatus) -> Outcome<()> {
    let mut fields = vec![("node", format!("{url}, version {}", status.version))];
    fields.push(("up", duration(status.uptime_seconds)));
    fields.extend(chain(status));
    fields.push(("mempool", mempool(status)));
    fields.extend(network(status));
    fields.push(("mining", mining(status)));
    fields.push(("memory", memory(status)));
    fields.extend(status.chain.warnings.iter().map(|warning| ("warning", warning.clone())));
    output::fields(&fields)
}

fn chain(status: &NodeStatus) -> [(&'static str, String); 5] {
    let chain = &status.chain;
    [
        ("chain", format!("{}, genesis {}", chain.chain, chain.genesis)),
        ("tip", format!("{} {}, {}", chain.height, chain.tip, ago(chain.time.into(), now()))),
        ("sync", sync(chain)),
        ("supply", star(chain.supply)),
        (
            "hash rate",
            format!("{}H/s, difficulty {}", metric(chain.hash_rate), metric(chain.difficulty).trim_end()),
        ),
    ]
}

/// Where the sync is, in one line.
fn sync(chain: &ChainInfo) -> String {
    let (of, target, sync) = (chain.height, chain.target_height, &chain.sync);
    let mut text = match chain.stage {
        SyncStage::Waiting => return "waiting for peers".to_owned(),
        SyncStage::Synced => return "synced".to_owned(),
        SyncStage::Headers => format!("fetching headers, {} of {target}", sync.header_height),
        SyncStage::Bodies => format!("fetching blocks, {of} of {target}"),
    };
    text.push_str(&format!(", {}/s", metric(sync.per_second).trim_end()));
    let left = sync.eta_seconds.map(|eta| format!(", {} left", duration(eta)));
    text.push_str(&left.unwrap_or_default());
    let waits = sync.stalling.as_ref().map(|peer| format!(", waiting for {peer}"));
    text.push_str(&waits.unwrap_or_default());
    text
}

fn memory(status: &NodeStatus) -> String {
    let MemoryInfo { budget, database, accounts, tree, mempool } = status.memory;
    let used = status.resident_bytes.map_or_else(|| "unknown".to_owned(), bytes);
    let parts = [("database", database), ("accounts", accounts), ("tree", tree), ("mempool", mempool)];
    let parts = parts.map(|(name, part)| format!("{name} {}", bytes(part))).join(", ");
    format!("{used} of {} ({parts})", bytes(budget))
}

fn mempool(status: &NodeStatus) -> String {
    let pool = &status.mempool;
    format!("{} transactions, {} of {}", pool.count, bytes(pool.bytes), bytes(pool.max_bytes))
}

fn network(status: &NodeStatus) -> Vec<(&'static str, String)> {
    let net = &status.net;
    let peers = format!("{} ({} in, {} out)", net.peers, net.inbound, net.outbound);
    let mut fields = vec![("peers", peers), ("reachable", reachable(net)), ("peer id", net.peer_id.clone())];
    fields.extend(net.listen.iter().map(|address| ("listens on", address.clone())));
    fields
}

/// Whether others can dial this node, and where.
fn reachable(net: &NetInfo) -> String {
    match (net.reachable, net.external.as_slice()) {
        (_, []) if net.listen.is_empty() => "no, it listens nowhere: give --listen".to_owned(),
        (Some(true), [first]) => format!("yes, at {first}"),
        (Some(true), [first, rest @ ..]) => format!("yes, at {first} and {} more", rest.len()),
        (Some(false), [relay, ..]) => format!("over a relay, at {relay}"),
        (Some(false), []) => "no: forward the port in the router, or switch UPnP on there".to_owned(),
        _ => "not known yet".to_owned(),
    }
}

fn mining(status: &NodeStatus) -> String {
    let mining = &status.mining;
    match (&mining.payout, &mining.reason) {
        (Some(payout), None) if mining.mining => format!(
            "{}H/s on {} threads for {payout}, {} blocks found",
            metric(mining.hash_rate),
            mining.threads,
            mining.blocks_found
        ),
        (_, Some(reason)) if mining.mining => format!("waiting: {reason}"),
        (_, Some(reason)) => format!("no threads; {reason}"),
        _ => "off".to_owned(),
    }
}
