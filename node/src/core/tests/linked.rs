//! Cores that talk to each other, message by message, without sockets or clocks.

use super::*;
use starling_network::{
    Answer, MessageRef, Multiaddr, Protocol, Question, ReplyToken, RequestFailure, RequestId,
    Status as PeerStatus, Topic,
};

/// The `n`-th peer, always the same.
fn peer(n: usize) -> PeerId {
    // An identity hash of 36 bytes, the form of the id of a short key.
    let mut bytes = vec![u8::try_from(n).unwrap() + 1; 38];
    bytes[0] = 0;
    bytes[1] = 36;
    PeerId::from_bytes(&bytes).unwrap()
}

fn address(n: usize) -> Multiaddr {
    format!("/ip4/10.0.{n}.1/tcp/1000").parse().unwrap()
}

/// Nodes in which each is the peer of each, by number.
struct Linked {
    nodes: Vec<Node>,
    /// Whose request a token answers.
    open: BTreeMap<ReplyToken, (usize, usize, RequestId)>,
    tokens: u64,
}

impl Linked {
    fn new(nodes: Vec<Node>) -> Self {
        let mut linked = Self { nodes, open: BTreeMap::new(), tokens: 0 };
        for a in 0..linked.nodes.len() {
            for b in (0..linked.nodes.len()).filter(|b| *b != a) {
                let event = NetEvent::Connected { peer: peer(b), address: address(b), outbound: a < b };
                linked.nodes[a].send(Event::Net(event));
            }
        }
        linked
    }

    /// Delivers messages until none is under way.
    fn settle(&mut self) {
        while let Some(from) = self.nodes.iter().position(|node| !node.outbox.is_empty()) {
            for command in std::mem::take(&mut self.nodes[from].outbox) {
                self.deliver(from, command);
            }
        }
    }

    fn deliver(&mut self, from: usize, command: NetCommand) {
        self.tokens += 1;
        let token = ReplyToken::new(self.tokens);
        match command {
            NetCommand::Request { peer: to, id, protocol, data } => {
                let to = (0..self.nodes.len()).find(|n| peer(*n) == to).unwrap();
                self.open.insert(token, (to, from, id));
                let event = NetEvent::Request { peer: peer(from), token, protocol, data };
                self.nodes[to].send(Event::Net(event));
            }
            NetCommand::Reply { token, data } => self.answer(token, Ok(data)),
            NetCommand::DropReply { token } => self.answer(token, Err(RequestFailure::Closed)),
            NetCommand::Publish { topic, data } => {
                let mut id = [0; 20];
                id[..8].copy_from_slice(&self.tokens.to_le_bytes());
                for to in (0..self.nodes.len()).filter(|to| *to != from) {
                    let message = MessageRef::new(peer(from), id);
                    let event = NetEvent::Gossip { peer: peer(from), topic, message, data: data.clone() };
                    self.nodes[to].send(Event::Net(event));
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, token: ReplyToken, result: Result<Vec<u8>, RequestFailure>) {
        if let Some((from, to, request)) = self.open.remove(&token) {
            self.nodes[to].send(Event::Net(NetEvent::Response { peer: peer(from), request, result }));
        }
    }

    /// Lets time go by, with ticks.
    fn pass(&mut self, time: Duration) {
        let until = self.nodes[0].now.mono + time;
        while self.nodes[0].now.mono < until {
            for node in &mut self.nodes {
                node.pass(Duration::from_secs(1));
                node.send(Event::Tick);
            }
            self.settle();
        }
    }
}

/// A node, and one peer that is played by the test.
struct Played {
    node: Node,
}

impl Played {
    /// Connects a peer that claims to be this far.
    fn meet(mut node: Node, height: u32, work: Work) -> Self {
        let event = NetEvent::Connected { peer: peer(0), address: address(0), outbound: true };
        node.send(Event::Net(event));
        let mut played = Self { node };
        let claim = PeerStatus {
            genesis: played.node.core.chain().genesis_id(),
            tip: BlockId::new([7; 32]),
            height,
            work,
            oldest_body: 0,
            fee_floor: 1,
        };
        let asked = played.take(Protocol::Status).expect("a new peer is asked for its status");
        played.reply(asked, &Answer::Status(claim));
        played
    }

    fn take(&mut self, wanted: Protocol) -> Option<(RequestId, Question)> {
        let at = self.node.outbox.iter().position(
            |command| matches!(command, NetCommand::Request { protocol, .. } if *protocol == wanted),
        )?;
        match self.node.outbox.remove(at) {
            NetCommand::Request { id, data, .. } => Some((id, Question::decode(wanted, &data).unwrap())),
            _ => None,
        }
    }

    fn reply(&mut self, (request, _): (RequestId, Question), answer: &Answer) {
        let event = NetEvent::Response { peer: peer(0), request, result: Ok(answer.encode()) };
        self.node.send(Event::Net(event));
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.node.pass(Duration::from_secs(1));
            self.node.send(Event::Tick);
        }
    }
}

#[test]
fn a_late_joiner_catches_up_and_a_new_block_is_spread() {
    let (mut late, mut early) = (Node::new(), Node::new());
    for nonce in 0..20 {
        early.submit(1, nonce, key(8).address(), 5);
        early.mine(2);
    }
    late.now = early.now;
    let mut linked = Linked::new(vec![late, early]);
    linked.settle();
    linked.pass(Duration::from_secs(5));
    assert_eq!(linked.nodes[0].core.ledger().tip(), linked.nodes[1].core.ledger().tip());
    assert_eq!(linked.nodes[0].core.sync_state(), SyncState::Synced);
    linked.nodes[0].mine(3);
    linked.settle();
    linked.pass(Duration::from_secs(2));
    assert_eq!(linked.nodes[1].height(), 21);
    assert_eq!(linked.nodes[0].core.ledger().tip(), linked.nodes[1].core.ledger().tip());
}

/// What the gossip of the `n`-th peer brings.
fn gossip(node: &mut Node, n: usize, tx: &Transaction) {
    let mut id = [0; 20];
    id.copy_from_slice(&tx.wtxid().as_bytes()[..20]);
    let (from, data) = (peer(n), tx.bytes().to_vec());
    let message = MessageRef::new(from, id);
    node.send(Event::Net(NetEvent::Gossip { peer: from, topic: Topic::Tx, message, data }));
}

#[test]
fn payments_that_come_before_those_they_build_on_are_taken_after_them() {
    let mut linked = Linked::new(vec![Node::new(), Node::new()]);
    linked.settle();
    let (to, held) = (key(9).address(), |node: &Node| (node.core.pool().info(), node.core.early.len()));
    let payments: Vec<_> = (0..100).map(|nonce| pay(linked.nodes[0].core.chain(), 1, nonce, to, 1)).collect();
    // More than may wait behind a gap, the last ones first; after them, more than may be pending.
    payments[1..40].iter().rev().for_each(|tx| gossip(&mut linked.nodes[0], 1, tx));
    let (pool, early) = held(&linked.nodes[0]);
    assert_eq!((pool.count, pool.waiting, early), (16, 16, 23));
    payments[40..].iter().for_each(|tx| gossip(&mut linked.nodes[0], 1, tx));
    linked.nodes[0].outbox.clear();
    gossip(&mut linked.nodes[0], 1, &payments[0]);
    let (pool, early) = held(&linked.nodes[0]);
    assert_eq!((pool.count, pool.waiting, early), (64, 0, 36));
    linked.nodes[0].pass(Duration::from_secs(1));
    linked.nodes[0].send(Event::Tick);
    let offers =
        |command: &&NetCommand| matches!(command, NetCommand::Request { protocol: Protocol::Announce, .. });
    assert_eq!(linked.nodes[0].outbox.iter().filter(offers).count(), 1, "gossip brought them already");
    linked.settle();
    linked.nodes[0].mine(2);
    let (pool, early) = held(&linked.nodes[0]);
    assert_eq!((pool.count, pool.waiting, early), (36, 0, 0));
}

#[test]
fn whoever_sent_what_turns_out_false_later_pays_for_it_and_not_who_brought_what_it_builds_on() {
    let mut linked = Linked::new(vec![Node::new(), Node::new(), Node::new()]);
    linked.settle();
    let node = &mut linked.nodes[0];
    let payment = |chain: &Chain, nonce| pay(chain, 1, nonce, key(9).address(), 1);
    let mut bytes = payment(node.core.chain(), 17).bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    for nonce in 1..=16 {
        let tx = payment(node.core.chain(), nonce);
        gossip(node, 1, &tx);
    }
    gossip(node, 2, &Transaction::decode(&bytes).unwrap());
    let scores = |node: &Node| {
        let mut peers = node.core.net().peers();
        peers.sort_by_key(|info| info.peer_id);
        peers.iter().map(|info| info.score < 0.0).collect::<Vec<_>>()
    };
    assert_eq!((node.core.early.len(), scores(node)), (1, vec![false, false]), "nobody can tell yet");
    let tx = payment(node.core.chain(), 0);
    gossip(node, 1, &tx);
    assert_eq!((node.core.pool().info().count, node.core.early.len()), (17, 0));
    assert_eq!(scores(node), [false, true]);
}

#[test]
fn a_block_with_what_was_missing_lets_the_rest_in() {
    let mut linked = Linked::new(vec![Node::new(), Node::new()]);
    linked.settle();
    let to = key(9).address();
    for nonce in 1..=20 {
        let tx = pay(linked.nodes[0].core.chain(), 1, nonce, to, 1);
        gossip(&mut linked.nodes[0], 1, &tx);
    }
    assert_eq!((linked.nodes[0].core.pool().info().count, linked.nodes[0].core.early.len()), (16, 4));
    linked.nodes[1].submit(1, 0, to, 1);
    linked.nodes[1].mine(2);
    linked.settle();
    linked.pass(Duration::from_secs(10));
    assert_eq!(linked.nodes[0].core.ledger().tip().height, 1);
    let pool = linked.nodes[0].core.pool().info();
    assert_eq!((pool.count, pool.waiting, linked.nodes[0].core.early.len()), (20, 0, 0));
}

#[test]
fn headers_beyond_the_least_work_come_in_with_the_batch_that_reaches_it() {
    let mut minimum = chain();
    let own = minimum.params.genesis_bits.target().unwrap().work();
    // Genesis counts: the branch suffices with its third block, in the middle of its only batch.
    minimum.params.minimum_work = own.saturating_mul(3);
    let (mut late, mut early) = (Node::of(minimum), Node::new());
    for _ in 0..10 {
        early.mine(2);
    }
    late.now = early.now;
    let mut linked = Linked::new(vec![late, early]);
    linked.settle();
    linked.pass(Duration::from_secs(3));
    assert_eq!(linked.nodes[0].height(), 10, "no block follows that could make up for lost headers");
}

#[test]
fn a_claim_that_no_headers_follow_takes_nothing_away_for_long() {
    let mut played = Played::meet(Node::new(), u32::MAX, Work::MAX);
    assert_eq!(played.node.core.sync_state(), SyncState::Headers, "it may be so");
    played.pass(31);
    assert_eq!(played.node.core.sync_state(), SyncState::Synced);
    played.node.mine(1);
    assert_eq!(played.node.core.sync_state(), SyncState::Synced, "a header of another says nothing about it");
}

#[test]
fn a_claim_does_not_stop_a_node_that_was_level_once() {
    let mut played = Played::meet(Node::new(), 0, Work::ZERO);
    played.pass(1);
    assert_eq!(played.node.core.sync_state(), SyncState::Synced);
    let event = NetEvent::Connected { peer: peer(1), address: address(1), outbound: false };
    played.node.send(Event::Net(event));
    let asked = played.take(Protocol::Status).expect("each peer is asked");
    let claim = PeerStatus {
        genesis: played.node.core.chain().genesis_id(),
        tip: BlockId::new([9; 32]),
        height: 1_000_000,
        work: Work::MAX,
        oldest_body: 0,
        fee_floor: 1,
    };
    let (request, _) = asked;
    let result = Ok(Answer::Status(claim).encode());
    played.node.send(Event::Net(NetEvent::Response { peer: peer(1), request, result }));
    assert_eq!(played.node.core.sync_state(), SyncState::Synced);
    assert_eq!(played.node.core.target_height(), 0);
    played.node.mine(1);
}

#[test]
fn blocks_that_were_never_connected_are_not_served() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    let own = ours.mine(1);
    theirs.mine(2);
    let rival = theirs.blocks().remove(0);
    let id = rival.header().header().id();
    // Of two with equal work the first one stays, if the other comes late.
    ours.pass(Duration::from_secs(60));
    ours.import(vec![rival]);
    assert_eq!((ours.height(), ours.core.tree().get(&id).unwrap().status), (1, Status::Body));
    let event = NetEvent::Connected { peer: peer(1), address: address(1), outbound: false };
    ours.send(Event::Net(event));
    ours.outbox.clear();
    let data = Question::Bodies(vec![own, id]).encode();
    let (token, protocol) = (ReplyToken::new(1), Protocol::Bodies);
    ours.send(Event::Net(NetEvent::Request { peer: peer(1), token, protocol, data }));
    let served = ours.outbox.iter().find_map(|command| match command {
        NetCommand::Reply { data, .. } => Some(data.clone()),
        _ => None,
    });
    assert_eq!(served, Some(Answer::Bodies(vec![Some(vec![]), None]).encode()));
}

#[test]
fn questions_to_the_database_are_answered_a_few_at_a_time() {
    let mut node = Node::new();
    node.mine(1);
    node.inline = false;
    let mut played = Played::meet(node, 0, Work::ZERO);
    let genesis = BlockId::from(played.node.core.chain().genesis_id());
    let mut token = 0;
    let mut ask = |node: &mut Node, n: usize| {
        token += 1;
        let data = Question::Headers { max: 10, locator: vec![genesis] }.encode();
        let token = ReplyToken::new(token);
        node.send(Event::Net(NetEvent::Request { peer: peer(n), token, protocol: Protocol::Headers, data }));
    };
    for n in 1..=20 {
        let event = NetEvent::Connected { peer: peer(n), address: address(n), outbound: false };
        played.node.send(Event::Net(event));
        ask(&mut played.node, n);
    }
    let replies = |node: &Node| {
        let data = node.outbox.iter().filter_map(|command| match command {
            NetCommand::Reply { data, .. } => Some(data[0]),
            _ => None,
        });
        data.collect::<Vec<_>>()
    };
    assert_eq!(played.node.jobs.len(), 16);
    assert_eq!(replies(&played.node), [1; 4], "the others are told to come later");
    for job in std::mem::take(&mut played.node.jobs) {
        played.node.send(Event::Done(job.run()));
    }
    assert_eq!(replies(&played.node).iter().filter(|result| **result == 0).count(), 16);
    ask(&mut played.node, 1);
    assert_eq!(played.node.jobs.len(), 1, "there is room again");
}
