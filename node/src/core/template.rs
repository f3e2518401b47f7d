//! Block templates, and the blocks that miners make of them.

use super::{Core, SyncState};
use starling_consensus::{CheckedBlock, CheckedHeader, HeaderError, Status};
use starling_ledger::{Settled, StoreError};
use starling_primitives::{
    Address, Amount, BlockId, Commitment, Content, DecodeError, Header, StateRoot, Transaction, WorkHeader,
    limits, tx_root,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// How long a template is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// Bytes of bodies that are remembered.
const REMEMBERED_BYTES: usize = 64 << 20;
/// Templates that are remembered, also without any body.
const REMEMBERED_COUNT: usize = 4_096;
/// A draft of the next block is made anew for better fees after this time.
const DRAFT_FOR: Duration = Duration::from_secs(1);
/// Seconds that a template's time may be rolled forward, where the chain has no limit of its own.
const ROLL_S: u32 = 120;

/// A block that lacks its work.
#[derive(Clone, Debug)]
pub struct Template {
    /// The header: its root is right for its extra, its nonce is 0.
    pub header: Header,
    /// Subsidy and fees.
    pub reward: Amount,
    /// The least time that the header may state.
    pub min_time: u32,
    /// The greatest time that the header should state.
    pub max_time: u32,
}

/// Why there is no template.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The node is behind.
    #[error("the node is still synchronising: at height {height} of {target}")]
    NotSynced {
        /// Height of the tip.
        height: u32,
        /// Height it is on its way to.
        target: u32,
    },
    /// Nobody would hear of the block.
    #[error("no peer is connected")]
    NoPeers,
    /// The next block may not be dated before this many seconds from now.
    #[error("the next block may be dated {seconds} s from now at the earliest")]
    TooEarly {
        /// Seconds.
        seconds: u64,
    },
    /// The chain's time has run ahead of the clock as far as it may.
    #[error("the chain is {seconds} s ahead of the clock, and {limit} s is the limit")]
    TooFarAhead {
        /// Seconds.
        seconds: u64,
        /// The chain's future limit.
        limit: u32,
    },
    /// Too many bytes of extra, or too few.
    #[error(transparent)]
    Extra(#[from] DecodeError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a solved block is refused.
#[derive(Debug, Error)]
pub enum SubmitBlockError {
    /// No template has this content.
    #[error("no template has this commitment; templates are remembered for 10 minutes")]
    UnknownTemplate,
    /// The header breaks a rule.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The block breaks a rule.
    #[error("the block breaks the rule {0}")]
    Rule(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The transactions of a block, and what they lead to.
#[derive(Clone)]
struct Draft {
    tip: BlockId,
    payout: Address,
    made: Duration,
    txs: Arc<Vec<Arc<Transaction>>>,
    body_bytes: u32,
    state_root: StateRoot,
    reward: Amount,
}

struct Remembered {
    commitment: Commitment,
    made: Duration,
    txs: Arc<Vec<Arc<Transaction>>>,
    bytes: usize,
}

/// Templates by what they commit to.
pub(super) struct Templates {
    seed: u64,
    issued: u32,
    draft: Option<Draft>,
    remembered: VecDeque<Remembered>,
    bytes: usize,
}

impl Templates {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, issued: 0, draft: None, remembered: VecDeque::new(), bytes: 0 }
    }

    /// A beginning of extra that no other template has, here or, very likely, elsewhere.
    fn extra(&mut self) -> Vec<u8> {
        self.issued = self.issued.wrapping_add(1);
        let [a, b, c, d, ..] = self.seed.to_le_bytes();
        [[a, b, c, d], self.issued.to_le_bytes()].concat()
    }

    fn remember(&mut self, commitment: Commitment, draft: &Draft, now: Duration) {
        if self.remembered.iter().any(|known| known.commitment == commitment) {
            return;
        }
        let bytes = usize::try_from(draft.body_bytes).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.remembered.push_back(Remembered { commitment, made: now, txs: draft.txs.clone(), bytes });
        while self.remembered.len() > 1 && self.is_over(now) {
            if let Some(old) = self.remembered.pop_front() {
                self.bytes -= old.bytes;
            }
        }
    }

    fn is_over(&self, now: Duration) -> bool {
        let old =
            self.remembered.front().is_some_and(|front| now > front.made.saturating_add(REMEMBERED_FOR));
        old || self.bytes > REMEMBERED_BYTES || self.remembered.len() > REMEMBERED_COUNT
    }

    fn find(&self, commitment: &Commitment) -> Option<Arc<Vec<Arc<Transaction>>>> {
        let known = self.remembered.iter().rev().find(|known| known.commitment == *commitment);
        known.map(|known| known.txs.clone())
    }
}

impl Core {
    /// A template upon the best connected block. With no `extra` it gets a beginning of its own. `ahead` lets
    /// its time be ahead of the clock, up to the chain's limit.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn template(
        &mut self,
        payout: Address,
        extra: &[u8],
        ahead: bool,
    ) -> Result<Template, TemplateError> {
        self.check_may_mine()?;
        let tip = self.ledger.tip();
        let store = self.ledger.store().clone();
        let cursor = self.tree.cursor(&tip.id, &*store);
        let cursor = cursor.ok_or_else(|| self.ledger.damaged("the tip's history is not stored"))?;
        let time = self.next_time(cursor.least_next_time(&self.chain.params), ahead)?;
        let draft = self.draft(payout)?;
        let content = Content {
            height: tip.height.saturating_add(1),
            miner: payout,
            tx_count: u32::try_from(draft.txs.len()).expect("a body has fewer than 2^32 transactions"),
            body_bytes: draft.body_bytes,
            tx_root: tx_root(draft.txs.iter().map(|tx| tx.wtxid())),
            state_root: draft.state_root,
            history_root: cursor.history_root(),
        };
        let work = WorkHeader {
            version: WorkHeader::BASE_VERSION,
            parent: tip.id,
            root: [0; 32],
            time,
            bits: cursor.next_bits(&self.chain.params),
            nonce: 0,
        };
        let extra = if extra.is_empty() { self.templates.extra() } else { extra.to_vec() };
        let rootless = Header::new(work, &extra, content)?;
        let header = Header::new(WorkHeader { root: rootless.coinbase().root(), ..work }, &extra, content)?;
        self.templates.remember(content.commitment(), &draft, self.now.mono);
        let roll = self.chain.params.future_limit.min(ROLL_S);
        let max_time = self.unix_u32().max(time).saturating_add(if ahead { 0 } else { roll / 2 });
        let min_time = u32::try_from(cursor.least_next_time(&self.chain.params)).unwrap_or(u32::MAX);
        Ok(Template { header, reward: draft.reward, min_time, max_time })
    }

    /// Takes a solved block: its body is found by what the header commits to. True when it is the tip now.
    ///
    /// # Errors
    /// [`SubmitBlockError`].
    pub fn submit_block(&mut self, header: Header) -> Result<bool, SubmitBlockError> {
        let id = header.id();
        let txs = self.templates.find(&header.content().commitment());
        let txs = txs.ok_or(SubmitBlockError::UnknownTemplate)?;
        let checked = CheckedHeader::check(header, &self.chain.params)?;
        self.remember_own(id);
        let verified = |id: &_| self.pool.is_verified(id);
        let block = CheckedBlock::check(checked, txs.to_vec(), &self.chain.genesis_id(), verified);
        self.import(block.map_err(|error| SubmitBlockError::Rule(error.to_string()))?)?;
        if let Some(rule) = self.tree.broken_rule(&id) {
            return Err(SubmitBlockError::Rule(rule.to_owned()));
        }
        let height = self.tree.get(&id).map_or(0, |info| info.height);
        Ok(self.ledger.reader().view()?.canonical(height)? == Some(id))
    }

    /// Takes a whole checked block that does not come from a peer.
    ///
    /// # Errors
    /// [`SubmitBlockError`]: a rule of headers, or the database; a rule of blocks shows in the tree.
    pub fn import(&mut self, block: CheckedBlock) -> Result<(), SubmitBlockError> {
        let header = block.header().clone();
        if let (_, Some(error)) = self.insert(std::slice::from_ref(&header))? {
            return Err(error.into());
        }
        let status = self.tree.get(&header.header().id()).map(|info| info.status);
        if status.is_some_and(|status| matches!(status, Status::Header | Status::Body)) {
            self.store_body(block)?;
            self.advance()?;
        }
        Ok(())
    }

    fn check_may_mine(&self) -> Result<(), TemplateError> {
        match self.sync_state() {
            SyncState::Synced => Ok(()),
            SyncState::Waiting if self.config.mine_alone => Ok(()),
            SyncState::Waiting => Err(TemplateError::NoPeers),
            SyncState::Headers | SyncState::Bodies => {
                let (height, target) = (self.ledger.tip().height, self.target_height());
                Err(TemplateError::NotSynced { height, target })
            }
        }
    }

    fn next_time(&self, least: u64, ahead: bool) -> Result<u32, TemplateError> {
        let now = self.now.unix;
        let seconds = least.saturating_sub(now);
        let limit = self.chain.params.future_limit;
        if seconds > 0 && !ahead {
            return Err(TemplateError::TooEarly { seconds });
        }
        if limit != u32::MAX && seconds > u64::from(limit) {
            return Err(TemplateError::TooFarAhead { seconds, limit });
        }
        Ok(u32::try_from(least.max(now)).unwrap_or(u32::MAX))
    }

    /// The transactions of the next block; kept for a second on the same tip, for choosing them costs more
    /// than asking.
    fn draft(&mut self, payout: Address) -> Result<Draft, StoreError> {
        let (tip, now) = (self.ledger.tip(), self.now.mono);
        let height = tip.height.saturating_add(1);
        if let Some(draft) = &self.templates.draft {
            let fresh = now < draft.made.saturating_add(DRAFT_FOR)
                && !(draft.txs.is_empty() && self.pool.info().executable > 0);
            if draft.tip == tip.id && draft.payout == payout && fresh {
                return Ok(draft.clone());
            }
        }
        let settled = Settled { accounts: &self.ledger, next_height: height, now: self.now.unix };
        let selected = self.pool.select(self.chain.params.max_body_bytes, &settled)?;
        let (txs, changes) = self.ledger.draft(&selected, payout)?;
        let txs = Arc::new(txs);
        let reward = self.chain.params.subsidy_at(height).checked_add(changes.fees);
        let bytes: usize = txs.iter().map(|tx| tx.size() + limits::TX_LEN_BYTES).sum();
        let draft = Draft {
            tip: tip.id,
            payout,
            made: now,
            body_bytes: u32::try_from(bytes).expect("a body is within its limit of 32 MiB"),
            state_root: self.ledger.root_after(&changes),
            reward: reward.expect("all that exists is at most 2^100 motes"),
            txs,
        };
        self.templates.draft = Some(draft.clone());
        Ok(draft)
    }
}
