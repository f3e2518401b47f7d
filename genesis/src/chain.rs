//! A chain that was read, resolved and checked against the id it states.

use crate::file::{ChainFile, NewChain};
use crate::params::{Difficulty, Params};
use starling_primitives::address::{AddressError, PrefixError};
use starling_primitives::amount::AmountError;
use starling_primitives::hash::HashError;
use starling_primitives::state::{self, Account, StateKey};
use starling_primitives::{
    Address, Amount, BlockId, Content, DecodeError, GenesisId, Header, HistoryRoot, PowKind, Prefix,
    TargetError, TxRoot, Work, WorkHeader,
};
use std::collections::BTreeMap;
use thiserror::Error;

/// Bytes of a chain file that are read at the most: tens of thousands of prefunded accounts.
pub const MAX_CHAIN_FILE_BYTES: u64 = 16 << 20;

const MAX_NAME_CHARS: usize = 32;
/// A body must hold the largest transaction, and fit into a few messages.
const BODY_BYTES_RANGE: std::ops::RangeInclusive<u32> = 16_386..=32 << 20;

/// Why a chain file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Not TOML, a key that does not exist, a value of the wrong type, a key that is missing.
    #[error("the chain file cannot be read: {0}")]
    Syntax(String),
    /// A name that is not 1 to 32 of `a-z 0-9 _ -`.
    #[error("name {0:?} is not allowed: use 1 to 32 of a-z, 0-9, _ and -")]
    Name(String),
    /// A prefix that cannot stand before an address.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// A proof of work that does not exist.
    #[error("pow {0:?} is unknown: use \"sha256d\" or \"sha256d-tagged\"")]
    Pow(String),
    /// A number out of its range.
    #[error("{key} = {value} is out of range: {range}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// What is allowed.
        range: &'static str,
    },
    /// Bits that name no target.
    #[error("{key}: {error}")]
    Bits {
        /// The key.
        key: &'static str,
        /// Why.
        error: TargetError,
    },
    /// An amount that cannot be read.
    #[error("{key}: {error}")]
    Amount {
        /// The key.
        key: &'static str,
        /// Why.
        error: AmountError,
    },
    /// Minimum work that is not hex.
    #[error("minimum_work {0:?} is not a number of up to 64 hex digits")]
    MinimumWork(String),
    /// A prefunded address that cannot be read.
    #[error("genesis account {address}: {error}")]
    Account {
        /// The address as written.
        address: String,
        /// Why.
        error: AddressError,
    },
    /// A prefunded address with nothing.
    #[error("genesis account {0} has no balance")]
    EmptyAccount(String),
    /// A prefunded address twice.
    #[error("genesis account {0} is given twice")]
    RepeatedAccount(String),
    /// More than 2^100 motes could come to exist.
    #[error("prefunded amounts and all subsidies together exceed 2^100 motes; lower them")]
    TooMuchMoney,
    /// A genesis id that is not a hash.
    #[error("genesis.id: {0}")]
    Id(HashError),
    /// The header of genesis is not well formed.
    #[error("genesis header: {0}")]
    Header(DecodeError),
    /// The parameters give another genesis id than the file states.
    #[error("the parameters give genesis id {found}, the file states {stated}: changed, or another chain")]
    WrongId {
        /// What the parameters give.
        found: GenesisId,
        /// What the file states.
        stated: GenesisId,
    },
}

/// A chain: parameters, genesis block, prefunded accounts, where to find peers.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Params,
    /// The first block's header; its body is empty.
    pub genesis: Header,
    /// Prefunded accounts, each once, with more than nothing.
    pub accounts: Vec<(Address, Amount)>,
    /// Multiaddresses to begin with.
    pub bootstrap: Vec<String>,
    /// Host names to begin with.
    pub dns_seeds: Vec<String>,
}

impl Chain {
    /// The private chain that `starling dev` runs.
    #[must_use]
    pub fn dev() -> Self {
        Self::from_toml(include_str!("../chains/dev.toml")).expect("a test reads the carried file")
    }

    /// The public test network.
    #[must_use]
    pub fn testnet() -> Self {
        Self::from_toml(include_str!("../chains/testnet.toml")).expect("a test reads the carried file")
    }

    /// Reads a chain file.
    ///
    /// # Errors
    /// [`ChainError`]; the last check is that the parameters give the stated genesis id.
    pub fn from_toml(text: &str) -> Result<Self, ChainError> {
        let file: ChainFile = toml::from_str(text).map_err(|error| ChainError::Syntax(error.to_string()))?;
        let stated: GenesisId = file.genesis.id.parse().map_err(ChainError::Id)?;
        let chain = Self::build(&file)?;
        let found = chain.genesis_id();
        if found != stated {
            return Err(ChainError::WrongId { found, stated });
        }
        Ok(chain)
    }

    /// Makes the file of a new chain, its genesis id filled in.
    ///
    /// # Errors
    /// [`ChainError`] when a choice is out of range.
    pub fn create(new: NewChain) -> Result<(ChainFile, Self), ChainError> {
        let mut file = ChainFile::from(new);
        let chain = Self::build(&file)?;
        file.genesis.id = chain.genesis_id().to_string();
        Ok((file, chain))
    }

    /// The id of the first block.
    #[must_use]
    pub fn genesis_id(&self) -> GenesisId {
        self.genesis.id().into()
    }

    /// The cheap filter against other chains' transactions.
    #[must_use]
    pub fn chain_id(&self) -> u32 {
        self.genesis_id().chain_id()
    }

    /// Motes that exist at genesis.
    #[must_use]
    pub fn prefunded(&self) -> Amount {
        let sum = Amount::sum(self.accounts.iter().map(|(_, balance)| *balance));
        sum.expect("checked when the chain was built")
    }

    /// Whether peers' address groups and private addresses matter: on the public network alone.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.name == "testnet"
    }

    fn build(file: &ChainFile) -> Result<Self, ChainError> {
        let name_chars = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=MAX_NAME_CHARS).contains(&file.name.len()) || !file.name.bytes().all(name_chars) {
            return Err(ChainError::Name(file.name.chars().take(2 * MAX_NAME_CHARS).collect()));
        }
        let params = params(file)?;
        let accounts = accounts(file, &params)?;
        check_money(&params, &accounts)?;
        let entries: BTreeMap<_, _> = accounts
            .iter()
            .map(|(address, balance)| {
                (StateKey::account(address), Account { nonce: 0, balance: *balance }.encode())
            })
            .collect();
        let entries: Vec<_> = entries.into_iter().collect();
        let content = Content {
            height: 0,
            miner: Address::default(),
            tx_count: 0,
            body_bytes: 0,
            tx_root: TxRoot::ZERO,
            state_root: state::root(&entries),
            history_root: HistoryRoot::ZERO,
        };
        let genesis = genesis_header(file.genesis.time, &params, content)?;
        Ok(Self {
            name: file.name.clone(),
            params,
            genesis,
            accounts,
            bootstrap: file.bootstrap.clone(),
            dns_seeds: file.dns_seeds.clone(),
        })
    }
}

fn genesis_header(time: u32, params: &Params, content: Content) -> Result<Header, ChainError> {
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent: BlockId::ZERO,
        root: [0; 32],
        time,
        bits: params.genesis_bits,
        nonce: 0,
    };
    let extra = params.commitment();
    let rootless = Header::new(work, &extra, content).map_err(ChainError::Header)?;
    let work = WorkHeader { root: rootless.coinbase().root(), ..work };
    Header::new(work, &extra, content).map_err(ChainError::Header)
}

fn params(file: &ChainFile) -> Result<Params, ChainError> {
    let positive = |key, value: u32| match value {
        0 => Err(ChainError::Range { key, value: 0, range: "at least 1" }),
        _ => Ok(value),
    };
    let bits = |key, text: &str| -> Result<_, ChainError> {
        let refuse = |error| ChainError::Bits { key, error };
        let bits: starling_primitives::Bits = text.parse().map_err(refuse)?;
        Ok((bits, bits.target().map_err(refuse)?))
    };
    let star = |key, text: &str| Amount::from_star(text).map_err(|error| ChainError::Amount { key, error });
    let genesis = bits("genesis.bits", &file.genesis.bits)?;
    let (easiest_bits, easiest_target) =
        std::cmp::max_by_key(genesis, bits("easiest_bits", &file.easiest_bits)?, |pair| pair.1);
    if !BODY_BYTES_RANGE.contains(&file.max_body_bytes) {
        let (key, value) = ("max_body_bytes", u64::from(file.max_body_bytes));
        return Err(ChainError::Range { key, value, range: "16386 to 33554432" });
    }
    Ok(Params {
        pow: match file.pow.as_str() {
            "sha256d" => PowKind::Sha256d,
            "sha256d-tagged" => PowKind::Sha256dTagged,
            other => return Err(ChainError::Pow(other.chars().take(MAX_NAME_CHARS).collect())),
        },
        interval: positive("interval", file.interval)?,
        difficulty: match file.half_life {
            None => Difficulty::Fixed,
            Some(half_life) => Difficulty::Asert { half_life: positive("half_life", half_life)? },
        },
        step: file.step,
        future_limit: file.future_limit.unwrap_or(u32::MAX),
        easiest_bits,
        easiest_target,
        genesis_bits: genesis.0,
        max_body_bytes: file.max_body_bytes,
        subsidy: star("subsidy", &file.subsidy)?,
        halving_interval: positive("halving_interval", file.halving_interval)?,
        account_charge: star("account_charge", &file.account_charge)?,
        prefix: Prefix::new(&file.prefix)?,
        undo_blocks: positive("undo_blocks", file.undo_blocks)?,
        minimum_work: minimum_work(&file.minimum_work)?,
        min_fee_per_byte: file.min_fee_per_byte,
    })
}

fn minimum_work(text: &str) -> Result<Work, ChainError> {
    let refuse = || ChainError::MinimumWork(text.chars().take(80).collect());
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(refuse());
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(format!("{text:0>64}"), &mut bytes).map_err(|_| refuse())?;
    Ok(Work::from_be_bytes(bytes))
}

fn accounts(file: &ChainFile, params: &Params) -> Result<Vec<(Address, Amount)>, ChainError> {
    let mut seen = BTreeMap::new();
    let mut accounts = Vec::with_capacity(file.genesis.account.len());
    for account in &file.genesis.account {
        let shown = || account.address.chars().take(100).collect::<String>();
        let address = Address::from_text(&account.address, &params.prefix)
            .map_err(|error| ChainError::Account { address: shown(), error })?;
        let balance = Amount::from_star(&account.balance)
            .map_err(|error| ChainError::Amount { key: "genesis.account.balance", error })?;
        if balance.is_zero() {
            return Err(ChainError::EmptyAccount(shown()));
        }
        if seen.insert(address, ()).is_some() {
            return Err(ChainError::RepeatedAccount(shown()));
        }
        accounts.push((address, balance));
    }
    Ok(accounts)
}

/// Prefunded amounts and all subsidies together must stay within 2^100 (formats: Amounts).
fn check_money(params: &Params, accounts: &[(Address, Amount)]) -> Result<(), ChainError> {
    let prefunded = Amount::sum(accounts.iter().map(|(_, balance)| *balance));
    let issued = params.issued_by(u32::MAX);
    let total = prefunded.zip(issued).and_then(|(prefunded, issued)| prefunded.checked_add(issued));
    total.map(|_| ()).ok_or(ChainError::TooMuchMoney)
}

#[cfg(test)]
mod tests;
