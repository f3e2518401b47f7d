//! The integration tests of the workspace, one binary: each module is a kind of test.

mod e2e;
mod model;
mod prerequisites;
mod reference;
mod sim;
mod style;
