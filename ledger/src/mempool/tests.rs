//! Tests: time, limits, and what holds whatever happens.

use super::testing::*;
use super::*;
use proptest::prelude::*;
use starling_consensus::Transition;
use starling_primitives::Transaction;

#[test]
fn a_budget_is_split_and_bounded() {
    let limits = PoolLimits::from_budget(usize::MAX);
    assert_eq!(limits, PoolLimits::from_budget(MAX_POOL_BYTES));
    assert_eq!(limits.max_bytes, MAX_POOL_BYTES / 10 * 9);
    let logs = limits.trails * events::TRAIL_BYTES + limits.verified_bytes;
    assert!(limits.max_bytes + logs <= MAX_POOL_BYTES);
    assert_eq!(limits.waiting_bytes(), limits.max_bytes / 20);
    assert_eq!(limits.waiting_bytes() + limits.executable_bytes(), limits.max_bytes);
    assert_eq!(limits.peer_bytes(), limits.waiting_bytes() / 64);
}

#[test]
fn what_waits_leaves_after_3_hours() {
    let mut world = World::new();
    let mut pool = world.pool();
    let waiting = pool.submit(&world, &pay(1, 1, 10)).unwrap();
    pool.submit(&world, &pay(2, 0, 10)).unwrap();
    assert!(pool.tick(world.now + 3 * HOUR - 1).is_empty());
    world.now += 3 * HOUR + 60;
    assert_eq!(pool.tick(world.now), [waiting.wtxid]);
    pool.check_invariants(&world);
    let dropped = EventKind::Dropped(DropReason::WaitedTooLong);
    assert_eq!(pool.events(&waiting.txid).last(), Some(&Event { time: world.now, what: dropped }));
    assert_eq!(pool.info().count, 1);
}

#[test]
fn the_wait_is_counted_from_when_it_began() {
    let mut world = World::new();
    let mut pool = world.pool();
    let first = pool.submit(&world, &pay(1, 0, 10).valid_until(world.height + 21)).unwrap();
    pool.submit(&world, &pay(1, 1, 10)).unwrap();
    world.now += 5 * HOUR;
    for _ in 0..21 {
        let block = world.mine(&[]);
        pool.tip_changed(&[], &[block.tip()], &world.settled()).unwrap();
    }
    assert!(!pool.contains(&first.wtxid));
    assert!(pool.tick(world.now + 3 * HOUR - 1).is_empty());
    assert_eq!(pool.tick(world.now + 3 * HOUR + 60).len(), 1);
}

#[test]
fn everything_leaves_after_14_days() {
    let mut world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 0, 10)).unwrap();
    world.now += 24 * HOUR;
    for nonce in 1..20 {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    world.now += 13 * 24 * HOUR;
    let gone = pool.tick(world.now);
    assert_eq!(gone.len(), 1 + 3, "of its followers 16 may wait");
    pool.check_invariants(&world);
    assert_eq!(pool.nonces(1), (vec![], (1..17).collect()));
}

#[test]
fn ages_are_looked_at_once_a_minute() {
    let world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 1, 10)).unwrap();
    let due = world.now + 3 * HOUR;
    assert!(pool.tick(due - 1).is_empty());
    assert!(pool.tick(due + 58).is_empty());
    assert_eq!(pool.tick(due + 59).len(), 1);
}

#[test]
fn the_floor_falls_as_time_passes() {
    let world = World::new();
    let mut pool = world.pool_for(1);
    pool.submit(&world, &pay(1, 0, 40)).unwrap();
    pool.submit(&world, &pay(2, 0, 41)).unwrap();
    assert_eq!(pool.floor(), 4 * FLOOR + 1);
    pool.tick(world.now + 599);
    assert_eq!(pool.floor(), 4 * FLOOR + 1);
    pool.tick(world.now + 600);
    assert_eq!(pool.floor(), 2 * FLOOR);
    pool.tick(world.now + 1_800);
    assert_eq!(pool.floor(), FLOOR);
}

/// Something that happens to a pool.
#[derive(Clone, Debug)]
enum Step {
    /// A payment: who, how far ahead of the settled nonce, tenths of the floor, STAR, recipient, life, memo.
    Submit {
        who: u8,
        ahead: u64,
        rate: u64,
        amount: u16,
        to: u8,
        life: u8,
        peer: u8,
    },
    /// A block of what the pool selects, up to this many bytes.
    Mine(u32),
    /// A block with a transaction that the pool has not seen.
    MineUnseen {
        who: u8,
        to: u8,
    },
    /// Empty blocks.
    Idle(u8),
    /// The tip is taken back, and as many empty blocks put in its place.
    Undo {
        blocks: u8,
        new: u8,
    },
    Wait(u16),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let submit = (1..=5_u8, 0..8_u64, 9..60_u64, 1..400_u16, 0..8_u8, 0..40_u8, 0..4_u8);
    prop_oneof![
        16 => submit.prop_map(|(who, ahead, rate, amount, to, life, peer)| {
            Step::Submit { who, ahead: ahead.saturating_sub(3), rate, amount, to, life, peer }
        }),
        2 => (0..2_000_u32).prop_map(Step::Mine),
        1 => (1..=5_u8, 0..8_u8).prop_map(|(who, to)| Step::MineUnseen { who, to }),
        1 => (1..16_u8).prop_map(Step::Idle),
        2 => (1..4_u8, 0..3_u8).prop_map(|(blocks, new)| Step::Undo { blocks, new }),
        1 => (0..9_000_u16).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

struct Model {
    world: World,
    pool: Mempool,
    branch: Vec<Mined>,
}

impl Model {
    fn settle(&mut self, txs: &[Arc<Transaction>]) {
        let block = self.world.mine(txs);
        self.pool.tip_changed(&[], &[block.tip()], &self.world.settled()).unwrap();
        assert!(txs.iter().all(|tx| !self.pool.contains(&tx.wtxid())), "nothing of the block remains");
        self.branch.push(block);
    }

    fn submit(&mut self, pay: &Pay, source: Source) {
        let tx = pay.sign(&self.world);
        let before = self.pool.info();
        match self.pool.add(Arc::clone(&tx), source, &self.world.settled()) {
            Ok(admitted) => {
                assert!(self.pool.contains(&admitted.wtxid));
                assert!(admitted.evicted.iter().all(|wtxid| !self.pool.contains(wtxid)));
                assert_eq!(self.pool.status(&admitted.txid), TxStatus::Pending);
            }
            Err(_) => assert_eq!(self.pool.info(), before),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Submit { who, ahead, rate, amount, to, life, peer } => {
                let nonce = self.world.accounts.get(&address(who)).map_or(0, |account| account.nonce) + ahead;
                let to = if to < 4 { address(to + 1) } else { stranger(to) };
                let mut pay = pay(who, nonce, rate).to(to, &amount.to_string());
                pay.valid_until = if life < 20 { 0 } else { self.world.height + u32::from(life) };
                self.submit(&pay, if peer == 0 { Source::Local } else { Source::Peer(peer.into()) });
            }
            Step::Mine(max_body_bytes) => {
                let txs = self.pool.select(max_body_bytes, &self.world.settled()).unwrap();
                self.settle(&txs);
            }
            Step::MineUnseen { who, to } => {
                let nonce = self.world.accounts.get(&address(who)).map_or(0, |account| account.nonce);
                let tx = pay(who, nonce, 5).to(stranger(to), "150").sign(&self.world);
                let applies = Transition::new(&self.world, &self.world.params).apply(&tx).is_ok();
                self.settle(if applies { std::slice::from_ref(&tx) } else { &[] });
            }
            Step::Idle(blocks) => (0..blocks).for_each(|_| self.settle(&[])),
            Step::Undo { blocks, new } => self.reorganise(blocks.into(), new),
            Step::Wait(seconds) => {
                self.world.now += u64::from(seconds);
                self.pool.tick(self.world.now);
            }
            Step::Restart => {
                let bytes = self.pool.encode();
                let mut pool = self.world.pool_of(self.pool.limits.max_bytes);
                pool.load(&bytes, &self.world.settled()).unwrap();
                self.pool = pool;
            }
        }
        self.pool.check_invariants(&self.world);
    }

    fn reorganise(&mut self, blocks: usize, new: u8) {
        let gone = self.branch.split_off(self.branch.len().saturating_sub(blocks));
        for block in gone.iter().rev() {
            self.world.undo(block);
        }
        for _ in 0..new {
            let block = self.world.mine(&[]);
            self.branch.push(block);
        }
        let disconnected: Vec<_> = gone.iter().map(Mined::tip).collect();
        let connected: Vec<_> =
            self.branch[self.branch.len() - usize::from(new)..].iter().map(Mined::tip).collect();
        self.pool.tip_changed(&disconnected, &connected, &self.world.settled()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_invariants_hold(
        places in prop_oneof![Just(6_usize), Just(12), Just(1_000)],
        steps in prop::collection::vec(step(), 1..90),
    ) {
        let world = World::new();
        let pool = world.pool_for(places);
        let mut model = Model { world, pool, branch: Vec::new() };
        for step in &steps {
            model.step(step);
        }
        // Time empties everything.
        model.world.now += 15 * 24 * HOUR;
        model.pool.tick(model.world.now);
        model.pool.check_invariants(&model.world);
        prop_assert_eq!(model.pool.info().count, 0);
        prop_assert!(model.pool.senders.is_empty() && model.pool.peer_bytes.is_empty());
    }
}
