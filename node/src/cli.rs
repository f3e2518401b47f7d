//! What may be typed.

mod ask;
mod bench;
mod chain;
mod db;
mod node;
mod pay;
mod proof;

pub(crate) use ask::{AccountArgs, AskArgs, BlockArgs, HistoryArgs, NodeArgs, TxArgs, WalletDirArgs};
pub(crate) use bench::BenchCommand;
pub(crate) use chain::{
    ChainCommand, DataArgs, ExportArgs, ImportArgs, NewChainArgs, ShowChainArgs, VerifyArgs,
};
pub(crate) use db::DbCommand;
pub(crate) use node::{
    ConfigCommand, DevArgs, InitArgs, MineArgs, PlaceArgs, RunArgs, ShowConfigArgs, StorageArgs,
};
pub(crate) use pay::{
    ImportWalletArgs, NewWalletArgs, PassphraseArgs, SendArgs, WaitFor, WalletAddressArgs, WalletArgs,
    WalletCommand,
};
pub(crate) use proof::VerifyProofArgs;

use crate::failure::{code, say};
use crate::output;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Bytes of a refusal that are shown: it repeats what was typed.
const SHOWN_BYTES: usize = 1_000;

/// A proof-of-work blockchain node: run one, mine, send payments, ask it anything
#[derive(Debug, Parser)]
#[command(name = "starling", version, max_term_width = 100)]
#[command(arg_required_else_help = true, args_override_self = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a private chain that mines by itself, with ten funded accounts
    Dev(DevArgs),
    /// Run a node
    Run(RunArgs),
    /// Mine against a node
    Mine(MineArgs),
    /// Send a payment
    Send(SendArgs),
    /// Make, import and list wallets
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Show the balance of an account
    Balance(AccountArgs),
    /// Show what happened on an account, newest first
    History(HistoryArgs),
    /// Show a transaction and its way
    Tx(TxArgs),
    /// Show a block
    Block(BlockArgs),
    /// Show how a node is doing
    Status(AskArgs),
    /// Show the peers of a node
    Peers(AskArgs),
    /// Make, show, move and check chains
    #[command(subcommand)]
    Chain(ChainCommand),
    /// Show, check and compact the database of a stopped node
    #[command(subcommand)]
    Db(DbCommand),
    /// Verify a proof that a node gave, without asking any node
    VerifyProof(VerifyProofArgs),
    /// Show, check and begin a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Measure how fast this machine is, against the targets
    #[command(subcommand)]
    Bench(BenchCommand),
}

/// How results are printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct FormatArgs {
    /// Print results as JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints help where it was asked for, and one line for a wrong command line.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    let asked = !error.use_stderr();
    if asked || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Whoever asked has gone away.
        let _ = error.print();
        return if asked { ExitCode::SUCCESS } else { ExitCode::from(code::USAGE) };
    }
    let typed = std::env::args_os().skip(1);
    let typed = typed.map(|word| word.to_string_lossy().into_owned());
    say(&one_line(&error.render().to_string(), &command_of(typed)));
    ExitCode::from(code::USAGE)
}

/// The library's paragraphs as one line: what is wrong, what may be meant, and how to learn more.
fn one_line(text: &str, command: &str) -> String {
    let what = text.split("Usage:").next().unwrap_or(text);
    let what = what.split("For more information").next().unwrap_or(what);
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let what = output::excerpt(&output::printable(&what), SHOWN_BYTES);
    format!("{what}; see: {command} --help")
}

/// The command that was meant, like `starling wallet new`: the words that name commands, up to the first that
/// names none.
fn command_of(typed: impl Iterator<Item = String>) -> String {
    let mut command = Cli::command();
    let mut names = command.get_name().to_owned();
    for word in typed {
        let Some(found) = command.find_subcommand(&word) else { break };
        names = format!("{names} {word}");
        command = found.clone();
    }
    names
}

#[cfg(test)]
mod tests;
