//! `send` and `wallet`.

use super::{AskArgs, FormatArgs, WalletDirArgs};
use crate::config::{Layer, Value, keys};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use starling_primitives::Amount;
use starling_wallet::Words;
use std::path::PathBuf;

/// Where a wallet's passphrase comes from, when not from the terminal.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase from this file descriptor
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Read the passphrase from this file
    #[arg(long, value_name = "PATH")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// What `--wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitFor {
    /// In the node's mempool
    Seen,
    /// One confirmation
    #[value(name = "1")]
    One,
    /// Six confirmations
    #[value(name = "6")]
    Six,
    /// A miner with 30 % of all hash rate reverses it with a probability below 0.1 %
    Safe,
}

/// `starling send`.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// Who gets it: an address, the name of a wallet, or dev0 to dev9 on a dev node
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
    /// How much, like 1.25
    #[arg(long, value_name = "STAR", value_parser = Amount::from_star)]
    pub(crate) amount: Amount,
    /// The wallet that pays, or dev0 to dev9 on a dev node; the only wallet unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Option<String>,
    /// The fee; the node's estimate for three blocks unless given
    #[arg(long, value_name = "STAR", value_parser = Amount::from_star)]
    pub(crate) fee: Option<Amount>,
    /// Pay the fee even if it is far above what is usual
    #[arg(long)]
    pub(crate) high_fee: bool,
    /// A note of at most 128 bytes, for everyone to read
    #[arg(long, value_name = "TEXT")]
    pub(crate) memo: Option<String>,
    /// Wait for it, and print each step of its way
    #[arg(long, value_enum, value_name = "seen|1|6|safe", hide_possible_values = true)]
    pub(crate) wait: Option<WaitFor>,
    /// Seconds to wait at the most
    #[arg(long, value_name = "SECS", default_value_t = 600, requires = "wait")]
    pub(crate) timeout: u32,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    wallets: WalletDirArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `starling wallet`.
#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Make a wallet with a new mnemonic, shown once
    New(NewWalletArgs),
    /// Make a wallet of a mnemonic or key that exists
    Import(ImportWalletArgs),
    /// List the wallets
    List(WalletArgs),
    /// Print the address of a wallet
    Address(WalletAddressArgs),
}

/// Where wallets are, and which chain's addresses they show: all of `starling wallet list`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WalletArgs {
    #[command(flatten)]
    dir: WalletDirArgs,
    /// Show addresses of this chain: testnet, dev, or a chain file
    #[arg(long, value_name = "CHAIN")]
    chain: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `starling wallet new`.
#[derive(Args, Debug)]
pub(crate) struct NewWalletArgs {
    /// Its name
    pub(crate) name: String,
    /// How many words the mnemonic has: 12 or 24
    #[arg(long, value_name = "12|24", default_value = "12", value_parser = words)]
    pub(crate) words: Words,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(crate) wallets: WalletArgs,
}

/// `starling wallet import`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("source").args(["mnemonic_fd", "key_fd"])))]
pub(crate) struct ImportWalletArgs {
    /// Its name
    pub(crate) name: String,
    /// Read the mnemonic from this file descriptor; asked for on the terminal unless given
    #[arg(long, value_name = "N")]
    pub(crate) mnemonic_fd: Option<u32>,
    /// Read a single key, a 32-byte seed in hex, from this file descriptor
    #[arg(long, value_name = "N")]
    pub(crate) key_fd: Option<u32>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(crate) wallets: WalletArgs,
}

/// `starling wallet address`.
#[derive(Args, Debug)]
pub(crate) struct WalletAddressArgs {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) wallets: WalletArgs,
}

fn words(text: &str) -> Result<Words, String> {
    text.parse().ok().and_then(Words::from_count).ok_or_else(|| "12 and 24 words are possible".to_owned())
}

impl SendArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(&self) -> Layer {
        let mut layer = self.ask.node.layer();
        layer.extend(self.wallets.layer());
        layer
    }
}

impl WalletArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(&self) -> Layer {
        let mut layer = self.dir.layer();
        layer.extend(self.chain.iter().map(|chain| (keys::CHAIN.name, Value::Text(chain.clone()))));
        layer
    }
}
