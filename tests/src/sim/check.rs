//! What must hold of every node after everything that happens, and of all together after calm.

use super::host::Host;
use super::world::HostId;
use starling_consensus::Status;
use starling_ledger::verify_chain;
use starling_node::Core;
use starling_primitives::{Address, BlockId, Work, Wtxid};
use std::collections::BTreeSet;
use std::time::Duration;

/// Findings that are kept: the first says most.
const MAX_FAILURES: usize = 16;
/// Transactions of a pool that are looked at together.
const PAGE: usize = 1_000;

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// When.
    pub(super) at: Duration,
    /// Of which node.
    pub(super) host: HostId,
    /// What.
    pub(super) what: String,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    tip: Option<(BlockId, Work)>,
}

/// What was seen of each node, and what did not hold.
pub(super) struct Checks {
    seen: Vec<Seen>,
    found_silent: BTreeSet<HostId>,
    failures: Vec<Failure>,
}

impl Checks {
    /// For so many nodes.
    pub(super) fn new(nodes: usize) -> Self {
        Self { seen: vec![Seen::default(); nodes], found_silent: BTreeSet::new(), failures: Vec::new() }
    }

    /// The power of a node fails: what was not synced is lost, and a tip may be.
    pub(super) fn forget(&mut self, host: HostId) {
        self.seen[host.index()] = Seen::default();
    }

    /// What gossip is told of a peer: only those that are silent lose anything.
    pub(super) fn appraised(&mut self, at: Duration, (by, peer): (HostId, HostId), score: i8, silent: bool) {
        if score < 0 && silent {
            self.found_silent.insert(peer);
        } else if score < 0 {
            self.fail(at, by, &format!("node {} is taken for silent", peer.0));
        }
    }

    /// Nodes that pass nothing on and were found out by somebody.
    pub(super) fn found_silent(&self) -> usize {
        self.found_silent.len()
    }

    /// What does not hold.
    pub(super) fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Notes what all together did not keep, if it `is_so`.
    pub(super) fn broken(&mut self, at: Duration, is_so: bool, what: &str) {
        if is_so {
            self.fail(at, HostId(0), what);
        }
    }

    /// Notes something that does not hold.
    pub(super) fn fail(&mut self, at: Duration, host: HostId, what: &str) {
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(Failure { at, host, what: what.to_owned() });
        }
    }

    /// Looks at a node to which something has happened.
    pub(super) fn look(&mut self, host: HostId, core: &Core, now: Duration) {
        match judge(core, self.seen[host.index()].tip) {
            Ok(tip) => self.seen[host.index()].tip = Some(tip),
            Err(what) => self.fail(now, host, &what),
        }
    }
}

/// The tip is connected and has no less work than the one before, and the pool keeps within its bounds.
/// Returns the tip and its work.
fn judge(core: &Core, before: Option<(BlockId, Work)>) -> Result<(BlockId, Work), String> {
    let tip = core.ledger().tip();
    let info = core.tree().get(&tip.id).ok_or("the tip has no header")?;
    if info.status != Status::Connected {
        return Err(format!("the tip {} is {:?}", tip.id, info.status));
    }
    if before.is_some_and(|(_, before)| info.work < before) {
        return Err(format!("the tip {} has less work than the one before", tip.id));
    }
    let pool = core.pool().info();
    if pool.bytes > pool.max_bytes {
        return Err(format!("the pool has {} bytes, and may have {}", pool.bytes, pool.max_bytes));
    }
    if before.is_none_or(|(before, _)| before != tip.id) {
        judge_state(core, &tip.id)?;
    }
    Ok((tip.id, info.work))
}

/// The state is the one that the tip states.
fn judge_state(core: &Core, tip: &BlockId) -> Result<(), String> {
    let reader = core.ledger().reader();
    let record = reader.view().and_then(|view| view.header(tip)).map_err(|error| error.to_string())?;
    let stated = record.ok_or("the tip is not stored")?.header.content().state_root;
    if stated != core.ledger().state_root() {
        return Err(format!("the state is not the one that {tip} states"));
    }
    Ok(())
}

/// After calm all nodes have one tip and one pool.
///
/// # Errors
/// Which has another.
pub(super) fn agree<'a>(hosts: impl Iterator<Item = &'a Host>) -> Result<(), String> {
    let of = |host: &'a Host| host.core().map(|core| (host.id, core));
    let mut cores = hosts.filter_map(of);
    let Some((first, one)) = cores.next() else { return Ok(()) };
    let (tip, pool) = (one.ledger().tip(), pending(one));
    for (host, core) in cores {
        if core.ledger().tip() != tip {
            let (ours, theirs) = (tip.height, core.ledger().tip().height);
            return Err(format!("nodes {} and {} are at {ours} and {theirs}", first.0, host.0));
        }
        let other = pending(core);
        if other != pool {
            let (ours, theirs) = (pool.len(), other.len());
            return Err(format!("nodes {} and {} have pools of {ours} and {theirs}", first.0, host.0));
        }
    }
    Ok(())
}

/// Whose payments wait, and which: a payer whose node was cut off may have signed another for the same place,
/// and each node keeps the one that it heard of first.
fn pending(core: &Core) -> Vec<(Address, u64)> {
    let (mut cursor, mut all) = (Wtxid::ZERO, Vec::new());
    while let Some(page) = core.pool().list(&cursor, PAGE) {
        let executable = page.txs.iter().filter(|entry| entry.executable);
        all.extend(executable.map(|entry| (entry.tx.sender(), entry.tx.unsigned().nonce)));
        cursor = page.next;
        if cursor == Wtxid::ZERO {
            break;
        }
    }
    all.sort_unstable();
    all
}

/// The whole chain of a node, executed once more.
///
/// # Errors
/// What does not hold.
pub(super) fn verify(core: &Core) -> Result<u32, String> {
    verify_chain(&core.ledger().reader(), |_, _| ()).map_err(|error| error.to_string())
}
