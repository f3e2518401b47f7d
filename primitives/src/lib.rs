//! What exists on a Starling chain, and the bytes of it.
//!
//! Everything that is hashed, signed, stored or sent is built from these types. Each has exactly one
//! encoding, and a decoder that keeps the format's limits before it allocates: a value of one of these types
//! is well formed by construction. Whether it is *valid* is for `consensus` to say.
//!
//! - [`hash`]: identifiers and roots; [`Amount`], [`Address`], [`Policy`]
//! - [`Transaction`], [`Header`], [`Block`]: the three things that travel; [`TxProof`]: one in another
//! - [`Bits`], [`Target`], [`Work`]: proof of work as numbers
//! - [`state`]: the plain state root and its proofs; [`history`]: the mountain range over all blocks
//! - [`codec`]: the reader under every decoder
//!
//! It never does I/O, reads a clock, or holds a policy.

pub mod address;
pub mod amount;
mod block;
pub mod codec;
pub mod hash;
mod header;
pub mod history;
pub mod limits;
mod policy;
pub mod state;
mod target;
mod transaction;

pub use address::{Address, AddressError, Prefix, PrefixError};
pub use amount::{Amount, AmountError};
pub use block::{Block, TxProof, decode_body, encode_body, tx_root};
pub use codec::{DecodeError, Reader};
pub use hash::{BlockId, Commitment, GenesisId, HistoryRoot, StateRoot, TxId, TxRoot, Wtxid};
pub use header::{Coinbase, Content, Extra, Header, PowKind, WorkHeader};
pub use policy::{MultiPolicy, Policy, PublicKey, Signature};
pub use starling_sha256::{Kernel, Tag, node, nodes, nodes_at, nodes_in_place, sha256, sha256d, tagged};
pub use target::{Bits, Target, TargetError, Work};
pub use transaction::{Auth, Memo, Output, Transaction, UnsignedTransaction};

#[cfg(test)]
mod tests;
