//! What may be typed.

mod ask;
mod chain;
mod node;
mod pay;

pub(crate) use ask::{AccountArgs, BlockArgs, HistoryArgs, NodeArgs, PeersArgs, StatusArgs, TxArgs};
pub(crate) use chain::{ChainCommand, ExportArgs, ImportArgs, NewChainArgs, ShowChainArgs, VerifyArgs};
pub(crate) use node::{ConfigCommand, DevArgs, InitArgs, MineArgs, PlaceArgs, RunArgs, ShowConfigArgs};
pub(crate) use pay::{
    ImportWalletArgs, NewWalletArgs, PassphraseArgs, SendArgs, WaitFor, WalletArgs, WalletCommand,
};
pub(crate) use pay::{ListWalletsArgs, WalletAddressArgs};

use crate::failure::{code, say};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

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
    Status(StatusArgs),
    /// Show the peers of a node
    Peers(PeersArgs),
    /// Make, show, move and check chains
    #[command(subcommand)]
    Chain(ChainCommand),
    /// Show, check and begin a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
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
    say(&one_line(&error.render().to_string()));
    ExitCode::from(code::USAGE)
}

/// The library's paragraphs as one line: what is wrong, what may be meant, and how to learn more.
fn one_line(text: &str) -> String {
    let (what, usage) = text.split_once("Usage:").unwrap_or((text, ""));
    let what = what.split("For more information").next().unwrap_or(what);
    let what: Vec<&str> = what.split_whitespace().collect();
    let is_command = |word: &&str| !word.starts_with(['-', '<', '[']);
    let command: Vec<&str> = usage.split_whitespace().take_while(is_command).collect();
    let command = if command.is_empty() { "starling".to_owned() } else { command.join(" ") };
    format!("{}; see: {command} --help", what.join(" "))
}

#[cfg(test)]
mod tests;
