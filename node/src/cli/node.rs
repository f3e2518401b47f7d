//! `dev`, `run`, `mine`, `config`.

use super::FormatArgs;
use crate::config::{Key, Layer, Value, keys};
use clap::{Args, Subcommand};
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};
use std::path::PathBuf;

/// `starling dev`.
#[derive(Args, Debug)]
pub(crate) struct DevArgs {
    /// Mine a block every SECS seconds, rather than with each transaction
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) block_time: Option<u32>,
    /// Keep the chain in DIR and go on with it next time
    #[arg(long, value_name = "DIR")]
    pub(crate) persist: Option<PathBuf>,
    /// Address and port of JSON-RPC; port 0 is any free one
    #[arg(long, value_name = "ADDR:PORT")]
    rpc: Option<String>,
    /// Listen for peers here
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `starling run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// The settings of a node.
#[derive(Args, Debug, Default)]
pub(crate) struct SettingArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Listen for peers here; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    /// A peer to begin with; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    bootstrap: Vec<String>,
    /// Address and port of JSON-RPC; port 0 is any free one
    #[arg(long, value_name = "ADDR:PORT")]
    rpc: Option<String>,
    /// A host name under which RPC may be called, besides localhost and IP addresses; may be given several
    /// times
    #[arg(long, value_name = "HOST")]
    rpc_host: Vec<String>,
    /// An origin whose pages may call RPC, scheme and host; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    rpc_origin: Vec<String>,
    /// Address and port where metrics are served; port 0 is any free one
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<String>,
    /// Mine, and pay the rewards to --payout
    #[arg(long)]
    mine: bool,
    /// Address that the miner's rewards go to
    #[arg(long, value_name = "ADDRESS")]
    payout: Option<String>,
    /// Threads that mine
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroU16>,
    /// Hand out work without any peer, on the public network
    #[arg(long)]
    mine_alone: bool,
    #[command(flatten)]
    storage: StorageArgs,
    /// Do not look for peers on the local network
    #[arg(long)]
    no_mdns: bool,
    /// Dial nobody but the bootstrap nodes and those added by hand
    #[arg(long)]
    no_discovery: bool,
    /// Do not ask the router to forward the port, test whether others can reach the node, or use relays
    #[arg(long)]
    no_nat: bool,
    /// Bytes a second that may be sent to peers, from 32KiB on, like 500KiB or 2MiB; no limit unless given
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    upload_limit: Option<String>,
    /// Milliseconds by which what peers send is delivered later, to try a network out; not on a public chain
    #[arg(long, value_name = "MS")]
    link_delay: Option<NonZeroU16>,
    #[command(flatten)]
    log: LogArgs,
}

/// Memory, and what is kept of a chain.
#[derive(Args, Debug, Default)]
pub(crate) struct StorageArgs {
    /// Memory that the process may use, like 512MiB or 4GiB; 1GiB unless given
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Keep the transactions of the last N blocks alone; all unless given
    #[arg(long, value_name = "N")]
    prune: Option<NonZeroU32>,
    /// Keep no record of what happened to each address
    #[arg(long)]
    no_address_index: bool,
}

/// Which chain, and where its data is.
#[derive(Args, Debug, Default)]
pub(crate) struct PlaceArgs {
    /// The chain: testnet, or a chain file
    #[arg(long, value_name = "testnet|FILE")]
    pub(crate) chain: Option<String>,
    /// The data directory, used as given
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Logs.
#[derive(Args, Debug, Default)]
struct LogArgs {
    /// What to log: off, error, warn, info, debug, trace, or directives
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How to log: human or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// `starling mine`.
#[derive(Args, Debug)]
pub(crate) struct MineArgs {
    #[command(flatten)]
    pub(crate) node: super::NodeArgs,
    /// Address that the rewards go to
    #[arg(long, value_name = "ADDRESS")]
    payout: Option<String>,
    /// Threads that mine; all processors unless given
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroU16>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `starling config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what is set, and where; with --effective also what holds by default
    Show(ShowConfigArgs),
    /// Check file, environment and flags
    Check(RunArgs),
    /// Write a commented starling.toml into the data directory
    Init(InitArgs),
}

/// `starling config show`.
#[derive(Args, Debug)]
pub(crate) struct ShowConfigArgs {
    /// Show every setting, those that nobody set as well
    #[arg(long)]
    pub(crate) effective: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `starling config init`.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

fn threads(text: &str) -> Result<NonZeroU16, String> {
    let most = starling_rpc::MAX_MINING_THREADS;
    let threads = text.parse().ok().filter(|threads: &NonZeroU16| u32::from(threads.get()) <= most);
    threads.ok_or_else(|| format!("give a number from 1 to {most}"))
}

/// Collects flags that were given.
#[derive(Default)]
struct Given(Layer);

impl Given {
    fn text(mut self, key: &'static Key, text: Option<String>) -> Self {
        self.0.extend(text.map(|text| (key.name, Value::Text(text))));
        self
    }

    fn list(mut self, key: &'static Key, texts: Vec<String>) -> Self {
        self.0.extend((!texts.is_empty()).then_some((key.name, Value::List(texts))));
        self
    }

    fn flag(mut self, key: &'static Key, flag: bool) -> Self {
        self.0.extend(flag.then_some((key.name, Value::Flag(true))));
        self
    }

    fn number(mut self, key: &'static Key, number: Option<impl Into<NonZeroU64>>) -> Self {
        self.0.extend(number.map(|number| (key.name, Value::Number(number.into().get()))));
        self
    }

    fn storage(self, storage: StorageArgs) -> Self {
        self.text(&keys::MEMORY, storage.memory)
            .number(&keys::PRUNE, storage.prune)
            .flag(&keys::NO_ADDRESS_INDEX, storage.no_address_index)
    }

    fn place(self, place: PlaceArgs) -> Self {
        let dir = place.data_dir.map(|dir| dir.to_string_lossy().into_owned());
        self.text(&keys::CHAIN, place.chain).text(&keys::DATA_DIR, dir)
    }

    fn log(self, log: LogArgs) -> Self {
        self.text(&keys::LOG_LEVEL, log.log_level).text(&keys::LOG_FORMAT, log.log_format)
    }
}

impl SettingArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(self) -> Layer {
        Given::default()
            .place(self.place)
            .list(&keys::LISTEN, self.listen)
            .list(&keys::BOOTSTRAP, self.bootstrap)
            .text(&keys::RPC, self.rpc)
            .list(&keys::RPC_HOST, self.rpc_host)
            .list(&keys::RPC_ORIGIN, self.rpc_origin)
            .text(&keys::METRICS, self.metrics)
            .flag(&keys::MINE, self.mine)
            .text(&keys::PAYOUT, self.payout)
            .number(&keys::THREADS, self.threads)
            .flag(&keys::MINE_ALONE, self.mine_alone)
            .storage(self.storage)
            .flag(&keys::NO_MDNS, self.no_mdns)
            .flag(&keys::NO_DISCOVERY, self.no_discovery)
            .flag(&keys::NO_NAT, self.no_nat)
            .text(&keys::UPLOAD_LIMIT, self.upload_limit)
            .number(&keys::LINK_DELAY, self.link_delay)
            .log(self.log)
            .0
    }
}

impl PlaceArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(self) -> Layer {
        Given::default().place(self).0
    }

    /// Their layer of the configuration with these on top.
    pub(crate) fn layer_with(self, storage: StorageArgs) -> Layer {
        Given::default().place(self).storage(storage).0
    }
}

impl DevArgs {
    /// Takes the settings among them, as a layer of the configuration.
    pub(crate) fn take_layer(&mut self) -> Layer {
        Given::default()
            .text(&keys::RPC, self.rpc.take())
            .list(&keys::LISTEN, std::mem::take(&mut self.listen))
            .log(std::mem::take(&mut self.log))
            .0
    }
}

impl MineArgs {
    /// Their layer of the configuration.
    pub(crate) fn layer(self) -> Layer {
        let mut layer = self.node.layer();
        layer
            .extend(Given::default().text(&keys::PAYOUT, self.payout).number(&keys::THREADS, self.threads).0);
        layer
    }
}
