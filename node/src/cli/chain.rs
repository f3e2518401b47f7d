//! `chain`.

use super::{FormatArgs, PlaceArgs, StorageArgs};
use clap::{Args, Subcommand};
use starling_primitives::Amount;
use std::path::PathBuf;

/// `starling chain`.
#[derive(Debug, Subcommand)]
pub(crate) enum ChainCommand {
    /// Make a chain file
    New(NewChainArgs),
    /// Show the parameters of a chain
    Show(ShowChainArgs),
    /// Write all blocks of a stopped node into a file, compressed if its name ends in .zst
    Export(ExportArgs),
    /// Check and store all blocks of a file, compressed or not
    Import(ImportArgs),
    /// Execute all stored blocks again and compare every root
    Verify(VerifyArgs),
}

/// `starling chain new`.
#[derive(Args, Debug)]
pub(crate) struct NewChainArgs {
    /// The file to write; one that exists is left as it is
    pub(crate) file: PathBuf,
    /// The chain's name; the file's unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Seconds between blocks
    #[arg(long, value_name = "SECS", default_value_t = 12)]
    pub(crate) interval: u32,
    /// Compact target of the first blocks: 8 hex digits
    #[arg(long, value_name = "HEX")]
    pub(crate) bits: Option<String>,
    /// Proof of work: sha256d or sha256d-tagged
    #[arg(long, value_name = "KIND", default_value = "sha256d")]
    pub(crate) pow: String,
    /// An account that has this much from the start; may be given several times
    #[arg(long, value_name = "ADDRESS=STAR", value_parser = prefund)]
    pub(crate) prefund: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `starling chain show`.
#[derive(Args, Debug)]
pub(crate) struct ShowChainArgs {
    /// The chain; that of the configuration unless given
    #[arg(value_name = "testnet|dev|FILE")]
    pub(crate) chain: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Whose data, and how the result is printed.
#[derive(Args, Debug)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `starling chain export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// The file to write; one that exists is left as it is. With .zst at its end it is compressed with
    /// Zstandard. A dash is stdout, uncompressed
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// `starling chain import`.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file to read, compressed with Zstandard or not. A dash is stdin
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// `starling chain verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Take the blocks below this height on trust: they are applied without a look at signatures and roots
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    pub(crate) from: u32,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

fn prefund(text: &str) -> Result<(String, String), String> {
    let (address, amount) = text.split_once('=').ok_or("write it as ADDRESS=STAR")?;
    Amount::from_star(amount).map_err(|error| error.to_string())?;
    Ok((address.to_owned(), amount.to_owned()))
}
