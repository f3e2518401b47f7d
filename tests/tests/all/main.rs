//! The integration tests of the workspace, one binary: each module is a kind of test.

mod prerequisites;
mod reference;
mod style;
