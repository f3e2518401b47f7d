//! The binary `starling`: the command line over the library of this crate.
//!
//! - `cli`: what may be typed; `commands`: what it does, one file for each command
//! - `bench`: how fast it is, against its targets
//! - `config`: file, environment and flags, merged; `secrets`: what never stands on a command line
//! - `output`: results, on stdout; `failure`: everything else, on stderr, with an exit code; `logs`
//!
//! It holds no rule of the chain and no state: it asks a node over JSON-RPC, or starts one.

mod bench;
mod cli;
mod commands;
mod config;
mod failure;
mod files;
mod logs;
mod output;
mod secrets;

use clap::Parser;
use starling_ledger::wait_until_closed;
use std::process::ExitCode;
use std::time::Duration;

#[cfg(all(unix, target_pointer_width = "64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Time that threads get, after the work is done or given up, to let go of a database.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::explain(&error),
    };
    let code = match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    };
    wait_until_closed(CLOSED_WITHIN);
    code
}
