//! Block templates, and the blocks that miners make of them.

use super::{Core, SyncState};
use starling_consensus::{CheckedBlock, CheckedHeader, HeaderError, Status, check_time};
use starling_ledger::{Draft, Settled, StoreError};
use starling_primitives::{
    Address, Amount, BlockId, Content, DecodeError, Header, Transaction, TxRoot, WorkHeader, limits, tx_root,
};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// How long a template is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// Bytes of bodies that are remembered at the most, and what part of the mempool's they may be; what is
/// shared between them counts once.
const REMEMBERED_BYTES: usize = 64 << 20;
const REMEMBERED_PART: usize = 4;
/// Bodies that are remembered, also without any transaction.
const REMEMBERED_COUNT: usize = 4_096;
/// What a decoded transaction takes beside its bytes.
const TX_OVERHEAD_BYTES: usize = 256;
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
    /// No template has this body.
    #[error("no template has this parent and these transactions; templates are remembered for 10 minutes")]
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

/// The next block on a tip, before its miner is known.
struct Prepared {
    tip: BlockId,
    made: Duration,
    /// Whether anything waited when it was made.
    had_pending: bool,
    draft: Draft,
    tx_root: TxRoot,
    tx_count: u32,
    body_bytes: u32,
}

/// A body that was handed out in a template.
struct Remembered {
    parent: BlockId,
    tx_root: TxRoot,
    used: Duration,
    txs: Arc<Vec<Arc<Transaction>>>,
    /// What it takes beyond the body handed out before it, most of which it shares.
    bytes: usize,
}

/// The bodies of templates. A solved header finds its own by parent and `tx_root`, whoever it pays: so miners
/// share them, and however many templates a stranger asks for, none of another's is forgotten for it.
pub(super) struct Templates {
    seed: u64,
    issued: u32,
    prepared: Option<Arc<Prepared>>,
    remembered: VecDeque<Remembered>,
    bytes: usize,
    max_bytes: usize,
}

impl Templates {
    pub(super) fn new(seed: u64, pool_bytes: usize) -> Self {
        let max_bytes = REMEMBERED_BYTES.min(pool_bytes / REMEMBERED_PART);
        Self { seed, issued: 0, prepared: None, remembered: VecDeque::new(), bytes: 0, max_bytes }
    }

    /// Forgets the draft: the state was another meanwhile.
    pub(super) fn forget_draft(&mut self) {
        self.prepared = None;
    }

    /// A beginning of extra that no other template has, here or, very likely, elsewhere.
    fn extra(&mut self) -> Vec<u8> {
        self.issued = self.issued.wrapping_add(1);
        let [a, b, c, d, ..] = self.seed.to_le_bytes();
        [[a, b, c, d], self.issued.to_le_bytes()].concat()
    }

    fn remember(&mut self, prepared: &Prepared, now: Duration) {
        let same =
            |known: &&mut Remembered| known.parent == prepared.tip && known.tx_root == prepared.tx_root;
        if let Some(known) = self.remembered.iter_mut().rev().find(same) {
            known.used = now;
        } else {
            let bytes = self.bytes_beyond_last(prepared.draft.txs());
            self.bytes = self.bytes.saturating_add(bytes);
            self.remembered.push_back(Remembered {
                parent: prepared.tip,
                tx_root: prepared.tx_root,
                used: now,
                txs: prepared.draft.txs().clone(),
                bytes,
            });
        }
        while self.remembered.len() > 1 && self.is_over(now) {
            if let Some(old) = self.remembered.pop_front() {
                self.bytes -= old.bytes;
            }
        }
    }

    /// Transactions are shared with the body before: what both hold is counted there.
    fn bytes_beyond_last(&self, txs: &[Arc<Transaction>]) -> usize {
        let last: HashSet<_> =
            self.remembered.back().iter().flat_map(|last| last.txs.iter().map(Arc::as_ptr)).collect();
        let new = txs.iter().filter(|tx| !last.contains(&Arc::as_ptr(tx)));
        size_of_val(txs) + new.map(|tx| tx.size() + TX_OVERHEAD_BYTES).sum::<usize>()
    }

    fn is_over(&self, now: Duration) -> bool {
        let old =
            self.remembered.front().is_some_and(|front| now > front.used.saturating_add(REMEMBERED_FOR));
        old || self.bytes > self.max_bytes || self.remembered.len() > REMEMBERED_COUNT
    }

    fn find(&self, header: &Header) -> Option<Arc<Vec<Arc<Transaction>>>> {
        let (parent, tx_root) = (header.parent(), header.content().tx_root);
        let known = self.remembered.iter().rev();
        known.into_iter().find(|it| it.parent == parent && it.tx_root == tx_root).map(|it| it.txs.clone())
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
        let prepared = self.prepared()?;
        let content = Content {
            height: tip.height.saturating_add(1),
            miner: payout,
            tx_count: prepared.tx_count,
            body_bytes: prepared.body_bytes,
            tx_root: prepared.tx_root,
            state_root: self.ledger.root_paying(&payout, &prepared.draft)?,
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
        self.templates.remember(&prepared, self.now.mono);
        let roll = self.chain.params.future_limit.min(ROLL_S);
        let max_time = self.unix_u32().max(time).saturating_add(if ahead { 0 } else { roll / 2 });
        let min_time = u32::try_from(cursor.least_next_time(&self.chain.params)).unwrap_or(u32::MAX);
        Ok(Template { header, reward: prepared.draft.reward(), min_time, max_time })
    }

    /// Takes a solved block: its body is found by what the header commits to. True when it is the tip now.
    ///
    /// # Errors
    /// [`SubmitBlockError`].
    pub fn submit_block(&mut self, header: Header) -> Result<bool, SubmitBlockError> {
        let id = header.id();
        let txs = self.templates.find(&header);
        let txs = txs.ok_or(SubmitBlockError::UnknownTemplate)?;
        let checked = CheckedHeader::check(header, &self.chain.params)?;
        self.remember_own(id);
        let verified = |id: &_| self.pool.is_verified(id);
        let block =
            CheckedBlock::check(checked, txs.to_vec(), &self.chain.genesis_id(), verified, &self.keys);
        self.import(block.map_err(|error| SubmitBlockError::Rule(error.to_string()))?)?;
        if let Some(rule) = self.tree.broken_rule(&id) {
            return Err(SubmitBlockError::Rule(rule.to_owned()));
        }
        self.ledger.complete()?;
        let height = self.tree.get(&id).map_or(0, |info| info.height);
        Ok(self.ledger.reader().view()?.canonical(height)? == Some(id))
    }

    /// Takes a whole checked block that does not come from a peer.
    ///
    /// # Errors
    /// [`SubmitBlockError`]: a rule of headers, or the database; a rule of blocks shows in the tree.
    pub fn import(&mut self, block: CheckedBlock) -> Result<(), SubmitBlockError> {
        self.import_all(vec![block]).map_err(|(_, error)| error)
    }

    /// Takes blocks, each upon one before, which do not come from peers; those before one that is refused are
    /// taken all the same.
    ///
    /// # Errors
    /// Which was refused, and why, as for [`Core::import`].
    pub fn import_all(&mut self, blocks: Vec<CheckedBlock>) -> Result<(), (usize, SubmitBlockError)> {
        let taken = blocks.into_iter().enumerate().try_for_each(|(at, block)| {
            let taken = self.take_block(block);
            taken.map_err(|error| (at, error))
        });
        let advanced = self.advance().map_err(|error| (0, error.into()));
        let result = advanced.and(taken);
        if let Err((_, SubmitBlockError::Store(error))) = &result {
            // What is in memory may be ahead of the database now: the caller's answer is not all that
            // follows.
            self.failed = Some(error.clone());
        }
        result
    }

    fn take_block(&mut self, block: CheckedBlock) -> Result<(), SubmitBlockError> {
        let header = block.header().clone();
        // Its header alone is not held as a peer's would be: nobody else may have its body.
        check_time(header.header(), &self.chain.params, self.unix_u32())?;
        if let (_, Some(error)) = self.insert(std::slice::from_ref(&header))? {
            return Err(error.into());
        }
        let status = self.tree.get(&header.header().id()).map(|info| info.status);
        if status.is_some_and(|status| matches!(status, Status::Header | Status::Body)) {
            self.store_body(block)?;
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

    /// The next block; kept for a second on the same tip, for choosing its transactions costs more than
    /// asking for it.
    fn prepared(&mut self) -> Result<Arc<Prepared>, StoreError> {
        let (tip, now) = (self.ledger.tip(), self.now.mono);
        let has_pending = self.pool.info().executable > 0;
        if let Some(prepared) = &self.templates.prepared {
            let fresh = now < prepared.made.saturating_add(DRAFT_FOR) && prepared.had_pending == has_pending;
            if prepared.tip == tip.id && fresh {
                return Ok(prepared.clone());
            }
        }
        let next_height = tip.height.saturating_add(1);
        let settled = Settled { accounts: &self.ledger, next_height, now: self.now.unix };
        let selected = self.pool.select(self.chain.params.max_body_bytes, &settled)?;
        let draft = self.ledger.draft(&selected)?;
        let txs = draft.txs();
        let bytes: usize = txs.iter().map(|tx| tx.size() + limits::TX_LEN_BYTES).sum();
        let prepared = Arc::new(Prepared {
            tip: tip.id,
            made: now,
            had_pending: has_pending,
            tx_root: tx_root(txs.iter().map(|tx| tx.wtxid())),
            tx_count: u32::try_from(txs.len()).expect("a body has fewer than 2^32 transactions"),
            body_bytes: u32::try_from(bytes).expect("a body is within its limit of 32 MiB"),
            draft,
        });
        self.templates.prepared = Some(prepared.clone());
        Ok(prepared)
    }
}
