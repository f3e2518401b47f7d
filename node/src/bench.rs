//! How fast this machine does what a node does, against the targets that the node is built for.
//!
//! Everything follows from a seed, is made and removed in a directory of the benchmark's own, and goes the
//! ways that a node goes. Speeds are compared with a yardstick that is measured in the same run.
//!
//! - [`verify()`], [`import()`], [`state()`]: the benchmarks; each gives a `Report`
//! - `chain`, `seed`: what is measured with; `replica`, `start`: nodes; `yardstick`: what it is compared with
//! - `place`, `work`: where it is done, and how it is watched and ended; `hardware`: what the system tells
//!
//! It never touches a data directory, and never leaves a rule out to be fast.

mod chain;
mod hardware;
mod import;
mod place;
mod replica;
mod report;
mod seed;
mod start;
mod state;
mod verify;
mod work;
mod yardstick;

pub(crate) use import::{Choice, import};
pub(crate) use state::state;
pub(crate) use verify::verify;
