//! The core, driven as the shell drives it: two cores mine apart, one hears of the other's blocks.

mod forks;
mod linked;
mod syncing;
mod templates;

use super::*;
use starling_consensus::{CheckedBlock, CheckedHeader, HeaderError, KnownKeys, Status};
use starling_genesis::NewChain;
use starling_network::TxSource;
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, Memo, Output, Prefix, TxId, WorkHeader};
use starling_wallet::{Fee, Key, Payment};
use tempfile::TempDir;

const STAR: u128 = 1_000_000_000_000_000_000;
const GENESIS_TIME: u32 = 1_000_000;

fn key(number: u8) -> Key {
    Key::from_seed(&[number; 32])
}

/// A chain on which two hashes are work enough, and keys 1 to 5 own 1,000 STAR each.
fn chain() -> Chain {
    let prefix = Prefix::new("dstar").unwrap();
    let prefund = (1..=5).map(|n| (key(n).address().to_text(&prefix), "1000".to_owned())).collect();
    let new = NewChain {
        name: "core".into(),
        interval: 1,
        bits: Some("207fffff".into()),
        pow: "sha256d".into(),
        time: GENESIS_TIME,
        prefund,
    };
    Chain::create(new).unwrap().1
}

pub(super) struct Node {
    pub(super) core: Core,
    now: Now,
    tips: Vec<TipEvent>,
    /// What the network was told to do.
    outbox: Vec<NetCommand>,
    /// Whether jobs are run at once; else they wait in `jobs`.
    inline: bool,
    jobs: Vec<Job>,
    _dir: TempDir,
}

impl Node {
    pub(super) fn new() -> Self {
        Self::of(chain())
    }

    fn of(chain: Chain) -> Self {
        Self::with_body_bytes(chain, 64 << 20)
    }

    /// With so much memory for bodies.
    fn with_body_bytes(chain: Chain, body_bytes: usize) -> Self {
        let dir = TempDir::new().unwrap();
        let (ledger, tree) = Ledger::open(&dir.path().join("db"), Arc::new(chain)).unwrap();
        let now = Now { mono: Duration::ZERO, unix: u64::from(GENESIS_TIME) + 10_000 };
        let config = CoreConfig {
            seed: 1,
            pool_bytes: 10 << 20,
            body_bytes,
            key_bytes: 1 << 20,
            mine_alone: false,
            sync_blocks: true,
            pipelined: false,
            peers: Default::default(),
        };
        let core = Core::new(ledger, tree, config, now);
        Self { core, now, tips: vec![], outbox: vec![], inline: true, jobs: vec![], _dir: dir }
    }

    fn pass(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.unix += time.as_secs();
    }

    /// Runs `f` on the core and carries out what follows, jobs inline.
    fn call<T: Send + 'static>(&mut self, f: impl FnOnce(&mut Core) -> T + Send + 'static) -> T {
        let (reply, answer) = std::sync::mpsc::channel();
        self.send(Event::Call(Box::new(move |core| reply.send(f(core)).unwrap())));
        answer.recv().unwrap()
    }

    fn send(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.core.handle(event, self.now) {
                match effect {
                    Effect::Work(job) if !self.inline => self.jobs.push(job),
                    Effect::Work(job) => events.push_back(Event::Done(job.run())),
                    Effect::Continue => events.push_back(Event::Continue),
                    Effect::Tip(change) => self.tips.push(*change),
                    Effect::Fatal(error) => panic!("{error}"),
                    Effect::Net(command) => self.outbox.push(command),
                    Effect::Pool(_) => {}
                }
            }
        }
    }

    /// Mines a block for the key with this number; returns its id.
    pub(super) fn mine(&mut self, miner: u8) -> BlockId {
        self.pass(Duration::from_secs(5));
        let payout = key(miner).address();
        let template = self.call(move |core| core.template(payout, &[], false)).unwrap();
        let header = solve(&template.header, self.core.chain());
        let id = header.id();
        assert!(self.call(move |core| core.submit_block(header)).unwrap());
        id
    }

    fn submit(&mut self, from: u8, nonce: u64, to: Address, star: u128) -> TxId {
        let tx = pay(self.core.chain(), from, nonce, to, star);
        self.call(move |core| core.submit_tx(tx)).unwrap()
    }

    /// All blocks of the connected chain above genesis.
    pub(super) fn blocks(&self) -> Vec<CheckedBlock> {
        let reader = self.core.ledger().reader();
        let view = reader.view().unwrap();
        let chain = self.core.chain();
        let block = |height| {
            let block = view.block(&view.canonical(height).unwrap().unwrap()).unwrap().unwrap();
            let header = CheckedHeader::check(block.header, &chain.params).unwrap();
            CheckedBlock::check(header, block.txs, &chain.genesis_id(), |_| false, &KnownKeys::none())
                .unwrap()
        };
        (1..=view.tip().height).map(block).collect()
    }

    fn import(&mut self, blocks: Vec<CheckedBlock>) {
        for block in blocks {
            self.call(move |core| core.import(block)).unwrap();
        }
    }

    fn account(&self, address: &Address) -> Account {
        use starling_consensus::Accounts;
        self.core.ledger().account(address).unwrap()
    }

    fn height(&self) -> u32 {
        self.core.ledger().tip().height
    }

    fn assert_supply(&self, numbers: std::ops::Range<u8>) {
        let total = Amount::sum(numbers.map(|n| self.account(&key(n).address()).balance)).unwrap();
        assert_eq!(total, self.core.ledger().supply());
    }
}

pub(super) fn pay(chain: &Chain, from: u8, nonce: u64, to: Address, star: u128) -> Arc<Transaction> {
    let outputs = vec![Output { to, amount: Amount::from_motes(star * STAR).unwrap() }];
    let fee = Fee::Exact(Amount::from_star("0.001").unwrap());
    let payment = Payment { nonce, fee, valid_until: 0, outputs, memo: Memo::default() };
    let unsigned = payment.unsigned(key(from).policy(), &chain.genesis_id()).unwrap();
    Arc::new(key(from).sign(&unsigned, &chain.genesis_id()).unwrap())
}

pub(super) fn solve(template: &Header, chain: &Chain) -> Header {
    let target = template.work().bits.target().unwrap();
    (0..u32::MAX)
        .map(|nonce| {
            let work = WorkHeader { nonce, ..*template.work() };
            Header::new(work, template.extra().as_bytes(), *template.content()).unwrap()
        })
        .find(|header| target.is_met_by(&header.work().pow_hash(chain.params.pow)))
        .unwrap()
}

#[test]
fn a_submitted_payment_is_mined() {
    let mut node = Node::new();
    let to = key(9).address();
    let txid = node.submit(1, 0, to, 5);
    assert_eq!(node.core.pool().info().executable, 1);
    node.mine(2);
    assert_eq!(node.core.pool().info().count, 0);
    assert_eq!(node.account(&to).balance.motes(), 5 * STAR);
    let reader = node.core.ledger().reader();
    assert_eq!(reader.view().unwrap().tx_location(&txid).unwrap().unwrap().height, 1);
    node.assert_supply(1..10);
}

#[test]
fn the_pool_is_read_back_after_a_restart() {
    let mut node = Node::new();
    node.submit(1, 0, key(8).address(), 5);
    let bytes = node.core.pool().encode();
    let mut again = Node::new();
    let loaded = again.call(move |core| core.load_pool(&bytes)).unwrap();
    assert_eq!((loaded.added, loaded.refused), (1, 0));
    again.mine(2);
    assert_eq!(again.account(&key(8).address()).balance.motes(), 5 * STAR);
}

#[test]
fn a_block_of_our_own_from_the_future_leaves_no_header_without_its_body() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    theirs.mine(3);
    let block = theirs.blocks().remove(0);
    let id = block.header().header().id();
    ours.now.unix = u64::from(GENESIS_TIME) + 10_000 - 600;
    let refused = ours.call(move |core| core.import(block));
    assert!(
        matches!(refused, Err(SubmitBlockError::Header(HeaderError::FromTheFuture { .. }))),
        "{refused:?}"
    );
    ours.pass(Duration::from_secs(1_200));
    ours.send(Event::Tick);
    assert!(!ours.core.tree().contains(&id));
}

#[test]
fn easy_headers_from_the_future_do_not_push_out_others() {
    let mut node = Node::new();
    node.mine(1);
    let parent = node.blocks().pop().unwrap().header().header().clone();
    node.now.unix = u64::from(parent.work().time) - 200;
    let payout = key(1).address();
    for nonce in 0..200u32 {
        let template = node.call(move |core| core.template(payout, &[], true));
        let Ok(template) = template else { break };
        let extra = nonce.to_le_bytes();
        let content = *template.header.content();
        let rootless = Header::new(*template.header.work(), &extra, content).unwrap();
        let work = WorkHeader { root: rootless.coinbase().root(), ..*template.header.work() };
        let header = solve(&Header::new(work, &extra, content).unwrap(), node.core.chain());
        node.call(move |core| core.on_announcement(header)).unwrap();
    }
    assert!(node.core.held.0.len() <= 4, "{}", node.core.held.0.len());
}

#[test]
fn what_an_old_block_holds_is_not_remembered_for_relay() {
    let (mut theirs, mut ours) = (Node::new(), Node::new());
    theirs.submit(1, 0, key(5).address(), 1);
    theirs.mine(1);
    theirs.pass(Duration::from_secs(4_000));
    theirs.submit(1, 1, key(5).address(), 1);
    theirs.mine(1);
    let blocks = theirs.blocks();
    let ids: Vec<_> = blocks.iter().map(|block| block.txs()[0].wtxid()).collect();
    ours.now = theirs.now;
    ours.import(blocks);
    assert_eq!(ours.height(), 2);
    assert_eq!(ids.iter().map(|id| ours.core.recent.contains(id)).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn blocks_that_come_together_are_taken_up_to_one_that_is_refused() {
    let (mut theirs, mut ours) = (Node::new(), Node::new());
    for _ in 0..4 {
        theirs.mine(1);
    }
    let mut blocks = theirs.blocks();
    blocks.remove(2);
    let (at, error) = ours.call(move |core| core.import_all(blocks)).unwrap_err();
    assert!(matches!(error, SubmitBlockError::Header(HeaderError::UnknownParent(_))), "{error}");
    assert_eq!((at, ours.height()), (2, 2), "those before it are there");
}

#[test]
fn what_comes_in_one_answer_is_verified_together_but_for_what_is_refused_anyway() {
    let mut node = Node::new();
    let chain = node.core.chain().clone();
    let (one, other) = (pay(&chain, 1, 0, key(5).address(), 1), pay(&chain, 2, 0, key(5).address(), 1));
    let poor = pay(&chain, 3, 0, key(5).address(), 2_000);
    let source = TxSource::Direct { peer: PeerId::random() };
    let pulled = |tx: &Arc<Transaction>| Report::Transaction { source: source.clone(), tx: tx.clone() };
    let same_nonce = pay(&chain, 1, 0, key(4).address(), 1);
    node.core.reports.extend([&one, &poor, &other, &same_nonce].map(pulled));
    node.core.verify_pulled();
    let verified = |tx: &Arc<Transaction>| node.core.pool().is_verified(&tx.wtxid());
    assert_eq!([&one, &other, &poor, &same_nonce].map(verified), [true, true, false, false]);
    node.core.drain_reports().unwrap();
    let held = |tx: &Arc<Transaction>| node.core.pool().contains(&tx.wtxid());
    assert_eq!([&one, &other, &poor].map(held), [true, true, false]);
}
