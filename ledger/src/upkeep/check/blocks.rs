//! Bodies, and what the indexes must say of the transactions in them.

use super::Check;
use super::chain::{Connected, Walked, place, says_body, split_key};
use crate::records::{AddressEvent, HeaderRecord, TxLocation, block_key};
use crate::store::{Family, Store, StoreError, meta};
use rayon::prelude::*;
use starling_primitives::{Address, Amount, GenesisId, Header, Transaction, decode_body, tx_root};
use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Continue};
use std::sync::Arc;

/// What the stored bodies of connected blocks ask of the indexes.
#[derive(Default)]
pub(super) struct Stated {
    /// Transactions.
    txs: u64,
    /// Events of addresses.
    events: u64,
    /// Whether a body is missing or damaged, so that the sums are too low.
    is_partial: bool,
}

/// A record that is wrong, and how; or that cannot be read, and why.
type Wrong = (Family, Vec<u8>, Result<String, StoreError>);

impl Check<'_> {
    /// Height of the lowest body that is stored, genesis aside; those below it were pruned.
    pub(super) fn bodies_from(&self) -> Option<u32> {
        let records = self.store.scan(Family::Bodies).map_while(Result::ok);
        records.filter_map(|(key, _)| Some(split_key(&key)?.0)).take(2).find(|height| *height > 0)
    }

    /// Each body is the one that its header commits to, and both indexes know what is in it. From the lowest
    /// on none is missing: `with_body` headers say that theirs is stored.
    pub(super) fn bodies(&mut self, connected: &Connected, with_body: u64) -> ControlFlow<(), Stated> {
        let lowest = self.report.bodies_from;
        let mut missing: Vec<bool> = (0..).zip(connected).map(|(height, _)| height >= lowest).collect();
        let (mut stated, mut found) = (Stated::default(), 0);
        let whole = self.each(Family::Bodies, |check, key, value| {
            let Some((height, id)) = split_key(key) else {
                return check.damage(Family::Bodies, key, "its key has another size");
            };
            let Some(bytes) = check.get(Family::Headers, id.as_bytes()) else { return };
            // One that does not decode was told when headers were read.
            let Ok(record) = HeaderRecord::decode(&bytes) else { return };
            found += u64::from(says_body(record.status) && height >= lowest);
            let is_connected = connected.get(place(height)) == Some(&Some(id));
            if is_connected {
                missing[place(height)] = false;
            }
            match decoded(&record.header, height, value) {
                Ok(txs) if is_connected => check.indexed(&record.header, &txs, &mut stated),
                Ok(_) => {}
                Err(what) => {
                    stated.is_partial = true;
                    check.damage(Family::Bodies, key, what);
                }
            }
        })?;
        stated.is_partial |= !whole || connected.contains(&None);
        if whole {
            for ((height, id), _) in (0..).zip(connected).zip(&missing).filter(|(_, missing)| **missing) {
                if let Some(id) = id {
                    (stated.is_partial, found) = (true, found.saturating_add(1));
                    self.damage(Family::Bodies, &block_key(height, id), "it is missing");
                }
            }
            if let Some(lost) = with_body.checked_sub(found).filter(|lost| *lost > 0) {
                let what = format!("{lost} bodies that headers speak of are missing beside the chain");
                self.damage(Family::Bodies, &[], what);
            }
        }
        Continue(stated)
    }

    /// Both indexes know the transactions of a connected block, and its reward.
    fn indexed(&mut self, header: &Header, txs: &[Arc<Transaction>], stated: &mut Stated) {
        // Nothing of genesis is in the indexes.
        if header.height() == 0 {
            return;
        }
        let addresses = matches!(self.store.get(Family::Meta, meta::NO_ADDRESS_INDEX), Ok(None));
        let (store, genesis, height) = (self.store, self.chain.genesis_id(), header.height());
        let look = Look { store, genesis, height, addresses };
        let found = (0u32..).zip(txs).collect::<Vec<_>>().into_par_iter();
        let found: Vec<(u64, Vec<Wrong>)> = found.map(|(position, tx)| look.tx(position, tx)).collect();
        let fees = txs.iter().try_fold(Amount::ZERO, |sum, tx| sum.checked_add(tx.unsigned().fee));
        let reward = fees.and_then(|fees| self.chain.params.subsidy_at(header.height()).checked_add(fees));
        let reward = AddressEvent::reward(header.height(), reward.unwrap_or_default());
        let wrong = look.event(&header.content().miner, &reward);
        stated.txs += u64::from(header.content().tx_count);
        stated.events += found.iter().map(|(events, _)| events).sum::<u64>() + 1;
        for (family, key, what) in found.into_iter().flat_map(|(_, wrong)| wrong).chain(wrong) {
            match what {
                Ok(what) => self.damage(family, &key, what),
                Err(error) => self.failed(family, &key, &error),
            }
        }
    }

    /// Each entry of the transaction index is of a place where there is a transaction, and there is one for
    /// each.
    pub(super) fn tx_index(&mut self, walked: &Walked, stated: &Stated) -> ControlFlow<()> {
        let (lowest, mut found) = (self.report.bodies_from, 0);
        let whole = self.each(Family::TxIndex, |check, key, value| match TxLocation::decode(value) {
            Ok(at) => {
                found += u64::from(at.height >= lowest);
                if walked.tx_counts.get(place(at.height)).is_some_and(|count| at.position >= *count) {
                    let TxLocation { height, position } = at;
                    let what = format!("block {height} has no transaction {position}");
                    check.damage(Family::TxIndex, key, what);
                }
            }
            Err(error) => check.damage(Family::TxIndex, key, error),
        })?;
        if whole && !stated.is_partial && found > stated.txs {
            let what = format!("it has {found} entries for {} transactions", stated.txs);
            self.damage(Family::TxIndex, &[], what);
        }
        Continue(())
    }

    /// The same for the index of addresses.
    pub(super) fn address_index(&mut self, walked: &Walked, stated: &Stated) -> ControlFlow<()> {
        let (lowest, mut found) = (self.report.bodies_from, 0);
        let whole =
            self.each(Family::AddressIndex, |check, key, value| match AddressEvent::decode(key, value) {
                Ok(event) => {
                    found += u64::from(event.height >= lowest);
                    let count = walked.tx_counts.get(place(event.height));
                    if event.txid.is_some() && count.is_some_and(|count| event.position >= *count) {
                        let what = format!("block {} has no such transaction", event.height);
                        check.damage(Family::AddressIndex, key, what);
                    }
                }
                Err(error) => check.damage(Family::AddressIndex, key, error),
            })?;
        if whole && !stated.is_partial && found > stated.events {
            let what = format!("it has {found} entries for {} events", stated.events);
            self.damage(Family::AddressIndex, &[], what);
        }
        Continue(())
    }
}

/// The transactions of a body, if it is the one that a header at this height commits to.
fn decoded(header: &Header, height: u32, body: &[u8]) -> Result<Vec<Arc<Transaction>>, String> {
    let content = header.content();
    if content.height != height {
        return Err(format!("its block has height {}", content.height));
    }
    if u32::try_from(body.len()) != Ok(content.body_bytes) {
        return Err(format!("it has {} bytes, and its header says {}", body.len(), content.body_bytes));
    }
    let txs = decode_body(body, content.tx_count).map_err(|error| error.to_string())?;
    let root = tx_root(txs.iter().map(|tx| tx.wtxid()));
    if root == content.tx_root { Ok(txs) } else { Err(format!("it has tx_root {root}, not its header's")) }
}

/// Looks up what the indexes say of one block.
struct Look<'a> {
    store: &'a Store,
    genesis: GenesisId,
    height: u32,
    /// Whether the index of addresses is kept.
    addresses: bool,
}

impl Look<'_> {
    /// What is wrong about a transaction, and how many events it makes.
    fn tx(&self, position: u32, tx: &Transaction) -> (u64, Vec<Wrong>) {
        let (txid, unsigned) = (tx.txid(&self.genesis), tx.unsigned());
        let location = TxLocation { height: self.height, position }.encode();
        let told = |value: &[u8]| (value != location).then_some("it names another place");
        let mut wrong: Vec<Wrong> = self.record(Family::TxIndex, txid.as_bytes(), told).into_iter().collect();
        let mut received = BTreeMap::from([(tx.sender(), Amount::ZERO)]);
        for output in &unsigned.outputs {
            let sum = received.entry(output.to).or_default();
            *sum = sum.checked_add(output.amount).unwrap_or_default();
        }
        for (address, received) in &received {
            let is_sender = *address == tx.sender();
            let sent = unsigned.outputs.iter().filter(|_| is_sender);
            let sent =
                sent.fold(Amount::ZERO, |sum, output| sum.checked_add(output.amount).unwrap_or_default());
            // The charges for new accounts are known to whoever executes the block, and not told here.
            let fee = if is_sender { unsigned.fee } else { Amount::ZERO };
            let (height, received) = (self.height, *received);
            let event = AddressEvent { height, position, txid: Some(txid), sent, fee, received };
            wrong.extend(self.event(address, &event));
        }
        (u64::try_from(received.len()).expect("a transaction has few outputs"), wrong)
    }

    /// What is wrong about an event: its fee may be higher, by charges.
    fn event(&self, address: &Address, event: &AddressEvent) -> Option<Wrong> {
        if !self.addresses {
            return None;
        }
        let key = event.key(address);
        self.record(Family::AddressIndex, &key, |value| match AddressEvent::decode(&key, value) {
            // What does not decode is told when the index is read.
            Err(_) => None,
            Ok(found) => {
                let differs = found.fee < event.fee || AddressEvent { fee: event.fee, ..found } != *event;
                differs.then_some("it is not what the block did")
            }
        })
    }

    fn record(
        &self,
        family: Family,
        key: &[u8],
        judge: impl FnOnce(&[u8]) -> Option<&'static str>,
    ) -> Option<Wrong> {
        let wrong = match self.store.get(family, key) {
            Ok(Some(value)) => Ok(judge(&value)?.to_owned()),
            Ok(None) => Ok(format!("it is missing, and block {} asks for it", self.height)),
            Err(error) => Err(error),
        };
        Some((family, key.to_owned(), wrong))
    }
}
