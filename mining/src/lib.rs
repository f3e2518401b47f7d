//! The search for a nonce.
//!
//! A [`Job`] is a block that lacks only its work. [`search`] tries nonces on it until one meets the target or
//! it is told to stop; a [`Miner`] does so on several threads, each with coinbases of its own, so that no two
//! try the same header. The work header is hashed from the state after its first 64 bytes, which do not see
//! the nonce; what is found is hashed again by the plain path before it is handed out.
//!
//! - [`Job`]: what is mined; [`Part`]: one thread's share of it
//! - [`search`]: one thread's work
//! - [`Miner`]: threads that take the latest job, and a bounded channel of found headers
//!
//! It never knows a transaction, a peer or the clock, and never decides what to mine.

mod job;
mod midstate;
mod miner;
mod search;

pub use job::{COUNTER_BYTES, Job, JobError, Part};
pub use miner::{FOUND_QUEUE, Miner};
pub use search::search;
