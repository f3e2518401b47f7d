//! `verify-proof`.

use super::FormatArgs;
use clap::Args;
use starling_primitives::{BlockId, Header};
use std::path::PathBuf;

/// `starling verify-proof`.
#[derive(Args, Debug)]
pub(crate) struct VerifyProofArgs {
    /// The file: what account_getProof, tx_getProof or history_getProof answered. A dash is stdin
    pub(crate) file: PathBuf,
    /// Id of the block that the proof must be of: one that you have from a source you trust
    #[arg(long, value_name = "ID", conflicts_with = "header")]
    pub(crate) block: Option<BlockId>,
    /// Header of that block, in hex
    #[arg(long, value_name = "HEX", value_parser = header)]
    pub(crate) header: Option<Header>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

fn header(text: &str) -> Result<Header, String> {
    let bytes = starling_rpc::from_hex(text).ok_or("a header is lower-case hex, as in chain_getRaw")?;
    Header::decode(&bytes).map_err(|error| error.to_string())
}
