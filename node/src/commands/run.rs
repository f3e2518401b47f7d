//! `starling run`.

use super::configure;
use crate::cli::RunArgs;
use crate::failure::{Failure, Outcome};
use crate::logs;
use starling_node::{MineOptions, NodeOptions};
use tokio::runtime::Builder;

/// Runs a node until it is told to stop.
pub(super) fn run(args: RunArgs) -> Outcome<()> {
    let config = configure(args.settings.layer())?;
    config.check()?;
    if config.chain().name == super::account::DEV_CHAIN {
        return Err(Failure::usage(
            "the chain dev is run by `starling dev`; make one to share: starling chain new FILE",
        ));
    }
    logs::start(config.log()?);
    let threads = config.threads()?.map_or(1, |threads| threads.get());
    let (rpc_hosts, rpc_origins) = config.rpc_allowed();
    serve(NodeOptions {
        chain: config.chain().clone(),
        data_dir: config.data_dir()?.to_owned(),
        storage: config.storage()?,
        listen: config.listen_or_default(),
        bootstrap: config.bootstrap(),
        rpc: config.rpc()?,
        rpc_hosts,
        rpc_origins,
        metrics: config.metrics()?,
        mdns: config.mdns(),
        discovery: config.discovery(),
        nat: config.nat(),
        upload_limit: config.upload_limit()?,
        link_delay: config.link_delay()?,
        mine: config.mining_payout()?.map(|payout| MineOptions { payout, threads }),
        mine_alone: config.mine_alone(),
        dev: None,
        json: args.format.json,
    })
}

/// Puts a node on threads of its own and waits for its end.
pub(super) fn serve(options: NodeOptions) -> Outcome<()> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("the system refused: {error}")))?;
    Ok(runtime.block_on(starling_node::run(options))?)
}
