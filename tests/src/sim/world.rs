//! Virtual time: one queue of what happens next, for all nodes.

mod hearsay;
mod links;
mod messages;

use super::check::Checks;
use super::dice::Dice;
use super::gossip::{HEARTBEAT, Out};
use super::history::History;
use super::host::Host;
use super::identity::{host_of, peer_id};
use super::watch::Watch;
use super::wire::{Link, Packet};
use starling_genesis::Chain;
use starling_ledger::MemoryDisk;
use starling_network::{Multiaddr, NetCommand, NetEvent, REPORT_EVERY, RequestFailure, RequestId, Slot};
use starling_node::{Core, Done, Effect, Event, Job};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

/// Time between two ticks of a core.
const TICK: Duration = Duration::from_millis(100);
/// How long a core that has more to do lets others go first.
const CONTINUE: Duration = Duration::from_millis(1);
/// What a job takes at least, and for each KiB of what it looks at: some 40 us a signature, on two cores.
const JOB: Duration = Duration::from_micros(300);
/// How long a dial waits for an answer.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two pings; after two that are not answered the connection is closed.
const PING: Duration = Duration::from_secs(15);
/// When to ask again who is asked too much.
const RETRY_AFTER_MS: u32 = 500;

/// A node by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HostId(pub u16);

impl HostId {
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The world's measures.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Time that a packet takes between two nodes: the least and the most.
    pub latency: (Duration, Duration),
    /// Bits a second that a node can send.
    pub rate: u64,
    /// Whether it can send so much on each of its links, instead of on all together.
    pub rate_of_each: bool,
    /// Of the packets, how many are lost.
    pub loss: f64,
    /// Of the nodes, how many pass no gossip on.
    pub silent: f64,
    /// Whether nodes look for others than those they are told to begin with.
    pub discovery: bool,
}

/// What happens.
pub(super) enum What {
    Tick,
    Heartbeat,
    /// Gossip tells the core what peers brought.
    Report,
    Continue,
    Done(Done),
    /// The line is free again.
    Line,
    Arrived {
        from: HostId,
        epoch: u64,
        packet: Packet,
    },
    DialEnded {
        address: Multiaddr,
        to: HostId,
        quiet: bool,
    },
    TimedOut(RequestId),
    Ping {
        peer: HostId,
        epoch: u64,
    },
    Closed {
        peer: HostId,
    },
}

struct Scheduled {
    at: Duration,
    number: u64,
    host: HostId,
    /// The life of the host that it is meant for.
    life: u32,
    what: What,
}

impl What {
    /// A number for the history.
    fn kind(&self) -> u8 {
        match self {
            Self::Tick => 0,
            Self::Heartbeat => 1,
            Self::Report => 2,
            Self::Continue => 3,
            Self::Done(_) => 4,
            Self::Line => 5,
            Self::Arrived { .. } => 6,
            Self::DialEnded { .. } => 7,
            Self::TimedOut(_) => 8,
            Self::Ping { .. } => 9,
            Self::Closed { .. } => 10,
        }
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// All nodes, and the time.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) hosts: Vec<Host>,
    pub(super) watch: Watch,
    pub(super) checks: Checks,
    pub(super) history: History,
    chain: Arc<Chain>,
    settings: Settings,
    dice: Dice,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    links: BTreeMap<(HostId, HostId), Link>,
    epochs: u64,
    /// Latencies follow from it, so that a pair that meets again is as far apart as before.
    seed: u64,
    /// Whom each node refuses.
    banned: BTreeSet<(HostId, HostId)>,
    /// To which part of the world each node belongs, while there is more than one.
    parts: Option<Vec<u8>>,
    /// Nodes whose power may fail.
    fragile: BTreeSet<HostId>,
    /// What was sent from one part to another.
    held: Vec<(HostId, HostId, u64, Packet)>,
}

fn pair(a: HostId, b: HostId) -> (HostId, HostId) {
    (a.min(b), a.max(b))
}

impl World {
    /// So many nodes that are not connected yet. They start in the first second.
    ///
    /// # Panics
    /// When the system has no memory for a disk.
    pub(super) fn new(chain: Arc<Chain>, nodes: u16, settings: Settings, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let disk = MemoryDisk::new().expect("memory for a disk");
        let host = |n| {
            let own = dice.split();
            let silent = dice.chance(settings.silent);
            let mut host = Host::new(HostId(n), chain.clone(), disk.clone(), own, silent);
            host.only_named = !settings.discovery;
            host
        };
        let hosts: Vec<Host> = (0..nodes).map(host).collect();
        Self {
            now: Duration::ZERO,
            watch: Watch::new(usize::from(nodes)),
            checks: Checks::new(usize::from(nodes)),
            history: History::default(),
            hosts,
            chain,
            settings,
            dice,
            queue: BinaryHeap::new(),
            scheduled: 0,
            links: BTreeMap::new(),
            epochs: 0,
            seed,
            banned: BTreeSet::new(),
            parts: None,
            fragile: BTreeSet::new(),
            held: Vec::new(),
        }
    }

    /// The chain that all are on.
    pub(super) fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// Unix seconds now, by a clock that is right.
    pub(super) fn unix(&self) -> u64 {
        self.hosts.first().map_or(0, |host| host.now(self.now).unix.saturating_add_signed(-host.skew))
    }

    /// All nodes.
    pub(super) fn ids(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.hosts.len()).map(|n| HostId(u16::try_from(n).expect("as many as were made")))
    }

    /// Those that are up.
    pub(super) fn up(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.core.is_some())
    }

    /// Starts a node; its timers begin at moments of their own.
    pub(super) fn start(&mut self, id: HostId) {
        let now = self.now;
        self.hosts[id.index()].start(now);
        let (tick, heartbeat) =
            (self.dice.between(Duration::ZERO, TICK), self.dice.between(Duration::ZERO, HEARTBEAT));
        self.after(tick, id, What::Tick);
        self.after(heartbeat, id, What::Heartbeat);
        self.after(REPORT_EVERY, id, What::Report);
        self.after(Duration::ZERO, id, What::Continue);
        self.look_at(id);
    }

    /// From now on it is kept what a loss of power would leave of a node.
    pub(super) fn make_fragile(&mut self, id: HostId) {
        self.fragile.insert(id);
    }

    /// Kills a node, or lets its power fail; its peers notice when the system closes its connections.
    pub(super) fn crash(&mut self, id: HostId, power: bool) {
        self.history.note(self.now, id, b"crash");
        if power {
            self.checks.forget(id);
        }
        self.fragile.remove(&id);
        self.hosts[id.index()].crash(power);
        let lost: Vec<_> = self.links.iter().filter(|((a, b), _)| *a == id || *b == id).collect();
        let others: Vec<HostId> =
            lost.into_iter().map(|((a, b), _)| if *a == id { *b } else { *a }).collect();
        for other in others {
            self.close(id, other);
        }
    }

    /// A node that has not started yet is to begin with another.
    pub(super) fn name(&mut self, id: HostId, to: HostId) {
        self.hosts[id.index()].named.push(to);
    }

    /// Breaks one of the connections.
    pub(super) fn break_any(&mut self) {
        let all: Vec<(HostId, HostId)> = self.links.keys().copied().collect();
        if let Some((a, b)) = self.dice.pick(&all).copied() {
            self.close(a, b);
        }
    }

    /// Divides the world: nothing passes between nodes of different parts.
    pub(super) fn divide(&mut self, parts: Vec<u8>) {
        self.parts = Some(parts);
    }

    /// Ends that: what was sent meanwhile on connections that still stand comes now.
    pub(super) fn unite(&mut self) {
        self.parts = None;
        for (from, to, epoch, packet) in std::mem::take(&mut self.held) {
            let again = self.dice.between(Duration::ZERO, Duration::from_secs(2));
            let life = self.hosts[to.index()].life;
            self.schedule(again, to, life, What::Arrived { from, epoch, packet });
        }
    }

    /// Nodes that are up, have places free for peers of their choice, and are not connected to all others.
    pub(super) fn unfilled(&self) -> usize {
        let up = self.up().count();
        let is_unfilled = |host: &&Host| {
            let peers = host.core().map(|core| core.net().peers()).unwrap_or_default();
            let full = peers.iter().filter(|peer| peer.slot == Slot::Full).count();
            full < 8 && peers.len() + 1 < up
        };
        self.up().filter(is_unfilled).count()
    }

    /// Runs `f` on the core of a node that is up, and carries out what follows.
    pub(super) fn call<T: Send + 'static>(
        &mut self,
        id: HostId,
        f: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Option<T> {
        self.hosts[id.index()].core.as_ref()?;
        let (reply, answer) = std::sync::mpsc::channel();
        self.feed(id, Event::Call(Box::new(move |core| drop(reply.send(f(core))))));
        self.look_at(id);
        answer.recv().ok()
    }

    /// Lets everything happen that happens up to a moment.
    pub(super) fn run_until(&mut self, until: Duration) {
        while let Some(Reverse(next)) = self.queue.peek() {
            if next.at > until {
                break;
            }
            let Some(Reverse(Scheduled { at, host, life, what, .. })) = self.queue.pop() else { break };
            self.now = at;
            let alive = &self.hosts[host.index()];
            if alive.core.is_some() && alive.life == life {
                self.happen(host, what);
                self.look_at(host);
            }
        }
        self.now = until;
    }

    fn look_at(&mut self, id: HostId) {
        let Some(core) = self.hosts[id.index()].core.as_ref() else { return };
        self.watch.look(id, core, self.now);
        self.checks.look(id, core, self.now);
    }

    fn after(&mut self, wait: Duration, host: HostId, what: What) {
        let life = self.hosts[host.index()].life;
        self.schedule(wait, host, life, what);
    }

    fn schedule(&mut self, wait: Duration, host: HostId, life: u32, what: What) {
        self.scheduled += 1;
        let (at, number) = (self.now + wait, self.scheduled);
        self.queue.push(Reverse(Scheduled { at, number, host, life, what }));
    }

    fn happen(&mut self, id: HostId, what: What) {
        self.history.note(self.now, id, &[what.kind()]);
        match what {
            What::Tick => {
                self.after(TICK, id, What::Tick);
                self.feed(id, Event::Tick);
            }
            What::Heartbeat => {
                self.after(HEARTBEAT, id, What::Heartbeat);
                let mut out = Out::new();
                let gossip = self.gossip(id);
                gossip.heartbeat(&mut out);
                self.tell(id, out);
            }
            What::Report => {
                self.after(REPORT_EVERY, id, What::Report);
                let list = self.gossip(id).deliveries();
                let list = list.into_iter().map(|(host, delivery)| (peer_id(host), delivery)).collect();
                self.feed(id, Event::Net(NetEvent::Delivered(list)));
            }
            What::Continue => self.feed(id, Event::Continue),
            What::Done(done) => self.feed(id, Event::Done(done)),
            What::Line => self.use_line(id),
            What::Arrived { from, epoch, packet } => {
                if self.links.get(&pair(from, id)).is_some_and(|link| link.epoch == epoch) {
                    self.arrived(id, from, packet);
                }
            }
            What::DialEnded { address, to, quiet } => self.dial_ended(id, address, to, quiet),
            What::TimedOut(request) => self.ended(id, request, Err(RequestFailure::Timeout)),
            What::Ping { peer, epoch } => self.ping(id, peer, epoch),
            What::Closed { peer } => self.closed(id, peer),
        }
    }

    /// Gives an event to a core, and carries out what it says.
    fn feed(&mut self, id: HostId, event: Event) {
        let now = self.hosts[id.index()].now(self.now);
        let Some(core) = self.hosts[id.index()].core.as_mut() else { return };
        let effects = core.handle(event, now);
        for effect in effects {
            match effect {
                Effect::Net(command) => self.carry_out(id, command),
                Effect::Work(job) => {
                    let time = JOB + time_of(&job);
                    let done = job.run();
                    self.after(time, id, What::Done(done));
                }
                Effect::Continue => self.after(CONTINUE, id, What::Continue),
                Effect::Tip(change) => {
                    self.history.note(self.now, id, b"tip");
                    if self.fragile.contains(&id) {
                        self.hosts[id.index()].keep();
                    }
                    self.watch.tip(&change);
                }
                Effect::Pool(_) => {}
                Effect::Fatal(error) => {
                    self.checks.fail(self.now, id, &format!("the database failed: {error}"))
                }
            }
        }
    }

    fn carry_out(&mut self, id: HostId, command: NetCommand) {
        match command {
            NetCommand::Dial { addresses, quiet, .. } => {
                if let Some(address) = addresses.into_iter().next() {
                    self.dial(id, address, quiet);
                }
            }
            // There are no seeds in this world, and what Kademlia finds, peers tell as well.
            NetCommand::Resolve(_) | NetCommand::Walk => {}
            NetCommand::Disconnect(peer) => self.close_peer(id, &peer),
            NetCommand::Ban(peer) => {
                if let Some(other) = host_of(&peer) {
                    self.banned.insert((id, other));
                    self.watch.banned(id, other);
                }
                self.close_peer(id, &peer);
            }
            NetCommand::Unban(peer) => {
                if let Some(other) = host_of(&peer) {
                    self.banned.remove(&(id, other));
                }
            }
            NetCommand::Appraise { peer, score } => {
                if let Some(other) = host_of(&peer) {
                    self.gossip(id).appraise(other, score);
                    let silent = self.hosts[other.index()].silent;
                    self.checks.appraised(self.now, (id, other), score, silent);
                }
            }
            NetCommand::Publish { topic, data } => self.publish(id, topic, data),
            NetCommand::Verdict { message, verdict } => self.verdict(id, &message, verdict),
            NetCommand::Request { peer, id: request, protocol, data } => {
                self.ask(id, peer, (protocol, request), data);
            }
            NetCommand::Reply { token, data } => self.answer(id, token, Ok(data)),
            NetCommand::DropReply { token } => self.answer(id, token, Err(RequestFailure::Closed)),
        }
    }
}

fn time_of(job: &Job) -> Duration {
    match job {
        Job::Check(job) => Duration::from_micros(20).saturating_mul(job.tx_count()),
        Job::Serve(_) => Duration::ZERO,
    }
}
