//! What a block does to the accounts (consensus: Block rules 4 and 5).

use crate::transaction::TxError;
use hashbrown::HashMap;
use starling_genesis::Params;
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, Transaction};
use thiserror::Error;

/// Where accounts are read from; an account that does not exist is the default one.
pub trait Accounts {
    /// Why reading failed: never a matter of rules.
    type Error;

    /// The account of `address`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn account(&self, address: &Address) -> Result<Account, Self::Error>;
}

/// A rule was broken, or the store failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransitionError<E> {
    /// The transaction does not fit this state.
    #[error(transparent)]
    Rule(TxError),
    /// The accounts cannot be read.
    #[error("reading accounts: {0}")]
    Read(E),
}

/// An account before and after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// As the block found it.
    pub before: Account,
    /// As the block left it.
    pub after: Account,
}

/// All that a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Each account that was written, with what it was; in no order.
    pub accounts: HashMap<Address, Change>,
    /// Account charges, gone for good.
    pub burned: Amount,
    /// What the miner got from transactions.
    pub fees: Amount,
}

/// The state in the middle of a block: transactions go in one by one, a refused one leaves no trace.
pub struct Transition<'a, A> {
    accounts: &'a A,
    params: &'a Params,
    changes: Changes,
}

impl<'a, A: Accounts> Transition<'a, A> {
    /// Begins a block on the given state.
    pub fn new(accounts: &'a A, params: &'a Params) -> Self {
        Self { accounts, params, changes: Changes::default() }
    }

    /// Applies one transaction (rule 4).
    ///
    /// # Errors
    /// [`TxError::Nonce`], [`TxError::NonceExhausted`] or [`TxError::Balance`]; nothing has changed then.
    pub fn apply(&mut self, tx: &Transaction) -> Result<(), TransitionError<A::Error>> {
        let refuse = |error| Err(TransitionError::Rule(error));
        let (sender, unsigned) = (tx.sender(), tx.unsigned());
        let mut account = self.read(&sender).map_err(TransitionError::Read)?;
        if unsigned.nonce != account.nonce {
            return refuse(TxError::Nonce { found: unsigned.nonce, expected: account.nonce });
        }
        let Some(next_nonce) = account.nonce.checked_add(1) else {
            return refuse(TxError::NonceExhausted);
        };
        let burned = self.charges(tx).map_err(TransitionError::Read)?;
        let needed = tx.spent().zip(burned).and_then(|(spent, burned)| spent.checked_add(burned));
        let left = needed.and_then(|needed| account.balance.checked_sub(needed));
        let (Some(left), Some(burned)) = (left, burned) else {
            let (balance, needed) = (account.balance, needed.unwrap_or(Amount::MAX));
            return refuse(TxError::Balance { sender, balance, needed });
        };
        account.nonce = next_nonce;
        account.balance = left;
        self.write(sender, account).map_err(TransitionError::Read)?;
        for output in &unsigned.outputs {
            self.credit(output.to, output.amount).map_err(TransitionError::Read)?;
        }
        let within = "all that exists is at most 2^100 motes";
        self.changes.burned = self.changes.burned.checked_add(burned).expect(within);
        self.changes.fees = self.changes.fees.checked_add(unsigned.fee).expect(within);
        Ok(())
    }

    /// Account charges burned so far.
    #[must_use]
    pub fn burned(&self) -> Amount {
        self.changes.burned
    }

    /// What the transactions did, before the miner is paid.
    #[must_use]
    pub fn unpaid(self) -> Changes {
        self.changes
    }

    /// Ends the block: the miner gets subsidy and fees (rule 5).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn finish(mut self, miner: Address, height: u32) -> Result<Changes, A::Error> {
        let reward = self.params.subsidy_at(height).checked_add(self.changes.fees);
        let reward = reward.expect("all that exists is at most 2^100 motes");
        if !reward.is_zero() {
            self.credit(miner, reward)?;
        }
        Ok(self.changes)
    }

    /// The charges for each distinct recipient that has no account now; none when over 2^100.
    fn charges(&self, tx: &Transaction) -> Result<Option<Amount>, A::Error> {
        let mut recipients: Vec<Address> = tx.unsigned().outputs.iter().map(|output| output.to).collect();
        recipients.sort_unstable();
        recipients.dedup();
        let mut new = 0;
        for address in &recipients {
            new += u64::from(self.read(address)?.is_absent());
        }
        Ok(self.params.account_charge.checked_mul(new))
    }

    fn read(&self, address: &Address) -> Result<Account, A::Error> {
        match self.changes.accounts.get(address) {
            Some(change) => Ok(change.after),
            None => self.accounts.account(address),
        }
    }

    fn write(&mut self, address: Address, after: Account) -> Result<(), A::Error> {
        if let Some(change) = self.changes.accounts.get_mut(&address) {
            change.after = after;
            return Ok(());
        }
        let before = self.accounts.account(&address)?;
        self.changes.accounts.insert(address, Change { before, after });
        Ok(())
    }

    fn credit(&mut self, address: Address, amount: Amount) -> Result<(), A::Error> {
        let mut account = self.read(&address)?;
        let sum = account.balance.checked_add(amount);
        account.balance = sum.expect("all that exists is at most 2^100 motes");
        self.write(address, account)
    }
}

#[cfg(test)]
mod tests;
