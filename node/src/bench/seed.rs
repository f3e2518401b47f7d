//! Everything random of a benchmark, drawn from its seed: keys, addresses, payments.

use rayon::prelude::*;
use starling_genesis::Chain;
use starling_primitives::{Address, Amount, Memo, Output, Tag, Transaction, UnsignedTransaction};
use starling_wallet::Key;
use std::ops::Range;
use std::sync::Arc;

static KEY: Tag = Tag::new("starling/bench-key");
static ADDRESS: Tag = Tag::new("starling/bench-address");

/// What a payment brings its recipient, in STAR.
const PAID: &str = "0.001";
/// What a payment offers its miner, in STAR: well above the floor of pools.
const FEE: &str = "0.0001";
/// What each account has for each payment that it makes, in STAR: what it pays, and the charge for the
/// recipient's new account.
const STAKE: &str = "0.02";

/// Addresses that nobody has a key to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nobody {
    /// Whom a payment pays.
    Recipient,
    /// An account that only is there.
    Bystander,
    /// Who mines.
    Miner,
}

/// The seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seed(pub(super) u64);

impl Seed {
    /// The key with this number.
    pub(super) fn key(self, number: u64) -> Key {
        Key::from_seed(&KEY.hash(&[&self.0.to_le_bytes(), &number.to_le_bytes()]))
    }

    /// The address with this number.
    pub(super) fn address(self, of: Nobody, number: u64) -> Address {
        let kind = match of {
            Nobody::Recipient => 0,
            Nobody::Bystander => 1,
            Nobody::Miner => 2,
        };
        let hash = ADDRESS.hash(&[&self.0.to_le_bytes(), &[kind], &number.to_le_bytes()]);
        Address::new(*hash.first_chunk().expect("20 of 32 bytes"))
    }
}

/// Payments between strangers: each by another sender, while there are any, to somebody without an account.
pub(super) struct Payments {
    seed: Seed,
    chain: Arc<Chain>,
    senders: u64,
}

impl Payments {
    /// Payments on a chain by so many senders, at least one.
    pub(super) fn new(seed: Seed, chain: Arc<Chain>, senders: u64) -> Self {
        Self { seed, chain, senders: senders.max(1) }
    }

    /// What each sender needs to make its share of so many payments.
    pub(super) fn stake(&self, payments: u64) -> Amount {
        amount(STAKE).checked_mul(payments.div_ceil(self.senders).max(1)).expect("far below 2^100 motes")
    }

    /// Some of the payments, signed on all cores.
    pub(super) fn sign(&self, numbers: Range<u64>) -> Vec<Arc<Transaction>> {
        numbers.into_par_iter().map(|number| Arc::new(self.one(number))).collect()
    }

    fn one(&self, number: u64) -> Transaction {
        let to = self.seed.address(Nobody::Recipient, number);
        let outputs = vec![Output { to, amount: amount(PAID) }];
        let key = self.seed.key(number % self.senders);
        transfer(&self.chain, &key, number / self.senders, outputs)
    }
}

/// A signed transfer.
pub(super) fn transfer(chain: &Chain, key: &Key, nonce: u64, outputs: Vec<Output>) -> Transaction {
    let unsigned = UnsignedTransaction {
        chain_id: chain.chain_id(),
        nonce,
        fee: amount(FEE),
        valid_until: 0,
        outputs,
        memo: Memo::default(),
        policy: key.policy(),
    };
    key.sign(&unsigned, &chain.genesis_id()).expect("the policy is the key's, and 255 outputs fit")
}

fn amount(star: &str) -> Amount {
    Amount::from_star(star).expect("a fixed amount")
}

#[cfg(test)]
mod tests;
