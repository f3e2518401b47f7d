//! Bodies: which are wanted, who checks them, and where they wait until their turn.

use super::{Core, Effect, Job, penalty_of_block};
use starling_consensus::{
    BlockError, CheckedBlock, CheckedHeader, HeaderError, KnownKeys, SignatureCache, Status,
};
use starling_genesis::Chain;
use starling_ledger::StoreError;
use starling_network::{Body, BodyOutcome, Penalty};
use starling_primitives::{BlockId, DecodeError, Header, Wtxid, decode_body};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use thiserror::Error;

/// Blocks ahead of the tip whose bodies are fetched.
pub(super) const WINDOW_BLOCKS: u32 = 1_024;
/// What a block without transactions takes.
const BLOCK_OVERHEAD_BYTES: u64 = 1_024;
/// What a checked block takes in memory, in bytes for each byte of its body.
pub(crate) const CHECKED_BYTES: u32 = 5;
/// Depth below the tip to which blocks beside the connected chain wait on: rivals of the last minutes.
const KEPT_BELOW_TIP: u32 = 16;
/// Pure work: a body is decoded, compared with its header, and its signatures verified.
#[derive(Debug)]
pub struct CheckJob {
    chain: Arc<Chain>,
    header: Header,
    body: Body,
    verified: HashSet<Wtxid>,
    signatures: Arc<SignatureCache>,
    keys: Arc<KnownKeys>,
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

impl CheckJob {
    /// Whose turn it is when several wait: the lowest number's. It is the block's height; a body that is
    /// longer than the header says takes memory that nobody counted, and is not to wait at all.
    #[must_use]
    pub fn turn(&self) -> u32 {
        let stated = usize::try_from(self.header.content().body_bytes).unwrap_or(usize::MAX);
        match &self.body {
            Body::Bytes(bytes) if bytes.len() > stated => 0,
            _ => self.header.height(),
        }
    }

    /// Transactions of the block, by its header's word.
    #[must_use]
    pub fn tx_count(&self) -> u32 {
        self.header.content().tx_count
    }

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
        let verified = |id: &Wtxid| self.verified.contains(id) || self.signatures.contains(id);
        Ok(CheckedBlock::check(header, txs, &self.chain.genesis_id(), verified, &self.keys)?)
    }
}

/// Checked blocks that wait for their turn, lowest first, and jobs under way.
#[derive(Default)]
pub(super) struct CheckedBlocks {
    waiting: BTreeMap<(u32, BlockId), CheckedBlock>,
    bytes: u64,
    jobs: BTreeSet<BlockId>,
}

impl CheckedBlocks {
    pub(super) fn take(&mut self, height: u32, id: &BlockId) -> Option<CheckedBlock> {
        let block = self.waiting.remove(&(height, *id))?;
        self.bytes -= weight(&block);
        Some(block)
    }

    pub(super) fn get(&self, height: u32, id: &BlockId) -> Option<&CheckedBlock> {
        self.waiting.get(&(height, *id))
    }

    /// The lowest are needed first: when there are too many, the highest go, to be read back in their turn.
    /// One always stays.
    fn keep_within(&mut self, block: CheckedBlock, max_bytes: u64) {
        let header = block.header().header();
        let (height, id) = (header.height(), header.id());
        self.take(height, &id);
        self.bytes += weight(&block);
        self.waiting.insert((height, id), block);
        while self.bytes > max_bytes && self.waiting.len() > 1 {
            let Some((_, highest)) = self.waiting.pop_last() else { break };
            self.bytes -= weight(&highest);
        }
    }

    /// Lets go of blocks whose time is over: those that lost their height, and those upon an invalid one.
    pub(super) fn forget(&mut self, tip: u32, is_dead: impl Fn(&BlockId) -> bool) {
        let least = tip.saturating_sub(KEPT_BELOW_TIP);
        self.waiting.retain(|(height, id), _| *height >= least && !is_dead(id));
        self.bytes = self.waiting.values().map(weight).sum();
    }
}

fn checked_bytes(body_bytes: u32) -> u64 {
    u64::from(body_bytes) * u64::from(CHECKED_BYTES)
}

fn weight(block: &CheckedBlock) -> u64 {
    BLOCK_OVERHEAD_BYTES + checked_bytes(block.header().header().content().body_bytes)
}

impl Core {
    /// Tells the network which bodies are missing on the way to the best header that is followed, in order.
    /// What is being checked counts into the window too, so that memory is bounded while checking is slower
    /// than the network. The window begins at the tip; of a branch that leaves ours, at the first that is
    /// missing: nothing of it is connected before it has more work.
    pub(super) fn want_bodies(&mut self) {
        let tip = self.ledger.tip();
        let goal = self.followed();
        let (mut list, mut bytes) = (Vec::new(), 0u64);
        let complete = || self.tree.last_complete(&goal.id).map_or(tip.id, |last| last.id);
        let from = if self.tree.leads_to(&tip.id, &goal.id) { tip.id } else { complete() };
        for info in self.tree.branch(&from, &goal.id, WINDOW_BLOCKS) {
            if bytes > self.body_bytes() {
                break;
            }
            if info.status == Status::Header && info.body_bytes > 0 {
                bytes += checked_bytes(info.body_bytes);
                if !self.checked.jobs.contains(&info.id) {
                    list.push((info.id, info.height));
                }
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
        // What is under way at a time is bounded by what is wanted.
        if !self.checked.jobs.insert(id) {
            return Ok(());
        }
        let verified = match &body {
            Body::Txs(txs) => self.verified_among(txs),
            Body::Bytes(_) => HashSet::new(),
        };
        let (chain, keys, signatures) =
            (self.chain.clone(), self.keys.clone(), self.pool.signatures().clone());
        let job = CheckJob { chain, header, body, verified, signatures, keys };
        self.effects.push(Effect::Work(Job::Check(Box::new(job))));
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
                let penalty = penalty_of_block(&error);
                self.invalidate(&id, error.rule())?;
                BodyOutcome::Invalid(penalty)
            }
            Err(error) => {
                tracing::debug!(block = %id, %error, "a body is not the header's");
                let penalty = match &error {
                    Failure::Block(error) => penalty_of_block(error),
                    // Bytes that are no body are not that of any header.
                    _ => Penalty::Heavy,
                };
                BodyOutcome::Mismatch(penalty)
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
        self.is_served(&id);
        self.is_stored(id);
        let most = self.body_bytes();
        self.checked.keep_within(block, most);
        Ok(())
    }

    /// Bytes that bodies take which are fetched ahead, by their headers' word, and checked ones that wait.
    fn body_bytes(&self) -> u64 {
        u64::try_from(self.config.body_bytes).unwrap_or(u64::MAX)
    }

    /// Marks a block, and all upon it, as invalid.
    pub(super) fn invalidate(&mut self, id: &BlockId, rule: &str) -> Result<(), StoreError> {
        let store = self.ledger.store().clone();
        let change = self.tree.invalidate(id, rule, &*store);
        self.choose();
        self.ledger.put_invalid(id, rule, change.as_ref(), &self.tree.best().id)
    }
}

#[cfg(test)]
mod tests;
