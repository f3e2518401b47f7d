//! The rules of a Starling chain.
//!
//! Everything here is a function of (thing, context, parameters, now): no I/O, no clock, no randomness but
//! the blinding of signature batches and the hashing of two caches, neither of which changes a verdict. What
//! passes a check gets a type that says so: a [`CheckedHeader`] is true by itself, a [`CheckedBlock`] too,
//! and a [`Cursor`] or a [`Transition`] judges the next one in its context.
//!
//! - [`CheckedHeader`], [`Cursor`], [`check_time`]: rules of headers; [`next_bits`]: ASERT
//! - [`HeaderTree`]: all headers worth keeping, and which branch has the most work
//! - [`BranchSync`]: the two passes by which a long unknown branch may enter the tree
//! - [`check_transaction`], [`CheckedBlock`]: rules without state; [`Transition`]: rules on a state
//! - [`verify`], [`verify_batch`]: the signature rule; [`KnownKeys`], [`SignatureCache`]: what makes it
//!   cheaper
//!
//! It never stores anything, never asks a peer, and has no switch that turns a rule off.

mod asert;
mod block;
mod branch_sync;
mod header;
mod signature;
mod transaction;
mod transition;
mod tree;

pub use asert::{Anchor, next_bits};
pub use block::{BlockError, CheckedBlock};
pub use branch_sync::{BranchSync, Progress};
pub use header::{CheckedHeader, Cursor, HeaderError, check_time};
pub use signature::{
    BatchError, KnownKeys, SignatureCache, SignatureCheck, SignatureError, check_encoding, verify,
    verify_batch,
};
pub use transaction::{TxError, check_expiry, check_fields, check_transaction, signature_checks};
pub use transition::{Accounts, Change, Changes, Transition, TransitionError};
pub use tree::{BestChange, HeaderInfo, HeaderTree, HistoryNodes, Inserted, Status, kept_work};

#[cfg(test)]
mod tests;
