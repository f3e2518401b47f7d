//! Checks what a node says without trusting it: proofs against a header that the user names.
//!
//! [`Proof::parse`] reads what `account_getProof`, `tx_getProof` and `history_getProof` answer;
//! [`Proof::verify`] folds it up to the root in the header that it carries, rebuilds the coinbase that ties
//! this root to the header's 80 bytes of work, checks that work, and compares the header with the [`Anchor`].
//!
//! The anchor is what makes a proof worth anything: a block id, or a header, that the user has from a source
//! that they trust. A proof does not say of which chain it is. So its work may be of either kind that chains
//! use, and meets the target that the header states itself: whether that target is the right one, and whether
//! the block is on the best chain, is what naming it answers. Genesis needs no work.
//!
//! No bytes make it panic, and it takes at most [`MAX_PROOF_BYTES`] of them. It never asks a node, reads a
//! file, or checks a signature: it builds for `wasm32-unknown-unknown`.

mod parse;
mod verify;

pub use parse::{MAX_PROOF_BYTES, ParseError, Proof};
pub use verify::{Anchor, Claim, Verified, VerifyError};

#[cfg(test)]
mod testing;
