//! Fork choice carried out: blocks are disconnected and connected until the best branch that is here is the
//! connected one (consensus: Fork choice).

use super::{Core, Effect, TipEvent};
use starling_consensus::{CheckedBlock, CheckedHeader, HeaderInfo, Status};
use starling_ledger::{ConnectError, ConnectedBlock, DisconnectedBlock, Settled, StoreError, TipBlock};
use starling_network::Announcement;
use starling_primitives::{BlockId, Header, Transaction, Work};
use std::sync::Arc;
use std::time::Duration;

/// Blocks connected before other events get their turn.
const BLOCKS_AT_ONCE: usize = 64;
/// Two blocks of equal work connected within this time, or the chain's step, are told apart by their hashes.
const TIE_WINDOW: Duration = Duration::from_secs(2);

/// What is to be done next.
struct Plan {
    /// Where the branch leaves the connected chain.
    fork: u32,
    /// What is to be connected upon it, oldest first, all with stored bodies.
    blocks: Vec<BlockId>,
    /// Whether there was more than is done at once.
    more: bool,
}

/// What was done.
#[derive(Default)]
struct Change {
    disconnected: Vec<DisconnectedBlock>,
    connected: Vec<ConnectedBlock>,
}

impl Change {
    /// Forgets blocks that were taken back and connected again, as after a branch that failed.
    fn settle(&mut self) {
        let same = |back: &[DisconnectedBlock], forth: &[ConnectedBlock], at: usize| {
            let (lowest, first) = (back.iter().rev().nth(at), forth.get(at));
            lowest.zip(first).is_some_and(|(lowest, first)| lowest.header.id() == first.header.id())
        };
        let count = (0..).take_while(|&at| same(&self.disconnected, &self.connected, at)).count();
        self.disconnected.truncate(self.disconnected.len() - count);
        self.connected.drain(..count);
    }
}

impl Core {
    /// Connects what can be connected. A block that breaks a rule is marked, and the best branch is chosen
    /// anew.
    pub(super) fn advance(&mut self) -> Result<(), StoreError> {
        let mut change = Change::default();
        let mut more = false;
        while let Some(plan) = self.plan()? {
            more = plan.more;
            let before = self.ledger.tip().id;
            let finished = self.carry_out(&plan, &mut change)?;
            if !finished {
                self.restore(&before, &mut change)?;
            }
            if finished && change.connected.len() >= BLOCKS_AT_ONCE {
                break;
            }
        }
        if more {
            self.effects.push(Effect::Continue);
        }
        change.settle();
        if !change.disconnected.is_empty() || !change.connected.is_empty() {
            self.follow(change)?;
        }
        Ok(())
    }

    fn plan(&mut self) -> Result<Option<Plan>, StoreError> {
        let best = self.tree.best();
        let tip = self.ledger.tip();
        if best.id == tip.id {
            return self.tie();
        }
        if let Some(plan) = self.straight(tip.height, &tip.id) {
            return Ok(Some(plan));
        }
        // Whatever is complete and has more work than the tip is followed, whatever else is waited for: else
        // a block whose body is withheld would hold up everybody.
        let candidates = self.complete_rivals(&tip.id);
        for head in candidates {
            if let Some(plan) = self.branch_to(&head)? {
                return Ok(Some(plan));
            }
        }
        self.tie()
    }

    /// Blocks with stored bodies that are not connected and have more work than the tip, most work first.
    fn complete_rivals(&mut self, tip: &BlockId) -> Vec<HeaderInfo> {
        let least = self.tree.get(tip).map_or(Work::ZERO, |info| info.work);
        let tree = &self.tree;
        let alive = |id: &BlockId| {
            tree.get(id)
                .is_some_and(|info| info.work > least && info.status != Status::Invalid && has_body(&info))
        };
        self.loose.retain(|id| alive(id));
        let mut rivals: Vec<_> = self.loose.iter().filter_map(|id| self.tree.get(id)).collect();
        rivals.sort_by_key(|info| std::cmp::Reverse(info.work));
        rivals
    }

    /// The ordinary case: the best header chain continues the tip.
    fn straight(&self, height: u32, tip: &BlockId) -> Option<Plan> {
        if self.tree.best_at(height).map(|info| info.id) != Some(*tip) {
            return None;
        }
        let stored = |next: &u32| self.tree.best_at(*next).filter(has_body).map(|info| info.id);
        let above = height.checked_add(1)?;
        let mut blocks: Vec<_> = (above..).map_while(|next| stored(&next)).take(BLOCKS_AT_ONCE + 1).collect();
        let more = blocks.len() > BLOCKS_AT_ONCE;
        blocks.truncate(BLOCKS_AT_ONCE);
        (!blocks.is_empty()).then_some(Plan { fork: height, blocks, more })
    }

    /// A branch is left alone when it leaves ours deeper than can be undone.
    fn is_followed(&mut self, head: &HeaderInfo) -> Result<bool, StoreError> {
        let tip = self.ledger.tip();
        let Some(fork) = self.tree.fork_height(&tip.id, &head.id) else { return Ok(false) };
        let depth = tip.height - fork;
        if depth > self.chain.params.undo_blocks {
            let alarm = format!(
                "a branch with more work, up to block {} at height {}, leaves ours {depth} blocks back; at \
                 most {} can be undone, so it is not followed",
                head.id, head.height, self.chain.params.undo_blocks
            );
            if self.alarm.as_ref() != Some(&alarm) {
                tracing::error!("{alarm}");
                self.alarm = Some(alarm);
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// The part of a branch whose bodies are here, if it has more work than the tip.
    fn branch_to(&mut self, head: &HeaderInfo) -> Result<Option<Plan>, StoreError> {
        let tip = self.ledger.tip();
        let work = self.tree.get(&tip.id).map_or(Work::ZERO, |info| info.work);
        if head.status == Status::Invalid || head.work <= work || !self.is_followed(head)? {
            return Ok(None);
        }
        let Some((fork, path)) = self.tree.path(&tip.id, &head.id) else { return Ok(None) };
        let stored = |id: &BlockId| self.tree.get(id).is_some_and(|info| has_body(&info));
        let blocks: Vec<_> = path.into_iter().take_while(stored).collect();
        let reached = blocks.last().and_then(|id| self.tree.get(id)).map_or(Work::ZERO, |info| info.work);
        Ok((reached > work).then_some(Plan { fork: fork.height, blocks, more: false }))
    }

    /// A block of equal work beside a tip that was connected a moment ago wins by the smaller pow hash.
    fn tie(&mut self) -> Result<Option<Plan>, StoreError> {
        let tip = self.ledger.tip();
        let rival = self.checked.rival().filter(|id| *id != tip.id).and_then(|id| self.tree.get(&id));
        let (Some(rival), Some(ours)) = (rival, self.tree.get(&tip.id)) else { return Ok(None) };
        let window = TIE_WINDOW.max(Duration::from_secs(u64::from(self.chain.params.step)));
        let late = self.now.mono > self.tip_since.mono.saturating_add(window);
        if late || rival.work != ours.work || rival.status == Status::Invalid || !self.is_followed(&rival)? {
            return Ok(None);
        }
        let (Some(theirs), Some(own)) = (self.pow_hash(&rival.id)?, self.pow_hash(&tip.id)?) else {
            return Ok(None);
        };
        // As little-endian numbers.
        let smaller = theirs.iter().rev().lt(own.iter().rev());
        let Some((fork, blocks)) = self.tree.path(&tip.id, &rival.id) else { return Ok(None) };
        let stored = blocks.iter().all(|id| self.tree.get(id).is_some_and(|info| has_body(&info)));
        Ok((smaller && stored).then_some(Plan { fork: fork.height, blocks, more: false }))
    }

    fn pow_hash(&self, id: &BlockId) -> Result<Option<[u8; 32]>, StoreError> {
        let record = self.ledger.reader().view()?.header(id)?;
        Ok(record.map(|record| record.header.work().pow_hash(self.chain.params.pow)))
    }

    /// Carries a plan out; false when a block broke a rule on the way.
    fn carry_out(&mut self, plan: &Plan, change: &mut Change) -> Result<bool, StoreError> {
        let sync = self.is_synced();
        while self.ledger.tip().height > plan.fork {
            let block = self.ledger.disconnect(sync)?;
            if change.connected.last().is_some_and(|last| last.header.id() == block.header.id()) {
                change.connected.pop();
            } else {
                change.disconnected.push(block);
            }
        }
        for id in &plan.blocks {
            let Some(block) = self.checked_block(id)? else { return Ok(false) };
            match self.ledger.connect(&block, sync) {
                Ok(connected) => {
                    self.tree.set_status(id, Status::Connected);
                    change.connected.push(connected);
                }
                Err(ConnectError::Rule(error)) => {
                    tracing::warn!(block = %id, %error, "invalid block");
                    self.invalidate(id, error.rule())?;
                    return Ok(false);
                }
                Err(ConnectError::NotNext { .. }) => return Ok(false),
                Err(ConnectError::Store(error)) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Goes back to where the tip was before a branch that failed; its blocks are valid.
    fn restore(&mut self, before: &BlockId, change: &mut Change) -> Result<(), StoreError> {
        let Some((fork, blocks)) = self.tree.path(&self.ledger.tip().id, before) else { return Ok(()) };
        let back = Plan { fork: fork.height, blocks, more: false };
        self.carry_out(&back, change).map(|_| ())
    }

    /// A block as it was checked, or read back and checked again.
    fn checked_block(&mut self, id: &BlockId) -> Result<Option<CheckedBlock>, StoreError> {
        if let Some(block) = self.checked.take(id) {
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
        let known = |id: &_| self.pool.is_verified(id);
        match CheckedBlock::check(header, block.txs, &self.chain.genesis_id(), known) {
            Ok(block) => Ok(Some(block)),
            Err(error) => Err(self.ledger.damaged(&format!("body of block {id}: {error}"))),
        }
    }

    /// Everything else follows the one value that says what changed.
    fn follow(&mut self, change: Change) -> Result<(), StoreError> {
        self.tip_since = self.now;
        let tip = self.ledger.tip();
        let back: Vec<_> = change.disconnected.iter().map(|b| tip_block(&b.header, &b.txs)).collect();
        let forth: Vec<_> = change.connected.iter().map(|b| tip_block(&b.header, &b.txs)).collect();
        let next_height = tip.height.saturating_add(1);
        let settled = Settled { accounts: &self.ledger, next_height, now: self.now.unix };
        let report = self.pool.tip_changed(&back, &forth, &settled)?;
        for id in &report.returned {
            self.recent.remove(id);
        }
        for id in report.promoted {
            self.network(|net, view, now| net.transaction_accepted(id, view, now));
        }
        for tx in change.connected.iter().flat_map(|block| &block.txs) {
            self.recent.insert(tx.wtxid());
        }
        let Some(last) = change.connected.last() else { return Ok(()) };
        let own = self.own.contains(&tip.id);
        let ids: Vec<_> = last.txs.iter().map(|tx| tx.wtxid()).collect();
        let announcement = Announcement::new(last.header.clone(), &ids);
        self.net.keep_leftovers(change.connected.iter().flat_map(|block| block.txs.iter().cloned()));
        self.network(|net, view, now| net.tip_changed(announcement, own, view, now));
        if !change.disconnected.is_empty() {
            tracing::info!(
                disconnected = change.disconnected.len(),
                connected = change.connected.len(),
                returned = report.returned.len(),
                "reorganised"
            );
            self.network(|net, view, now| net.reorganised(&report.returned, view, now));
        }
        self.want_bodies();
        let work = |header: &Header| self.tree.get(&header.id()).map_or(Work::ZERO, |info| info.work);
        let connected =
            change.connected.iter().map(|block| (block.header.clone(), work(&block.header))).collect();
        let disconnected = change.disconnected.into_iter().map(|block| block.header).collect();
        self.effects.push(Effect::Tip(Box::new(TipEvent { disconnected, connected })));
        Ok(())
    }
}

fn tip_block<'a>(header: &Header, txs: &'a [Arc<Transaction>]) -> TipBlock<'a> {
    TipBlock { id: header.id(), height: header.height(), miner: header.content().miner, txs }
}

fn has_body(info: &HeaderInfo) -> bool {
    matches!(info.status, Status::Body | Status::Connected)
}
