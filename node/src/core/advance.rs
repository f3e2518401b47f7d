//! Fork choice carried out: blocks are disconnected and connected until the best branch that is here is the
//! connected one (consensus: Fork choice).

use super::change::Change;
use super::{Core, Effect, SyncState, TipEvent, penalty_of_block};
use starling_consensus::{CheckedBlock, CheckedHeader, HeaderInfo, Status};
use starling_ledger::{ConnectError, StoreError};
use starling_primitives::{BlockId, Header, Work};
use std::time::Duration;

/// Blocks connected before other events get their turn.
const BLOCKS_AT_ONCE: u32 = 64;
/// Bytes of bodies connected before other events get their turn, but for the block that exceeds them.
const BYTES_AT_ONCE: u64 = 4 << 20;
/// Two blocks of equal work connected within this time, or the chain's step, are told apart by their hashes.
const TIE_WINDOW: Duration = Duration::from_secs(2);

/// Changes of the chain that are told together, while the node is far behind.
const MOST_UNTOLD: usize = 8;

/// What is to be done next.
struct Plan {
    /// Where the branch leaves the connected chain.
    fork: u32,
    /// What is to be connected upon it, oldest first, all with stored bodies.
    blocks: Vec<BlockId>,
    /// What follows them, when there was more than is done at once.
    next: Option<BlockId>,
}

impl Core {
    /// Connects what can be connected. A block that breaks a rule is marked, and the best branch is chosen
    /// anew.
    pub(super) fn advance(&mut self) -> Result<(), StoreError> {
        let (mut change, mut more) = (Change::default(), false);
        while let Some(plan) = self.plan()? {
            let before = self.ledger.tip().id;
            if !self.carry_out(&plan, &mut change)? {
                self.restore(&before, &mut change)?;
                continue;
            }
            self.note_followed();
            if plan.next.is_some() {
                self.effects.push(Effect::Continue);
                more = true;
                break;
            }
        }
        change.settle();
        if !change.is_empty() {
            self.follow(change)?;
        }
        // Far behind, the next block goes on before the last one is on disk.
        let later = more && self.is_behind() && self.untold.len() < MOST_UNTOLD;
        if later { Ok(()) } else { self.tell() }
    }

    /// Tells of the tips that were connected, when what readers see of them is on disk.
    pub(super) fn tell(&mut self) -> Result<(), StoreError> {
        if !self.config.pipelined {
            self.ledger.complete()?;
        }
        self.effects.extend(self.untold.drain(..).map(Box::new).map(Effect::Tip));
        Ok(())
    }

    /// Whether blocks are being fetched that others have.
    fn is_behind(&self) -> bool {
        matches!(self.sync_state(), SyncState::Headers | SyncState::Bodies)
    }

    fn plan(&mut self) -> Result<Option<Plan>, StoreError> {
        let (goal, tip) = (*self.followed(), self.ledger.tip());
        if goal.id != tip.id
            && let Some(plan) = self.straight(&goal, tip.height, &tip.id).or_else(|| self.branch_to(&goal))
        {
            return Ok(Some(plan));
        }
        // Whatever is complete and has more work than the tip is followed, whatever else is waited for: else
        // a block whose body is withheld would hold up everybody.
        let (better, equal) = self.complete_rivals(&tip.id);
        for head in better {
            if let Some(plan) = self.branch_to(&head) {
                return Ok(Some(plan));
            }
        }
        self.tie(&equal)
    }

    /// Blocks with stored bodies that are not connected: those with more work than the tip, most work first,
    /// and those with as much.
    fn complete_rivals(&mut self, tip: &BlockId) -> (Vec<HeaderInfo>, Vec<HeaderInfo>) {
        let ours = self.tree.get(tip).map_or(Work::ZERO, |info| info.work);
        let tree = &self.tree;
        let alive = |info: &HeaderInfo| info.work >= ours && info.id != *tip && has_body(info);
        self.loose.retain(|id| tree.get(id).is_some_and(|info| alive(&info)));
        let rivals = self.loose.iter().filter_map(|id| self.tree.get(id));
        let complete = rivals.filter(|info| info.complete);
        let (mut better, equal): (Vec<_>, Vec<_>) = complete.partition(|info| info.work > ours);
        better.sort_by_key(|info| std::cmp::Reverse(info.work));
        (better, equal)
    }

    /// The ordinary case: what is followed continues the tip.
    fn straight(&self, goal: &HeaderInfo, height: u32, tip: &BlockId) -> Option<Plan> {
        if !self.tree.leads_to(tip, &goal.id) {
            return None;
        }
        let ahead = self.tree.branch(tip, &goal.id, BLOCKS_AT_ONCE + 1);
        let stored = ahead.iter().take_while(|info| has_body(info)).count();
        let (mut blocks, mut bytes) = (Vec::new(), 0u64);
        for (info, _) in ahead.iter().take(stored).zip(0..BLOCKS_AT_ONCE) {
            if bytes >= BYTES_AT_ONCE {
                break;
            }
            bytes += u64::from(info.body_bytes);
            blocks.push(info.id);
        }
        let next = ahead.iter().take(stored).nth(blocks.len()).map(|info| info.id);
        (!blocks.is_empty()).then_some(Plan { fork: height, blocks, next })
    }

    /// Of a branch whose bodies are here, as much as has more work than the tip; what follows is then
    /// connected as any other.
    fn branch_to(&mut self, head: &HeaderInfo) -> Option<Plan> {
        let tip = self.ledger.tip();
        let work = self.work_of(&tip.id);
        // Before its bodies come: one that leaves ours too deep is not to be fetched.
        if head.work <= work || !self.can_follow(head) {
            return None;
        }
        let last = self.tree.last_complete(&head.id).filter(|last| last.work > work)?;
        let within = self.tree.last_within(&last.id, work)?;
        let enough = self.tree.branch(&within.id, &last.id, 2);
        let (fork, blocks) = self.tree.path(&tip.id, &enough.first()?.id)?;
        Some(Plan { fork: fork.height, blocks, next: enough.get(1).map(|info| info.id) })
    }

    /// A block of equal work beside a tip that was connected a moment ago wins by the smaller pow hash.
    fn tie(&mut self, rivals: &[HeaderInfo]) -> Result<Option<Plan>, StoreError> {
        let tip = self.ledger.tip();
        let window = TIE_WINDOW.max(Duration::from_secs(u64::from(self.chain.params.step)));
        if rivals.is_empty() || self.tip_is_old || self.now.mono > self.tip_since.mono.saturating_add(window)
        {
            return Ok(None);
        }
        // As little-endian numbers.
        let rank = |hash: [u8; 32]| hash.iter().rev().copied().collect::<Vec<_>>();
        let Some(mut least) = self.pow_hash(&tip.id)?.map(rank) else { return Ok(None) };
        let mut best = None;
        for rival in rivals {
            let Some(hash) = self.pow_hash(&rival.id)?.map(rank) else { continue };
            if hash < least && self.can_follow(rival) {
                (least, best) = (hash, self.tree.path(&tip.id, &rival.id));
            }
        }
        Ok(best.map(|(fork, blocks)| Plan { fork: fork.height, blocks, next: None }))
    }

    fn pow_hash(&self, id: &BlockId) -> Result<Option<[u8; 32]>, StoreError> {
        let record = self.ledger.reader().view()?.header(id)?;
        Ok(record.map(|record| record.header.work().pow_hash(self.chain.params.pow)))
    }

    /// Carries a plan out; false when a block broke a rule on the way.
    fn carry_out(&mut self, plan: &Plan, change: &mut Change) -> Result<bool, StoreError> {
        // A block that may be nobody else's is worth a wait for the disk; those of a long sync are not.
        let sync = self.config.sync_blocks && !self.is_behind();
        self.templates.forget_draft();
        while self.ledger.tip().height > plan.fork {
            let block = self.ledger.disconnect(false)?;
            // When nothing with more work comes of this, it is a rival as any other.
            self.loose.insert(block.header.id());
            change.note_back(block, self.config.body_bytes);
        }
        for (at, id) in plan.blocks.iter().enumerate() {
            // The disk has them in order.
            let sync = sync && at + 1 == plan.blocks.len();
            let Some(block) = self.checked_block(id)? else { return Ok(false) };
            let next = plan.blocks.get(at + 1).or(plan.next.as_ref());
            let next = next
                .and_then(|next| self.checked.get(block.header().header().height().saturating_add(1), next));
            next.into_iter().for_each(|next| self.ledger.expect(next));
            self.loose.remove(id);
            match self.ledger.connect(&block, sync) {
                Ok(connected) => {
                    self.tree.set_status(id, Status::Connected);
                    change.note_forth(connected, self.config.body_bytes);
                }
                Err(ConnectError::Rule(error)) => {
                    tracing::warn!(block = %id, %error, "invalid block");
                    self.invalidate(id, error.rule())?;
                    let penalty = penalty_of_block(&error);
                    let outputs = self.net.block_invalid(id, penalty, self.now.mono);
                    self.take_outputs(outputs);
                    return Ok(false);
                }
                Err(ConnectError::NotNext { .. }) => return Ok(false),
                Err(ConnectError::Store(error)) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Goes back to where the tip was before a branch that failed, unless what was connected of it has more
    /// work even so; the old blocks are valid.
    fn restore(&mut self, before: &BlockId, change: &mut Change) -> Result<(), StoreError> {
        let (tip, work) = (self.ledger.tip().id, |id: &BlockId| self.tree.get(id).map(|info| info.work));
        if work(&tip) > work(before) {
            return Ok(());
        }
        let Some((fork, blocks)) = self.tree.path(&tip, before) else { return Ok(()) };
        if fork.height < self.ledger.deepest_fork() {
            tracing::error!("the branch that failed cannot be left again: it is too long to be undone");
            return Ok(());
        }
        let back = Plan { fork: fork.height, blocks, next: None };
        self.carry_out(&back, change).map(|_| ())
    }

    /// A block as it was checked, or read back.
    fn checked_block(&mut self, id: &BlockId) -> Result<Option<CheckedBlock>, StoreError> {
        let height = self.tree.get(id).map_or(0, |info| info.height);
        if let Some(block) = self.checked.take(height, id) {
            return Ok(Some(block));
        }
        let Some(block) = self.ledger.reader().view()?.block(id)? else {
            self.tree.set_status(id, Status::Header);
            return Ok(None);
        };
        let header = match CheckedHeader::check(block.header, &self.chain.params) {
            Ok(header) => header,
            Err(error) => return Err(self.ledger.damaged(&format!("header {id}: {error}"))),
        };
        // It was checked before it was stored, and its root says that it is the same, signatures included.
        match CheckedBlock::check(header, block.txs, &self.chain.genesis_id(), |_| true, &self.keys) {
            Ok(block) => Ok(Some(block)),
            Err(error) => Err(self.ledger.damaged(&format!("body of block {id}: {error}"))),
        }
    }

    /// Everything else follows the one value that says what changed.
    fn follow(&mut self, change: Change) -> Result<(), StoreError> {
        (self.tip_since, self.tip_is_old) = (self.now, false);
        let count = |blocks: usize| u64::try_from(blocks).unwrap_or(u64::MAX);
        self.moved.0 += count(change.connected.len());
        self.moved.1 += count(change.disconnected.len());
        let tip = self.ledger.tip();
        let tree = &self.tree;
        self.checked.forget(tip.height, |id| {
            tree.get(id).is_none_or(|info| matches!(info.status, Status::Invalid | Status::Connected))
        });
        self.review_avoided();
        let (returned, promoted) = self.tell_pool(&change)?;
        let announcement = change.announcement();
        let Change { disconnected, connected, .. } = change;
        self.offer(promoted);
        let early = self.early.drain();
        self.try_again(early);
        let Some(announcement) = announcement else { return Ok(()) };
        let own = self.own.contains(&tip.id);
        let txs = connected.last().map_or(0, |last| last.content().tx_count);
        tracing::debug!(block = %tip.id, height = tip.height, txs, "connected");
        self.network(|net, view, now| net.tip_changed(announcement, own, view, now));
        if !disconnected.is_empty() {
            tracing::info!(
                disconnected = disconnected.len(),
                connected = connected.len(),
                returned = returned.len(),
                "reorganised"
            );
            self.network(|net, view, now| net.reorganised(&returned, view, now));
        }
        self.want_bodies();
        let work = |header: &Header| self.tree.get(&header.id()).map_or(Work::ZERO, |info| info.work);
        let connected = connected.into_iter().map(|header| (header.clone(), work(&header))).collect();
        self.untold.push(TipEvent { disconnected, connected });
        Ok(())
    }
}

pub(super) fn has_body(info: &HeaderInfo) -> bool {
    matches!(info.status, Status::Body | Status::Connected)
}
