//! Every record of every family is read, decoded, and held against the others.

mod blocks;
mod chain;

use super::{UpkeepStep, open_settled};
use crate::ledger::LedgerOptions;
use crate::records::Tip;
use crate::state_tree::{Entry, StateTree};
use crate::store::{Family, Store, StoreError};
use starling_genesis::Chain;
use starling_primitives::state::{Account, StateKey};
use starling_primitives::{Amount, Header};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Damaged records that a report lists; the rest are counted.
pub const MAX_LISTED: usize = 20;

/// Places of files that are remembered, so that each is told once.
const MAX_PLACES: usize = 10_000;

/// Records between two words of progress.
const TOLD_EVERY: u64 = 512;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Height of the tip.
    pub height: u32,
    /// Height from which on bodies are stored; genesis has none to lose.
    pub bodies_from: u32,
    /// Records that were read, of each family.
    pub records: Vec<(&'static str, u64)>,
    /// What is damaged: the first [`MAX_LISTED`] places.
    pub damage: Vec<Damage>,
    /// How many places are damaged.
    pub damage_count: u64,
}

/// A record that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Its family.
    pub family: &'static str,
    /// Its key in hex; empty when it is about the family as a whole.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

/// Reads every record of a database, its checksum included, decodes it, and holds the families against each
/// other: headers, their chain and history; bodies; undo; both indexes; the state, its root and its sum.
/// Signatures are not verified again, and nothing is executed: that is what
/// [`verify_chain`](crate::verify_chain) does. `progress` is told from time to time; when it ends the check,
/// there is no report.
///
/// # Errors
/// [`StoreError`]: the database cannot even be opened. One whose records do not fit is opened all the same.
pub fn check_db(
    path: &Path,
    chain: &Arc<Chain>,
    progress: &mut dyn FnMut(UpkeepStep) -> ControlFlow<()>,
) -> Result<Option<CheckReport>, StoreError> {
    let (store, refused) = match open_settled(path, chain) {
        Ok(ledger) => (ledger.store().clone(), None),
        Err(StoreError::Damaged { what, .. }) => {
            (Arc::new(Store::open(path, &chain.genesis_id(), &LedgerOptions::USUAL.store())?), Some(what))
        }
        Err(error) => return Err(error),
    };
    let mut total = 0;
    for family in Family::ALL {
        total += store.estimated_entries(family)?;
    }
    let (report, unreadable) = (CheckReport::default(), BTreeSet::new());
    let mut check = Check { store: &store, chain, report, unreadable, progress, done: 0, total };
    if let Some(what) = refused {
        check.damage(Family::Meta, &[], what);
    }
    let ended = check.run();
    Ok(ended.is_continue().then_some(check.report))
}

/// A check at work.
struct Check<'a> {
    store: &'a Store,
    chain: &'a Chain,
    report: CheckReport,
    /// What reading by key has met: many keys lie in one place of a file.
    unreadable: BTreeSet<String>,
    progress: &'a mut dyn FnMut(UpkeepStep) -> ControlFlow<()>,
    done: u64,
    total: u64,
}

impl<'a> Check<'a> {
    fn run(&mut self) -> ControlFlow<()> {
        self.each(Family::Meta, |_, _, _| ())?;
        // A start finds out whether it is the tree of the accounts.
        self.each(Family::Tree, |_, _, _| ())?;
        let tip = match self.store.tip() {
            Ok(Some(tip)) => tip,
            Ok(None) => {
                self.damage(Family::Meta, &[], "there is no tip");
                return ControlFlow::Continue(());
            }
            Err(error) => {
                self.failed(Family::Meta, &[], &error);
                return ControlFlow::Continue(());
            }
        };
        self.report.height = tip.height;
        self.report.bodies_from = self.bodies_from().unwrap_or_else(|| tip.height.saturating_add(1));
        let with_body = self.headers()?;
        let connected = self.canonical(&tip)?;
        let walked = self.walk(&connected)?;
        self.undo(&tip, &connected)?;
        let stated = self.bodies(&connected, with_body)?;
        self.tx_index(&walked, &stated)?;
        self.address_index(&walked, &stated)?;
        self.state(&tip, walked.tip.as_ref())
    }

    /// Looks at each record of a family. One that cannot be read ends it, and false is returned: the rest of
    /// the family is unknown.
    fn each(
        &mut self,
        family: Family,
        mut look: impl FnMut(&mut Self, &[u8], &[u8]),
    ) -> ControlFlow<(), bool> {
        let (store, mut last, mut count, mut whole) = (self.store, Box::default(), 0, true);
        for entry in store.scan(family) {
            match entry {
                Ok((key, value)) => {
                    look(self, &key, &value);
                    last = key;
                    count += 1;
                    self.step(family)?;
                }
                Err(error) => {
                    whole = false;
                    self.cut_off(family, &last, &error);
                }
            }
        }
        self.report.records.push((family.name(), count));
        ControlFlow::Continue(whole)
    }

    /// One record more.
    fn step(&mut self, family: Family) -> ControlFlow<()> {
        self.done = self.done.saturating_add(1);
        // A body may have thousands of transactions.
        if family != Family::Bodies && !self.done.is_multiple_of(TOLD_EVERY) {
            return ControlFlow::Continue(());
        }
        self.total = self.total.max(self.done);
        (self.progress)(UpkeepStep { family: family.name(), done: self.done, total: self.total })
    }

    fn damage(&mut self, family: Family, key: &[u8], what: impl Display) {
        self.report.damage_count += 1;
        if self.report.damage.len() < MAX_LISTED {
            let (key, what) = (hex::encode(key), what.to_string());
            self.report.damage.push(Damage { family: family.name(), key, what });
        }
    }

    /// A family that cannot be read behind a key.
    fn cut_off(&mut self, family: Family, last: &[u8], error: &StoreError) {
        self.damage(family, last, format!("nothing behind this key can be read: {}", what(error)));
    }

    /// A record that could not be read by its key; told once for each place.
    fn failed(&mut self, family: Family, key: &[u8], error: &StoreError) {
        let what = what(error);
        if self.unreadable.contains(&what) {
            return;
        }
        if self.unreadable.len() < MAX_PLACES {
            self.unreadable.insert(what.clone());
        }
        self.damage(family, key, what);
    }

    /// A record by its key; none, and told, when it is missing or cannot be read.
    fn get(&mut self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        match self.store.get(family, key) {
            Ok(Some(value)) => return Some(value),
            Ok(None) => self.damage(family, key, "it is missing"),
            Err(error) => self.failed(family, key, &error),
        }
        None
    }

    /// All accounts: each decodes, together they have the root that the tip states and are all that exists.
    fn state(&mut self, tip: &Tip, header: Option<&Header>) -> ControlFlow<()> {
        let (keys, mut sum) = (self.store.estimated_entries(Family::State).unwrap_or(0), Some(Amount::ZERO));
        let (tree, ended) = self.tree(keys, |balance| sum = sum.and_then(|sum| sum.checked_add(balance)));
        ended?;
        if let Some(header) = header {
            let (found, stated) = (tree.root(), header.content().state_root);
            if found != stated {
                let what = format!("all accounts have root {found}, and block {} states {stated}", tip.id);
                self.damage(Family::State, &[], what);
            }
        }
        // That more was burned than there was, opening the database has told.
        if let Some(exists) = exists(self.chain, tip).filter(|exists| sum != Some(*exists)) {
            let sum = sum.map_or_else(|| "more than can exist".to_owned(), |sum| format!("{sum} STAR"));
            self.damage(Family::State, &[], format!("all accounts own {sum}, and {exists} STAR exist"));
        }
        ControlFlow::Continue(())
    }

    /// The tree of all accounts on disk; `count` is told what each owns.
    fn tree(&mut self, keys: u64, mut count: impl FnMut(Amount)) -> (StateTree, ControlFlow<()>) {
        let (mut ended, mut records, mut last) = (ControlFlow::Continue(()), 0, Box::default());
        let mut scan = self.store.scan(Family::State);
        let entries = std::iter::from_fn(|| {
            loop {
                let (key, value) = match scan.next()? {
                    Ok(record) => record,
                    Err(error) => {
                        self.cut_off(Family::State, &last, &error);
                        continue;
                    }
                };
                records += 1;
                ended = self.step(Family::State);
                if ended.is_break() {
                    return None;
                }
                match account(&key, &value) {
                    Ok((entry, balance)) => {
                        count(balance);
                        last = key;
                        return Some(Ok::<_, Infallible>(entry));
                    }
                    Err(what) => self.damage(Family::State, &key, what),
                }
            }
        });
        let Ok(tree) = StateTree::build(keys, entries);
        self.report.records.push((Family::State.name(), records));
        (tree, ended)
    }
}

/// Motes that exist at the tip.
fn exists(chain: &Chain, tip: &Tip) -> Option<Amount> {
    let total = chain.prefunded().checked_add(chain.params.issued_by(tip.height)?)?;
    total.checked_sub(tip.burned)
}

fn account(key: &[u8], value: &[u8]) -> Result<(Entry, Amount), String> {
    let key = <[u8; 32]>::try_from(key).map_err(|_| "the key has another size")?;
    let account = Account::decode(value).map_err(|error| error.to_string())?;
    Ok(((StateKey::new(key), account.encode()), account.balance))
}

/// What is wrong, without the path and the advice.
fn what(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } | StoreError::Io { what, .. } => what.clone(),
        other => other.to_string(),
    }
}
