//! The ledger alone, walked over a tree of blocks: forwards, backwards and across, also to branches with less
//! work, which no node would follow.

use super::compare;
use super::forge::{self, Draft, Fault, Pay, forge};
use super::naive::{Naive, Verdict};
use starling_consensus::{BestChange, CheckedBlock, CheckedHeader, HeaderTree, Inserted, KnownKeys};
use starling_ledger::{ConnectError, Ledger, verify_chain};
use std::sync::Arc;
use tempfile::TempDir;

/// The rules that only a state can break, and none.
pub(super) const STATE_FAULTS: [Fault; 8] = [
    Fault::None,
    Fault::NonceLow,
    Fault::NonceHigh,
    Fault::Balance,
    Fault::Charge,
    Fault::Twice,
    Fault::StateRoot,
    Fault::RootUnpaid,
];

/// A block of the tree: upon which one, when, for whom, and what it breaks.
pub(super) type Branch = (u16, u8, u8, Vec<Pay>, Fault);

/// A step of the walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    To(u16),
    Restart,
}

struct Walk {
    naive: Naive,
    /// None only for the instant of a restart; closed before its folder goes.
    open: Option<(Ledger, HeaderTree)>,
    dir: TempDir,
    tip: usize,
    highest: u32,
    turn: usize,
}

/// Grows the tree, and walks.
pub(super) fn walk(undo_blocks: u32, branches: &[Branch], steps: &[Step]) {
    let naive = Naive::new(Arc::new(forge::chain(undo_blocks)));
    let dir = TempDir::with_prefix("starling-model-").expect("a temporary folder can be made");
    let mut walk = Walk { naive, open: None, dir, tip: 0, highest: 0, turn: 0 };
    walk.reopen();
    for (upon, age, miner, pays, fault) in branches {
        let parent = usize::from(*upon) % walk.naive.blocks.len();
        let draft = Draft { parent, age: Some(*age), miner: *miner, pays, fault: *fault };
        let made = forge(&mut walk.naive, &draft, 0);
        walk.store(made);
    }
    for step in steps {
        match step {
            Step::Restart => walk.reopen(),
            Step::To(which) => walk.go(usize::from(*which) % walk.naive.blocks.len()),
        }
        walk.turn += 1;
        let ledger = &mut walk.open.as_mut().expect("it is open").0;
        compare::ledger(&walk.naive, ledger, walk.tip, walk.turn);
        let undo = walk.naive.chain.params.undo_blocks;
        assert_eq!(walk.ledger().deepest_fork(), walk.highest.saturating_sub(undo), "deepest fork");
    }
    verify_chain(&walk.ledger().reader(), |_, _| ()).expect("the stored chain holds");
}

impl Walk {
    fn ledger(&self) -> &Ledger {
        &self.open.as_ref().expect("it is open").0
    }

    fn reopen(&mut self) {
        self.open = None;
        let opened = Ledger::open(&self.dir.path().join("db"), self.naive.chain.clone());
        self.open = Some(opened.expect("what was closed can be opened"));
    }

    /// Keeps a block's header and body, as the core does before it connects anything.
    fn store(&mut self, at: usize) {
        let (block, (ledger, tree)) = (&self.naive.blocks[at], self.open.as_mut().expect("it is open"));
        let checked = CheckedHeader::check(block.header.clone(), &self.naive.chain.params);
        let checked = checked.expect("only its state can be wrong");
        let store = ledger.store().clone();
        let change = match tree.insert(&checked, &*store).expect("only its state can be wrong") {
            Inserted::New(change) => change,
            Inserted::Known => panic!("each block is made once"),
        };
        let changes: Vec<BestChange> = change.into_iter().collect();
        ledger.put_headers(&[(&checked, block.work)], &changes, &tree.best().id).expect("writable");
        ledger.put_body(&block.header, &block.txs).expect("writable");
    }

    /// Goes to a block, or as near as rules and undo allow.
    fn go(&mut self, to: usize) {
        let fork = self.naive.fork(self.tip, to);
        if self.naive.blocks[fork].height() < self.ledger().deepest_fork() {
            return;
        }
        while self.tip != fork {
            let block = &self.naive.blocks[self.tip];
            let ledger = &mut self.open.as_mut().expect("it is open").0;
            let back = ledger.disconnect(false).expect("within what can be undone");
            assert_eq!((&back.header, &back.txs), (&block.header, &block.txs), "what was taken back");
            self.tip = block.parent;
        }
        let shared = self.naive.path(fork).len();
        for at in self.naive.path(to).into_iter().skip(shared) {
            if !self.connect(at) {
                return;
            }
        }
    }

    fn connect(&mut self, at: usize) -> bool {
        let block = &self.naive.blocks[at];
        let ledger = &mut self.open.as_mut().expect("it is open").0;
        let header = CheckedHeader::check(block.header.clone(), &self.naive.chain.params);
        let header = header.expect("only its state can be wrong");
        let genesis = self.naive.chain.genesis_id();
        let checked = CheckedBlock::check(header, block.txs.clone(), &genesis, |_| false, &KnownKeys::none());
        let checked = checked.expect("only its state can be wrong");
        match (ledger.connect(&checked, false), block.verdict) {
            (Ok(connected), Verdict::Good) => {
                let fees: u128 = block.txs.iter().map(|tx| tx.unsigned().fee.motes()).sum();
                assert_eq!((connected.fees.motes(), connected.txs), (fees, block.txs.clone()), "{at}");
                assert!(matches!(ledger.connect(&checked, false), Err(ConnectError::NotNext { .. })));
                (self.tip, self.highest) = (at, self.highest.max(block.height()));
                true
            }
            (Err(ConnectError::Rule(error)), Verdict::Fails(rule)) => {
                assert_eq!(error.rule(), rule, "block {at}");
                false
            }
            (found, expected) => panic!("block {at} is {expected:?}, and: {found:?}"),
        }
    }
}
