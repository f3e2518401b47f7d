//! The two passes against peers that serve 2,000 headers at a time, honest and other.

use super::*;
use crate::tests::{Draft, easy, extend, genesis_cursor};
use starling_genesis::Chain;

/// Headers that one answer holds at the most (formats: `headers/1`).
const BATCH_HEADERS: usize = 2_000;

/// A peer's chain above a start.
struct Peer<'a> {
    start: BlockId,
    headers: &'a [CheckedHeader],
}

impl Peer<'_> {
    /// The headers after an id, and whether there are no more.
    fn after(&self, id: BlockId) -> (Vec<CheckedHeader>, bool) {
        let found = self.headers.iter().position(|header| header.header().id() == id);
        let from = if id == self.start { 0 } else { found.expect("an id of the peer's chain") + 1 };
        let to = self.headers.len().min(from + BATCH_HEADERS);
        (self.headers[from..to].to_vec(), to == self.headers.len())
    }
}

/// Asks `peer` until the sync is done or fails; `second` serves once pass one is over. Returns what was
/// released.
fn run(
    sync: &mut BranchSync,
    peer: &Peer<'_>,
    second: &Peer<'_>,
    params: &Params,
) -> (Vec<CheckedHeader>, Result<(), HeaderError>) {
    let mut all = Vec::new();
    for _ in 0..100 {
        let serving = if sync.held.is_none() { peer } else { second };
        let (batch, last) = serving.after(sync.next_after());
        let progress = sync.feed(batch, last, params);
        match progress {
            Ok(Progress::Ask { after, released }) => {
                assert_eq!(after, sync.next_after());
                all.extend(released);
                stays_small(sync);
            }
            Ok(Progress::Done { released }) => {
                all.extend(released);
                return (all, Ok(()));
            }
            Err(error) => return (all, Err(error)),
        }
    }
    panic!("the sync does not end");
}

/// Pass one keeps one id for 256 headers, pass two holds fewer than 256 headers.
fn stays_small(sync: &BranchSync) {
    let passed = sync.cursor.height() - sync.start.height();
    match &sync.held {
        None => assert_eq!(sync.checkpoints.len(), usize::try_from(passed / 256).unwrap()),
        Some(held) => assert!(held.len() < 256, "{} headers are held", held.len()),
    }
}

fn own_work(chain: &Chain) -> Work {
    chain.params.genesis_bits.target().unwrap().work()
}

/// A chain's headers 1 to `count`.
fn long(chain: &Chain, count: u32, label: u32) -> Vec<CheckedHeader> {
    extend(&mut genesis_cursor(chain), &chain.params, count, label)
}

#[test]
fn enough_work_lets_in_the_headers_that_have_it_and_the_rest_of_their_batch() {
    let chain = easy();
    let headers = long(&chain, 5_200, 0);
    let peer = Peer { start: chain.genesis.id(), headers: &headers };
    for enough in [1usize, 255, 256, 257, 1_999, 2_000, 2_001, 4_096, 4_501, 5_199, 5_200] {
        // Genesis counts too: `enough` headers exceed the work of as many blocks, genesis included.
        let needed = own_work(&chain).saturating_mul(u32::try_from(enough).unwrap());
        let mut sync = BranchSync::new(genesis_cursor(&chain), needed);
        let (released, end) = run(&mut sync, &peer, &peer, &chain.params);
        assert_eq!(end, Ok(()), "{enough}");
        let batch_end = headers.len().min(enough.div_ceil(BATCH_HEADERS) * BATCH_HEADERS);
        assert!(released == headers[..batch_end], "{} released, {enough} are enough", released.len());
        assert_eq!(sync.next_after(), headers[enough - 1].header().id());
        assert!(sync.work() > needed);
    }
}

#[test]
fn a_branch_may_begin_anywhere() {
    let chain = easy();
    let mut start = genesis_cursor(&chain);
    extend(&mut start, &chain.params, 100, 0);
    let headers = extend(&mut start.clone(), &chain.params, 2_300, 1);
    let peer = Peer { start: start.id(), headers: &headers };
    let needed = own_work(&chain).saturating_mul(2_300);
    let mut sync = BranchSync::new(start, needed);
    let (released, end) = run(&mut sync, &peer, &peer, &chain.params);
    assert_eq!(end, Ok(()));
    assert!(released == headers, "2,200 have the work, and 100 more came with them");
}

#[test]
fn nothing_is_released_before_the_work_is_seen() {
    let chain = easy();
    let headers = long(&chain, 2_500, 0);
    let mut sync = BranchSync::new(genesis_cursor(&chain), own_work(&chain).saturating_mul(2_400));
    let first = sync.feed(headers[..2_000].to_vec(), false, &chain.params);
    let after = headers[1_999].header().id();
    assert_eq!(first, Ok(Progress::Ask { after, released: Vec::new() }));
    let second = sync.feed(headers[2_000..].to_vec(), true, &chain.params);
    let again = Progress::Ask { after: chain.genesis.id(), released: Vec::new() };
    assert_eq!(second, Ok(again), "pass two begins at the start");
    assert_eq!(sync.checkpoints.len(), 10, "one id for each 256 headers, and the end");
}

#[test]
fn too_little_work_is_refused() {
    let chain = easy();
    let headers = long(&chain, 2_100, 0);
    let peer = Peer { start: chain.genesis.id(), headers: &headers };
    let needed = own_work(&chain).saturating_mul(2_101);
    let mut sync = BranchSync::new(genesis_cursor(&chain), needed);
    let (released, end) = run(&mut sync, &peer, &peer, &chain.params);
    assert_eq!(end, Err(HeaderError::TooLittleWork { work: needed, needed }), "equal work is not more");
    assert!(released.is_empty());
    let mut sync = BranchSync::new(genesis_cursor(&chain), needed);
    let nothing = sync.feed(Vec::new(), true, &chain.params);
    assert_eq!(nothing, Err(HeaderError::TooLittleWork { work: own_work(&chain), needed }));
}

#[test]
fn other_headers_in_pass_two_are_refused() {
    let chain = easy();
    let headers = long(&chain, 3_000, 0);
    let mut fork = genesis_cursor(&chain);
    headers[..2_700].iter().for_each(|header| drop(fork.advance(header, &chain.params)));
    let other: Vec<_> =
        headers[..2_700].iter().cloned().chain(extend(&mut fork, &chain.params, 300, 1)).collect();
    let shown = |headers| Peer { start: chain.genesis.id(), headers };
    let mut sync = BranchSync::new(genesis_cursor(&chain), own_work(&chain).saturating_mul(2_900));
    let (released, end) = run(&mut sync, &shown(&headers), &shown(&other), &chain.params);
    let checkpoint = other[2_815].header().id();
    assert_eq!(end, Err(HeaderError::UnknownParent(checkpoint)));
    // The first answer's headers up to its last checkpoint; of the answer that went wrong nothing.
    assert!(released == headers[..1_792]);
}

#[test]
fn fewer_headers_in_pass_two_are_refused() {
    let chain = easy();
    let headers = long(&chain, 600, 0);
    let shown = |headers| Peer { start: chain.genesis.id(), headers };
    let mut sync = BranchSync::new(genesis_cursor(&chain), own_work(&chain).saturating_mul(600));
    let (released, end) = run(&mut sync, &shown(&headers), &shown(&headers[..300]), &chain.params);
    assert!(matches!(end, Err(HeaderError::TooLittleWork { .. })));
    assert!(released.is_empty());
}

#[test]
fn a_header_that_breaks_a_rule_ends_either_pass() {
    let chain = easy();
    let mut cursor = genesis_cursor(&chain);
    let headers = extend(&mut cursor, &chain.params, 20, 0);
    let early = Draft::after(&cursor, &chain.params, 1, 0).mine(&chain.params);
    let least = cursor.least_next_time(&chain.params);
    let expected = Err(HeaderError::TimeTooEarly { found: cursor.time() + 1, least });
    let bad: Vec<_> = headers.iter().cloned().chain([early]).collect();
    let sync = |blocks| BranchSync::new(genesis_cursor(&chain), own_work(&chain).saturating_mul(blocks));
    assert_eq!(sync(30).feed(bad.clone(), false, &chain.params), expected);
    let longer: Vec<_> = headers.iter().cloned().chain(extend(&mut cursor, &chain.params, 20, 0)).collect();
    let mut second = sync(30);
    assert!(second.feed(longer, true, &chain.params).is_ok());
    assert_eq!(second.feed(bad, true, &chain.params), expected);
}

#[test]
fn headers_that_do_not_follow_are_refused() {
    let chain = easy();
    let headers = long(&chain, 3, 0);
    let mut sync = BranchSync::new(genesis_cursor(&chain), Work::MAX);
    let refused = sync.feed(headers[1..].to_vec(), false, &chain.params);
    assert_eq!(refused, Err(HeaderError::UnknownParent(headers[0].header().id())));
}

#[test]
fn a_branch_longer_than_can_be_kept_is_refused() {
    let chain = easy();
    let headers = long(&chain, 256, 0);
    let mut sync = BranchSync::new(genesis_cursor(&chain), Work::MAX);
    // As after 65,536 times 256 headers.
    sync.checkpoints = (0..).map(|height| (height, BlockId::ZERO)).take(MAX_CHECKPOINTS).collect();
    assert!(sync.feed(headers[..255].to_vec(), false, &chain.params).is_ok());
    let refused = sync.feed(headers[255..].to_vec(), false, &chain.params);
    assert!(matches!(refused, Err(HeaderError::TooLittleWork { .. })));
    assert_eq!(sync.checkpoints.len(), MAX_CHECKPOINTS);
}
