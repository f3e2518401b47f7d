//! The simulator: whole nodes under virtual time (testing: simulator). Each is the core that ships, with
//! consensus, mempool and the network machines, on a ledger in memory; libp2p and its gossip are modelled.
//! A seed decides everything: the same seed gives the same history, to the last event.
//!
//! - [`Run`]: a [`Scenario`] from its beginning to a [`Report`]; [`SCENARIOS`]: all of them
//! - `world`: the queue of what happens next, connections and messages; `host`: one node
//! - `gossip`: the model of gossipsub; `wire`: how long what is sent takes
//! - [`calibrate`]: how well all that stands for real nodes
//! - `check`: what must hold after every event; `watch`: what is measured; `history`: the hash of all of it

mod calibrate;
mod check;
mod dice;
mod fill;
mod gossip;
mod history;
mod host;
mod identity;
mod report;
mod run;
mod scenario;
mod watch;
mod wire;
mod world;

pub use calibrate::{Calibration, MAX_OFF, Measured, calibrate};
pub use report::Report;
pub use run::Run;
pub use scenario::{SCENARIOS, Scenario};
pub use watch::Percentiles;
pub use world::Settings;
