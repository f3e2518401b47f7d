//! The core: everything mutable of a node, and the order in which it changes.
//!
//! One call, [`Core::handle`], takes an event and the time and returns what is to be done outside. Heavy pure
//! work (decoding a body, verifying signatures) is handed out as a [`Job`] and comes back as an event.

mod advance;
mod blame;
mod bodies;
mod change;
mod early;
mod fork_choice;
mod headers;
mod peers;
mod pool;
mod progress;
mod serve;
mod template;
mod view;

pub use blame::{penalty_of_block, penalty_of_header, penalty_of_tx};
pub(crate) use bodies::CHECKED_BYTES;
pub use bodies::{CheckJob, Checked};
pub use pool::PoolEntry;
pub use serve::{ServeJob, Served};
pub use template::{SubmitBlockError, Template, TemplateError};
pub use view::SyncState;

use self::bodies::CheckedBlocks;
use self::early::Early;
use self::fork_choice::Avoided;
use self::headers::HeldHeaders;
use self::progress::Pace;
use self::template::Templates;
use self::view::{RecentIds, View};
use starling_consensus::{BranchSync, HeaderInfo, HeaderTree, KnownKeys};
use starling_genesis::Chain;
use starling_ledger::{AccountProof, Ledger, Mempool, PoolLimits, StoreError};
use starling_network::{NetCommand, NetEvent, Network, NetworkConfig, Output, PeerId, PeerOptions, Report};
use starling_primitives::{Address, BlockId, Header, Transaction, Work, Wtxid};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The time, as the core is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the node started; never goes back.
    pub mono: Duration,
    /// Unix seconds.
    pub unix: u64,
}

/// A question or an order of this process, run on the core between two events.
pub type Call = Box<dyn FnOnce(&mut Core) + Send>;

/// What happened.
pub enum Event {
    /// On the network.
    Net(NetEvent),
    /// A job is done.
    Done(Done),
    /// Time went on; about every 100 ms.
    Tick,
    /// The core had more to do.
    Continue,
    /// Somebody in this process asks or orders.
    Call(Call),
}

/// Work that needs nothing of what changes, so it is done elsewhere.
pub enum Job {
    /// A body against its header.
    Check(Box<CheckJob>),
    /// A peer's question to the database.
    Serve(Box<ServeJob>),
}

impl Job {
    /// Does the work.
    #[must_use]
    pub fn run(self) -> Done {
        match self {
            Self::Check(job) => Done::Checked(Box::new(job.run())),
            Self::Serve(job) => Done::Served(Box::new(job.run())),
        }
    }
}

/// What a job found.
pub enum Done {
    /// About a body.
    Checked(Box<Checked>),
    /// For a peer.
    Served(Box<Served>),
}

/// What is to be done.
pub enum Effect {
    /// To be handed to the network driver.
    Net(NetCommand),
    /// To be run elsewhere; its result is an [`Event::Done`].
    Work(Job),
    /// The best connected block is another.
    Tip(Box<TipEvent>),
    /// The pool took a transaction.
    Pool(PoolEntry),
    /// There is more to do: send [`Event::Continue`] when nothing else waits.
    Continue,
    /// The database failed: the node must stop.
    Fatal(StoreError),
}

/// A change of the connected chain.
#[derive(Clone, Debug)]
pub struct TipEvent {
    /// Headers that were taken back, newest first.
    pub disconnected: Vec<Header>,
    /// Headers that were connected, oldest first, with their cumulative work; at least one.
    pub connected: Vec<(Header, Work)>,
}

/// How a core is set up.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// Breaks ties; another for each node.
    pub seed: u64,
    /// Bytes that the mempool may use.
    pub pool_bytes: usize,
    /// Bytes of bodies that may be on their way, and again of checked blocks that wait for their turn.
    pub body_bytes: usize,
    /// Bytes of public keys that signed lately, of which the next signatures may be.
    pub key_bytes: usize,
    /// Whether templates are handed out while no peer is connected.
    pub mine_alone: bool,
    /// Whether each block waits for the disk while the node is level; an import waits once, at its end.
    pub sync_blocks: bool,
    /// Whether a block may be told of while it is on its way to the disk: for an import, which nobody reads
    /// meanwhile.
    pub pipelined: bool,
    /// Who we are, and where peers are looked for at first.
    pub peers: PeerOptions,
}

/// Blocks of our own that are remembered, to announce them as ours.
const MAX_OWN_BLOCKS: usize = 64;

/// The core.
pub struct Core {
    chain: Arc<Chain>,
    keys: Arc<KnownKeys>,
    config: CoreConfig,
    ledger: Ledger,
    tree: HeaderTree,
    pool: Mempool,
    early: Early,
    net: Network,
    reports: VecDeque<Report>,
    effects: Vec<Effect>,
    /// Changes of the chain that are on their way to the disk.
    untold: Vec<TipEvent>,
    now: Now,
    /// Header syncs in two passes, one a peer.
    branches: BTreeMap<PeerId, BranchSync>,
    held: HeldHeaders,
    checked: CheckedBlocks,
    avoided: Avoided,
    /// The last header of what is followed.
    goal: HeaderInfo,
    /// Questions that jobs are answering.
    serving: usize,
    templates: Templates,
    own: BTreeSet<BlockId>,
    /// Blocks whose bodies are stored, not connected, with as much work as the tip or more.
    loose: BTreeSet<BlockId>,
    recent: RecentIds,
    /// When the tip was connected, or the node started with it.
    tip_since: Now,
    /// Whether the tip was connected before the start: how long ago is not known then.
    tip_is_old: bool,
    /// When a peer last sent new headers that were asked for, or was the first to connect.
    batch_since: Duration,
    /// Whether the node has once been level with its peers.
    was_level: bool,
    pace: Pace,
    /// Blocks connected and disconnected since the start.
    moved: (u64, u64),
    /// Peers that are connected.
    peers: u32,
    /// Why the database failed, where the call that met it could only answer its caller.
    failed: Option<StoreError>,
}

impl Core {
    /// A core on an opened ledger and its headers.
    #[must_use]
    pub fn new(ledger: Ledger, tree: HeaderTree, config: CoreConfig, now: Now) -> Self {
        let chain = ledger.chain().clone();
        let params = Arc::new(chain.params.clone());
        let genesis = chain.genesis_id();
        let goal = tree.best();
        let ours = tree.get(&ledger.tip().id).map_or(Work::ZERO, |info| info.work);
        let on_way = |id: &BlockId| {
            let info = tree.get(id);
            let best = info.and_then(|info| tree.best_at(info.height));
            best.is_some_and(|best| best.id == *id && best.work > ours)
        };
        let mut loose = tree.stored_above(&ledger.tip().id);
        loose.retain(|id| !on_way(id));
        let net = Network::new(NetworkConfig {
            genesis,
            max_body_bytes: chain.params.max_body_bytes,
            seed: config.seed,
            epoch: now.unix.saturating_sub(now.mono.as_secs()),
            public: chain.is_public(),
            peers: config.peers.clone(),
        });
        Self {
            pool: Mempool::new(params, genesis, PoolLimits::from_budget(config.pool_bytes)),
            early: Early::default(),
            templates: Templates::new(config.seed, config.pool_bytes),
            chain,
            keys: Arc::new(KnownKeys::new(config.key_bytes)),
            config,
            ledger,
            tree,
            net,
            reports: VecDeque::new(),
            effects: vec![Effect::Continue],
            untold: Vec::new(),
            now,
            branches: BTreeMap::new(),
            held: HeldHeaders::default(),
            checked: CheckedBlocks::default(),
            avoided: Avoided::default(),
            goal,
            serving: 0,
            own: BTreeSet::new(),
            loose,
            recent: RecentIds::default(),
            tip_since: now,
            tip_is_old: true,
            batch_since: Duration::ZERO,
            was_level: false,
            pace: Pace::default(),
            moved: (0, 0),
            peers: 0,
            failed: None,
        }
    }

    /// Takes an event and says what is to be done. After an [`Effect::Fatal`] the core is not to be used
    /// again.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.now = now;
        if let Err(error) = self.on_event(event).and_then(|()| self.drain_reports()) {
            self.effects.push(Effect::Fatal(error));
        }
        std::mem::take(&mut self.effects)
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// Public keys that signed lately, for checks elsewhere.
    #[must_use]
    pub fn keys(&self) -> &Arc<KnownKeys> {
        &self.keys
    }

    /// The ledger, for reading.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads accounts ahead of their use ([`Ledger::warm`]); false when all is done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn warm(&mut self) -> Result<bool, StoreError> {
        self.ledger.warm()
    }

    /// Begins to read what a block needs that will come soon ([`Ledger::expect`]).
    pub fn expect(&mut self, block: &starling_consensus::CheckedBlock) {
        self.ledger.expect(block);
    }

    /// The proof of an account after a recent connected block ([`Ledger::prove_account`]).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prove_account(
        &mut self,
        address: &Address,
        height: u32,
    ) -> Result<Option<AccountProof>, StoreError> {
        self.ledger.prove_account(address, height)
    }

    /// Leaves nothing to make up for at the next start: all that is settled is on disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.ledger.settle()
    }

    /// The headers.
    #[must_use]
    pub fn tree(&self) -> &HeaderTree {
        &self.tree
    }

    /// The pending transactions.
    #[must_use]
    pub fn pool(&self) -> &Mempool {
        &self.pool
    }

    /// What is known of peers.
    #[must_use]
    pub fn net(&self) -> &Network {
        &self.net
    }

    /// Blocks that were connected and disconnected since the start.
    #[must_use]
    pub fn moved(&self) -> (u64, u64) {
        self.moved
    }

    /// The time of the event that is being handled.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    fn on_event(&mut self, event: Event) -> Result<(), StoreError> {
        match event {
            Event::Net(event) => {
                match event {
                    NetEvent::Connected { .. } => {
                        if self.peers == 0 {
                            self.batch_since = self.now.mono;
                        }
                        self.peers = self.peers.saturating_add(1);
                    }
                    NetEvent::Disconnected { peer } => {
                        self.peers = self.peers.saturating_sub(1);
                        self.branches.remove(&peer);
                    }
                    _ => {}
                }
                self.network(|net, view, now| net.handle(event, view, now));
            }
            Event::Done(Done::Checked(checked)) => self.on_checked(*checked)?,
            Event::Done(Done::Served(served)) => self.on_served(*served)?,
            Event::Tick => self.on_tick()?,
            Event::Continue => {
                self.advance()?;
                // At the start nobody else asks for what an earlier run had no time to fetch.
                self.want_bodies();
            }
            Event::Call(call) => {
                self.tell()?;
                call(self);
                return self.failed.take().map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    fn on_tick(&mut self) -> Result<(), StoreError> {
        let now = self.now;
        self.retry_aside();
        let expired = self.pool.tick(now.unix);
        for id in expired {
            self.recent.insert(id);
        }
        self.network(|net, view, now| net.tick(view, now));
        self.note_level();
        self.note_pace();
        self.retry_held()?;
        self.ledger.warm()?;
        self.advance()
    }

    fn drain_reports(&mut self) -> Result<(), StoreError> {
        self.verify_pulled();
        while let Some(report) = self.reports.pop_front() {
            match report {
                Report::Announcement { header, .. } => self.on_announcement(*header)?,
                Report::Transaction { source, tx } => self.on_peer_tx(source, &tx)?,
                Report::Headers { peer, headers } => self.on_headers(peer, headers)?,
                Report::Body { id, body } => self.on_body(id, body)?,
                Report::Unserved { id, height } => self.set_aside(id, height)?,
                Report::Serve { token, question, .. } => self.serve(token, question),
                Report::Dropped { peer, reason, banned } => {
                    tracing::info!(%peer, %reason, banned, "peer dropped");
                }
            }
        }
        Ok(())
    }

    /// Lets the network machines speak, with the chain as it is now before them.
    fn network(&mut self, f: impl FnOnce(&mut Network, &View<'_>, Duration) -> Vec<Output>) {
        let view = View {
            ledger: &self.ledger,
            tree: &self.tree,
            pool: &self.pool,
            recent: &self.recent,
            synced: self.is_synced(),
            stale: self.tip_is_stale(),
        };
        let outputs = f(&mut self.net, &view, self.now.mono);
        self.take_outputs(outputs);
    }

    fn take_outputs(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Command(command) => self.effects.push(Effect::Net(command)),
                Output::Report(report) => self.reports.push_back(report),
            }
        }
    }

    fn remember_own(&mut self, id: BlockId) {
        if self.own.len() == MAX_OWN_BLOCKS {
            self.own.clear();
        }
        self.own.insert(id);
    }

    /// The transactions of a block as a set, for the signatures that need no second look.
    fn verified_among(&self, txs: &[Arc<Transaction>]) -> HashSet<Wtxid> {
        txs.iter().map(|tx| tx.wtxid()).filter(|id| self.pool.is_verified(id)).collect()
    }
}

/// Bytes of whatever names a peer, folded into a number for quotas.
fn peer_number(peer: &PeerId) -> u64 {
    let hash = starling_primitives::sha256(&peer.to_bytes());
    u64::from_le_bytes(*hash.first_chunk().expect("8 of 32 bytes"))
}

#[cfg(test)]
mod tests;
