//! SHA-256 in the forms that Starling hashes with.
//!
//! Every hash of the protocol is one of five: plain, double, tagged, two hashes into one ([`node`]), and the
//! double hash of a work header from a midstate. They are kept in one crate because each Merkle tree and the
//! nonce search live on them, and because their kernels are the only place where `unsafe` stands.
//!
//! - [`sha256`], [`sha256d`]: plain and double
//! - [`Tag`]: domain-separated hashing with the first block precomputed
//! - [`node`]: the inner node of every tree
//! - [`State`]: the raw compression function, for midstates
//! - [`State::after_many`], [`Tag::hash_many`], [`nodes`], [`nodes_in_place`], [`nodes_at`]: the same for
//!   many blocks at once, by the [`Kernel`] that suits the processor
//!
//! It never allocates, does no I/O, and knows nothing of what it hashes.

mod batch;
mod compress;
mod kernel;
mod tag;

pub use batch::{nodes, nodes_at, nodes_in_place};
pub use compress::{BLOCK_BYTES, State, node, sha256, sha256d};
pub use kernel::Kernel;
pub use tag::{Tag, tagged};
