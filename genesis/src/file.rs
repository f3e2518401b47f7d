//! The chain file as it is written (formats: Chain file).

use serde::{Deserialize, Serialize};

/// The file, key by key; nothing resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainFile {
    /// Also the name of the data directory: 1 to 32 of `a-z 0-9 _ -`.
    pub name: String,
    /// The human-readable part of addresses.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// `sha256d` or `sha256d-tagged`.
    pub pow: String,
    /// Seconds.
    pub interval: u32,
    /// Seconds; absent = fixed difficulty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<u32>,
    /// Seconds.
    pub step: u32,
    /// Seconds; absent = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_limit: Option<u32>,
    /// 8 hex digits.
    pub easiest_bits: String,
    /// Bytes.
    pub max_body_bytes: u32,
    /// STAR.
    pub subsidy: String,
    /// Blocks.
    pub halving_interval: u32,
    /// STAR.
    pub account_charge: String,
    /// Blocks.
    #[serde(default = "default_undo_blocks")]
    pub undo_blocks: u32,
    /// Up to 64 hex digits, big-endian.
    #[serde(default = "default_minimum_work")]
    pub minimum_work: String,
    /// Motes.
    #[serde(default = "default_min_fee_per_byte")]
    pub min_fee_per_byte: u64,
    /// Multiaddresses.
    #[serde(default)]
    pub bootstrap: Vec<String>,
    /// Host names.
    #[serde(default)]
    pub dns_seeds: Vec<String>,
    /// The first block.
    pub genesis: FileGenesis,
}

/// The first block, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileGenesis {
    /// Unix seconds.
    pub time: u32,
    /// 8 hex digits.
    pub bits: String,
    /// The genesis id that the file expects.
    pub id: String,
    /// The prefunded accounts.
    #[serde(default)]
    pub account: Vec<FileAccount>,
}

/// A prefunded account, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileAccount {
    /// With the chain's prefix.
    pub address: String,
    /// STAR.
    pub balance: String,
}

/// What `chain new` asks; the rest are the defaults of `lab`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChain {
    /// Name of the chain.
    pub name: String,
    /// Seconds between blocks.
    pub interval: u32,
    /// Bits of the first blocks; absent = 2^236.
    pub bits: Option<String>,
    /// `sha256d` or `sha256d-tagged`.
    pub pow: String,
    /// Unix seconds.
    pub time: u32,
    /// Address and STAR.
    pub prefund: Vec<(String, String)>,
}

/// The bits of the target 2^236.
const LAB_BITS: &str = "1e100000";
/// Half-life in block intervals.
const HALF_LIFE_INTERVALS: u32 = 288;
/// Stock mining firmware rolls the time up to 128 s ahead.
const LAB_FUTURE_LIMIT_S: u32 = 150;
/// Intervals below this many seconds have no least step.
const LEAST_STEPPED_INTERVAL_S: u32 = 4;
const LAB_MAX_BODY_BYTES: u32 = 4 << 20;
const HALVING_INTERVAL_BLOCKS: u32 = 10_519_200;

impl From<NewChain> for ChainFile {
    /// The lab chain with these choices; the genesis id is still to be filled in.
    fn from(new: NewChain) -> Self {
        let step = if new.interval < LEAST_STEPPED_INTERVAL_S { 0 } else { new.interval / 4 };
        let account = new.prefund.into_iter().map(|(address, balance)| FileAccount { address, balance });
        Self {
            name: new.name,
            prefix: default_prefix(),
            pow: new.pow,
            interval: new.interval,
            half_life: Some(new.interval.saturating_mul(HALF_LIFE_INTERVALS)),
            step,
            future_limit: Some(LAB_FUTURE_LIMIT_S),
            easiest_bits: LAB_BITS.to_owned(),
            max_body_bytes: LAB_MAX_BODY_BYTES,
            subsidy: "12".to_owned(),
            halving_interval: HALVING_INTERVAL_BLOCKS,
            account_charge: "0.01".to_owned(),
            undo_blocks: default_undo_blocks(),
            minimum_work: default_minimum_work(),
            min_fee_per_byte: default_min_fee_per_byte(),
            bootstrap: Vec::new(),
            dns_seeds: Vec::new(),
            genesis: FileGenesis {
                time: new.time,
                bits: new.bits.unwrap_or_else(|| LAB_BITS.to_owned()),
                id: String::new(),
                account: account.collect(),
            },
        }
    }
}

fn default_prefix() -> String {
    "dstar".to_owned()
}

fn default_undo_blocks() -> u32 {
    10_000
}

fn default_minimum_work() -> String {
    "0".to_owned()
}

/// Ledger: Mempool, "never below 10^11 motes per byte".
fn default_min_fee_per_byte() -> u64 {
    100_000_000_000
}
