//! The tree on random blocks against a model that remembers everything and recomputes it each time.

use super::*;
use crate::tests::{Draft, Nodes, easy, extend, genesis_cursor, lab_at};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use starling_genesis::Difficulty;

/// A tree with the store that follows it.
struct Grown {
    chain: Chain,
    tree: HeaderTree,
    nodes: Nodes,
}

impl Grown {
    fn new(chain: Chain) -> Self {
        let (tree, nodes) = HeaderTree::new(&chain);
        Self { chain, tree, nodes: Nodes::new(nodes) }
    }

    fn insert(&mut self, header: &CheckedHeader) -> Result<Inserted, HeaderError> {
        let inserted = self.tree.insert(header, &self.nodes)?;
        if let Inserted::New(Some(change)) = &inserted {
            self.nodes.follow(change);
        }
        Ok(inserted)
    }

    fn insert_all(&mut self, headers: &[CheckedHeader]) {
        for header in headers {
            assert!(matches!(self.insert(header), Ok(Inserted::New(_))));
        }
    }

    fn invalidate(&mut self, id: &BlockId, rule: &str) -> Option<BestChange> {
        let change = self.tree.invalidate(id, rule, &self.nodes);
        if let Some(change) = &change {
            self.nodes.follow(change);
        }
        change
    }

    fn cursor(&mut self, id: &BlockId) -> Option<Cursor> {
        self.tree.cursor(id, &self.nodes)
    }
}

fn id(header: &CheckedHeader) -> BlockId {
    header.header().id()
}

/// A chain of 20 blocks, and one of `more` that leaves it after block 10.
fn forked(more: u32) -> (Grown, Vec<CheckedHeader>, Vec<CheckedHeader>) {
    let chain = easy();
    let mut cursor = genesis_cursor(&chain);
    let mut main = extend(&mut cursor, &chain.params, 10, 0);
    let side = extend(&mut cursor.clone(), &chain.params, more, 1);
    main.extend(extend(&mut cursor, &chain.params, 10, 0));
    let mut grown = Grown::new(chain);
    grown.insert_all(&main);
    (grown, main, side)
}

#[test]
fn a_new_tree_holds_genesis() {
    let chain = easy();
    let (tree, _) = HeaderTree::new(&chain);
    let genesis = tree.best();
    assert_eq!((genesis.id, genesis.parent, genesis.height), (chain.genesis.id(), BlockId::ZERO, 0));
    assert_eq!((genesis.status, tree.len(), tree.is_empty()), (Status::Connected, 1, false));
    assert_eq!(tree.heads(), [genesis]);
    assert_eq!(tree.locator(&genesis.id), [genesis.id]);
    assert!(tree.locator(&BlockId::ZERO).is_empty());
}

#[test]
fn equal_work_stays_with_the_first_and_more_switches() {
    let (mut grown, main, side) = forked(11);
    for header in &side[..10] {
        assert_eq!(grown.insert(header), Ok(Inserted::New(None)));
        assert_eq!(grown.tree.best().id, id(&main[19]));
    }
    let Ok(Inserted::New(Some(change))) = grown.insert(&side[10]) else { panic!("more work must switch") };
    assert_eq!(change.fork, 10);
    assert_eq!(grown.tree.best().id, id(&side[10]));
    assert_eq!(grown.tree.best_at(11).unwrap().id, id(&side[0]));
    assert_eq!(grown.tree.best_at(10).unwrap().id, id(&main[9]));
    assert_eq!(grown.tree.best_at(22), None);
    let (fork, path) = grown.tree.path(&id(&main[19]), &id(&side[10])).unwrap();
    assert_eq!((fork.height, path), (10, side.iter().map(id).collect()));
    assert_eq!(grown.tree.fork_height(&id(&main[19]), &grown.tree.best().id), Some(10));
    assert_eq!(grown.tree.fork_height(&id(&side[4]), &grown.tree.best().id), Some(15));
}

#[test]
fn headers_out_of_place_are_refused() {
    let (mut grown, main, side) = forked(3);
    assert_eq!(grown.insert(&main[5]), Ok(Inserted::Known));
    assert_eq!(grown.insert(&side[1]), Err(HeaderError::UnknownParent(id(&side[0]))));
    let cursor = grown.cursor(&id(&main[19])).unwrap();
    let early = Draft::after(&cursor, &grown.chain.params, 1, 0).mine(&grown.chain.params);
    assert!(matches!(grown.insert(&early), Err(HeaderError::TimeTooEarly { .. })));
    assert!(!grown.tree.contains(&id(&early)));
    assert_eq!(grown.cursor(&id(&early)), None);
    grown.invalidate(&id(&main[19]), "tx_root");
    let mut cursor = cursor;
    let child = extend(&mut cursor, &grown.chain.params, 1, 0);
    assert_eq!(grown.insert(&child[0]), Err(HeaderError::InvalidAncestor(id(&main[19]))));
}

#[test]
fn an_invalid_block_takes_its_branch_with_it() {
    let (mut grown, main, side) = forked(5);
    grown.insert_all(&side);
    let change = grown.invalidate(&id(&main[12]), "state_root").expect("the best chain went through it");
    assert_eq!((change.fork, grown.tree.best().id), (10, id(&side[4])));
    for header in &main[12..] {
        assert_eq!(grown.tree.get(&id(header)).unwrap().status, Status::Invalid);
        assert_eq!(grown.tree.broken_rule(&id(header)), Some("state_root"));
    }
    assert_eq!(grown.tree.broken_rule(&id(&main[11])), None);
    // Off the best chain nothing moves; then the best falls back on what is left of the first branch.
    assert_eq!(grown.invalidate(&id(&side[0]), "tx_balance").map(|change| change.fork), Some(10));
    assert_eq!(grown.tree.best().id, id(&main[11]));
    assert_eq!(grown.invalidate(&id(&side[0]), "tx_balance"), None);
    assert_eq!(grown.invalidate(&id(&main[13]), "tx_nonce"), None);
    assert_eq!(grown.tree.broken_rule(&id(&main[14])), Some("tx_nonce"), "the nearest invalid ancestor's");
    // Back to a block below: nothing new is made, the chain ends there.
    let change = grown.invalidate(&id(&main[0]), "tx_nonce").unwrap();
    assert_eq!(change, BestChange { fork: 0, nodes: Vec::new() });
    assert_eq!(grown.tree.best().height, 0);
    let genesis = grown.chain.genesis.id();
    assert_eq!(grown.invalidate(&genesis, "tx_nonce"), None, "genesis is given");
    assert_eq!(grown.tree.get(&genesis).unwrap().status, Status::Connected);
}

#[test]
fn a_status_is_kept() {
    let (mut grown, main, _) = forked(0);
    for status in [Status::Body, Status::Connected] {
        grown.tree.set_status(&id(&main[0]), status);
        assert_eq!(grown.tree.get(&id(&main[0])).unwrap().status, status);
    }
    grown.tree.set_status(&BlockId::ZERO, Status::Body);
    assert_eq!(grown.tree.get(&BlockId::ZERO), None);
}

#[test]
fn a_locator_thins_out_towards_genesis() {
    let chain = easy();
    let headers = extend(&mut genesis_cursor(&chain), &chain.params, 600, 0);
    let mut grown = Grown::new(chain);
    grown.insert_all(&headers);
    let heights: Vec<_> =
        grown.tree.locator(&id(&headers[599])).iter().map(|id| grown.tree.get(id).unwrap().height).collect();
    let dense = (0..11).map(|back| 600 - back);
    let sparse = [588, 584, 576, 560, 528, 464, 336, 80, 0];
    assert_eq!(heights, dense.chain(sparse).collect::<Vec<_>>());
    let side = extend(&mut genesis_cursor(&grown.chain), &grown.chain.params, 30, 1);
    grown.insert_all(&side);
    let ids = grown.tree.locator(&id(&side[29]));
    assert_eq!((ids.len(), ids[0], ids[1]), (15, id(&side[29]), id(&side[28])));
    assert!(ids.len() <= 64 && ids.last() == Some(&grown.chain.genesis.id()));
}

#[test]
fn many_branches_are_judged_though_few_cursors_are_kept() {
    let chain = easy();
    let mut cursor = genesis_cursor(&chain);
    let main = extend(&mut cursor, &chain.params, 60, 0);
    let mut grown = Grown::new(chain);
    grown.insert_all(&main);
    let mut side = Vec::new();
    for (label, header) in (1..).zip(&main) {
        let mut cursor = grown.cursor(&id(header)).unwrap();
        side.push(extend(&mut cursor, &grown.chain.params, 2, label));
    }
    side.iter().rev().for_each(|branch| drop(grown.insert(&branch[0]).unwrap()));
    side.iter().for_each(|branch| drop(grown.insert(&branch[1]).unwrap()));
    assert!(grown.tree.cursors.len() <= MAX_CURSORS);
    assert_eq!(grown.tree.len(), 1 + 60 + 120);
}

#[test]
fn work_worth_keeping_follows_the_tip_and_the_least() {
    let params = easy().params;
    let own = params.genesis_bits.target().unwrap().work();
    let work = |blocks| own.saturating_mul(blocks);
    assert_eq!(kept_work(work(1_000), own, &params), work(856));
    assert_eq!(kept_work(work(100), own, &params), Work::ZERO);
    let demanding = Params { minimum_work: work(900), ..params };
    assert_eq!(kept_work(work(1_000), own, &demanding), work(900));
    assert_eq!(kept_work(work(1_100), own, &demanding), work(956));
}

#[test]
fn a_stored_tree_comes_back() {
    let (mut grown, main, side) = forked(10);
    grown.insert_all(&side);
    let stored = |grown: &Grown| HeaderTree::new(&grown.chain).0;
    let mut other = stored(&grown);
    let orphan = other.restore(main[1].header(), Status::Body);
    assert_eq!(orphan, Err(HeaderError::UnknownParent(id(&main[0]))));
    // Of two branches with equal work the one restored first leads, until the stored history is named.
    for header in main[..10].iter().chain(&side).chain(&main[10..]) {
        other.restore(header.header(), Status::Body).unwrap();
        other.restore(header.header(), Status::Connected).unwrap();
    }
    assert_eq!(other.get(&id(&main[3])).unwrap().status, Status::Body, "the first time counts");
    assert_eq!(other.best().id, id(&side[9]));
    assert!(other.follow_stored(&id(&main[19])));
    assert_eq!(other.best().id, grown.tree.best().id);
    assert!(!other.follow_stored(&id(&main[18])), "another has more work");
    assert!(!other.follow_stored(&BlockId::ZERO), "unknown");
    let expected = grown.cursor(&id(&side[9]));
    assert_eq!(other.cursor(&id(&side[9]), &grown.nodes), expected);

    let mut with_invalid = stored(&grown);
    for (at, header) in main.iter().enumerate() {
        let status = if at == 15 { Status::Invalid } else { Status::Body };
        with_invalid.restore(header.header(), status).unwrap();
    }
    with_invalid.restore_rule(&id(&main[15]), "tx_sum");
    assert_eq!(with_invalid.best().id, id(&main[14]));
    assert_eq!(with_invalid.get(&id(&main[19])).unwrap().status, Status::Invalid);
    assert_eq!(with_invalid.broken_rule(&id(&main[19])), Some("tx_sum"));
    assert!(!with_invalid.follow_stored(&id(&main[19])));
}

#[test]
fn a_stored_header_with_damaged_bits_is_refused() {
    let chain = easy();
    let mut draft = Draft::after(&genesis_cursor(&chain), &chain.params, 12, 0);
    draft.work.bits = Bits::new(0);
    let mut tree = HeaderTree::new(&chain).0;
    assert!(matches!(tree.restore(&draft.header(), Status::Header), Err(HeaderError::Bits(_))));
    assert_eq!(tree.len(), 1);
}

/// All that was ever inserted, in order; index 0 is genesis.
struct Model {
    chain: Chain,
    blocks: Vec<Known>,
}

struct Known {
    /// None for genesis.
    header: Option<CheckedHeader>,
    parent: usize,
    cursor: Cursor,
    /// The branch's history nodes.
    nodes: BTreeMap<u64, [u8; 32]>,
    invalid: bool,
    has_body: bool,
}

impl Model {
    fn new(chain: Chain) -> Self {
        let (cursor, nodes) = Cursor::genesis(&chain);
        let nodes = nodes.into_iter().collect();
        Self {
            chain,
            blocks: vec![Known { header: None, parent: 0, cursor, nodes, invalid: false, has_body: true }],
        }
    }

    fn child(&self, parent: usize, gap: u32) -> CheckedHeader {
        let label = u32::try_from(self.blocks.len()).unwrap();
        Draft::after(&self.blocks[parent].cursor, &self.chain.params, gap, label).mine(&self.chain.params)
    }

    fn add(&mut self, parent: usize, header: CheckedHeader) {
        let (mut cursor, mut nodes) = (self.blocks[parent].cursor.clone(), self.blocks[parent].nodes.clone());
        nodes.extend(cursor.advance(&header, &self.chain.params));
        let (invalid, has_body) = (false, false);
        self.blocks.push(Known { header: Some(header), parent, cursor, nodes, invalid, has_body });
    }

    fn invalidate(&mut self, at: usize) {
        self.blocks[at].invalid = at != 0;
        for child in 1..self.blocks.len() {
            self.blocks[child].invalid |= self.blocks[self.blocks[child].parent].invalid;
        }
    }

    /// A body came, or is gone.
    fn set_body(&mut self, at: usize, has_body: bool, grown: &mut Grown) {
        if at == 0 || self.blocks[at].invalid {
            return;
        }
        self.blocks[at].has_body = has_body;
        let status = if has_body { Status::Body } else { Status::Header };
        grown.tree.set_status(&self.blocks[at].cursor.id(), status);
    }

    fn is_complete(&self, at: usize) -> bool {
        let known = &self.blocks[at];
        known.has_body && !known.invalid && (at == 0 || self.is_complete(known.parent))
    }

    /// The first with the most work.
    fn best(&self) -> &Known {
        let valid = self.blocks.iter().filter(|known| !known.invalid);
        valid.reduce(|a, b| if b.cursor.work() > a.cursor.work() { b } else { a }).unwrap()
    }

    /// The block and its ancestors, genesis last.
    fn line(&self, mut at: usize) -> Vec<BlockId> {
        let mut ids = vec![self.blocks[at].cursor.id()];
        while at != 0 {
            at = self.blocks[at].parent;
            ids.push(self.blocks[at].cursor.id());
        }
        ids
    }

    fn heads(&self) -> Vec<BlockId> {
        let is_parent = |at: usize| self.blocks.iter().skip(1).any(|known| known.parent == at);
        let mut heads: Vec<_> =
            (0..self.blocks.len()).filter(|at| !is_parent(*at)).map(|at| &self.blocks[at].cursor).collect();
        heads.sort_by_key(|cursor| std::cmp::Reverse(cursor.work()));
        heads.into_iter().map(Cursor::id).collect()
    }

    /// What must hold after each step.
    fn agrees(&self, grown: &mut Grown, a: usize, b: usize) {
        let best = self.best();
        assert_eq!(grown.tree.best().id, best.cursor.id());
        assert_eq!(grown.tree.best().work, best.cursor.work());
        assert_eq!(grown.nodes.all(), &best.nodes, "the store holds the best chain's history");
        assert_eq!(grown.tree.heads().iter().map(|head| head.id).collect::<Vec<_>>(), self.heads());
        let (from, to) = (self.line(a), self.line(b));
        let (fork, path) = grown.tree.path(&from[0], &to[0]).unwrap();
        let shared = to.iter().position(|id| from.contains(id)).unwrap();
        let shared_id = to[shared];
        assert_eq!(fork.id, shared_id);
        assert_eq!(path, to[..shared].iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(grown.tree.leads_to(&from[0], &to[0]), shared_id == from[0]);
        for (at, known) in self.blocks.iter().enumerate() {
            let info = grown.tree.get(&known.cursor.id()).unwrap();
            assert_eq!(info.complete, self.is_complete(at), "{at}");
        }
        let info = |id: &BlockId| grown.tree.get(id).unwrap();
        let complete = from.iter().find(|id| info(id).complete);
        assert_eq!(grown.tree.last_complete(&from[0]).map(|last| last.id).as_ref(), complete);
        let work = info(&to[0]).work;
        let within = from.iter().find(|id| info(id).work <= work).or(from.last());
        assert_eq!(grown.tree.last_within(&from[0], work).map(|last| last.id).as_ref(), within);
        assert_eq!(grown.cursor(&from[0]).as_ref(), Some(&self.blocks[a].cursor));
        let locator = grown.tree.locator(&from[0]);
        assert!(locator.iter().all(|id| from.contains(id)) && locator.len() <= 64);
        assert_eq!((locator.first(), locator.last()), (from.first(), from.last()));
    }

    /// A tree restored from the headers by height gives the same answers.
    fn comes_back(&self, grown: &mut Grown) {
        let mut tree = HeaderTree::new(&self.chain).0;
        let mut stored: Vec<_> = self.blocks.iter().filter_map(|known| known.header.as_ref()).collect();
        stored.sort_by_key(|header| header.header().height());
        for header in stored {
            let status = grown.tree.get(&id(header)).unwrap().status;
            tree.restore(header.header(), status).unwrap();
        }
        assert_eq!(tree.best().work, grown.tree.best().work);
        assert!(tree.follow_stored(&grown.tree.best().id));
        let infos = |tree: &HeaderTree| -> Vec<_> {
            self.blocks.iter().map(|known| tree.get(&known.cursor.id()).unwrap()).collect()
        };
        assert_eq!(infos(&tree), infos(&grown.tree));
        for known in &self.blocks {
            let cursor = tree.cursor(&known.cursor.id(), &grown.nodes);
            assert_eq!(cursor.as_ref(), Some(&known.cursor));
        }
        for height in 0..=grown.tree.best().height + 1 {
            assert_eq!(tree.best_at(height), grown.tree.best_at(height));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A block on any block, so many seconds after it.
    Extend(Index, u32),
    /// A block on the newest block.
    Grow(u32),
    Invalidate(Index),
    /// A body comes, or is gone.
    Body(Index, bool),
}

fn steps() -> impl Strategy<Value = Step> {
    let gaps = prop::sample::select(vec![3u32, 6, 12, 20, 60]);
    prop_oneof![
        4 => (any::<Index>(), gaps.clone()).prop_map(|(at, gap)| Step::Extend(at, gap)),
        6 => gaps.prop_map(Step::Grow),
        1 => any::<Index>().prop_map(Step::Invalidate),
        6 => (any::<Index>(), prop::bool::weighted(0.9)).prop_map(|(at, comes)| Step::Body(at, comes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_trees_agree_with_the_model(
        steps in vec((steps(), any::<[Index; 2]>()), 1..70),
        half_life in prop::sample::select(vec![60u32, 120, 3_456]),
        // Every second hash: equal work is common. Every 32nd: a shorter branch may have more of it.
        bits in prop::sample::select(vec!["207fffff", "2007ffff"]),
    ) {
        let chain = lab_at(bits, Difficulty::Asert { half_life });
        let (mut model, mut grown) = (Model::new(chain.clone()), Grown::new(chain));
        for (step, [a, b]) in steps {
            let len = model.blocks.len();
            let (parent, gap) = match step {
                Step::Extend(at, gap) => (at.index(len), gap),
                Step::Grow(gap) => (len - 1, gap),
                Step::Body(at, comes) => {
                    model.set_body(at.index(len), comes, &mut grown);
                    model.agrees(&mut grown, a.index(len), b.index(len));
                    continue;
                }
                Step::Invalidate(at) => {
                    let at = at.index(len);
                    grown.invalidate(&model.blocks[at].cursor.id(), "tx_balance");
                    model.invalidate(at);
                    model.agrees(&mut grown, a.index(len), b.index(len));
                    continue;
                }
            };
            let header = model.child(parent, gap);
            let inserted = grown.insert(&header);
            if model.blocks[parent].invalid {
                prop_assert_eq!(inserted, Err(HeaderError::InvalidAncestor(header.header().parent())));
                continue;
            }
            prop_assert!(matches!(inserted, Ok(Inserted::New(_))));
            prop_assert_eq!(grown.insert(&header), Ok(Inserted::Known));
            model.add(parent, header);
            model.agrees(&mut grown, a.index(len), b.index(len));
        }
        model.comes_back(&mut grown);
    }
}
