//! The shipping core on a directory of its own, driven without sockets, clocks or threads: events in, effects
//! carried out at once, and peers that are played from the tree of all blocks.

use super::forge::GENESIS_TIME;
use super::naive::{Naive, Verdict};
use starling_genesis::Chain;
use starling_ledger::Ledger;
use starling_network::{
    Announcement, Answer, MessageRef, Multiaddr, NetCommand, NetEvent, PeerId, Protocol, Question, RequestId,
    Status, Topic,
};
use starling_node::{Core, CoreConfig, Effect, Event, Job, Now, TipEvent};
use starling_primitives::{BlockId, Header, Transaction, Work, Wtxid, encode_body};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Ticks in which a peer stays quiet before it leaves.
const QUIET_TICKS: u32 = 4;
const TICK: Duration = Duration::from_millis(100);
/// Messages that a visit may take: far more than any does.
const MAX_MESSAGES: usize = 10_000;

/// What the pool and the tip must follow, in order.
pub(super) enum Happened {
    Tip(Box<TipEvent>, Now),
    Tick(Now),
}

/// What a peer does when it is asked for bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serve {
    /// It gives them.
    All,
    /// It has none.
    Nothing,
    /// It gives others.
    Others,
}

/// One peer that comes, tells of a block, and leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) head: usize,
    /// Whether the block is announced; else the peer claims to be ahead and waits to be asked for headers.
    pub(super) announces: bool,
    pub(super) serve: Serve,
    /// Whether bodies are checked only after it has left, the last first.
    pub(super) late: bool,
}

/// What came of a visit.
#[derive(Debug, Default)]
pub(super) struct Visited {
    /// Whether the peer was thrown out.
    pub(super) dropped: bool,
    /// Blocks whose right bodies were served, though some may not have been wanted any more.
    pub(super) served: BTreeSet<usize>,
    /// Those of them that were put together from transactions.
    pub(super) rebuilt: BTreeSet<usize>,
}

pub(super) struct Node {
    core: Option<Core>,
    chain: Arc<Chain>,
    dir: TempDir,
    pub(super) now: Now,
    pub(super) happened: Vec<Happened>,
    outbox: VecDeque<NetCommand>,
    /// Jobs that are put off, when they are.
    late: Option<Vec<Job>>,
    peers: u16,
}

impl Node {
    pub(super) fn new(chain: Arc<Chain>) -> Self {
        let dir = TempDir::with_prefix("starling-model-").expect("a temporary folder can be made");
        let now = Now { mono: Duration::ZERO, unix: u64::from(GENESIS_TIME) + 10_000 };
        let mut node = Self {
            core: None,
            chain,
            dir,
            now,
            happened: vec![],
            outbox: VecDeque::new(),
            late: None,
            peers: 0,
        };
        node.open();
        node
    }

    fn open(&mut self) {
        let opened = Ledger::open(&self.dir.path().join("db"), self.chain.clone());
        let (ledger, tree) = opened.expect("what was closed can be opened");
        let config = CoreConfig {
            seed: 1,
            pool_bytes: 50 << 20,
            body_bytes: 64 << 20,
            key_bytes: 1 << 20,
            mine_alone: true,
            sync_blocks: false,
            pipelined: false,
            peers: Default::default(),
        };
        self.core = Some(Core::new(ledger, tree, config, self.now));
    }

    /// Stops and starts as the node does, without the shutdown that would be clean.
    pub(super) fn reopen(&mut self) {
        let pool = self.core().pool().encode();
        self.outbox.clear();
        self.core = None;
        self.open();
        self.call(move |core| core.load_pool(&pool).expect("its own file"));
    }

    pub(super) fn core_mut(&mut self) -> &mut Core {
        self.core.as_mut().expect("it is open but for an instant")
    }

    pub(super) fn core(&self) -> &Core {
        self.core.as_ref().expect("it is open but for an instant")
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let whole = self.now.mono.as_secs();
        self.now.mono += time;
        self.now.unix += self.now.mono.as_secs() - whole;
    }

    pub(super) fn tick(&mut self) {
        self.happened.push(Happened::Tick(self.now));
        self.send(Event::Tick);
    }

    /// Runs `f` on the core, and carries out what follows.
    pub(super) fn call<T: Send + 'static>(&mut self, f: impl FnOnce(&mut Core) -> T + Send + 'static) -> T {
        let (reply, answer) = std::sync::mpsc::channel();
        let call = move |core: &mut Core| reply.send(f(core)).expect("somebody waits");
        self.send(Event::Call(Box::new(call)));
        answer.recv().expect("the core answers at once")
    }

    pub(super) fn send(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let core = self.core.as_mut().expect("it is open but for an instant");
            for effect in core.handle(event, self.now) {
                match effect {
                    Effect::Work(job) => match &mut self.late {
                        Some(late) => late.push(job),
                        None => events.push_back(Event::Done(job.run())),
                    },
                    Effect::Continue => events.push_back(Event::Continue),
                    Effect::Tip(change) => self.happened.push(Happened::Tip(change, self.now)),
                    Effect::Fatal(error) => panic!("the database failed: {error}"),
                    Effect::Net(command) => self.outbox.push_back(command),
                    Effect::Pool(_) => {}
                }
            }
        }
    }

    /// Plays a peer from its coming to its leaving.
    pub(super) fn visit(&mut self, naive: &Naive, visit: Visit) -> Visited {
        self.peers += 1;
        let peer = peer(self.peers);
        let mut visited = Visited::default();
        self.outbox.clear();
        self.late = visit.late.then(Vec::new);
        let address: Multiaddr = "/ip4/10.0.0.1/tcp/1000".parse().expect("an address");
        self.send(Event::Net(NetEvent::Connected { peer, address, outbound: true }));
        if visit.announces {
            self.settle(naive, (peer, visit), &mut visited);
            let block = &naive.blocks[visit.head];
            let ids: Vec<Wtxid> = block.txs.iter().map(|tx| tx.wtxid()).collect();
            let data = Announcement::new(block.header.clone(), &ids).encode();
            let mut id = [0; 20];
            id[..2].copy_from_slice(&self.peers.to_le_bytes());
            let (topic, message) = (Topic::Block, MessageRef::new(peer, id));
            self.send(Event::Net(NetEvent::Gossip { peer, topic, message, data }));
        }
        for _ in 0..QUIET_TICKS {
            self.settle(naive, (peer, visit), &mut visited);
            self.pass(TICK);
            self.tick();
        }
        self.settle(naive, (peer, visit), &mut visited);
        self.send(Event::Net(NetEvent::Disconnected { peer }));
        for job in self.late.take().unwrap_or_default().into_iter().rev() {
            self.send(Event::Done(job.run()));
        }
        visited
    }

    /// Answers the core until it asks no more.
    fn settle(&mut self, naive: &Naive, of: (PeerId, Visit), visited: &mut Visited) {
        for _ in 0..MAX_MESSAGES {
            let Some(command) = self.outbox.pop_front() else { return };
            match command {
                NetCommand::Request { peer, id, protocol, data } if peer == of.0 && !visited.dropped => {
                    self.answer(naive, of, (id, protocol, &data), visited);
                }
                NetCommand::Disconnect(peer) | NetCommand::Ban(peer) if peer == of.0 => {
                    visited.dropped = true;
                }
                _ => {}
            }
        }
        panic!("the core asks without end");
    }

    fn answer(
        &mut self,
        naive: &Naive,
        (peer, visit): (PeerId, Visit),
        (request, protocol, data): (RequestId, Protocol, &[u8]),
        visited: &mut Visited,
    ) {
        let question = Question::decode(protocol, data).expect("the core asks well");
        let answer = match question {
            Question::Status(_) => {
                let block = &naive.blocks[visit.head];
                Answer::Status(Status {
                    genesis: naive.chain.genesis_id(),
                    tip: block.id(),
                    height: block.height(),
                    work: if visit.announces { Work::ZERO } else { Work::MAX },
                    oldest_body: 0,
                    fee_floor: 1,
                })
            }
            Question::Headers { locator, .. } => headers(naive, visit.head, &locator),
            Question::Bodies(ids) => match bodies(naive, visit.serve, &ids, visited) {
                Some(bodies) => Answer::Bodies(bodies),
                None => Answer::NotHere,
            },
            Question::BlockTxs { id, indices } => {
                let txs = part(naive, visit.serve, (&id, &indices), visited);
                txs.map_or(Answer::NotHere, Answer::BlockTxs)
            }
            Question::BlockIds(_) => Answer::NotHere,
            Question::Pool { .. } => Answer::Pool { next: Wtxid::ZERO, ids: vec![] },
            Question::Txs(ids) => Answer::Txs(vec![None; ids.len()]),
            Question::Announce(_)
            | Question::Push { .. }
            | Question::Compact(_)
            | Question::SendCompact(_) => Answer::Done,
            Question::Peers(_) => Answer::Peers(Vec::new()),
        };
        let result = Ok(answer.encode());
        self.send(Event::Net(NetEvent::Response { peer, request, result }));
    }
}

/// The `n`-th peer: an identity hash of 36 bytes, the form of the id of a short key.
fn peer(n: u16) -> PeerId {
    let mut bytes = vec![7; 38];
    (bytes[0], bytes[1]) = (0, 36);
    bytes[2..4].copy_from_slice(&n.to_le_bytes());
    PeerId::from_bytes(&bytes).expect("a well-formed id")
}

fn headers(naive: &Naive, head: usize, locator: &[BlockId]) -> Answer {
    let path = naive.path(head);
    let at = |id: &BlockId| path.iter().position(|at| naive.blocks[*at].id() == *id);
    match locator.iter().find_map(at) {
        Some(common) => {
            let header = |at: &usize| naive.blocks[*at].header.clone();
            Answer::Headers(path[common + 1..].iter().map(header).collect::<Vec<Header>>())
        }
        None => Answer::NotHere,
    }
}

fn bodies(
    naive: &Naive,
    serve: Serve,
    ids: &[BlockId],
    visited: &mut Visited,
) -> Option<Vec<Option<Vec<u8>>>> {
    let body = |id: &BlockId| {
        let at = naive.find(id).expect("only what was told of is asked for");
        let mut txs = naive.blocks[at].txs.clone();
        if serve == Serve::Others {
            txs.reverse();
            txs.pop();
        } else {
            visited.served.insert(at);
        }
        Some(encode_body(&txs))
    };
    (serve != Serve::Nothing).then(|| ids.iter().map(body).collect())
}

fn part(
    naive: &Naive,
    serve: Serve,
    (id, indices): (&BlockId, &[u32]),
    visited: &mut Visited,
) -> Option<Vec<Arc<Transaction>>> {
    let at = naive.find(id).expect("only what was told of is asked for");
    let txs = &naive.blocks[at].txs;
    let tx = |index: &u32| txs[usize::try_from(*index).expect("a small number")].clone();
    match serve {
        Serve::Nothing => None,
        Serve::Others => Some(vec![]),
        Serve::All => {
            visited.served.insert(at);
            visited.rebuilt.insert(at);
            Some(indices.iter().map(tx).collect())
        }
    }
}

/// Whether a peer that served these told nothing but the truth.
pub(super) fn is_honest(naive: &Naive, visit: &Visit, visited: &Visited) -> bool {
    let good = |at: &usize| naive.blocks[*at].verdict == Verdict::Good;
    visit.serve != Serve::Others && naive.path(visit.head).iter().all(good) && visited.served.iter().all(good)
}
