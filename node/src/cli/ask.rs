//! `balance`, `history`, `tx`, `block`, `status`, `peers`: what is asked of a node.

use super::FormatArgs;
use crate::config::{Layer, Value, keys};
use clap::Args;
use starling_primitives::TxId;
use starling_rpc::types::BlockRef;
use std::path::PathBuf;

/// Which node.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NodeArgs {
    /// The node's RPC, like http://127.0.0.1:8645
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
}

/// Which node, and how its answer is printed: all of `starling status` and `starling peers`.
#[derive(Args, Debug)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Where wallets are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WalletDirArgs {
    /// Where the wallets are
    #[arg(long, value_name = "DIR")]
    wallet_dir: Option<PathBuf>,
}

/// Which account of which node: all of `starling balance`.
#[derive(Args, Debug)]
pub(crate) struct AccountArgs {
    /// An address, the name of a wallet, or dev0 to dev9 on a dev node
    #[arg(value_name = "ADDRESS|WALLET")]
    pub(crate) account: String,
    #[command(flatten)]
    wallets: WalletDirArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `starling history`.
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Entries to show, at most 1000
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(starling_rpc::MAX_PAGE_ENTRIES)))]
    pub(crate) limit: u32,
    /// Go on where the page before ended
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

/// `starling tx`.
#[derive(Args, Debug)]
pub(crate) struct TxArgs {
    /// The transaction's id: 64 hex digits
    #[arg(value_name = "TXID")]
    pub(crate) txid: TxId,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `starling block`.
#[derive(Args, Debug)]
pub(crate) struct BlockArgs {
    /// A height, an id of 64 hex digits, or tip
    #[arg(value_name = "HEIGHT|ID|tip", default_value = "tip")]
    pub(crate) block: BlockRef,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

impl NodeArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(&self) -> Layer {
        self.node.iter().map(|url| (keys::NODE.name, Value::Text(url.clone()))).collect()
    }
}

impl WalletDirArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(&self) -> Layer {
        let text = self.wallet_dir.iter().map(|dir| dir.to_string_lossy().into_owned());
        text.map(|text| (keys::WALLET_DIR.name, Value::Text(text))).collect()
    }
}

impl AccountArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(&self) -> Layer {
        let mut layer = self.ask.node.layer();
        layer.extend(self.wallets.layer());
        layer
    }
}
