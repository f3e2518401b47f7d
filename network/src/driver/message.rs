//! The language between the core and the driver: what arrived, and what is to be done. Bytes stay raw here;
//! their layouts belong to formats: On the wire.

use super::reach::Reachability;
use libp2p::gossipsub::MessageId;
use libp2p::{Multiaddr, PeerId};
use std::time::Duration;

/// A gossip topic (formats: On the wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `block/1`: a header with the ids of its transactions.
    Block,
    /// `tx/1`: one transaction.
    Tx,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 2] = [Self::Block, Self::Tx];

    /// The topic's name on the wire, for instance `/starling/0a1b2c3d/block/1`.
    #[must_use]
    pub fn name(self, chain_id: u32) -> String {
        let name = match self {
            Self::Block => "block",
            Self::Tx => "tx",
        };
        format!("/starling/{chain_id:08x}/{name}/1")
    }
}

/// A request protocol (formats: On the wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `status/1`: who is where on the chain.
    Status,
    /// `headers/1`: canonical headers after a known one.
    Headers,
    /// `bodies/1`: whole bodies by id.
    Bodies,
    /// `block-ids/1`: the transaction ids of one block.
    BlockIds,
    /// `block-txs/1`: chosen transactions of one block.
    BlockTxs,
    /// `announce/1`: ids of transactions on offer.
    Announce,
    /// `pool/1`: a page of the mempool's ids.
    Pool,
    /// `txs/1`: transactions by id.
    Txs,
    /// `push/1`: one gossip message, handed over directly.
    Push,
    /// `compact/1`: a block announced in short, to whoever has its transactions.
    Compact,
    /// `send-compact/1`: hand blocks to me in short.
    SendCompact,
    /// `peers/1`: other nodes.
    Peers,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 12] = [
        Self::Status,
        Self::Headers,
        Self::Bodies,
        Self::BlockIds,
        Self::BlockTxs,
        Self::Announce,
        Self::Pool,
        Self::Txs,
        Self::Push,
        Self::Compact,
        Self::SendCompact,
        Self::Peers,
    ];

    /// The protocol's name on the wire, for instance `/starling/0a1b2c3d/headers/1`.
    #[must_use]
    pub fn name(self, chain_id: u32) -> String {
        let name = match self {
            Self::Status => "status",
            Self::Headers => "headers",
            Self::Bodies => "bodies",
            Self::BlockIds => "block-ids",
            Self::BlockTxs => "block-txs",
            Self::Announce => "announce",
            Self::Pool => "pool",
            Self::Txs => "txs",
            Self::Push => "push",
            Self::Compact => "compact",
            Self::SendCompact => "send-compact",
            Self::Peers => "peers",
        };
        format!("/starling/{chain_id:08x}/{name}/1")
    }
}

/// A request of ours, numbered by whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

impl RequestId {
    /// A request by its number, which the caller never uses twice.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// The right to answer one request of a peer, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyToken(u64);

impl ReplyToken {
    /// A token by its number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A gossip message that waits for its verdict: who sent it, and its id (formats: On the wire).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageRef {
    pub(super) source: PeerId,
    pub(super) id: MessageId,
}

impl MessageRef {
    /// The message with this id, as it came from `source`.
    #[must_use]
    pub fn new(source: PeerId, id: [u8; 20]) -> Self {
        Self { source, id: MessageId::from(id.to_vec()) }
    }
}

/// What becomes of a gossip message. One without a verdict is forgotten after [`super::VERDICT_WINDOW`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good: pass it on.
    Accept,
    /// Good; that it is passed on is said later.
    Later,
    /// Not passed on, held against nobody.
    Ignore,
    /// Bad: not passed on, and its senders lose standing in the mesh.
    Reject,
}

/// What a peer brought by gossip, copies of what others brought included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Announcements of blocks.
    pub blocks: u32,
    /// Transactions.
    pub txs: u32,
    /// Messages over its budget, which were not looked at.
    pub over: u32,
    /// Whether it is in our mesh of each topic, in the order of [`Topic::ALL`].
    pub in_mesh: [bool; Topic::ALL.len()],
}

/// How a dial ended that led to no new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialEnd {
    /// Nobody was there, or somebody else.
    Failed,
    /// It led to this node.
    Ourselves,
    /// The peer is connected, or another dial to it is under way.
    Needless,
    /// Too many dials are under way.
    NoRoom,
}

/// Why a request of ours has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFailure {
    /// No answer in the protocol's time.
    #[error("no answer in time")]
    Timeout,
    /// The peer does not speak the protocol, or is on another chain.
    #[error("the peer does not speak this protocol")]
    Unsupported,
    /// The connection or the stream ended first; also when there is no connection.
    #[error("the connection ended before the answer")]
    Closed,
    /// The question or the answer is over the protocol's cap.
    #[error("the message is over the protocol's cap")]
    TooLarge,
    /// Too many requests of ours are open.
    #[error("too many open requests")]
    TooMany,
    /// Anything else on the stream.
    #[error("the stream failed")]
    Other,
}

/// What the driver reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// We can be reached here; the address ends in `/p2p/` and our peer id.
    Listening(Multiaddr),
    /// The first connection to a peer stands.
    Connected {
        /// The peer.
        peer: PeerId,
        /// Its end, as seen from here.
        address: Multiaddr,
        /// Whether we dialled.
        outbound: bool,
    },
    /// The last connection to a peer is gone.
    Disconnected {
        /// The peer.
        peer: PeerId,
    },
    /// The peer said what it is; again only when it says something else.
    Identified {
        /// The peer.
        peer: PeerId,
        /// Its software, at most [`super::MAX_AGENT_CHARS`] printable ASCII characters.
        agent: String,
        /// Whether it speaks this chain's protocols in this version.
        protocols_ok: bool,
        /// Its addresses, signed by itself, as they go into `peers/1`.
        record: Option<Vec<u8>>,
    },
    /// A round trip.
    Ping {
        /// The peer.
        peer: PeerId,
        /// How long it took.
        rtt: Duration,
    },
    /// A gossip message within its topic's cap, seen for the first time; it waits for a verdict.
    Gossip {
        /// Who sent it.
        peer: PeerId,
        /// Its topic.
        topic: Topic,
        /// Names the message in the verdict.
        message: MessageRef,
        /// The message.
        data: Vec<u8>,
    },
    /// A peer asks; at most [`super::MAX_INBOUND_PER_PROTOCOL`] at a time of each protocol.
    Request {
        /// Who asks.
        peer: PeerId,
        /// Names the request in the answer.
        token: ReplyToken,
        /// In which protocol.
        protocol: Protocol,
        /// The question.
        data: Vec<u8>,
    },
    /// A request of ours has ended: each one ends exactly once.
    Response {
        /// Who was asked.
        peer: PeerId,
        /// Which request.
        request: RequestId,
        /// The answer, `result` byte included.
        result: Result<Vec<u8>, RequestFailure>,
    },
    /// What peers brought by gossip in the last [`super::REPORT_EVERY`], of all that are connected.
    Delivered(Vec<(PeerId, Delivery)>),
    /// A peer sent what no node sends: gossip of another topic, a message or a question over its cap.
    Misbehaved {
        /// The peer.
        peer: PeerId,
        /// What, for people.
        what: String,
    },
    /// A dial came to nothing: each one ends in this or in a connection.
    DialFailed {
        /// The peer, where it was named.
        peer: Option<PeerId>,
        /// What was dialled, the first of several addresses.
        address: Multiaddr,
        /// What became of it.
        end: DialEnd,
        /// Why, for people.
        error: String,
    },
    /// A node was found (mDNS, Kademlia); it may be on another chain, or nowhere.
    Discovered {
        /// The peer.
        peer: PeerId,
        /// Where it listens.
        addresses: Vec<Multiaddr>,
        /// Who says so; the local network if nobody.
        by: Option<PeerId>,
    },
    /// Whether others can dial us, or where, has changed.
    Reachable(Reachability),
    /// What DNS says of a name, with or without the ids of the peers.
    Seeded(Vec<Multiaddr>),
}

/// What the driver is told to do. A command about a peer, message or token that is gone does nothing, but for
/// [`NetCommand::Request`], which always ends in a [`NetEvent::Response`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetCommand {
    /// Dial.
    Dial {
        /// Who must answer, if that is known.
        peer: Option<PeerId>,
        /// Where; the first that answers is used.
        addresses: Vec<Multiaddr>,
        /// Without gossip on the connection.
        quiet: bool,
    },
    /// Look a name up in DNS; ends in [`NetEvent::Seeded`] if it is found.
    Resolve(String),
    /// Ask peers for nodes (Kademlia); ends in [`NetEvent::Discovered`] for each that is named.
    Walk,
    /// Close all connections to a peer.
    Disconnect(PeerId),
    /// Close all connections to a peer and refuse new ones.
    Ban(PeerId),
    /// Take a ban back.
    Unban(PeerId),
    /// Gossip is to hold this of a peer, besides what it counts itself: below 0, it leaves the mesh.
    Appraise {
        /// The peer.
        peer: PeerId,
        /// -100 to 100.
        score: i8,
    },
    /// Send to the topic's mesh. Nobody there, or known already: nothing happens.
    Publish {
        /// The topic.
        topic: Topic,
        /// The message.
        data: Vec<u8>,
    },
    /// Decide on a gossip message.
    Verdict {
        /// Which one.
        message: MessageRef,
        /// What becomes of it.
        verdict: Verdict,
    },
    /// Ask a connected peer.
    Request {
        /// Who is asked.
        peer: PeerId,
        /// The caller's number for it.
        id: RequestId,
        /// In which protocol.
        protocol: Protocol,
        /// The question.
        data: Vec<u8>,
    },
    /// Answer a request.
    Reply {
        /// Which one.
        token: ReplyToken,
        /// The answer, `result` byte included.
        data: Vec<u8>,
    },
    /// Let a request fail: its stream closes without an answer.
    DropReply {
        /// Which one.
        token: ReplyToken,
    },
}
