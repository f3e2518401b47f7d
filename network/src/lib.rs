//! Peers: pure protocol machines and one libp2p driver.
//!
//! The driver moves bytes and knows nothing; the machines know everything between two nodes but the rules,
//! and touch nothing. [`Network`] stands between them and the node's core: events of the driver and words of
//! the core go in, commands for the driver and reports for the core come out. So whatever peers do to a node
//! can be replayed, and many nodes can be run against each other under virtual time.
//!
//! - `driver`: the task that owns the libp2p swarm, behind two bounded channels ([`start`])
//! - `wire`: each message as a type with its one encoding
//! - `protocol`: [`Network`], who is greeted, what may be asked, what waits for a verdict
//! - `sync`: headers from one peer, bodies from many; `relay`: new blocks and transactions
//! - `addresses`: the book of nodes that others told of; `peers`: slots, scores, bans, whom to dial;
//!   `limits`: how much one peer may ask
//!
//! It never decides whether a header, a body or a transaction is valid, never reads the chain but through
//! [`ChainView`], and outside the driver has no socket, clock, randomness or thread.

mod addresses;
mod driver;
mod limits;
mod peers;
mod protocol;
mod relay;
mod sync;
#[cfg(test)]
mod testing;
mod wire;

pub use addresses::signed_record;
pub use driver::{
    COMMAND_QUEUE, ConnectionCaps, Delivery, DialEnd, DriverConfig, DriverError, EVENT_QUEUE, Flow, KeyError,
    Keypair, MAX_AGENT_CHARS, MAX_INBOUND_PER_PROTOCOL, MessageRef, Multiaddr, NetCommand, NetEvent,
    NetHandle, PeerId, Protocol, REPORT_EVERY, Reachability, ReplyToken, RequestFailure, RequestId, Topic,
    Traffic, VERDICT_WINDOW, VERDICTS_WITHIN, Verdict, load_or_create_key, start,
};
pub use peers::{AddPeerError, BAN, BanInfo, MAX_BANS, MAX_PEERS, PeerInfo, Penalty, Slot};
pub use protocol::{
    AnnounceOutcome, Body, BodyOutcome, ChainView, HeadersOutcome, MAX_PEERS_BYTES, Network, NetworkConfig,
    Output, PeerOptions, Report, SavedError, SyncProgress, TxOutcome, TxSource,
};
pub use wire::{
    Announcement, Answer, BODIES_STOP_BYTES, Compact, MAX_ANNOUNCED_TXS, MAX_BODIES, MAX_HEADERS,
    MAX_LOCATOR_IDS, MAX_PEER_RECORDS, MAX_POOL_IDS, MAX_TX_IDS, Question, Status,
};
