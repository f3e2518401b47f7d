//! What strangers send, as events for the network's machines: no panic, bounded answers, and whatever decodes
//! has that one encoding.
//!
//! The input is a list of steps, each of four bytes and what it carries: `what << 3 | peer`, a number, the
//! length of the rest in little endian.

use starling_network::{
    AnnounceOutcome, Announcement, Answer, BodyOutcome, ChainView, Delivery, HeadersOutcome, Keypair,
    MessageRef, NetCommand, NetEvent, Network, NetworkConfig, Output, PeerId, PeerOptions, Penalty, Protocol,
    Question, ReplyToken, Report, RequestFailure, RequestId, Status, Topic, TxOutcome,
};
use starling_primitives::{BlockId, GenesisId, Transaction, Work, Wtxid};
use std::sync::Arc;
use std::time::Duration;

/// The chain of all inputs.
const GENESIS: GenesisId = GenesisId::new([0xaa; 32]);
/// Steps of one input, at the most.
const MAX_STEPS: usize = 64;
/// What one step may lead to, of commands and reports: a few for each of the peers and of the protocols.
const MAX_OUTPUTS: usize = 1_000;
/// Time between two ticks.
const TICK: Duration = Duration::from_millis(100);

/// A chain of genesis alone, whose node is synced and knows no transaction.
struct AtGenesis;

impl ChainView for AtGenesis {
    fn status(&self) -> Status {
        let (genesis, tip) = (GENESIS, BlockId::from(GENESIS));
        Status { genesis, tip, height: 0, work: Work::ZERO, oldest_body: 0, fee_floor: 1 }
    }

    fn locator(&self) -> Vec<BlockId> {
        vec![BlockId::from(GENESIS)]
    }

    fn has_header(&self, id: &BlockId) -> bool {
        *id == BlockId::from(GENESIS)
    }

    fn best_header_work(&self) -> Work {
        Work::ZERO
    }

    fn pool_tx(&self, _: &Wtxid) -> Option<Arc<Transaction>> {
        None
    }

    fn pool_ids(&self) -> Box<dyn Iterator<Item = Wtxid> + '_> {
        Box::new(std::iter::empty())
    }

    fn knows_tx(&self, _: &Wtxid) -> bool {
        false
    }

    fn synced(&self) -> bool {
        true
    }

    fn is_stale(&self) -> bool {
        false
    }
}

/// The machines, and what they wait for.
struct Node {
    network: Network,
    now: Duration,
    asked: Vec<(PeerId, Protocol, RequestId)>,
    reports: Vec<Report>,
    tokens: u64,
}

/// Feeds the steps of `input` to a new node.
pub(crate) fn run(mut input: &[u8]) {
    let config = NetworkConfig {
        genesis: GENESIS,
        max_body_bytes: 1 << 20,
        seed: 1,
        epoch: 1_000_000,
        public: false,
        peers: PeerOptions::default(),
    };
    let (network, now) = (Network::new(config), Duration::from_secs(1));
    let mut node = Node { network, now, asked: vec![], reports: vec![], tokens: 0 };
    for _ in 0..MAX_STEPS {
        let [what, number, low, high, rest @ ..] = input else { return };
        let bytes = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (data, rest) = rest.split_at(bytes);
        node.step(what >> 3, peer(what & 7), *number, data);
        input = rest;
    }
}

fn peer(n: u8) -> PeerId {
    let key = Keypair::ed25519_from_bytes([n + 1; 32]).expect("any bytes are a key");
    key.public().to_peer_id()
}

impl Node {
    fn step(&mut self, what: u8, peer: PeerId, number: u8, data: &[u8]) {
        let protocol = Protocol::ALL[usize::from(number) % Protocol::ALL.len()];
        let event = match what {
            0 => {
                let address = format!("/ip4/10.0.{number}.1/tcp/8644").parse().expect("an address");
                NetEvent::Connected { peer, address, outbound: number.is_multiple_of(2) }
            }
            1 => NetEvent::Disconnected { peer },
            2 => {
                let topic = Topic::ALL[usize::from(number) % Topic::ALL.len()];
                if let Ok(announcement) = Announcement::decode(data) {
                    assert_eq!(announcement.encode(), data);
                }
                let message = MessageRef::new(peer, [number; 20]);
                NetEvent::Gossip { peer, topic, message, data: data.to_vec() }
            }
            3 => {
                if let Ok(question) = Question::decode(protocol, data) {
                    assert_eq!(question.encode(), data);
                }
                self.tokens += 1;
                let token = ReplyToken::new(self.tokens);
                NetEvent::Request { peer, token, protocol, data: data.to_vec() }
            }
            4 | 5 => {
                // The first question in this protocol, else the first.
                let of = |(asked, ..): &&(PeerId, Protocol, RequestId)| *asked == peer;
                let first = self.asked.iter().filter(of).min_by_key(|(_, of, _)| *of != protocol);
                let Some(first) = first.copied() else { return };
                self.asked.retain(|asked| *asked != first);
                let (peer, _, request) = first;
                let result = if what == 4 { Ok(data.to_vec()) } else { Err(RequestFailure::Timeout) };
                NetEvent::Response { peer, request, result }
            }
            6 => return (0..=number % 32).for_each(|_| self.tick()),
            7 => return self.judge(number),
            8 => {
                let (record, agent) = (Some(data.to_vec()), "fuzz/1".to_owned());
                NetEvent::Identified { peer, agent, protocols_ok: !number.is_multiple_of(8), record }
            }
            9 => {
                let (over, in_mesh) =
                    (8 * u32::from(number), [number.is_multiple_of(2), number.is_multiple_of(3)]);
                let delivery = Delivery { over, in_mesh, ..Delivery::default() };
                NetEvent::Delivered(vec![(peer, delivery)])
            }
            10 => NetEvent::Ping { peer, rtt: Duration::from_millis(number.into()) },
            _ => return self.find(number, data),
        };
        let outputs = self.network.handle(event, &AtGenesis, self.now);
        self.take(outputs);
    }

    fn tick(&mut self) {
        self.now += TICK;
        let outputs = self.network.tick(&AtGenesis, self.now);
        self.take(outputs);
    }

    /// The best block is another one, ours or not.
    fn find(&mut self, number: u8, data: &[u8]) {
        if let Ok(announcement) = Announcement::decode(data) {
            let outputs =
                self.network.tip_changed(announcement, number.is_multiple_of(2), &AtGenesis, self.now);
            self.take(outputs);
        }
    }

    /// The core's word on what was reported first.
    fn judge(&mut self, number: u8) {
        if self.reports.is_empty() {
            return;
        }
        let (network, now) = (&mut self.network, self.now);
        let outputs = match self.reports.remove(0) {
            Report::Announcement { header, .. } => {
                let outcome = match number % 4 {
                    0 => AnnounceOutcome::Accept { want_body: true },
                    1 => AnnounceOutcome::Ignore,
                    2 => AnnounceOutcome::UnknownParent,
                    _ => AnnounceOutcome::Reject(Penalty::Ban),
                };
                network.announcement_checked(header.id(), outcome, &AtGenesis, now)
            }
            Report::Transaction { source, tx } => {
                let outcomes = [TxOutcome::Accept, TxOutcome::Ignore, TxOutcome::Reject(Penalty::Medium)];
                network.transaction_checked(source, &tx, outcomes[usize::from(number % 3)], now)
            }
            Report::Headers { peer, headers } => {
                let wanted: Vec<(BlockId, u32)> =
                    headers.iter().map(|header| (header.id(), header.height())).collect();
                let outcome = match number % 4 {
                    0 | 1 => HeadersOutcome::Accept { new: headers.len() },
                    2 => HeadersOutcome::Ignore,
                    _ => HeadersOutcome::Reject(Penalty::Ban),
                };
                let mut outputs = network.headers_checked(peer, outcome, &AtGenesis, now);
                if number.is_multiple_of(4) {
                    outputs.extend(network.want_bodies(&wanted, &AtGenesis, now));
                }
                outputs
            }
            Report::Body { id, .. } => {
                let outcomes = [BodyOutcome::Match, BodyOutcome::Mismatch(Penalty::Heavy)];
                network.body_checked(&id, outcomes[usize::from(number % 2)], &AtGenesis, now)
            }
            Report::Serve { token, .. } => vec![network.answer(token, &Answer::NotHere)],
            Report::Unserved { .. } | Report::Dropped { .. } => Vec::new(),
        };
        self.take(outputs);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        assert!(outputs.len() <= MAX_OUTPUTS, "{} outputs of one step", outputs.len());
        for output in outputs {
            match output {
                Output::Command(NetCommand::Request { peer, id, protocol, data }) => {
                    let question = Question::decode(protocol, &data).expect("our own questions decode");
                    assert_eq!(question.encode(), data);
                    self.asked.push((peer, protocol, id));
                }
                Output::Command(_) => {}
                Output::Report(report) => self.reports.push(report),
            }
        }
    }
}
