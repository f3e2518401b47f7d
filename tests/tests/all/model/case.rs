//! One case: operations on a node, each followed by a comparison of everything with the naive ledger.

use super::compare;
use super::forge::{self, Draft, Fault, Pay, address, forge};
use super::naive::{Naive, Verdict};
use super::node::{Happened, Node, Serve, Visit, is_honest};
use super::pool::{NaivePool, Settled};
use starling_consensus::{BlockError, CheckedBlock, CheckedHeader, KnownKeys, Status};
use starling_ledger::{AddError, verify_chain};
use starling_node::{Event, SubmitBlockError, TemplateError, TipEvent};
use starling_primitives::{Header, WorkHeader};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Blocks of equal work connected within this time are told apart by their hashes.
const TIE_WINDOW: Duration = Duration::from_secs(2);
/// Headers from the future that are held of one parent, and how far ahead of the clock.
const MAX_HELD_SIBLINGS: usize = 4;
const MAX_HELD_AHEAD_S: u64 = 600;

/// Upon which block.
#[derive(Clone, Copy, Debug)]
pub(super) enum On {
    Tip,
    Last,
    Any(u16),
}

/// How a block reaches the node.
#[derive(Clone, Copy, Debug)]
pub(super) enum Give {
    /// Not now.
    Keep,
    Import,
    Peer {
        announces: bool,
        serve: Serve,
        late: bool,
    },
}

/// What a case is made of.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// So many blocks one upon another; the last one has the fault.
    Build {
        on: On,
        count: u8,
        age: Option<u8>,
        miner: u8,
        pays: Vec<Pay>,
        fault: Fault,
        give: Give,
    },
    /// A block that was made before, by preference one that the node does not have.
    Give {
        which: u16,
        give: Give,
    },
    /// A payment to the pool: with the next nonce, or so many further on, or instead of a pending one.
    Submit {
        pay: Pay,
        ahead: u8,
        instead: bool,
    },
    /// A block from the node's own template.
    Mine {
        miner: u8,
    },
    Pass {
        seconds: u64,
    },
    Restart {
        takes_back: bool,
    },
}

/// The node, and what is true.
pub(super) struct Case {
    naive: Naive,
    node: Node,
    pool: NaivePool,
    tip: usize,
    /// When the tip was connected; unknown after a start.
    tip_since: Option<Duration>,
    /// Blocks whose bodies the node was given.
    given: BTreeSet<usize>,
    /// Headers that it holds until their time has come.
    held: BTreeSet<usize>,
    invalid: BTreeSet<usize>,
    deepest: u32,
    highest: u32,
    turn: usize,
}

impl Case {
    pub(super) fn new(undo_blocks: u32) -> Self {
        let chain = Arc::new(forge::chain(undo_blocks));
        Self {
            naive: Naive::new(chain.clone()),
            node: Node::new(chain),
            pool: NaivePool::default(),
            tip: 0,
            tip_since: None,
            given: BTreeSet::new(),
            held: BTreeSet::new(),
            invalid: BTreeSet::new(),
            deepest: 0,
            highest: 0,
            turn: 0,
        }
    }

    /// Does all of it; at the end every block is given once more, and the best one must be the tip.
    pub(super) fn run(mut self, ops: &[Op]) {
        for op in ops {
            self.step(op);
        }
        self.end();
    }

    pub(super) fn end(mut self) {
        let give = Give::Peer { announces: false, serve: Serve::All, late: false };
        for which in 0..self.naive.blocks.len() {
            if !self.given.contains(&which) && self.naive.is_valid(which) {
                self.step_with(|case| case.give(which, give));
            }
        }
        let reader = self.node.core().ledger().reader();
        verify_chain(&reader, |_, _| ()).expect("the stored chain holds");
    }

    /// What the last block that was made is.
    pub(super) fn last_verdict(&self) -> Verdict {
        self.naive.blocks.last().expect("genesis at least").verdict
    }

    pub(super) fn step(&mut self, op: &Op) {
        self.step_with(|case| match op {
            Op::Build { on, count, age, miner, pays, fault, give } => {
                for left in (0..*count).rev() {
                    let fault = if left == 0 { *fault } else { Fault::None };
                    let parent = case.choose(*on, left + 1 == *count);
                    let draft = Draft { parent, age: *age, miner: *miner, pays, fault };
                    let made = forge(&mut case.naive, &draft, case.node.now.unix);
                    case.give(made, *give);
                }
            }
            Op::Give { which, give } => {
                let all = 1..case.naive.blocks.len();
                let lacking: Vec<_> = all.clone().filter(|at| !case.given.contains(at)).collect();
                let list = if lacking.is_empty() || which % 4 == 0 { all.collect() } else { lacking };
                if !list.is_empty() {
                    case.give(list[usize::from(*which) % list.len()], *give);
                }
            }
            Op::Submit { pay, ahead, instead } => case.submit(pay, *ahead, *instead),
            Op::Mine { miner } => case.mine(*miner),
            Op::Pass { seconds } => case.node.pass(Duration::from_secs(*seconds)),
            Op::Restart { takes_back } => case.restart(*takes_back),
        });
    }

    fn step_with(&mut self, act: impl FnOnce(&mut Self)) {
        let began = self.node.now.mono;
        let (tip, since) = (self.tip, self.tip_since);
        act(self);
        self.node.send(Event::Continue);
        self.node.tick();
        self.follow();
        self.turn += 1;
        self.compare(tip, since, began);
    }

    fn choose(&self, on: On, first: bool) -> usize {
        let last = self.naive.blocks.len() - 1;
        match on {
            _ if !first => last,
            On::Tip => self.tip,
            On::Last => last,
            On::Any(which) => usize::from(which) % (last + 1),
        }
    }

    fn give(&mut self, at: usize, give: Give) {
        match give {
            Give::Keep => {}
            Give::Import => self.import(at),
            Give::Peer { announces, serve, late } => {
                self.visit(Visit { head: at, announces, serve, late });
            }
        }
        // What follows a block comes after what that block did to the tip.
        self.follow();
    }

    /// Gives a block as a file or a miner of this node does.
    fn import(&mut self, at: usize) {
        let made = self.naive.blocks[at].clone();
        let chain = self.naive.chain.clone();
        let header = match CheckedHeader::check(made.header.clone(), &chain.params) {
            Ok(header) => header,
            Err(error) => return assert_eq!(made.verdict, Verdict::Header(error.code()), "{at}"),
        };
        let block = match CheckedBlock::check(
            header,
            made.txs.clone(),
            &chain.genesis_id(),
            |_| false,
            &KnownKeys::none(),
        ) {
            Ok(block) => block,
            Err(error) => return assert_broken(&made.verdict, &error),
        };
        let expected = self.expected_of_import(at);
        let result = self.node.call(move |core| core.import(block));
        let found = match &result {
            Ok(()) => Ok(()),
            Err(SubmitBlockError::Header(error)) => Err(error.code()),
            Err(error) => panic!("import of block {at}: {error}"),
        };
        assert_eq!(found, expected, "import of block {at}: {result:?}");
        if found.is_ok() {
            self.given.insert(at);
        }
    }

    fn expected_of_import(&self, at: usize) -> Result<(), &'static str> {
        let (block, tree) = (&self.naive.blocks[at], self.node.core().tree());
        if self.is_ahead(at) {
            return Err("from_the_future");
        }
        if tree.contains(&block.id()) {
            return Ok(());
        }
        match (tree.get(&block.header.parent()).map(|parent| parent.status), block.verdict) {
            (None, _) => Err("unknown_parent"),
            (Some(Status::Invalid), _) => Err("invalid_ancestor"),
            (Some(_), Verdict::Header(rule)) => Err(rule),
            (Some(_), _) => Ok(()),
        }
    }

    fn is_ahead(&self, at: usize) -> bool {
        let limit = u64::from(self.naive.chain.params.future_limit);
        u64::from(self.naive.blocks[at].header.work().time) > self.node.now.unix + limit
    }

    fn visit(&mut self, visit: Visit) {
        let (head, ahead) = (visit.head, self.is_ahead(visit.head));
        let block = &self.naive.blocks[head];
        let parent = self.node.core().tree().get(&block.header.parent()).map(|parent| parent.status);
        let siblings = self.held.iter().filter(|at| self.naive.blocks[**at].parent == block.parent).count();
        let waits = u64::from(block.header.work().time).saturating_sub(self.node.now.unix);
        let is_right = !matches!(block.verdict, Verdict::Header(_) | Verdict::Unservable);
        let known = matches!(parent, Some(status) if status != Status::Invalid);
        let room = siblings < MAX_HELD_SIBLINGS && waits <= MAX_HELD_AHEAD_S;
        let holds = visit.announces && ahead && known && is_right && room;
        let before = self.node.core().tree().contains(&self.naive.blocks[head].id());
        let visited = self.node.visit(&self.naive, visit);
        // One that was dropped, for what it served of another block, may not have come to announce this one.
        if holds && !visited.dropped {
            self.held.insert(head);
        }
        let honest = is_honest(&self.naive, &visit, &visited);
        assert!(!honest || !visited.dropped, "an honest peer was dropped");
        let verdict = self.naive.blocks[head].verdict;
        if visit.announces && parent.is_some() && !before && matches!(verdict, Verdict::Header(_)) {
            // Maybe since the peer served its body.
            let above = &self.naive.blocks[head].header.parent();
            let above = self.node.core().tree().get(above).map(|parent| parent.status);
            let excused = above == Some(Status::Invalid);
            assert!(visited.dropped || excused, "block {head} was announced in vain: {verdict:?}");
        }
        if !visited.dropped {
            // What was on its way to us when we were dropped counts for nothing.
            self.given.extend(&visited.rebuilt);
        }
        if visit.serve != Serve::All || !honest {
            return;
        }
        // One that has it all and tells nothing false brings the node as far as it is itself, unless headers
        // with more work make the node wait for others.
        let (core, id) = (self.node.core(), self.naive.blocks[head].id());
        let tip = self.naive.find(&core.ledger().tip().id).expect("only what was made");
        let fork = self.naive.blocks[self.naive.fork(tip, head)].height();
        if fork >= core.ledger().deepest_fork() && core.tree().best().id == id {
            let work = core.tree().get(&core.ledger().tip().id).map(|tip| tip.work);
            assert!(work >= Some(self.naive.blocks[head].work), "block {head} was to be had");
        }
    }

    fn height_of_fork(&self, at: usize) -> u32 {
        self.naive.blocks[self.naive.fork(self.tip, at)].height()
    }

    fn submit(&mut self, asked: &Pay, ahead: u8, instead: bool) {
        let world = self.naive.replay(self.tip);
        let settled = Settled { naive: &self.naive, world: &world, now: self.node.now.unix };
        let sender = address(asked.from);
        let (next, _) = self.pool.pending_account(&sender, &settled);
        let pending = self.pool.of(&sender).nth(usize::from(ahead)).map(|entry| entry.tx.unsigned().nonce);
        let nonce = pending.filter(|_| instead).unwrap_or(next + u64::from(ahead));
        let old = asked.again.filter(|_| !self.naive.txs.is_empty());
        let old = old.map(|at| self.naive.txs[usize::from(at) % self.naive.txs.len()].clone());
        let tx = old.unwrap_or_else(|| forge::pay(asked, nonce, &world, &self.naive.chain));
        let mut pool = self.pool.clone();
        let mut expected = pool.add(&tx, false, &settled);
        let checked = starling_consensus::check_transaction(&tx, &self.naive.chain.genesis_id());
        if let Err(error @ starling_consensus::TxError::SumTooLarge) = checked {
            expected = Err(starling_ledger::PoolError::Invalid(error).code());
        } else if expected.is_ok() && checked.is_err() {
            expected = Err("bad_signature");
        }
        if expected.is_ok() {
            self.pool = pool;
        }
        self.naive.note(&tx);
        let result = self.node.call(move |core| core.submit_tx(tx));
        let found = match &result {
            Ok(_) => Ok(()),
            Err(AddError::Refused(error)) => Err(error.code()),
            Err(AddError::Read(error)) => panic!("{error}"),
        };
        assert_eq!(found, expected, "{result:?}");
    }

    fn mine(&mut self, miner: u8) {
        let payout = address(miner);
        let template = match self.node.call(move |core| core.template(payout, &[], false)) {
            Ok(template) => template,
            Err(TemplateError::NotSynced { .. } | TemplateError::TooEarly { .. }) => return,
            Err(error) => panic!("template: {error}"),
        };
        let header = solve(&template.header, &self.naive);
        let id = header.id();
        self.node.call(move |core| core.submit_block(header)).expect("its own template");
        let reader = self.node.core().ledger().reader();
        let block = reader.view().and_then(|view| view.block(&id)).expect("readable").expect("stored");
        let parent = self.naive.find(&block.header.parent()).expect("upon the tip");
        assert_eq!(parent, self.tip, "a template is upon the tip");
        let at = self.naive.add(parent, block.header, block.txs);
        assert_eq!(self.naive.blocks[at].verdict, Verdict::Good, "a template keeps every rule");
        self.given.insert(at);
    }

    fn restart(&mut self, takes_back: bool) {
        let world = self.naive.replay(self.tip);
        let settled = Settled { naive: &self.naive, world: &world, now: self.node.now.unix };
        let mut pool = self.pool.reloaded(&settled);
        let tree = self.node.core().tree();
        let status = |at: &usize| tree.get(&self.naive.blocks[*at].id()).map(|info| info.status);
        let connected = (1..self.naive.blocks.len()).filter(|at| status(at) == Some(Status::Connected));
        let mut left: Vec<_> = connected
            .filter(|at| !world.blocks.contains(at))
            .map(|at| (self.naive.blocks[at].height(), self.naive.blocks[at].id(), at))
            .collect();
        left.sort_unstable();
        self.node.reopen();
        if takes_back {
            for (_, _, at) in left {
                for tx in &self.naive.blocks[at].txs {
                    // What the chain has or replaced is refused.
                    let _refused = pool.add(tx, true, &settled);
                }
            }
            self.node.call(|core| core.take_back_left().expect("readable"));
        }
        self.pool = pool;
        // Nobody remembers when the tip was connected, nor what was held.
        self.tip_since = None;
        self.held.clear();
    }

    /// Moves tip and pool as the node says that its own did.
    fn follow(&mut self) {
        for happened in std::mem::take(&mut self.node.happened) {
            match happened {
                Happened::Tip(change, now) => {
                    let (back, forth) = self.told(&change);
                    self.tip = *forth.last().expect("at least one block was connected");
                    (self.tip_since, self.highest) = (Some(now.mono), self.highest.max(self.height()));
                    let world = self.naive.replay(self.tip);
                    let settled = Settled { naive: &self.naive, world: &world, now: now.unix };
                    self.pool.tip_changed(&back, &forth, &settled);
                }
                Happened::Tick(now) => {
                    let world = self.naive.replay(self.tip);
                    self.pool.tick(&Settled { naive: &self.naive, world: &world, now: now.unix });
                }
            }
        }
    }

    fn height(&self) -> u32 {
        self.naive.blocks[self.tip].height()
    }

    /// The blocks of a change, lowest first; it must lead from the tip to another, and hide nothing.
    fn told(&self, change: &TipEvent) -> (Vec<usize>, Vec<usize>) {
        let place = |header: &Header| self.naive.find(&header.id()).expect("only what was made");
        let mut back: Vec<_> = change.disconnected.iter().map(place).collect();
        back.reverse();
        let forth: Vec<_> = change.connected.iter().map(|(header, _)| place(header)).collect();
        for ((_, work), at) in change.connected.iter().zip(&forth) {
            assert_eq!(*work, self.naive.blocks[*at].work, "work of block {at}");
        }
        let new = *forth.last().expect("at least one block was connected");
        assert!(self.naive.is_valid(new), "block {new} was connected");
        let shared = self.naive.path(self.naive.fork(self.tip, new)).len();
        assert_eq!(back, self.naive.path(self.tip)[shared..], "blocks that were left");
        assert_eq!(forth, self.naive.path(new)[shared..], "blocks that came");
        (back, forth)
    }

    fn compare(&mut self, tip_before: usize, since_before: Option<Duration>, began: Duration) {
        compare::ledger(&self.naive, self.node.core_mut(), self.tip, self.turn);
        let core = self.node.core();
        let stored = compare::tree(&self.naive, core.ledger(), core.tree());
        let world = self.naive.replay(self.tip);
        let settled = Settled { naive: &self.naive, world: &world, now: self.node.now.unix };
        compare::pool(core, &self.pool, &settled);
        let invalid = |at: &usize| {
            let info = core.tree().get(&self.naive.blocks[*at].id());
            info.is_some_and(|info| info.status == Status::Invalid)
        };
        let now_invalid: BTreeSet<_> = (0..self.naive.blocks.len()).filter(invalid).collect();
        assert!(now_invalid.is_superset(&self.invalid), "what is invalid stays so");
        for at in &self.given {
            let unservable = self.naive.blocks[*at].verdict == Verdict::Unservable;
            let here = stored.contains(at) || now_invalid.contains(at);
            assert!(here || unservable, "block {at} was given and is not here");
        }
        for at in self.held.iter().filter(|at| !self.is_ahead(**at)) {
            let upon_invalid = now_invalid.contains(&self.naive.blocks[*at].parent);
            assert!(upon_invalid || core.tree().contains(&self.naive.blocks[*at].id()), "{at} was held");
        }
        self.held = self.held.iter().copied().filter(|at| self.is_ahead(*at)).collect();
        self.invalid = now_invalid;
        self.compare_depth();
        self.compare_choice(&stored, tip_before, (since_before, began));
    }

    /// How deep can be undone only shrinks, and not further than it must.
    fn compare_depth(&mut self) {
        let (deepest, undo) = (self.node.core().ledger().deepest_fork(), self.naive.chain.params.undo_blocks);
        let tallest = self.naive.blocks.iter().map(super::naive::Made::height).max().unwrap_or_default();
        assert!(deepest >= self.deepest && deepest <= self.height(), "deepest fork {deepest}");
        assert!(deepest >= self.highest.saturating_sub(undo), "no deeper than {undo} blocks: {deepest}");
        assert!(deepest <= tallest.saturating_sub(undo), "as deep as {undo} blocks: {deepest}");
        self.deepest = deepest;
    }

    /// Of all that is complete, right and within reach, the tip has the most work; among equals that came
    /// together, the smallest pow hash; and without a reason it stays.
    fn compare_choice(&self, stored: &[usize], before: usize, (since, began): (Option<Duration>, Duration)) {
        let all: BTreeSet<_> = stored.iter().copied().collect();
        let complete = |at: &usize| self.naive.path(*at).iter().all(|below| all.contains(below));
        let reached = |at: &usize| self.height_of_fork(*at) >= self.deepest;
        let rivals: BTreeMap<usize, _> = all
            .iter()
            .filter(|at| complete(at) && reached(at) && self.naive.is_valid(**at))
            .map(|at| (*at, self.naive.blocks[*at].work))
            .collect();
        let (ours, most) = (self.naive.blocks[self.tip].work, rivals.values().max());
        assert_eq!(Some(&ours), most, "tip {} has not the most work of {rivals:?}", self.tip);
        let rank = |at: &usize| {
            let work = self.naive.blocks[*at].header.work();
            let mut hash = work.pow_hash(self.naive.chain.params.pow);
            hash.reverse();
            hash
        };
        let equal = || rivals.iter().filter(|(_, work)| **work == ours).map(|(at, _)| at);
        let least = equal().min_by_key(|at| rank(at)).expect("the tip at least");
        let within = self.tip_since.is_some_and(|since| self.node.now.mono <= since + TIE_WINDOW);
        assert!(!within || *least == self.tip, "tip {}, but {least} has the smaller hash", self.tip);
        if self.tip != before && self.naive.blocks[before].work == ours && self.tip_since > since {
            let in_time = since.is_some_and(|since| began <= since + TIE_WINDOW);
            let reason = in_time && rank(&self.tip) < rank(&before);
            assert!(reason, "the tip {before} was left for {}", self.tip);
        }
    }
}

/// A block that is wrong by itself is refused for what is wrong with it.
fn assert_broken(verdict: &Verdict, error: &BlockError) {
    match verdict {
        Verdict::Unservable => assert!(error.is_mismatch(), "{error}"),
        Verdict::Broken(rule) => assert_eq!((*rule, error.is_mismatch()), (error.rule(), false)),
        // Its header breaks a rule as well, which shows only upon its parent.
        Verdict::Header(_) => {}
        Verdict::Good | Verdict::Fails(_) => panic!("a right block is refused: {error}"),
    }
}

fn solve(template: &Header, naive: &Naive) -> Header {
    let mut work: WorkHeader = *template.work();
    let target = work.bits.target().expect("a template has a target");
    while !target.is_met_by(&work.pow_hash(naive.chain.params.pow)) {
        work.nonce += 1;
    }
    Header::new(work, template.extra().as_bytes(), *template.content()).expect("only its nonce changed")
}
