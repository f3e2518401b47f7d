//! Of branches: which is followed, left and restored.

use super::*;

#[test]
fn a_branch_with_more_work_wins_and_payments_return_to_the_pool() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    ours.submit(1, 0, key(8).address(), 5);
    ours.mine(2);
    ours.mine(2);
    theirs.submit(3, 0, key(9).address(), 7);
    for _ in 0..3 {
        theirs.mine(4);
    }
    ours.tips.clear();
    ours.pass(Duration::from_secs(60));
    ours.import(theirs.blocks());
    assert_eq!(ours.core.ledger().tip(), theirs.core.ledger().tip());
    let change = ours.tips.last().unwrap();
    assert_eq!((change.disconnected.len(), change.connected.len()), (2, 3));
    assert!(ours.account(&key(8).address()).is_absent());
    assert_eq!(ours.account(&key(9).address()).balance.motes(), 7 * STAR);
    assert_eq!(ours.core.pool().info().executable, 1, "the payment waits again");
    ours.mine(2);
    assert_eq!(ours.account(&key(8).address()).balance.motes(), 5 * STAR);
    ours.assert_supply(1..10);
}

#[test]
fn of_a_change_too_large_to_be_held_the_pool_learns_the_same() {
    let pools = [64 << 20, 4].map(|body_bytes| {
        let (mut ours, mut theirs) = (Node::with_body_bytes(chain(), body_bytes), Node::new());
        ours.submit(1, 0, key(8).address(), 5);
        ours.submit(3, 0, key(8).address(), 5);
        ours.mine(2);
        ours.submit(1, 1, key(8).address(), 6);
        ours.mine(2);
        // These wait: one for what is taken back, one that both have, one that theirs has alone.
        ours.submit(1, 2, key(9).address(), 7);
        theirs.submit(3, 0, key(8).address(), 5);
        theirs.mine(4);
        theirs.submit(3, 1, key(9).address(), 7);
        ours.submit(3, 1, key(9).address(), 7);
        theirs.mine(4);
        theirs.mine(4);
        ours.tips.clear();
        ours.pass(Duration::from_secs(60));
        ours.import(theirs.blocks());
        assert_eq!(ours.core.ledger().tip(), theirs.core.ledger().tip());
        let change = ours.tips.last().unwrap();
        assert_eq!((change.disconnected.len(), change.connected.len()), (2, 3));
        let list = ours.core.pool().list(&Wtxid::ZERO, 100).unwrap().txs;
        let mut nonces: Vec<_> = list
            .iter()
            .map(|entry| (entry.tx.sender(), entry.tx.unsigned().nonce, entry.executable))
            .collect();
        nonces.sort();
        ours.mine(2);
        assert_eq!(ours.core.pool().info().executable, 0, "all are in a block");
        ours.assert_supply(1..10);
        nonces
    });
    let sender = key(1).address();
    assert_eq!(pools[0], [(sender, 0, true), (sender, 1, true), (sender, 2, true)]);
    assert_eq!(pools[1], pools[0]);
}

#[test]
fn a_failing_branch_is_marked_and_the_old_one_restored() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    ours.submit(1, 0, key(8).address(), 5);
    ours.mine(2);
    ours.pass(Duration::from_secs(60));
    let before = (ours.core.ledger().tip(), ours.core.ledger().state_root());
    theirs.mine(4);
    theirs.pass(Duration::from_secs(5));
    // A block of theirs whose state root is false, and one upon it that nobody can judge.
    let payout = key(4).address();
    let template = theirs.call(move |core| core.template(payout, &[], false)).unwrap();
    let mut content = *template.header.content();
    content.state_root = starling_primitives::StateRoot::new([7; 32]);
    let extra = template.header.extra().as_bytes().to_vec();
    let rootless = Header::new(*template.header.work(), &extra, content).unwrap();
    let work = WorkHeader { root: rootless.coinbase().root(), ..*template.header.work() };
    let header = solve(&Header::new(work, &extra, content).unwrap(), theirs.core.chain());
    let id = header.id();
    let checked = CheckedHeader::check(header, &ours.core.chain().params).unwrap();
    let bad =
        CheckedBlock::check(checked, vec![], &ours.core.chain().genesis_id(), |_| false, &KnownKeys::none())
            .unwrap();
    ours.import(theirs.blocks());
    ours.import(vec![bad]);
    assert_eq!(ours.core.tree().get(&id).unwrap().status, Status::Invalid);
    assert_eq!(ours.core.tree().broken_rule(&id), Some("state_root"));
    assert_eq!((ours.core.ledger().tip(), ours.core.ledger().state_root()), before);
    assert_eq!(ours.tips.len(), 1, "outside, nothing has happened since our block");
    ours.mine(2);
    ours.assert_supply(1..10);
}

#[test]
fn of_two_tips_of_equal_work_connected_together_the_smaller_hash_wins() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    let (a, b) = (ours.mine(2), theirs.mine(3));
    let smaller = if a.as_bytes().iter().rev().lt(b.as_bytes().iter().rev()) { a } else { b };
    let (to_ours, to_theirs) = (theirs.blocks(), ours.blocks());
    ours.import(to_ours);
    theirs.import(to_theirs);
    assert_eq!(ours.core.ledger().tip().id, smaller);
    assert_eq!(theirs.core.ledger().tip().id, smaller);
}

#[test]
fn a_block_whose_header_came_first_and_body_last_can_win_by_its_hash_as_well() {
    for round in 0..6 {
        let (mut ours, mut theirs) = (Node::new(), Node::new());
        theirs.submit(1, 0, key(8).address(), 5 + round);
        let their_id = theirs.mine(3);
        let block = theirs.blocks().remove(0);
        let header = block.header().header().clone();
        ours.call(move |core| core.on_announcement(header)).unwrap();
        let our_id = ours.mine(2);
        ours.import(vec![block]);
        let theirs_is_smaller = their_id.as_bytes().iter().rev().lt(our_id.as_bytes().iter().rev());
        let smaller = if theirs_is_smaller { their_id } else { our_id };
        assert_eq!(ours.core.ledger().tip().id, smaller);
    }
}

#[test]
fn an_announced_block_without_transactions_can_win_by_its_hash_as_well() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    let (a, b) = (ours.mine(2), theirs.mine(3));
    let smaller = if a.as_bytes().iter().rev().lt(b.as_bytes().iter().rev()) { a } else { b };
    let [our_block, their_block] = [&ours, &theirs].map(|node| node.blocks()[0].header().header().clone());
    ours.call(move |core| core.on_announcement(their_block)).unwrap();
    theirs.call(move |core| core.on_announcement(our_block)).unwrap();
    assert_eq!(ours.core.ledger().tip().id, smaller);
    assert_eq!(theirs.core.ledger().tip().id, smaller);
}

#[test]
fn of_two_tips_of_equal_work_connected_apart_the_first_stays() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    let (a, b) = (ours.mine(2), theirs.mine(3));
    let (to_ours, to_theirs) = (theirs.blocks(), ours.blocks());
    ours.pass(Duration::from_secs(60));
    theirs.pass(Duration::from_secs(60));
    ours.import(to_ours);
    theirs.import(to_theirs);
    assert_eq!((ours.core.ledger().tip().id, theirs.core.ledger().tip().id), (a, b));
}

/// A node that can undo two blocks, and another.
fn shallow_and_deep() -> (Node, Node) {
    let mut shallow = chain();
    shallow.params.undo_blocks = 2;
    (Node::of(shallow), Node::new())
}

#[test]
fn a_branch_deeper_than_can_be_undone_is_refused_with_an_alarm() {
    let (mut ours, mut theirs) = shallow_and_deep();
    for _ in 0..3 {
        ours.mine(2);
    }
    for _ in 0..5 {
        theirs.mine(3);
    }
    let before = ours.core.ledger().tip();
    ours.import(theirs.blocks());
    assert_eq!(ours.core.ledger().tip(), before);
    assert!(ours.core.warnings()[0].contains("not followed"), "{:?}", ours.core.warnings());
}

#[test]
fn of_a_branch_that_is_too_deep_no_body_is_asked_for() {
    let (mut ours, mut theirs) = shallow_and_deep();
    for nonce in 0..5 {
        ours.mine(2);
        theirs.submit(1, nonce, key(8).address(), 5);
        theirs.mine(3);
    }
    theirs.mine(3);
    for block in theirs.blocks() {
        let header = block.header().header().clone();
        ours.call(move |core| core.on_announcement(header)).unwrap();
    }
    assert!(ours.core.warnings()[0].contains("not followed"), "{:?}", ours.core.warnings());
    assert_eq!(ours.core.net.sync_progress().bodies_missing, 0);
}

#[test]
fn a_branch_whose_bodies_are_withheld_holds_nobody_up() {
    let (mut ours, mut best, mut second) = (Node::new(), Node::new(), Node::new());
    ours.mine(2);
    for nonce in 0..4 {
        best.submit(1, nonce, key(8).address(), 5);
        best.mine(3);
    }
    for _ in 0..3 {
        second.mine(4);
    }
    ours.pass(Duration::from_secs(60));
    let headers: Vec<_> = best.blocks().iter().map(|block| block.header().clone()).collect();
    ours.call(move |core| drop(core.insert(&headers).unwrap()));
    ours.import(second.blocks());
    assert_eq!(
        ours.core.ledger().tip(),
        second.core.ledger().tip(),
        "a complete branch is followed meanwhile"
    );
    ours.import(best.blocks());
    assert_eq!(
        ours.core.ledger().tip(),
        best.core.ledger().tip(),
        "and left when the better one is complete"
    );
}

#[test]
fn a_branch_that_was_too_deep_is_forgotten_when_ours_has_more_work() {
    let (mut ours, mut theirs) = shallow_and_deep();
    for _ in 0..3 {
        ours.mine(2);
    }
    for _ in 0..5 {
        theirs.mine(3);
    }
    ours.import(theirs.blocks());
    assert_eq!(ours.core.warnings().len(), 1);
    assert_eq!(ours.core.sync_state(), SyncState::Synced, "it is neither followed nor waited for");
    for _ in 0..3 {
        ours.mine(2);
    }
    assert_eq!(ours.core.warnings(), Vec::<String>::new());
}

#[test]
fn the_next_best_branch_is_followed_while_nobody_serves_the_best() {
    let (mut ours, mut best, mut second) = (Node::new(), Node::new(), Node::new());
    ours.core.peers = 1;
    for nonce in 0..6 {
        best.submit(1, nonce, key(8).address(), 5);
        best.mine(3);
        second.submit(1, nonce, key(9).address(), 5);
        second.mine(4);
    }
    best.mine(3);
    ours.pass(Duration::from_secs(60));
    for blocks in [best.blocks(), second.blocks()] {
        let headers: Vec<_> = blocks.iter().map(|block| block.header().clone()).collect();
        ours.call(move |core| drop(core.insert(&headers).unwrap()));
    }
    assert_eq!(ours.core.followed().id, best.core.ledger().tip().id);
    assert_eq!(ours.core.sync_state(), SyncState::Bodies);
    let first = best.blocks()[0].header().header().id();
    ours.call(move |core| core.set_aside(first, 1)).unwrap();
    assert_eq!(ours.core.followed().id, second.core.ledger().tip().id);
    assert_eq!(ours.core.target_height(), 6);
    assert_eq!(ours.core.sync_state(), SyncState::Bodies, "the next best is not here yet");
    ours.import(second.blocks());
    assert_eq!(ours.core.sync_state(), SyncState::Synced);
    ours.pass(Duration::from_secs(601));
    ours.send(Event::Tick);
    assert_eq!(ours.core.followed().id, best.core.ledger().tip().id, "after a while it is tried again");
}

#[test]
fn without_peers_nothing_is_set_aside() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    for nonce in 0..4 {
        theirs.submit(1, nonce, key(8).address(), 5);
        theirs.mine(3);
    }
    ours.pass(Duration::from_secs(60));
    let headers: Vec<_> = theirs.blocks().iter().map(|block| block.header().clone()).collect();
    let first = headers[0].header().id();
    ours.call(move |core| drop(core.insert(&headers).unwrap()));
    ours.call(move |core| core.set_aside(first, 1)).unwrap();
    assert_eq!(ours.core.sync_state(), SyncState::Bodies);
}
