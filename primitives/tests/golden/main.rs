//! The golden values: every worked example reproduced, every refusal refused by its name.
//!
//! The files are written by the reference implementation in `docs/spec/reference/`, which shares no code with
//! this crate. Those that need rules or keys are read by `consensus`, `wire.json` by `network`.

mod addresses;
mod amounts;
mod bodies;
mod data;
mod errors;
mod hashes;
mod headers;
mod history;
mod state;
mod targets;
mod transactions;
