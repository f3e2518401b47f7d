//! `starling dev`.

use super::account::dev_name;
use super::run::serve;
use crate::cli::DevArgs;
use crate::config::{Config, Sources};
use crate::failure::Outcome;
use crate::files::Scratch;
use crate::logs;
use starling_genesis::Chain;
use starling_node::{DevOptions, NodeOptions, StorageOptions};
use starling_primitives::Address;
use starling_wallet::{DEV_ACCOUNTS, dev_account};
use std::time::Duration;

/// Runs a private chain that mines by itself, until it is told to stop.
pub(super) fn dev(mut args: DevArgs) -> Outcome<()> {
    let config = Config::load_dev(Sources::new(args.take_layer())?, args.persist.as_deref())?;
    config.check_peers()?;
    let rpc = config.rpc()?;
    logs::start(config.log()?);
    // Held until the node has ended.
    let scratch = if args.persist.is_none() { Some(Scratch::new()?) } else { None };
    let data_dir = args.persist.or_else(|| scratch.as_ref().map(|scratch| scratch.path().to_owned()));
    let chain = config.chain().clone();
    let (payout, accounts) = accounts(&chain);
    serve(NodeOptions {
        data_dir: data_dir.unwrap_or_default(),
        storage: StorageOptions::default(),
        listen: config.listen().unwrap_or_default(),
        bootstrap: Vec::new(),
        rpc,
        rpc_hosts: Vec::new(),
        rpc_origins: Vec::new(),
        metrics: None,
        mdns: false,
        discovery: false,
        nat: false,
        upload_limit: None,
        link_delay: Duration::ZERO,
        mine: None,
        mine_alone: true,
        dev: Some(DevOptions { block_time: args.block_time, payout, accounts }),
        json: args.format.json,
        chain,
    })
}

/// Who mines, and the ten accounts with their keys: public knowledge, fit to be shown.
fn accounts(chain: &Chain) -> (Address, Vec<(String, String)>) {
    let keys: Vec<_> = (0..DEV_ACCOUNTS).filter_map(dev_account).collect();
    let shown = |key: &starling_wallet::Key| {
        (key.address().to_text(&chain.params.prefix), hex::encode(key.seed().as_slice()))
    };
    let payout = keys.first().map_or_else(Address::default, starling_wallet::Key::address);
    (payout, keys.iter().map(shown).collect())
}

/// The names of the ten accounts, for messages.
pub(super) fn names() -> String {
    format!("{} to {}", dev_name(0), dev_name(DEV_ACCOUNTS - 1))
}

#[cfg(test)]
mod tests;
