//! A key that signs payments in bulk.

use starling_genesis::Chain;
use starling_primitives::{Address, Amount, Memo, Output, Transaction};
use starling_wallet::{Fee, Key, Payment};

/// Motes per byte: twice the least that a pool takes.
const FEE_PER_BYTE: u128 = 200_000_000_000;

/// A key, and the nonce of its next payment.
pub struct Payer {
    key: Key,
    nonce: u64,
}

impl Payer {
    /// The payer of a number; each number is another key.
    #[must_use]
    pub fn new(number: u16) -> Self {
        let mut seed = [0x5a; 32];
        seed[..2].copy_from_slice(&number.to_le_bytes());
        Self { key: Key::from_seed(&seed), nonce: 0 }
    }

    /// Who pays.
    #[must_use]
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// The address as text.
    #[must_use]
    pub fn text(&self, chain: &Chain) -> String {
        self.address().to_text(&chain.params.prefix)
    }

    /// Goes on from this nonce: what was signed with it, or above, is lost.
    pub fn go_on_from(&mut self, nonce: u64) {
        self.nonce = nonce;
    }

    /// Signs the next payment.
    ///
    /// # Panics
    /// When the amount is none.
    pub fn pay(&mut self, chain: &Chain, to: Address, star: &str) -> Transaction {
        self.pay_often(chain, to, star, 1)
    }

    /// The same with so many outputs, each of the amount: 36 make it larger than gossip carries.
    ///
    /// # Panics
    /// When the amount is none, and beyond 255 outputs.
    pub fn pay_often(&mut self, chain: &Chain, to: Address, star: &str, outputs: usize) -> Transaction {
        let per_byte = Amount::from_motes(FEE_PER_BYTE).expect("a small amount");
        let payment = Payment {
            nonce: self.nonce,
            fee: Fee::PerByte(per_byte),
            valid_until: 0,
            outputs: vec![Output { to, amount: Amount::from_star(star).expect("an amount") }; outputs],
            memo: Memo::new(&[]).expect("no memo is short enough"),
        };
        self.nonce += 1;
        let unsigned = payment.unsigned(self.key.policy(), &chain.genesis_id()).expect("a small fee");
        self.key.sign(&unsigned, &chain.genesis_id()).expect("our own payment on our own chain")
    }
}
