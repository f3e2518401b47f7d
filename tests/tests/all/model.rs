//! Ledger and fork choice against a naive ledger (testing: models): random trees of blocks with forks, and
//! blocks that break each rule, given to a node in any order and by every way in, with payments, mining,
//! restarts and time between. After each step everything that the node answers is compared with what a replay
//! of the best valid branch from genesis, with plain maps, says.
//!
//! A failure shrinks to the fewest operations, and names the seed that finds it again:
//! `PROPTEST_RNG_SEED=<seed> PROPTEST_CASES=<cases> cargo test --release --workspace model::`.

mod case;
mod compare;
mod forge;
mod naive;
mod node;
mod pool;
mod walk;

use case::{Case, Give, On, Op};
use forge::{FAULTS, Fault, PAYERS, Pay};
use node::Serve;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use starling_tests::variable;
use walk::{STATE_FAULTS, Step, walk};

/// Chooses the values of a run, where `PROPTEST_RNG_SEED` says nothing else: a change is not to fail for what
/// was there before it.
const SEED: u64 = 1;
/// Trees that are grown in one run, where `PROPTEST_CASES` says nothing else.
const CASES: u32 = 60;
/// Walks of the bare ledger, likewise.
const WALKS: u32 = 24;
/// Operations of a case at the most.
const MAX_OPS: usize = 40;
/// Cases that are tried to make a failing one smaller.
const MAX_SHRINKS: u32 = 1_000;

fn pay() -> impl Strategy<Value = Pay> {
    let parties = (0..PAYERS, 0..PAYERS + 2, prop::option::weighted(0.2, 0..PAYERS + 2));
    let sums = (0u8..5, prop_oneof![1 => Just(0u8), 8 => 1u8..5]);
    let valid_for = prop::option::weighted(0.4, prop_oneof![3 => 0u8..4, 1 => 18u8..24]);
    let again = prop::option::weighted(0.3, any::<u16>());
    (parties, sums, valid_for, again).prop_map(|((from, to, also), (much, fee), valid_for, again)| Pay {
        from,
        to,
        also,
        much,
        fee,
        valid_for,
        again,
    })
}

fn on() -> impl Strategy<Value = On> {
    prop_oneof![3 => Just(On::Tip), 4 => Just(On::Last), 4 => any::<u16>().prop_map(On::Any)]
}

fn give() -> impl Strategy<Value = Give> {
    let serve = prop_oneof![6 => Just(Serve::All), 2 => Just(Serve::Nothing), 1 => Just(Serve::Others)];
    let peer = (any::<bool>(), serve, prop::bool::weighted(0.2));
    let peer = peer.prop_map(|(announces, serve, late)| Give::Peer { announces, serve, late });
    prop_oneof![4 => Just(Give::Import), 4 => peer]
}

fn op() -> impl Strategy<Value = Op> {
    let count = prop_oneof![12 => Just(1u8), 4 => 2u8..5, 1 => 5u8..25];
    let age = prop_oneof![8 => (0u8..8).prop_map(Some), 1 => Just(None)];
    let pays = prop::collection::vec(pay(), 0..4);
    let fault = prop::sample::select(&FAULTS[..]).prop_map(|(fault, _)| fault);
    let fault = prop_oneof![3 => Just(Fault::None), 2 => fault];
    let later = prop_oneof![2 => Just(Give::Keep), 5 => give()];
    let build = (on(), count, age, 0..PAYERS + 1, pays, fault, later);
    let build = build.prop_map(|(on, count, age, miner, pays, fault, give)| {
        let miner = miner.min(PAYERS - 1);
        Op::Build { on, count, age, miner, pays, fault, give }
    });
    let seconds = prop_oneof![
        4 => 0u64..4,
        2 => 4u64..130,
        1 => Just(4 * 3_600u64),
        1 => Just(15 * 86_400u64),
    ];
    let submit = (pay(), prop_oneof![6 => Just(0u8), 2 => 1u8..4, 1 => 60u8..90], prop::bool::weighted(0.2));
    prop_oneof![
        12 => build,
        8 => (any::<u16>(), give()).prop_map(|(which, give)| Op::Give { which, give }),
        5 => submit.prop_map(|(pay, ahead, instead)| Op::Submit { pay, ahead, instead }),
        2 => (0..PAYERS).prop_map(|miner| Op::Mine { miner }),
        2 => seconds.prop_map(|seconds| Op::Pass { seconds }),
        2 => any::<bool>().prop_map(|takes_back| Op::Restart { takes_back }),
    ]
}

/// Tries random values, and shrinks what fails.
fn try_all<S: Strategy>(strategy: &S, cases: u32, test: impl Fn(&S::Value)) {
    let seed = variable("PROPTEST_RNG_SEED").unwrap_or(SEED);
    let cases = variable("PROPTEST_CASES").unwrap_or(cases);
    let rng_seed = RngSeed::Fixed(seed);
    let max_shrink_iters = MAX_SHRINKS;
    let config = Config { cases, rng_seed, max_shrink_iters, failure_persistence: None, ..Config::default() };
    match TestRunner::new(config).run(strategy, |value| {
        test(&value);
        Ok(())
    }) {
        Ok(()) => {}
        Err(TestError::Fail(why, value)) => {
            let value = format!("{value:?}").replace("}, ", "},\n");
            panic!("seed {seed}, {cases} cases: {why}\n{value}")
        }
        Err(error) => panic!("seed {seed}: {error}"),
    }
}

/// A block with each fault, given in every way upon a right one, and a right one upon it.
#[test]
fn each_rule_is_broken_by_a_block_that_a_node_refuses() {
    let pays = vec![Pay { from: 0, to: 1, also: None, much: 1, fee: 2, valid_for: None, again: None }];
    let build = |on, fault, give| {
        let pays = pays.clone();
        Op::Build { on, count: 1, age: Some(1), miner: 2, pays, fault, give }
    };
    let peer = |announces| Give::Peer { announces, serve: Serve::All, late: false };
    for (fault, verdict) in FAULTS {
        let mut case = Case::new(10_000);
        case.step(&build(On::Tip, Fault::None, Give::Import));
        case.step(&build(On::Tip, Fault::None, peer(true)));
        for give in [Give::Import, peer(true), peer(false)] {
            case.step(&build(On::Tip, fault, give));
            assert_eq!(case.last_verdict(), verdict, "{fault:?}");
        }
        case.step(&build(On::Last, Fault::None, Give::Import));
        case.step(&Op::Restart { takes_back: true });
        case.step(&build(On::Last, Fault::None, peer(false)));
        // The time of blocks from the future has come.
        case.step(&Op::Pass { seconds: 200 });
        case.end();
    }
}

#[test]
fn a_node_agrees_with_a_naive_ledger_that_replays_the_best_branch() {
    let undo = prop_oneof![Just(10_000u32), 1u32..6];
    let ops = prop::collection::vec(op(), 1..MAX_OPS);
    try_all(&(undo, ops), CASES, |(undo, ops)| Case::new(*undo).run(ops));
}

#[test]
fn a_ledger_agrees_with_a_naive_one_wherever_it_goes() {
    let undo = prop_oneof![Just(10_000u32), 1u32..6];
    let fault = prop_oneof![5 => Just(Fault::None), 1 => prop::sample::select(&STATE_FAULTS[..])];
    let branch = (any::<u16>(), 0u8..8, 0..PAYERS, prop::collection::vec(pay(), 0..4), fault);
    let step = prop_oneof![5 => any::<u16>().prop_map(Step::To), 1 => Just(Step::Restart)];
    let (branches, steps) = (prop::collection::vec(branch, 1..24), prop::collection::vec(step, 1..20));
    try_all(&(undo, branches, steps), WALKS, |(undo, branches, steps)| walk(*undo, branches, steps));
}
