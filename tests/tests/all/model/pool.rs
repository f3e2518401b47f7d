//! The naive pool: for each sender a plain map from nonce to transaction, gone through as a whole after every
//! change. It knows no space limit: what a case makes fits into the product's pool many times over.

use super::naive::{Made, Naive, World, spent};
use starling_primitives::{Address, Transaction, Wtxid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const MAX_EXECUTABLE: usize = 64;
const MAX_WAITING: usize = 16;
/// Blocks that a transaction with a last height must have before it.
const MIN_BLOCKS_VALID: u32 = 20;
const MAX_WAITING_S: u64 = 3 * 3_600;
const MAX_AGE_S: u64 = 14 * 86_400;
const AGE_CHECK_S: u64 = 60;

/// A pending transaction.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) tx: Arc<Transaction>,
    /// What it was found to cost when it came, or when a reorganisation last asked.
    need: u128,
    pub(super) added: u64,
    waiting_since: Option<u64>,
}

/// The state that the pool is judged by.
pub(super) struct Settled<'a> {
    pub(super) naive: &'a Naive,
    pub(super) world: &'a World,
    pub(super) now: u64,
}

impl Settled<'_> {
    fn next_height(&self) -> u32 {
        u32::try_from(self.world.blocks.len()).expect("a short chain")
    }

    fn need(&self, tx: &Transaction) -> u128 {
        spent(tx) + self.naive.chain.params.account_charge.motes() * self.world.newcomers(tx)
    }

    fn nonce(&self, sender: &Address) -> u64 {
        self.world.account(sender).nonce
    }

    fn floor(&self, tx: &Transaction) -> u128 {
        u128::from(self.naive.chain.params.min_fee_per_byte) * size(tx)
    }
}

type Chain = BTreeMap<u64, Pending>;

/// The pool.
#[derive(Clone, Default)]
pub(super) struct NaivePool {
    senders: BTreeMap<Address, Chain>,
    ages_checked: u64,
}

impl NaivePool {
    /// Every pending transaction, and whether blocks can take it.
    pub(super) fn content(&self) -> BTreeMap<Wtxid, (bool, u64)> {
        let all = self.senders.values().flat_map(BTreeMap::values);
        all.map(|entry| (entry.tx.wtxid(), (entry.waiting_since.is_none(), entry.added))).collect()
    }

    /// Every pending transaction of a sender, by nonce.
    pub(super) fn of(&self, sender: &Address) -> impl Iterator<Item = &Pending> {
        self.senders.get(sender).into_iter().flat_map(BTreeMap::values)
    }

    /// The nonce to sign next, and what can still be spent.
    pub(super) fn pending_account(&self, sender: &Address, settled: &Settled<'_>) -> (u64, u128) {
        let account = settled.world.account(sender);
        let chain = self.senders.get(sender);
        let need: u128 = chain.map_or(0, |chain| chain.values().map(|entry| entry.need).sum());
        let ahead = chain.map_or(0, |chain| gapless(chain, account.nonce));
        let ahead = u64::try_from(ahead).expect("at most 64");
        (account.nonce + ahead, account.balance.motes().saturating_sub(need))
    }

    /// Takes a transaction, or says by which rule it is refused. One that was `loaded` had its blocks before.
    pub(super) fn add(
        &mut self,
        tx: &Arc<Transaction>,
        loaded: bool,
        settled: &Settled<'_>,
    ) -> Result<(), &'static str> {
        let unsigned = tx.unsigned();
        let (sender, nonce, next_height) = (tx.sender(), unsigned.nonce, settled.next_height());
        self.check_alone(tx, loaded, settled)?;
        let account = settled.world.account(&sender);
        let mut chain = self.senders.get(&sender).cloned().unwrap_or_default();
        let executable = gapless(&chain, account.nonce);
        let next = account.nonce + u64::try_from(executable).expect("at most 64");
        if nonce < account.nonce {
            return Err("nonce_too_low");
        }
        if !chain.contains_key(&nonce) && nonce >= next && executable == MAX_EXECUTABLE {
            return Err("too_many_pending");
        }
        if nonce - account.nonce >= 80 {
            return Err("nonce_too_far");
        }
        if let Some(old) = chain.get(&nonce) {
            check_replacement(tx, &old.tx, settled.floor(tx))?;
        }
        let need = settled.need(tx);
        chain.insert(nonce, Pending { tx: tx.clone(), need, added: settled.now, waiting_since: None });
        let executable = gapless(&chain, account.nonce);
        if nonce >= account.nonce + wide(executable) && chain.len() - executable > MAX_WAITING {
            return Err("too_many_waiting");
        }
        if chain.values().map(|entry| entry.need).sum::<u128>() > account.balance.motes() {
            return Err("insufficient_balance");
        }
        assert!(unsigned.valid_until == 0 || unsigned.valid_until >= next_height);
        renew(&mut chain, account.nonce, settled.now);
        self.senders.insert(sender, chain);
        Ok(())
    }

    fn check_alone(&self, tx: &Transaction, loaded: bool, settled: &Settled<'_>) -> Result<(), &'static str> {
        let (unsigned, next_height) = (tx.unsigned(), settled.next_height());
        if unsigned.chain_id != settled.naive.chain.chain_id() {
            return Err("wrong_chain");
        }
        if self.content().contains_key(&tx.wtxid()) {
            return Err("duplicate");
        }
        let txid = |tx: &Transaction| tx.txid(&settled.naive.chain.genesis_id());
        if self.of(&tx.sender()).any(|entry| txid(&entry.tx) == txid(tx)) {
            return Err("known_txid");
        }
        if unsigned.fee.motes() < settled.floor(tx) {
            return Err("fee_too_low");
        }
        let ahead = if loaded { 0 } else { MIN_BLOCKS_VALID };
        match unsigned.valid_until {
            0 => Ok(()),
            last if last < next_height => Err("expired"),
            last if last < next_height + ahead => Err("expires_too_soon"),
            _ => Ok(()),
        }
    }

    /// Follows the tip; both lists lowest blocks first, and the world is that at the new tip.
    pub(super) fn tip_changed(&mut self, back: &[usize], forth: &[usize], settled: &Settled<'_>) {
        let blocks = |list: &[usize]| -> Vec<Made> {
            list.iter().map(|at| settled.naive.blocks[*at].clone()).collect()
        };
        let (back, forth) = (blocks(back), blocks(forth));
        let returning = self.returning(&back, &forth);
        self.ask_needs_again(&back, settled);
        for tx in forth.iter().flat_map(|block| &block.txs) {
            if let Some(chain) = self.senders.get_mut(&tx.sender()) {
                chain.remove(&tx.unsigned().nonce);
            }
        }
        let over = |tx: &Transaction| {
            let last = tx.unsigned().valid_until;
            last != 0 && last < settled.next_height()
        };
        for chain in self.senders.values_mut() {
            chain.retain(|_, entry| !over(&entry.tx));
        }
        for tx in returning {
            if tx.unsigned().fee.motes() >= settled.floor(&tx) && !over(&tx) {
                let (need, added) = (settled.need(&tx), settled.now);
                let entry = Pending { tx: tx.clone(), need, added, waiting_since: None };
                let chain = self.senders.entry(tx.sender()).or_default();
                chain.entry(tx.unsigned().nonce).or_insert(entry);
            }
        }
        for (sender, chain) in &mut self.senders {
            settle(chain, settled.nonce(sender), settled.world.account(sender).balance.motes());
            renew(chain, settled.nonce(sender), settled.now);
        }
    }

    /// What blocks that were left had and blocks that came have not.
    fn returning(&self, back: &[Made], forth: &[Made]) -> Vec<Arc<Transaction>> {
        let again: BTreeSet<Wtxid> = forth.iter().flat_map(|block| &block.txs).map(|tx| tx.wtxid()).collect();
        let pending = self.content();
        let gone =
            |tx: &&Arc<Transaction>| !again.contains(&tx.wtxid()) && !pending.contains_key(&tx.wtxid());
        back.iter().flat_map(|block| &block.txs).filter(gone).cloned().collect()
    }

    /// Recipients may have ceased to exist with the blocks that were left.
    fn ask_needs_again(&mut self, back: &[Made], settled: &Settled<'_>) {
        let mut fallen: BTreeSet<Address> = back.iter().map(|block| block.header.content().miner).collect();
        for tx in back.iter().flat_map(|block| &block.txs) {
            fallen.insert(tx.sender());
            fallen.extend(tx.unsigned().outputs.iter().map(|output| output.to));
        }
        for entry in self.senders.values_mut().flat_map(BTreeMap::values_mut) {
            if entry.tx.unsigned().outputs.iter().any(|output| fallen.contains(&output.to)) {
                entry.need = settled.need(&entry.tx);
            }
        }
    }

    /// Lets time pass; the product looks once a minute.
    pub(super) fn tick(&mut self, settled: &Settled<'_>) {
        let now = settled.now;
        if now.abs_diff(self.ages_checked) < AGE_CHECK_S {
            return;
        }
        self.ages_checked = now;
        for (sender, chain) in &mut self.senders {
            let waited = |entry: &Pending| {
                entry.waiting_since.is_some_and(|since| now.saturating_sub(since) >= MAX_WAITING_S)
            };
            let old = |entry: &Pending| now.saturating_sub(entry.added) >= MAX_AGE_S || waited(entry);
            let gone: Vec<u64> =
                chain.iter().filter(|(_, entry)| old(entry)).map(|(nonce, _)| *nonce).collect();
            for nonce in gone {
                chain.remove(&nonce);
                trim(chain, settled.nonce(sender));
                renew(chain, settled.nonce(sender), now);
            }
        }
    }

    /// What is left of the pool after a restart: each transaction judged anew, in the order of the file.
    pub(super) fn reloaded(&self, settled: &Settled<'_>) -> Self {
        let mut pool = Self::default();
        for entry in self.senders.values().flat_map(BTreeMap::values) {
            let young = settled.now.saturating_sub(entry.added) < MAX_AGE_S;
            if young && pool.add(&entry.tx, true, settled).is_ok() {
                let chain = pool.senders.get_mut(&entry.tx.sender()).expect("it was just taken");
                chain.get_mut(&entry.tx.unsigned().nonce).expect("it was just taken").added = entry.added;
            }
        }
        pool
    }
}

fn check_replacement(new: &Transaction, old: &Transaction, floor: u128) -> Result<(), &'static str> {
    let (fee, old_fee) = (new.unsigned().fee.motes(), old.unsigned().fee.motes());
    let in_all = fee * 10 >= old_fee * 11;
    let per_byte = fee * size(old) * 10 >= old_fee * size(new) * 11;
    if in_all && per_byte && fee >= old_fee + floor { Ok(()) } else { Err("replacement_too_cheap") }
}

/// How many follow the settled nonce without a gap.
fn gapless(chain: &Chain, base: u64) -> usize {
    let nonces = chain.keys().zip(base..);
    nonces.take_while(|(nonce, expected)| *nonce == expected).take(MAX_EXECUTABLE).count()
}

fn renew(chain: &mut Chain, base: u64, now: u64) {
    let executable = gapless(chain, base);
    for (place, entry) in chain.values_mut().enumerate() {
        entry.waiting_since = (place >= executable).then(|| entry.waiting_since.unwrap_or(now));
    }
}

fn trim(chain: &mut Chain, base: u64) {
    while chain.len() > gapless(chain, base) + MAX_WAITING {
        chain.pop_last();
    }
}

/// Takes out what the settled account no longer allows.
fn settle(chain: &mut Chain, base: u64, balance: u128) {
    chain.retain(|nonce, _| *nonce >= base);
    trim(chain, base);
    while chain.values().map(|entry| entry.need).sum::<u128>() > balance {
        chain.pop_last();
    }
}

fn size(tx: &Transaction) -> u128 {
    u128::try_from(tx.size()).expect("a small number")
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).expect("a small number")
}
