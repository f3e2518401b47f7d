//! JSON-RPC: how people and programs speak with a node.
//!
//! One description serves both ends. [`types`] are what methods answer, [`NodeApi`] is what a node
//! implements, [`Server`] stands between it and the callers, [`Client`] is the other end, for the command
//! line. The table in `methods` is the only list of methods: handlers are registered from it, parameters are
//! held against it, `rpc.discover` prints it.
//!
//! - [`types`], `serial`, `hex`: results as JSON; [`ApiError`]: refusals, with what to do about them
//! - [`NodeApi`], `methods`, `args`: methods, and their parameters read into typed values
//! - [`Server`]: one port, HTTP and WebSocket; `server/conn` bounds a connection, `server/quota` a client and
//!   the memory of all, `server/http` says who may speak at all, `server/layer` stands before every call
//! - [`Client`]; [`create_cookie`] and [`read_cookie`]: the token file
//!
//! Nothing a client sends can stop the node, grow its memory without bound, or read a file. The crate never
//! knows the ledger or the network: it builds without RocksDB and libp2p, and asks a [`NodeApi`] everything.

mod api;
mod args;
mod client;
mod cookie;
mod error;
mod hex;
mod limits;
mod methods;
mod serial;
mod server;
pub mod types;

#[cfg(test)]
mod testing;

pub use api::{ApiResult, NodeApi, PageRequest};
pub use client::{Client, ClientError, Events};
pub use cookie::{CookieError, create_cookie, read_cookie};
pub use error::{ApiError, ErrorKind};
pub use hex::{from_hex, to_hex};
pub use limits::{
    MAX_ANSWER_BYTES, MAX_BAN_SECONDS, MAX_BATCH_CALLS, MAX_BODY_BYTES, MAX_GENERATED_BLOCKS, MAX_HEADERS,
    MAX_MESSAGE_BYTES, MAX_MINING_THREADS, MAX_MULTIADDR_CHARS, MAX_PAGE_ENTRIES, MAX_SUBMITTED_TXS,
};
pub use server::{
    MethodCount, Server, ServerConfig, ServerCounters, ServerError, ServerHandle, ServerLimits, TextError,
    TextServer,
};
