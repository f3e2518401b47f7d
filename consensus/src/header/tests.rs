//! Each rule of headers, broken on purpose.

use super::*;
use crate::tests::{Draft, GENESIS_TIME, easy, extend, genesis_cursor, lab, search};
use starling_genesis::Difficulty;
use starling_primitives::{PowKind, WorkHeader};

/// A branch of three blocks, and the chain it is on.
fn branch(chain: &Chain) -> Cursor {
    let mut cursor = genesis_cursor(chain);
    extend(&mut cursor, &chain.params, 3, 0);
    cursor
}

/// What rules 1 to 4 say of a draft with the root and the work that it asks for.
fn judged(params: &Params, change: impl Fn(&mut Draft)) -> Result<CheckedHeader, HeaderError> {
    let chain = easy();
    let mut draft = Draft::after(&branch(&chain), &chain.params, 12, 0);
    change(&mut draft);
    CheckedHeader::check(draft.search(params, true), params)
}

/// What rules 5 to 8 say of a draft that rules 1 to 4 let pass.
fn judged_in_context(change: impl Fn(&mut Draft)) -> Result<(), HeaderError> {
    let chain = easy();
    let cursor = branch(&chain);
    let mut draft = Draft::after(&cursor, &chain.params, 12, 0);
    change(&mut draft);
    cursor.check(&draft.mine(&chain.params), &chain.params)
}

#[test]
fn a_right_header_passes() {
    assert!(judged(&easy().params, |_| ()).is_ok());
    assert_eq!(judged_in_context(|_| ()), Ok(()));
}

#[test]
fn rule_1_counts_must_be_possible() {
    let params = Params { max_body_bytes: 40_000, ..easy().params };
    let some_root = TxRoot::new([1; 32]);
    let counted = |txs, bytes, root| {
        let header = judged(&params, |draft| {
            let content = &mut draft.content;
            (content.tx_count, content.body_bytes, content.tx_root) = (txs, bytes, root);
        });
        header.map(|_| ())
    };
    for (txs, bytes) in [(1, 171), (1, 16_386), (2, 342), (2, 32_772), (3, 40_000)] {
        assert_eq!(counted(txs, bytes, some_root), Ok(()), "{txs} in {bytes}");
    }
    for (txs, bytes) in [(1, 170), (1, 16_387), (2, 341), (2, 32_773), (1, 0), (0, 1), (u32::MAX, 40_000)] {
        assert_eq!(counted(txs, bytes, some_root), Err(HeaderError::ImpossibleCounts { txs, bytes }));
    }
    let too_large = HeaderError::BodyTooLarge { bytes: 40_001, limit: 40_000 };
    assert_eq!(counted(3, 40_001, some_root), Err(too_large));
    let root = TxRoot::ZERO;
    assert_eq!(counted(0, 0, root), Ok(()));
    assert_eq!(counted(1, 171, root), Err(HeaderError::RootOfNothing { root, txs: 1 }));
    assert_eq!(counted(0, 0, some_root), Err(HeaderError::RootOfNothing { root: some_root, txs: 0 }));
}

#[test]
fn rule_3_the_root_must_be_the_coinbase_s() {
    let chain = easy();
    let header = Draft::after(&branch(&chain), &chain.params, 12, 0).header();
    let false_root = |work: WorkHeader, extra: &[u8], content| {
        let header = search(&Header::new(work, extra, content).unwrap(), &chain.params, true);
        CheckedHeader::check(header, &chain.params)
    };
    let (work, extra, content) = (*header.work(), header.extra().as_bytes(), *header.content());
    assert!(false_root(work, extra, content).is_ok());
    let other_root = WorkHeader { root: [7; 32], ..work };
    assert_eq!(false_root(other_root, extra, content), Err(HeaderError::FalseRoot));
    assert_eq!(false_root(work, &[extra, &[0]].concat(), content), Err(HeaderError::FalseRoot));
    let other_state =
        starling_primitives::Content { state_root: starling_primitives::StateRoot::new([1; 32]), ..content };
    assert_eq!(false_root(work, extra, other_state), Err(HeaderError::FalseRoot));
}

#[test]
fn rule_4_bits_must_name_a_target_that_is_hard_enough() {
    let params = easy().params;
    let check = |bits: u32, params: &Params| {
        let chain = easy();
        let mut draft = Draft::after(&branch(&chain), params, 12, 0);
        draft.work.bits = Bits::new(bits);
        CheckedHeader::check(draft.header(), params)
    };
    for bits in [0, 0x2080_0001, 0x2200_ffff, 0x2000_0001] {
        let error = Bits::new(bits).target().unwrap_err();
        assert_eq!(check(bits, &params), Err(HeaderError::Bits(error)));
    }
    let bits = Bits::new(0x2100_8000);
    let too_easy = HeaderError::TooEasy { bits, easiest: params.easiest_bits };
    assert_eq!(check(bits.to_u32(), &params), Err(too_easy));
    let harder: Bits = "1e100000".parse().unwrap();
    let lab = Params { easiest_bits: harder, easiest_target: harder.target().unwrap(), ..params };
    assert!(matches!(check(0x207f_ffff, &lab), Err(HeaderError::TooEasy { .. })));
    assert_eq!(check(0x1e10_0000, &lab), Err(HeaderError::NoWork(harder)));
}

#[test]
fn rule_4_the_pow_hash_must_meet_the_target() {
    let chain = easy();
    for pow in [PowKind::Sha256d, PowKind::Sha256dTagged] {
        let params = Params { pow, ..chain.params.clone() };
        let draft = Draft::after(&branch(&chain), &params, 12, 0);
        let checked = CheckedHeader::check(draft.search(&params, true), &params).unwrap();
        assert_eq!(checked.pow_hash(), &checked.header().work().pow_hash(pow));
        assert_eq!(checked.work(), params.genesis_bits.target().unwrap().work());
        let without = CheckedHeader::check(draft.search(&params, false), &params);
        assert_eq!(without, Err(HeaderError::NoWork(params.genesis_bits)));
    }
}

#[test]
fn work_for_one_kind_is_none_for_the_other() {
    let chain = easy();
    let tagged = Params { pow: PowKind::Sha256dTagged, ..chain.params.clone() };
    let mut labels =
        (0..).map(|label| Draft::after(&branch(&chain), &chain.params, 12, label).mine(&chain.params));
    let met_once =
        labels.find(|checked| CheckedHeader::check(checked.header().clone(), &tagged).is_err()).unwrap();
    let refused = CheckedHeader::check(met_once.header().clone(), &tagged);
    assert_eq!(refused, Err(HeaderError::NoWork(tagged.genesis_bits)));
}

#[test]
fn the_parent_must_be_the_branch_s_end() {
    let parent = BlockId::new([5; 32]);
    let refused = judged_in_context(|draft| draft.work.parent = parent);
    assert_eq!(refused, Err(HeaderError::UnknownParent(parent)));
}

#[test]
fn rule_5_heights_count_up() {
    for found in [0, 3, 5, u32::MAX] {
        let refused = judged_in_context(|draft| draft.content.height = found);
        assert_eq!(refused, Err(HeaderError::Height { found, parent: 3 }));
    }
}

#[test]
fn rule_6_times_keep_the_step() {
    let parent = GENESIS_TIME + 36;
    for (time, is_right) in
        [(parent + 3, true), (parent + 4, true), (parent + 2, false), (parent, false), (0, false)]
    {
        let least = u64::from(parent) + 3;
        let expected = if is_right { Ok(()) } else { Err(HeaderError::TimeTooEarly { found: time, least }) };
        assert_eq!(judged_in_context(|draft| draft.work.time = time), expected);
    }
}

#[test]
fn rule_7_bits_are_asert_s_answer() {
    let found: Bits = "207ffffe".parse().unwrap();
    let expected = easy().params.genesis_bits;
    let refused = judged_in_context(|draft| draft.work.bits = found);
    assert_eq!(refused, Err(HeaderError::WrongBits { found, expected }));

    let chain = lab(Difficulty::Asert { half_life: 12 });
    let mut cursor = genesis_cursor(&chain);
    extend(&mut cursor, &chain.params, 1, 0);
    let early = Draft::after(&cursor, &chain.params, 3, 0).mine(&chain.params);
    assert_eq!(cursor.check(&early, &chain.params), Ok(()));
    cursor.advance(&early, &chain.params);
    // A block 9 s early lowers the next target to 2^(-9/12) of it, 0.5946.
    let asked = cursor.next_bits(&chain.params);
    let per_mille = asked.target().unwrap().value() / (expected.target().unwrap().value() >> 10);
    assert_eq!(per_mille, ruint::aliases::U256::from(608), "1,024ths of the easiest target");
    let mut draft = Draft::after(&cursor, &chain.params, 12, 0);
    draft.work.bits = expected;
    let refused = cursor.check(&draft.mine(&chain.params), &chain.params);
    assert_eq!(refused, Err(HeaderError::WrongBits { found: expected, expected: asked }));
}

#[test]
fn rule_8_the_history_is_the_branch_s() {
    let chain = easy();
    let expected = branch(&chain).history_root();
    let shorter = genesis_cursor(&chain).history_root();
    for found in [HistoryRoot::ZERO, shorter] {
        let refused = judged_in_context(|draft| draft.content.history_root = found);
        assert_eq!(refused, Err(HeaderError::WrongHistory { found, expected }));
    }
}

#[test]
fn rule_9_the_future_is_limited() {
    let chain = easy();
    let (time, limit) = (GENESIS_TIME, 150);
    let header = &chain.genesis;
    assert_eq!(chain.params.future_limit, limit);
    assert_eq!(check_time(header, &chain.params, time), Ok(()));
    assert_eq!(check_time(header, &chain.params, time - limit), Ok(()));
    let now = time - limit - 1;
    let held = HeaderError::FromTheFuture { time, now, limit };
    assert_eq!(check_time(header, &chain.params, now), Err(held));
    let endless = Params { future_limit: u32::MAX, ..chain.params.clone() };
    assert_eq!(check_time(header, &endless, 0), Ok(()));
    assert_eq!(check_time(header, &chain.params, u32::MAX), Ok(()));
}

#[test]
fn a_cursor_sums_work_and_history() {
    let chain = easy();
    let (mut cursor, nodes) = Cursor::genesis(&chain);
    assert_eq!(nodes.len(), 1);
    let own = chain.params.genesis_bits.target().unwrap().work();
    assert_eq!((cursor.id(), cursor.height(), cursor.work()), (chain.genesis.id(), 0, own));
    let mut range = Accumulator::load(1, |_| Some(nodes[0].1)).unwrap();
    for header in extend(&mut cursor.clone(), &chain.params, 9, 0) {
        assert_eq!(cursor.check(&header, &chain.params), Ok(()));
        let placed = cursor.advance(&header, &chain.params);
        let work = own.saturating_mul(cursor.height() + 1);
        assert_eq!((cursor.id(), cursor.work()), (header.header().id(), work));
        assert_eq!(cursor.time(), header.header().work().time);
        assert_eq!(cursor.least_next_time(&chain.params), u64::from(cursor.time()) + 3);
        let (height, time) = (cursor.height(), cursor.time());
        let leaf = Leaf { id: cursor.id(), height, time, bits: chain.params.genesis_bits, work };
        assert_eq!(placed, range.push(&leaf));
        assert_eq!(cursor.history_root(), range.root());
    }
}
