//! SHA-256 in the forms that Starling hashes with.
//!
//! Every hash of the protocol is one of five: plain, double, tagged, two hashes into one ([`node`]), and the
//! double hash of a work header from a midstate. They are kept in one crate because each Merkle tree and the
//! nonce search live on them, and because it is the only place where `unsafe` kernels may ever stand.
//!
//! - [`sha256`], [`sha256d`]: plain and double
//! - [`Tag`]: domain-separated hashing with the first block precomputed
//! - [`node`]: the inner node of every tree
//! - [`State`]: the raw compression function, for midstates
//!
//! It never allocates, does no I/O, and knows nothing of what it hashes.

mod compress;
mod tag;

pub use compress::{BLOCK_BYTES, State, node, sha256, sha256d};
pub use tag::{Tag, tagged};
