//! The harness of the tests with real processes: it starts the binary `starling` as a person would, and looks
//! at it from outside. Beside it, the simulator.
//!
//! - [`starling`]: the binary, refused when it is missing or older than its sources
//! - [`raw_peer`]: a peer that writes what no node writes
//! - [`Desk`]: a home of its own for commands; [`Ended`]: what they said; [`Running`]: one that goes on
//! - [`Lab`]: a new chain and the nodes on it; [`Node`]: a running one, to be killed, frozen, restarted
//! - [`Kills`]: at which moments nodes are killed, and what came of it; [`SmallDisk`]: one that is soon full
//! - [`Payer`]: a key that signs payments in bulk; [`Puppet`]: a peer that says what a test wants; [`Line`]:
//!   what it is connected by, when that is to become slow
//! - [`Town`]: network namespaces, each with a node, on lines of a given rate
//! - [`variable`]: a number of the environment
//! - [`until`]: waits for a condition, and says what it last saw when it gives up; [`wait`]: for an answer
//! - [`http`]: bytes on a socket, for what no client would send
//! - [`sim`]: whole nodes in one process, under virtual time
//!
//! Nothing here uses a fixed port or a folder that outlives its test, sleeps for progress, or looks inside a
//! node.

mod binary;
mod command;
mod disk;
pub mod http;
mod kills;
mod lab;
mod line;
mod node;
mod payer;
mod puppet;
pub mod sim;
mod town;
mod variable;
mod wait;

pub use binary::{raw_peer, starling};
pub use command::{Desk, Ended, Running};
pub use disk::{SmallDisk, copy_folder};
pub use kills::{Kills, Phase};
pub use lab::{Lab, Pace, finish};
pub use line::Line;
pub use node::{Node, NotStarted, Ready, agree, connect};
pub use payer::Payer;
pub use puppet::{Puppet, Said, Script, at_genesis, modest};
pub use town::Town;
pub use variable::variable;
pub use wait::{PATIENCE, until, wait};
