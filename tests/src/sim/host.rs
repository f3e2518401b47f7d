//! One simulated node: the core that ships on a ledger in memory, gossip's model, and its line.

use super::dice::Dice;
use super::gossip::{Gossip, MessageId, Rpc};
use super::identity::peer_id;
use super::wire::{Packet, Transfer};
use super::world::HostId;
use starling_genesis::Chain;
use starling_ledger::{Ledger, LedgerOptions, MemoryDisk};
use starling_network::{MessageRef, Multiaddr, PeerOptions, Protocol, ReplyToken, RequestId, Topic};
use starling_node::{Core, CoreConfig, Now};
use starling_primitives::BlockId;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Unix time at which the world begins, this long after its chain's genesis.
pub(super) const AFTER_GENESIS: Duration = Duration::from_secs(10_000);
/// Memory of a ledger: the least that works.
const LEDGER_BYTES: usize = 16 << 20;
const POOL_BYTES: usize = 20 << 20;
const BODY_BYTES: usize = 16 << 20;
const KEY_BYTES: usize = 256 << 10;
/// Messages whose duplicates count are larger.
const LARGE_BYTES: usize = 1 << 10;

/// A question that waits for its answer.
pub(super) struct Asking {
    /// Who asks.
    pub(super) peer: HostId,
    /// Its number there.
    pub(super) request: RequestId,
    /// In which protocol.
    pub(super) protocol: Protocol,
}

/// What a node sent and received, in bytes and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// Bytes sent.
    pub(super) sent: u64,
    /// Of these, gossip.
    pub(super) gossip_sent: u64,
    /// Gossip messages that came, by topic: blocks, transactions.
    pub(super) heard: [u64; 2],
    /// Of these, the first of their kind.
    pub(super) first: [u64; 2],
    /// Bytes of gossip messages that were sent.
    pub(super) published: u64,
    /// Messages over 1 KiB that came by gossip and by `push/1`, and by `compact/1`; and how many different
    /// ones.
    pub(super) copies: [(u64, u64); 2],
}

/// A node.
pub(super) struct Host {
    /// Which.
    pub(super) id: HostId,
    /// None while it is down.
    pub(super) core: Option<Core>,
    /// Counts its starts: what was meant for an earlier life is lost.
    pub(super) life: u32,
    /// What it has to tell gossip.
    pub(super) gossip: Gossip,
    /// By how many seconds its clock is wrong.
    pub(super) skew: i64,
    /// When its present life began.
    pub(super) born: Duration,
    /// Whether it passes on nothing that others said.
    pub(super) silent: bool,
    /// Messages over 1 KiB that came, by their names.
    had: HashSet<MessageId>,
    /// The last block that it made itself.
    pub(super) made: Option<BlockId>,
    /// Questions of its own that are open, and who was asked.
    pub(super) asked: BTreeMap<RequestId, HostId>,
    /// Questions of others that it is to answer.
    pub(super) asking: BTreeMap<ReplyToken, Asking>,
    /// Gossip messages that wait for their verdicts.
    pub(super) heard: HashMap<MessageRef, (HostId, [u8; 20])>,
    /// What waits for its turn on the wire, and whether something is on it.
    pub(super) outbox: VecDeque<Transfer>,
    /// Whether the wire is busy.
    pub(super) sending: bool,
    /// What it sent and received.
    pub(super) traffic: Traffic,
    pub(super) tokens: u64,
    /// Whom it is told to begin with, and whether it looks for others.
    pub(super) named: Vec<HostId>,
    pub(super) only_named: bool,
    chain: Arc<Chain>,
    disk: MemoryDisk,
    dice: Dice,
    seed: u64,
    /// Where its ledger is, where the copy that a loss of power would leave, and how many there were.
    place: u32,
    kept: Option<u32>,
    places: u32,
}

/// Where a host is reached. Sixteen of them share a group of addresses.
///
/// # Panics
/// Never: it is the form of an address.
pub(super) fn address(host: HostId) -> Multiaddr {
    let [high, low] = host.0.to_be_bytes();
    let text = format!("/ip4/{}.{}.{low}.1/tcp/26000", 11 + high, low / 16);
    text.parse().expect("the form of an address")
}

/// The host at an address.
pub(super) fn host_at(address: &Multiaddr) -> Option<HostId> {
    let text = address.to_string();
    let mut parts = text.split('/').nth(2)?.split('.').map(|part| part.parse::<u16>().ok());
    let (high, _, low) = (parts.next()??, parts.next()??, parts.next()??);
    Some(HostId(high.checked_sub(11)? * 256 + low))
}

impl Host {
    /// A node that has not started yet.
    pub(super) fn new(id: HostId, chain: Arc<Chain>, disk: MemoryDisk, mut dice: Dice, silent: bool) -> Self {
        let gossip = Gossip::new(dice.split(), silent);
        Self {
            id,
            core: None,
            life: 0,
            gossip,
            skew: 0,
            born: Duration::ZERO,
            silent,
            made: None,
            had: HashSet::new(),
            asked: BTreeMap::new(),
            asking: BTreeMap::new(),
            heard: HashMap::new(),
            outbox: VecDeque::new(),
            sending: false,
            traffic: Traffic::default(),
            tokens: 0,
            named: Vec::new(),
            only_named: false,
            chain,
            disk,
            seed: dice.number(),
            place: 0,
            kept: None,
            places: 0,
            dice,
        }
    }

    /// Starts, from what is on its disk.
    ///
    /// # Panics
    /// When the ledger does not open: a finding.
    pub(super) fn start(&mut self, now: Duration) {
        self.life += 1;
        self.born = now;
        self.gossip = Gossip::new(self.dice.split(), self.silent);
        let options = LedgerOptions { memory_bytes: LEDGER_BYTES, ..LedgerOptions::USUAL };
        let opened = Ledger::open_on(&self.disk, &self.path(self.place), self.chain.clone(), &options);
        let (ledger, tree) =
            opened.unwrap_or_else(|error| panic!("node {} does not start: {error}", self.id.0));
        let config = CoreConfig {
            seed: self.seed.wrapping_add(self.life.into()),
            pool_bytes: POOL_BYTES,
            body_bytes: BODY_BYTES,
            key_bytes: KEY_BYTES,
            mine_alone: true,
            sync_blocks: true,
            pipelined: false,
            peers: PeerOptions {
                local: Some(peer_id(self.id)),
                bootstrap: self.named.iter().map(|host| address(*host)).collect(),
                seeds: Vec::new(),
                only_named: self.only_named,
                upload_limit: None,
            },
        };
        self.core = Some(Core::new(ledger, tree, config, self.now(now)));
    }

    /// Keeps what is on its disk now: a loss of power would leave that.
    pub(super) fn keep(&mut self) {
        let Some(core) = &self.core else { return };
        let before = self.kept.take();
        self.places += 1;
        core.ledger().store().copy_to(&self.path(self.places)).expect("a disk in memory has room");
        self.kept = Some(self.places);
        if let Some(before) = before {
            self.disk.remove(&self.path(before)).expect("nobody uses a copy");
        }
    }

    /// Dies, with nothing written but what was committed; a failing power takes what nobody waited for.
    pub(super) fn crash(&mut self, power: bool) {
        self.core = None;
        if let Some(kept) = self.kept.take() {
            let lost = if power { std::mem::replace(&mut self.place, kept) } else { kept };
            self.disk.remove(&self.path(lost)).expect("it is closed");
        }
        self.asked.clear();
        self.asking.clear();
        self.heard.clear();
        self.outbox.clear();
        self.sending = false;
    }

    /// The time as this node has it.
    pub(super) fn now(&self, now: Duration) -> Now {
        let genesis = u64::from(self.chain.genesis.work().time);
        let unix = (AFTER_GENESIS + now).as_secs().saturating_add(genesis);
        Now { mono: now.saturating_sub(self.born), unix: unix.saturating_add_signed(self.skew) }
    }

    /// Counts a gossip message that came.
    pub(super) fn note_message(&mut self, topic: Topic, is_first: bool) {
        let at = usize::from(topic == Topic::Tx);
        self.traffic.heard[at] += 1;
        self.traffic.first[at] += u64::from(is_first);
    }

    /// Counts a copy of a message over 1 KiB, by whatever way it came.
    pub(super) fn note_copy(&mut self, name: MessageId, bytes: usize, short: bool) {
        if bytes > LARGE_BYTES {
            let copies = &mut self.traffic.copies[usize::from(short)];
            copies.0 += 1;
            copies.1 += u64::from(self.had.insert(name));
        }
    }

    /// Counts what is sent.
    pub(super) fn note_sent(&mut self, packet: &Packet, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.traffic.sent += bytes;
        if let Packet::Gossip(rpc) = packet {
            self.traffic.gossip_sent += bytes;
            if matches!(rpc, Rpc::Publish(_)) {
                self.traffic.published += u64::try_from(rpc.bytes()).unwrap_or(u64::MAX);
            }
        }
    }

    fn path(&self, place: u32) -> PathBuf {
        PathBuf::from(format!("/sim/{}-{place}", self.id.0))
    }

    /// Its core, while it is up.
    pub(super) fn core(&self) -> Option<&Core> {
        self.core.as_ref()
    }
}
