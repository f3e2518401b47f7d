//! What each command does, one file for each.

mod account;
mod balance;
mod bench;
mod block;
mod chain;
mod config;
mod db;
mod dev;
mod history;
mod mine;
mod offline;
mod peers;
mod run;
mod send;
mod status;
mod tx;
mod verify_proof;
mod wallet;

use crate::cli::Command;
use crate::config::{Config, Layer, Sources};
use crate::failure::{Failure, Outcome};
use starling_rpc::Client;
use std::future::Future;
use tokio::runtime::{Builder, Runtime};

/// Does what was typed.
///
/// # Errors
/// Whatever kept the command from being done.
pub(crate) fn run(command: Command) -> Outcome<()> {
    match command {
        Command::Dev(args) => dev::dev(args),
        Command::Run(args) => run::run(args),
        Command::Mine(args) => mine::mine(args),
        Command::Send(args) => send::send(&args),
        Command::Wallet(command) => wallet::wallet(&command),
        Command::Balance(args) => balance::balance(&args),
        Command::History(args) => history::history(&args),
        Command::Tx(args) => tx::tx(&args),
        Command::Block(args) => block::block(&args),
        Command::Status(args) => status::status(&args),
        Command::Peers(args) => peers::peers(&args),
        Command::Chain(command) => chain::chain(command),
        Command::Db(command) => db::db(command),
        Command::VerifyProof(args) => verify_proof::verify_proof(args),
        Command::Config(command) => config::config(command),
        Command::Bench(command) => bench::bench(command),
    }
}

/// The configuration with these flags on top.
fn configure(flags: Layer) -> Outcome<Config> {
    Config::load(Sources::new(flags)?)
}

/// The node that these flags, the environment or the file name; nothing is sent yet.
fn client(config: &Config) -> Outcome<Client> {
    Ok(Client::new(config.node(), None)?)
}

/// Everything that waits for a node waits on this one thread.
fn runtime() -> Outcome<Runtime> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("the system refused: {error}")))
}

/// Waits for one question.
fn wait_for<T>(question: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    runtime()?.block_on(question)
}
