//! What tests build: transactions, chains of headers, peers.

use crate::driver::{
    MessageRef, NetCommand, NetEvent, Protocol, ReplyToken, RequestFailure, RequestId, Topic, Verdict,
};
use crate::peers::{Arrival, Slot};
use crate::protocol::{
    AnnounceOutcome, BodyOutcome, ChainView, HeadersOutcome, Network, NetworkConfig, Output, PeerOptions,
    Report,
};
use crate::wire::{Announcement, Answer, Question, Status};
use libp2p::multihash::Multihash;
use libp2p::{Multiaddr, PeerId};
use starling_primitives::{
    Address, Amount, Auth, Bits, BlockId, Content, GenesisId, Header, HistoryRoot, Memo, Policy, StateRoot,
    Transaction, UnsignedTransaction, Work, WorkHeader, Wtxid, tx_root,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The `n`-th peer, always the same.
pub(crate) fn peer(n: u8) -> PeerId {
    // Code 0 is the identity hash, the form of the id of a short key.
    let hash = Multihash::<64>::wrap(0, &[n; 36]).expect("36 bytes fit");
    PeerId::from_multihash(hash).expect("an identity hash of at most 42 bytes")
}

/// A well-formed transaction, another for each nonce; its signature is not one.
pub(crate) fn tx(nonce: u64) -> Arc<Transaction> {
    tx_to(nonce, 1)
}

/// The same with so many outputs.
pub(crate) fn tx_to(nonce: u64, outputs: usize) -> Arc<Transaction> {
    let output = starling_primitives::Output { to: Address::new([1; 20]), amount: Amount::MAX };
    let unsigned = UnsignedTransaction {
        chain_id: 7,
        nonce,
        fee: Amount::ZERO,
        valid_until: 0,
        outputs: vec![output; outputs],
        memo: Memo::default(),
        policy: Policy::Single([2; 32]),
    };
    Arc::new(unsigned.with_auth(&Auth::Single([3; 64])).expect("well formed"))
}

/// The ids of transactions.
pub(crate) fn ids(txs: &[Arc<Transaction>]) -> Vec<Wtxid> {
    txs.iter().map(|tx| tx.wtxid()).collect()
}

/// A header at `height` upon `parent` that commits to these transactions.
pub(crate) fn header(parent: BlockId, height: u32, txs: &[Arc<Transaction>]) -> Header {
    let bytes: usize = txs.iter().map(|tx| 2 + tx.size()).sum();
    let content = Content {
        height,
        miner: Address::new([9; 20]),
        tx_count: u32::try_from(txs.len()).expect("few"),
        body_bytes: u32::try_from(bytes).expect("few"),
        tx_root: tx_root(ids(txs)),
        state_root: StateRoot::ZERO,
        history_root: HistoryRoot::ZERO,
    };
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent,
        root: [0; 32],
        time: height,
        bits: Bits::new(0x207f_ffff),
        nonce: 0,
    };
    Header::new(work, &[0, 0], content).expect("well formed")
}

/// `count` empty blocks on genesis: heights 1 to `count`.
pub(crate) fn chain(genesis: BlockId, count: u32) -> Vec<Header> {
    let mut parent = genesis;
    let step = |height| {
        let header = header(parent, height, &[]);
        parent = header.id();
        header
    };
    (1..=count).map(step).collect()
}

/// The announcement of a block.
pub(crate) fn announcement(header: &Header, txs: &[Arc<Transaction>]) -> Vec<u8> {
    Announcement::new(header.clone(), &ids(txs)).encode()
}

/// A chain and a pool as a test has them.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) status: Status,
    pub(crate) locator: Vec<BlockId>,
    pub(crate) headers: HashSet<BlockId>,
    pub(crate) work: u8,
    pub(crate) pool: HashMap<Wtxid, Arc<Transaction>>,
    pub(crate) known: HashSet<Wtxid>,
    pub(crate) synced: bool,
    pub(crate) stale: bool,
}

impl ChainView for Script {
    fn status(&self) -> Status {
        self.status
    }

    fn locator(&self) -> Vec<BlockId> {
        self.locator.clone()
    }

    fn has_header(&self, id: &BlockId) -> bool {
        self.headers.contains(id)
    }

    fn best_header_work(&self) -> Work {
        work(self.work)
    }

    fn pool_tx(&self, id: &Wtxid) -> Option<Arc<Transaction>> {
        self.pool.get(id).cloned()
    }

    fn pool_ids(&self) -> Box<dyn Iterator<Item = Wtxid> + '_> {
        Box::new(self.pool.keys().copied())
    }

    fn knows_tx(&self, id: &Wtxid) -> bool {
        self.known.contains(id) || self.pool.contains_key(id)
    }

    fn synced(&self) -> bool {
        self.synced
    }

    fn is_stale(&self) -> bool {
        self.stale
    }
}

/// A small amount of work.
pub(crate) fn work(amount: u8) -> Work {
    let mut bytes = [0; 32];
    bytes[31] = amount;
    Work::from_be_bytes(bytes)
}

/// A connection to this address.
pub(crate) fn arrival(address: Multiaddr, outbound: bool, slot: Slot) -> Arrival {
    Arrival { address, outbound, slot }
}

/// The genesis of all tests.
pub(crate) const GENESIS: GenesisId = GenesisId::new([0xaa; 32]);

/// The status of a node at `height` with this work.
pub(crate) fn status(height: u32, amount: u8) -> Status {
    let mut tip = [amount; 32];
    tip[..4].copy_from_slice(&height.to_le_bytes());
    let (tip, work) = (BlockId::new(tip), work(amount));
    Status { genesis: GENESIS, tip, height, work, oldest_body: 0, fee_floor: 1 }
}

/// A question that went out.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) peer: PeerId,
    pub(crate) id: RequestId,
    pub(crate) question: Question,
}

/// The machines with everything that came out of them.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) net: Network,
    pub(crate) view: Script,
    pub(crate) now: Duration,
    pub(crate) asked: Vec<Asked>,
    pub(crate) commands: Vec<NetCommand>,
    pub(crate) reports: Vec<Report>,
    tokens: u64,
}

impl Bench {
    /// A node at genesis that counts as synced.
    pub(crate) fn new() -> Self {
        Self::with(Self::config())
    }

    /// How such a node is set up: on an open chain, with nowhere to begin.
    pub(crate) fn config() -> NetworkConfig {
        NetworkConfig {
            genesis: GENESIS,
            max_body_bytes: 4 * 1024 * 1024,
            seed: 1,
            epoch: 1_000_000,
            public: false,
            peers: PeerOptions::default(),
        }
    }

    pub(crate) fn with(config: NetworkConfig) -> Self {
        let genesis = BlockId::from(GENESIS);
        let view = Script {
            status: status(0, 1),
            locator: vec![genesis],
            headers: HashSet::from([genesis]),
            work: 1,
            pool: HashMap::new(),
            known: HashSet::new(),
            synced: true,
            stale: false,
        };
        let (net, now) = (Network::new(config), Duration::from_secs(1));
        Self { net, view, now, asked: vec![], commands: vec![], reports: vec![], tokens: 0 }
    }

    /// Sorts what came out.
    pub(crate) fn sort(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Command(NetCommand::Request { peer, id, protocol, data }) => {
                    let question = Question::decode(protocol, &data).expect("our own questions decode");
                    self.asked.push(Asked { peer, id, question });
                }
                Output::Command(command) => self.commands.push(command),
                Output::Report(report) => self.reports.push(report),
            }
        }
    }

    pub(crate) fn event(&mut self, event: NetEvent) {
        let outputs = self.net.handle(event, &self.view, self.now);
        self.sort(outputs);
    }

    /// Lets time go by, with a tick every 100 ms.
    pub(crate) fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            self.now += Duration::from_millis(100);
            let outputs = self.net.tick(&self.view, self.now);
            self.sort(outputs);
        }
    }

    pub(crate) fn connect(&mut self, n: u8) {
        let address = format!("/ip4/10.0.0.{n}/tcp/7333").parse().expect("an address");
        self.event(NetEvent::Connected { peer: peer(n), address, outbound: true });
    }

    /// Connects a peer that answers with this status and an empty pool.
    pub(crate) fn meet(&mut self, n: u8, theirs: Status) {
        self.connect(n);
        let asked = self.take(n, Protocol::Status).expect("a new peer is asked for its status");
        self.reply(&asked, &Answer::Status(theirs));
        if let Some(asked) = self.take(n, Protocol::Pool) {
            self.reply(&asked, &Answer::Pool { next: Wtxid::ZERO, ids: vec![] });
        }
    }

    /// Lets a peer connect that answers with this status.
    pub(crate) fn come(&mut self, n: u8, theirs: Status) {
        let address = format!("/ip4/10.0.0.{n}/tcp/7333").parse().expect("an address");
        self.event(NetEvent::Connected { peer: peer(n), address, outbound: false });
        let asked = self.take(n, Protocol::Status).expect("a new peer is asked for its status");
        self.reply(&asked, &Answer::Status(theirs));
    }

    pub(crate) fn leave(&mut self, n: u8) {
        self.event(NetEvent::Disconnected { peer: peer(n) });
        self.asked.retain(|asked| asked.peer != peer(n));
    }

    /// The first question of a protocol to a peer, taken off the list.
    pub(crate) fn take(&mut self, n: u8, protocol: Protocol) -> Option<Asked> {
        let fits = |asked: &Asked| asked.peer == peer(n) && asked.question.protocol() == protocol;
        let at = self.asked.iter().position(fits)?;
        Some(self.asked.remove(at))
    }

    /// How many questions of a protocol wait for an answer of a peer.
    pub(crate) fn waiting(&self, n: u8, protocol: Protocol) -> usize {
        let fits = |asked: &&Asked| asked.peer == peer(n) && asked.question.protocol() == protocol;
        self.asked.iter().filter(fits).count()
    }

    pub(crate) fn reply(&mut self, asked: &Asked, answer: &Answer) {
        self.reply_raw(asked, Ok(answer.encode()));
    }

    pub(crate) fn reply_raw(&mut self, asked: &Asked, result: Result<Vec<u8>, RequestFailure>) {
        self.event(NetEvent::Response { peer: asked.peer, request: asked.id, result });
    }

    /// A peer asks; its token.
    pub(crate) fn ask(&mut self, n: u8, protocol: Protocol, data: Vec<u8>) -> ReplyToken {
        self.tokens += 1;
        let token = ReplyToken::new(self.tokens);
        self.event(NetEvent::Request { peer: peer(n), token, protocol, data });
        token
    }

    /// A peer gossips; the message's name.
    pub(crate) fn gossip(&mut self, n: u8, topic: Topic, data: Vec<u8>) -> MessageRef {
        self.tokens += 1;
        let mut id = [0; 20];
        id[..8].copy_from_slice(&self.tokens.to_le_bytes());
        let message = MessageRef::new(peer(n), id);
        self.event(NetEvent::Gossip { peer: peer(n), topic, message: message.clone(), data });
        message
    }

    pub(crate) fn announcement_checked(&mut self, id: BlockId, outcome: AnnounceOutcome) {
        let outputs = self.net.announcement_checked(id, outcome, &self.view, self.now);
        self.sort(outputs);
    }

    pub(crate) fn headers_checked(&mut self, n: u8, outcome: HeadersOutcome) {
        let outputs = self.net.headers_checked(peer(n), outcome, &self.view, self.now);
        self.sort(outputs);
    }

    pub(crate) fn body_checked(&mut self, id: &BlockId, outcome: BodyOutcome) {
        let outputs = self.net.body_checked(id, outcome, &self.view, self.now);
        self.sort(outputs);
    }

    pub(crate) fn want(&mut self, list: &[(BlockId, u32)]) {
        let outputs = self.net.want_bodies(list, &self.view, self.now);
        self.sort(outputs);
    }

    /// The verdicts given on a message.
    pub(crate) fn verdicts(&self, about: &MessageRef) -> Vec<Verdict> {
        let verdict = |command: &NetCommand| match command {
            NetCommand::Verdict { message, verdict } if message == about => Some(*verdict),
            _ => None,
        };
        self.commands.iter().filter_map(verdict).collect()
    }

    /// The bodies handed to the core.
    pub(crate) fn bodies(&self) -> Vec<BlockId> {
        let id = |report: &Report| match report {
            Report::Body { id, .. } => Some(*id),
            _ => None,
        };
        self.reports.iter().filter_map(id).collect()
    }

    pub(crate) fn is_banned(&self, n: u8) -> bool {
        let known = self.net.bans().iter().any(|ban| ban.peer_id == peer(n));
        assert_eq!(
            known,
            self.commands.contains(&NetCommand::Ban(peer(n))),
            "the driver is told of each ban"
        );
        known
    }

    pub(crate) fn is_connected(&self, n: u8) -> bool {
        self.net.peers().iter().any(|info| info.peer_id == peer(n))
    }

    pub(crate) fn score(&self, n: u8) -> f64 {
        self.net.peers().iter().find(|info| info.peer_id == peer(n)).map_or(f64::MIN, |info| info.score)
    }
}
