//! `bench`.

use super::FormatArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `starling bench`.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure signatures and the checks of a block
    Verify(BenchVerifyArgs),
    /// Measure the import of a chain, a reorganisation and a start
    Import(BenchImportArgs),
    /// Measure the state tree: roots, memory, proofs
    State(BenchStateArgs),
}

/// What every benchmark is told.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Measure at the sizes that the targets are set for: this takes minutes
    #[arg(long)]
    pub(crate) full: bool,
    /// Draw keys, addresses and payments from this number: the same one gives the same chain
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Where a benchmark keeps its files.
#[derive(Args, Debug)]
pub(crate) struct BenchDirArgs {
    /// Work in DIR, which is empty or does not exist; among the system's temporary files unless given.
    /// Nothing is left there
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `starling bench verify`.
#[derive(Args, Debug)]
pub(crate) struct BenchVerifyArgs {
    /// Sign N payments; 32768 unless given, 131072 with --full
    #[arg(long, value_name = "N", value_parser = count())]
    pub(crate) payments: Option<u64>,
    #[command(flatten)]
    pub(crate) bench: BenchArgs,
}

/// `starling bench import`.
#[derive(Args, Debug)]
pub(crate) struct BenchImportArgs {
    /// Begin with N accounts; 200000 unless given, 1000000 with --full
    #[arg(long, value_name = "N", value_parser = count())]
    pub(crate) accounts: Option<u64>,
    /// Make N payments; 200000 unless given, 1000000 with --full
    #[arg(long, value_name = "N", value_parser = count())]
    pub(crate) payments: Option<u64>,
    /// End with N empty blocks; 20000 unless given, 1000000 with --full
    #[arg(long, value_name = "N", value_parser = count())]
    pub(crate) empty_blocks: Option<u64>,
    #[command(flatten)]
    pub(crate) place: BenchDirArgs,
    #[command(flatten)]
    pub(crate) bench: BenchArgs,
}

/// `starling bench state`.
#[derive(Args, Debug)]
pub(crate) struct BenchStateArgs {
    /// Make N accounts; 1000000 unless given, with --full also 10000000
    #[arg(long, value_name = "N", value_parser = count())]
    pub(crate) accounts: Option<u64>,
    #[command(flatten)]
    pub(crate) place: BenchDirArgs,
    #[command(flatten)]
    pub(crate) bench: BenchArgs,
}

/// How many of anything: what is beyond fits on no disk.
fn count() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=1_000_000_000)
}
