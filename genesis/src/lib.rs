//! Which chain this is: its parameters as data, and the genesis block that pins them.
//!
//! A chain is one TOML file. Reading it gives a [`Chain`]: every rule parameter resolved and checked, the
//! genesis header built, and its id compared with the one that the file states, so a file whose parameters
//! were touched is another chain and is refused.
//!
//! - [`Chain`], [`ChainError`]: a chain that was read and checked
//! - [`Params`]: what the rules ask of it
//! - [`ChainFile`]: the file as written, and how `chain new` makes one
//!
//! It never reads a file or a clock: text in, chain out.

mod chain;
mod file;
mod params;

pub use chain::{Chain, ChainError, MAX_CHAIN_FILE_BYTES};
pub use file::{ChainFile, FileAccount, FileGenesis, NewChain};
pub use params::{Difficulty, Params};
