//! A node far behind: blocks are connected before those before them are on disk, and told of afterwards.

use super::*;

/// More blocks than are connected at once, or twice.
const BLOCKS: u32 = 140;
/// Payments of each of five keys in a block: enough of them that another thread writes it.
const EACH: u64 = 20;

/// A node that has stored so many large blocks of another, and connected none.
fn behind() -> (Node, Node) {
    let (mut theirs, mut ours) = (Node::new(), Node::new());
    for block in 0..u64::from(BLOCKS) {
        for (from, nonce) in (1..=5).flat_map(|from| (0..EACH).map(move |nth| (from, block * EACH + nth))) {
            theirs.submit(from, nonce, key(from % 5 + 1).address(), 1);
        }
        theirs.mine(6);
    }
    ours.now = theirs.now;
    ours.send(Event::Tick);
    ours.core.peers = 1;
    for block in theirs.blocks() {
        assert_eq!(ours.core.insert(&[block.header().clone()]).unwrap(), (1, None));
        ours.core.store_body(block).unwrap();
    }
    ours.core.effects.clear();
    (ours, theirs)
}

/// What readers see is at least as high as this.
fn is_visible(node: &Node, height: u32) -> bool {
    node.core.ledger().reader().view().unwrap().tip().height >= height
}

fn told(effects: &[Effect]) -> impl Iterator<Item = u32> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Tip(tip) => tip.connected.last().map(|(header, _)| header.height()),
        _ => None,
    })
}

#[test]
fn blocks_are_told_of_once_readers_see_them_and_none_is_left_out() {
    let (mut ours, theirs) = behind();
    assert_eq!(ours.core.sync_state(), SyncState::Bodies);
    let (mut heights, mut first) = (Vec::new(), None);
    loop {
        let effects = ours.core.handle(Event::Continue, ours.now);
        for height in told(&effects) {
            assert!(is_visible(&ours, height));
            heights.push(height);
        }
        let goes_on = effects.iter().any(|effect| matches!(effect, Effect::Continue));
        first.get_or_insert((ours.height() > 0, heights.len(), goes_on));
        if !goes_on {
            break;
        }
    }
    assert_eq!(first, Some((true, 0, true)), "the next blocks do not wait for the disk");
    assert_eq!(ours.core.ledger().tip(), theirs.core.ledger().tip());
    assert!(heights.len() > 1 && heights.is_sorted() && heights.last() == Some(&BLOCKS), "{heights:?}");
    ours.assert_supply(1..10);
}

#[test]
fn whoever_calls_sees_what_was_connected() {
    let (mut ours, _theirs) = behind();
    drop(ours.core.handle(Event::Continue, ours.now));
    let height = ours.height();
    assert!(height > 0 && height < BLOCKS);
    let look = move |core: &mut Core| core.ledger().reader().view().unwrap().tip().height;
    let (reply, answer) = std::sync::mpsc::channel();
    let call = Event::Call(Box::new(move |core| reply.send(look(core)).unwrap()));
    let effects = ours.core.handle(call, ours.now);
    assert_eq!((answer.recv().unwrap(), told(&effects).last()), (height, Some(height)));
}
