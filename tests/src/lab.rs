//! A chain of one's own, and the nodes on it.

use crate::payer::Payer;
use crate::{Desk, Node};
use starling_genesis::{Chain, ChainError, ChainFile, NewChain};
use starling_primitives::{Address, Amount};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// How blocks come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// When they are asked for: two hashes make one. A miner thread would make thousands a second.
    Asked,
    /// The same, and it stays so however many are made.
    Fixed,
    /// By miner threads: about a million hashes make one, some tenths of a second.
    Mined,
}

impl Pace {
    fn bits(self) -> &'static str {
        match self {
            Self::Asked | Self::Fixed => "207fffff",
            Self::Mined => "1e100000",
        }
    }
}

/// A new chain with an interval of one second, its file, and a folder for its nodes.
pub struct Lab {
    folder: TempDir,
    chain: Chain,
    nodes: Cell<u32>,
}

impl Lab {
    /// A chain that begins now; these payers have so many STAR from the start.
    ///
    /// # Panics
    /// When a chain cannot be made of this, or not written.
    #[must_use]
    pub fn new(pace: Pace, prefund: &[(&Payer, &str)]) -> Self {
        let prefix = Chain::dev().params.prefix;
        let prefund =
            prefund.iter().map(|(payer, star)| (payer.address().to_text(&prefix), (*star).to_owned()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("1970 is past").as_secs();
        let new = NewChain {
            name: "lab".to_owned(),
            interval: 1,
            bits: Some(pace.bits().to_owned()),
            pow: "sha256d".to_owned(),
            time: u32::try_from(now).expect("2106 is to come"),
            prefund: prefund.collect(),
        };
        let (mut file, _) = Chain::create(new).expect("a chain can be made of this");
        if pace == Pace::Fixed {
            file.half_life = None;
        }
        let (text, chain) = finish(file);
        let folder = TempDir::with_prefix("starling-test-").expect("a temporary folder can be made");
        fs::write(folder.path().join("lab.toml"), text).expect("a temporary file can be written");
        Self { folder, chain, nodes: Cell::new(0) }
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The chain file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("lab.toml")
    }

    /// The folder that goes with the lab.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a node of its own data directory with these flags more.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn node(&self, flags: &[&str]) -> Node {
        let number = self.nodes.get();
        self.nodes.set(number + 1);
        Node::start(&self.file(), &self.folder.path().join(format!("node{number}")), flags)
    }

    /// The same for a node that looks for peers by itself.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn seeker(&self, flags: &[&str]) -> Node {
        let number = self.nodes.get();
        self.nodes.set(number + 1);
        Node::seek(&self.file(), &self.folder.path().join(format!("node{number}")), flags)
    }

    /// `starling chain verify` on a stopped node's data: its height.
    ///
    /// # Panics
    /// When a block or a root does not hold.
    #[must_use]
    pub fn verified_height(&self, data_dir: &Path) -> u64 {
        let (chain, data) = (self.file(), data_dir.to_string_lossy());
        let args = ["chain", "verify", "--chain", &chain.to_string_lossy(), "--data-dir", &data, "--json"];
        let verified: serde_json::Value = Desk::new().run(&args).json();
        assert_eq!(verified["ok"], true, "{verified}");
        verified["height"].as_u64().expect("a height")
    }

    /// An address as text.
    #[must_use]
    pub fn text(&self, address: Address) -> String {
        address.to_text(&self.chain.params.prefix)
    }

    /// What exists at this height when `accounts` accounts came into being by payments.
    ///
    /// # Panics
    /// When that is more than can exist.
    #[must_use]
    pub fn supply(&self, height: u32, accounts: u64) -> Amount {
        let issued =
            self.chain.params.issued_by(height).and_then(|sum| sum.checked_add(self.chain.prefunded()));
        let burned = self.chain.params.account_charge.checked_mul(accounts);
        issued
            .zip(burned)
            .and_then(|(issued, burned)| issued.checked_sub(burned))
            .expect("less than can exist")
    }
}

/// A chain file's text and its chain, whatever was changed in it.
///
/// # Panics
/// When no chain can be made of it.
#[must_use]
pub fn finish(mut file: ChainFile) -> (String, Chain) {
    let text = |file: &_| toml::to_string(file).expect("a chain file is TOML");
    if let Err(ChainError::WrongId { found, .. }) = Chain::from_toml(&text(&file)) {
        file.genesis.id = found.to_string();
    }
    let text = text(&file);
    let chain = Chain::from_toml(&text).expect("a right chain, and its own id is stated");
    (text, chain)
}
