//! Bodies: which are wanted, who checks them, and where they wait until their turn.

use super::{Core, Effect};
use starling_consensus::{BlockError, CheckedBlock, CheckedHeader, HeaderError, Status};
use starling_genesis::Chain;
use starling_ledger::StoreError;
use starling_network::{Body, BodyOutcome};
use starling_primitives::{BlockId, DecodeError, Header, Wtxid, decode_body};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Blocks ahead of the tip whose bodies are fetched.
const WINDOW_BLOCKS: u32 = 1_024;
/// Bytes of bodies that are fetched ahead, by their headers' word.
const WINDOW_BYTES: u64 = 64 << 20;
/// Bytes of checked bodies that wait in memory; others are read back and checked again.
const MAX_WAITING_BYTES: u64 = 64 << 20;
/// How long a branch that nobody serves is not followed.
const ASIDE: Duration = Duration::from_secs(600);

/// Pure work: a body is decoded, compared with its header, and its signatures verified.
#[derive(Debug)]
pub struct Job {
    chain: Arc<Chain>,
    header: Header,
    body: Body,
    verified: HashSet<Wtxid>,
}

/// What a job found.
#[derive(Debug)]
pub struct Checked {
    header: Header,
    result: Result<CheckedBlock, Failure>,
}

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Body(#[from] DecodeError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl Job {
    /// Does the work.
    #[must_use]
    pub fn run(self) -> Checked {
        let header = self.header.clone();
        Checked { header, result: self.check() }
    }

    fn check(self) -> Result<CheckedBlock, Failure> {
        let txs = match self.body {
            Body::Txs(txs) => txs,
            Body::Bytes(bytes) => decode_body(&bytes, self.header.content().tx_count)?,
        };
        let header = CheckedHeader::check(self.header, &self.chain.params)?;
        let verified = |id: &Wtxid| self.verified.contains(id);
        Ok(CheckedBlock::check(header, txs, &self.chain.genesis_id(), verified)?)
    }
}

/// Checked blocks that wait for their parents, and jobs under way.
#[derive(Default)]
pub(super) struct CheckedBlocks {
    waiting: BTreeMap<BlockId, CheckedBlock>,
    bytes: u64,
    jobs: BTreeSet<BlockId>,
    /// The last block that was checked: it may have as much work as the tip.
    last: Option<BlockId>,
}

impl CheckedBlocks {
    pub(super) fn take(&mut self, id: &BlockId) -> Option<CheckedBlock> {
        let block = self.waiting.remove(id)?;
        self.bytes -= weight(&block);
        Some(block)
    }

    /// The block that the tip may have to make way for at equal work.
    pub(super) fn rival(&self) -> Option<BlockId> {
        self.last
    }

    /// A block without transactions needs no check beyond its header's.
    pub(super) fn is_whole(&mut self, id: BlockId) {
        self.last = Some(id);
    }

    fn keep(&mut self, block: CheckedBlock) {
        self.last = Some(block.header().header().id());
        let weight = weight(&block);
        if self.bytes + weight <= MAX_WAITING_BYTES {
            self.bytes += weight;
            if let Some(old) = self.waiting.insert(block.header().header().id(), block) {
                self.bytes -= self::weight(&old);
            }
        }
    }
}

fn weight(block: &CheckedBlock) -> u64 {
    u64::from(block.header().header().content().body_bytes)
}

impl Core {
    /// Tells the network which bodies are missing on the way to the best header, in order.
    pub(super) fn want_bodies(&mut self) {
        let tip = self.ledger.tip();
        let fork = self.tree.fork_height(&tip.id, &self.tree.best().id).unwrap_or(0);
        let (mut list, mut bytes) = (Vec::new(), 0u64);
        let mut height = fork;
        while let Some(info) = height.checked_add(1).and_then(|next| self.tree.best_at(next)) {
            height = info.height;
            if height - fork > WINDOW_BLOCKS || bytes > WINDOW_BYTES {
                break;
            }
            let missing = info.status == Status::Header && info.body_bytes > 0;
            if missing && !self.checked.jobs.contains(&info.id) {
                bytes += u64::from(info.body_bytes);
                list.push((info.id, height));
            }
        }
        self.network(|net, view, now| net.want_bodies(&list, view, now));
    }

    /// A body came: hand it out to be checked.
    pub(super) fn on_body(&mut self, id: BlockId, body: Body) -> Result<(), StoreError> {
        let wanted = self.tree.get(&id).is_some_and(|info| info.status == Status::Header);
        let record = self.ledger.reader().view()?.header(&id)?;
        let Some(header) = record.map(|record| record.header).filter(|_| wanted) else {
            self.network(|net, view, now| net.body_checked(&id, BodyOutcome::Match, view, now));
            return Ok(());
        };
        // What is under way at a time is bounded by what is wanted: the window's bytes.
        if !self.checked.jobs.insert(id) {
            return Ok(());
        }
        let verified = match &body {
            Body::Txs(txs) => self.verified_among(txs),
            Body::Bytes(_) => HashSet::new(),
        };
        let job = Job { chain: self.chain.clone(), header, body, verified };
        self.effects.push(Effect::Work(Box::new(job)));
        Ok(())
    }

    /// A job is done.
    pub(super) fn on_checked(&mut self, checked: Checked) -> Result<(), StoreError> {
        let id = checked.header.id();
        self.checked.jobs.remove(&id);
        let outcome = match checked.result {
            Ok(block) => {
                self.store_body(block)?;
                BodyOutcome::Match
            }
            Err(Failure::Block(error)) if !error.is_mismatch() => {
                tracing::warn!(block = %id, %error, "invalid block");
                self.invalidate(&id, error.rule())?;
                BodyOutcome::Invalid
            }
            Err(error) => {
                tracing::debug!(block = %id, %error, "a body is not the header's");
                BodyOutcome::Mismatch
            }
        };
        self.network(|net, view, now| net.body_checked(&id, outcome, view, now));
        self.advance()?;
        self.want_bodies();
        Ok(())
    }

    /// Keeps a checked block until it can be connected.
    pub(super) fn store_body(&mut self, block: CheckedBlock) -> Result<(), StoreError> {
        let header = block.header().header();
        let id = header.id();
        if self.tree.get(&id).is_some_and(|info| info.status == Status::Header) {
            self.ledger.put_body(header, block.txs())?;
            self.tree.set_status(&id, Status::Body);
        }
        self.aside.remove(&id);
        self.loose.insert(id);
        self.checked.keep(block);
        Ok(())
    }

    /// Nobody serves a body: its branch is not followed for a while.
    pub(super) fn set_aside(&mut self, id: BlockId, height: u32) -> Result<(), StoreError> {
        tracing::warn!(block = %id, height, "nobody serves this body; its branch is set aside");
        self.aside.insert(id, self.now.mono.saturating_add(ASIDE));
        self.advance()
    }

    /// Marks a block, and all upon it, as invalid.
    pub(super) fn invalidate(&mut self, id: &BlockId, rule: &str) -> Result<(), StoreError> {
        let store = self.ledger.store().clone();
        let change = self.tree.invalidate(id, rule, &*store);
        self.ledger.put_invalid(id, rule, change.as_ref(), &self.tree.best().id)
    }
}
