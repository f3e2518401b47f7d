//! A peer that is not what it seems: it speaks through the driver that ships, and says what a test wants.

use crate::{Line, Node, until, wait};
use starling_genesis::Chain;
use starling_network::{
    Answer, ConnectionCaps, DriverConfig, Keypair, Multiaddr, NetCommand, NetEvent, NetHandle, PeerId,
    Protocol, ReplyToken, RequestFailure, RequestId, Status, Topic, start,
};
use starling_primitives::{BlockId, Work};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// What a puppet says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// These bytes, after the length.
    Bytes(Vec<u8>),
    /// Nothing: the stream stays open.
    Nothing,
}

/// What a puppet says to each question.
pub type Script = Box<dyn Fn(Protocol, &[u8]) -> Said + Send + Sync>;

#[derive(Default)]
struct Seen {
    address: Option<String>,
    connected: bool,
    /// It was, if only for a moment.
    met: bool,
    asked: HashMap<RequestId, oneshot::Sender<Result<Vec<u8>, RequestFailure>>>,
    questions: Vec<Protocol>,
    heard: usize,
}

/// A peer in the hands of a test. It never passes gossip on.
pub struct Puppet {
    handle: NetHandle,
    seen: Arc<Mutex<Seen>>,
    victim: PeerId,
    last: Mutex<u64>,
}

/// The status of a node that stands at genesis.
#[must_use]
pub fn at_genesis(chain: &Chain) -> Status {
    let genesis = chain.genesis_id();
    Status { genesis, tip: BlockId::from(genesis), height: 0, work: Work::ZERO, oldest_body: 0, fee_floor: 1 }
}

/// Says this of itself, and has nothing else.
#[must_use]
pub fn modest(status: Status) -> Script {
    Box::new(move |protocol, _| match protocol {
        Protocol::Status => Said::Bytes(Answer::Status(status).encode()),
        Protocol::Pool => {
            Said::Bytes(Answer::Pool { next: starling_primitives::Wtxid::ZERO, ids: vec![] }.encode())
        }
        Protocol::Peers => Said::Bytes(Answer::Peers(vec![]).encode()),
        Protocol::Announce | Protocol::Push | Protocol::Compact | Protocol::SendCompact => {
            Said::Bytes(Answer::Done.encode())
        }
        _ => Said::Bytes(Answer::NotHere.encode()),
    })
}

impl Puppet {
    /// A peer that dials this node, and is connected to it.
    ///
    /// # Panics
    /// When it does not come to that.
    #[must_use]
    pub fn new(chain: &Chain, victim: &Node, script: Script) -> Self {
        Self::of_chain(chain.chain_id(), chain, victim, script)
    }

    /// The same over this line to the node.
    ///
    /// # Panics
    /// When it is not connected, if only for a moment.
    #[must_use]
    pub fn over(line: &Line, chain: &Chain, victim: &Node, script: Script) -> Self {
        Self::dialling(line.address(), chain.chain_id(), chain, victim, script)
    }

    /// The same, of a chain with this number.
    ///
    /// # Panics
    /// When it is not connected, if only for a moment.
    #[must_use]
    pub fn of_chain(chain_id: u32, chain: &Chain, victim: &Node, script: Script) -> Self {
        Self::dialling(victim.address(), chain_id, chain, victim, script)
    }

    fn dialling(address: &str, chain_id: u32, chain: &Chain, victim: &Node, script: Script) -> Self {
        let puppet = Self::waiting(chain_id, chain, victim, script);
        let address: Multiaddr = address.parse().expect("an address");
        puppet.send(NetCommand::Dial { peer: None, addresses: vec![address], quiet: false });
        until(
            "the puppet is connected",
            || {
                if puppet.seen().met { Ok(()) } else { Err("not yet".to_owned()) }
            },
        );
        puppet
    }

    /// A peer that waits for this node to dial it.
    ///
    /// # Panics
    /// When its driver does not start.
    #[must_use]
    pub fn waiting(chain_id: u32, chain: &Chain, victim: &Node, script: Script) -> Self {
        let config = DriverConfig {
            key: Keypair::generate_ed25519(),
            chain_id,
            agent: "puppet/1".to_owned(),
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
            public: false,
            mdns: false,
            discovery: false,
            nat: false,
            connections: ConnectionCaps::default(),
            max_body_bytes: chain.params.max_body_bytes,
            upload_limit: None,
            link_delay: std::time::Duration::ZERO,
        };
        let (handle, events) = wait(async { start(&config) }).expect("a driver starts");
        let seen = Arc::<Mutex<Seen>>::default();
        let commands = handle.commands().clone();
        let (ours, to) = (Arc::clone(&seen), commands.clone());
        wait(async { drop(tokio::spawn(act(events, to, ours, script))) });
        let victim = victim.ready().peer_id.parse().expect("a peer id");
        Self { handle, seen, victim, last: Mutex::new(0) }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its peer id.
    #[must_use]
    pub fn id(&self) -> String {
        self.handle.local_peer().to_string()
    }

    /// Where it can be dialled.
    #[must_use]
    pub fn address(&self) -> String {
        until("it listens", || self.seen().address.clone().ok_or_else(|| "not yet".to_owned()))
    }

    /// Whether it is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.seen().connected
    }

    /// Whether it was asked in this protocol.
    #[must_use]
    pub fn was_asked(&self, protocol: Protocol) -> bool {
        self.seen().questions.contains(&protocol)
    }

    /// Gossip messages that it has heard.
    #[must_use]
    pub fn heard(&self) -> usize {
        self.seen().heard
    }

    fn send(&self, command: NetCommand) {
        wait(self.handle.commands().send(command)).expect("the driver runs");
    }

    /// Says something to everybody.
    pub fn publish(&self, topic: Topic, data: Vec<u8>) {
        self.send(NetCommand::Publish { topic, data });
    }

    /// Asks the victim something.
    ///
    /// # Errors
    /// Why there is no answer.
    ///
    /// # Panics
    /// When the driver is gone.
    pub fn ask(&self, protocol: Protocol, data: Vec<u8>) -> Result<Vec<u8>, RequestFailure> {
        let id = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last += 1;
            RequestId::new(*last)
        };
        let (answer, answered) = oneshot::channel();
        self.seen().asked.insert(id, answer);
        self.send(NetCommand::Request { peer: self.victim, id, protocol, data });
        wait(answered).expect("each request ends")
    }
}

async fn act(
    mut events: mpsc::Receiver<NetEvent>,
    commands: mpsc::Sender<NetCommand>,
    seen: Arc<Mutex<Seen>>,
    script: Script,
) {
    let note =
        |change: &mut dyn FnMut(&mut Seen)| change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
    let mut open: Vec<ReplyToken> = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Listening(address) => note(&mut |seen| seen.address = Some(address.to_string())),
            NetEvent::Connected { .. } => note(&mut |seen| (seen.connected, seen.met) = (true, true)),
            NetEvent::Disconnected { .. } => note(&mut |seen| seen.connected = false),
            NetEvent::Gossip { .. } => note(&mut |seen| seen.heard += 1),
            NetEvent::Request { token, protocol, data, .. } => {
                note(&mut |seen| seen.questions.push(protocol));
                match script(protocol, &data) {
                    Said::Bytes(data) => drop(commands.send(NetCommand::Reply { token, data }).await),
                    Said::Nothing => open.push(token),
                }
            }
            NetEvent::Response { request, result, .. } => {
                let mut result = Some(result);
                note(&mut |seen| {
                    if let (Some(asked), Some(result)) = (seen.asked.remove(&request), result.take()) {
                        drop(asked.send(result));
                    }
                });
            }
            _ => {}
        }
    }
}
