//! What a payment will do, before it is signed: who pays whom, the fee, the charge, what is left.

use super::super::account::{self, dev_key};
use super::super::dev;
use crate::cli::SendArgs;
use crate::failure::{Failure, Outcome};
use crate::output::{self, star};
use crate::secrets::{self, Purpose};
use serde_json::{Map, Value, json};
use starling_primitives::{
    Address, Amount, GenesisId, Memo, Output, Policy, Prefix, Transaction, UnsignedTransaction,
};
use starling_rpc::Client;
use starling_rpc::types::{Account, ChainInfo};
use starling_wallet::{Fee, Key, Keystore, Payment, fee_for};

/// Motes of a fee that are never too many: 0.1 STAR.
const HIGH_FEE_MOTES: u128 = 100_000_000_000_000_000;
/// Above it, a fee is too high that is over so many times what the node suggests.
const HIGH_FEE_FACTOR: u64 = 100;

/// Who signs.
enum Payer {
    /// One of the ten whose keys everybody has.
    Dev { name: String, key: Key },
    /// A wallet, still locked, with the key of its account 0.
    Wallet { name: String, policy: Policy },
}

/// A payment that lacks only its signature.
pub(super) struct Plan {
    payer: Payer,
    prefix: Prefix,
    genesis: GenesisId,
    to: Address,
    amount: Amount,
    /// What the recipient's new account costs, if it has none.
    charge: Amount,
    /// What the payer has when everything before it is mined.
    available: Amount,
    unsigned: UnsignedTransaction,
}

impl Plan {
    /// Asks the node for everything that the payment needs.
    ///
    /// # Errors
    /// An account that means nothing, an unreachable node, or less money than is needed.
    pub(super) async fn make(
        client: &Client,
        keystore: &Keystore,
        args: &SendArgs,
        memo: Memo,
    ) -> Outcome<Self> {
        let info = client.chain_info().await?;
        let prefix = account::prefix(&info)?;
        let payer = payer(args.from.as_deref(), &info, keystore)?;
        let to = account::resolve(&args.to, &info, keystore)?;
        let fee = match args.fee {
            Some(fee) => Fee::Exact(fee),
            None => Fee::PerByte(suggested_rate(client).await?),
        };
        let from = client.account_get(&payer.address().to_text(&prefix)).await?;
        let charge = if to == payer.address() || exists(&client.account_get(&to.to_text(&prefix)).await?) {
            Amount::ZERO
        } else {
            info.account_charge
        };
        let outputs = vec![Output { to, amount: args.amount }];
        let payment = Payment { nonce: from.pending_nonce, fee, valid_until: 0, outputs, memo };
        let unsigned = payment.unsigned(payer.policy(), &info.genesis).map_err(Failure::usage)?;
        let (available, amount) = (from.pending_balance, args.amount);
        let plan = Self { payer, prefix, genesis: info.genesis, to, amount, charge, available, unsigned };
        plan.check()?;
        if plan.unsigned.fee.motes() > HIGH_FEE_MOTES && !args.high_fee {
            plan.check_fee(args.fee.is_some(), suggested_rate(client).await?)?;
        }
        Ok(plan)
    }

    /// The chain that it is for.
    pub(super) fn genesis(&self) -> &GenesisId {
        &self.genesis
    }

    /// What leaves the payer's account, unless it is more than can exist.
    fn total(&self) -> Option<Amount> {
        Amount::sum([self.amount, self.unsigned.fee, self.charge])
    }

    fn check(&self) -> Outcome<()> {
        if self.amount.is_zero() {
            return Err(Failure::usage("--amount: a payment moves at least 0.000000000000000001 STAR"));
        }
        match self.total() {
            Some(total) if total <= self.available => Ok(()),
            total => Err(Failure::refused(format!(
                "{} has {}, and the payment needs {}: the amount, a fee of {} and a charge of {}",
                self.payer.name(),
                star(self.available),
                total.map_or_else(|| "more than can exist".to_owned(), star),
                star(self.unsigned.fee),
                star(self.charge),
            ))),
        }
    }

    /// A given fee far above the suggested one is a slip, most likely; and a high one that the node suggests
    /// is not paid just because the node says so.
    fn check_fee(&self, is_given: bool, suggested_rate: Amount) -> Outcome<()> {
        let fee = self.unsigned.fee;
        if !is_given {
            return Err(Failure::usage(format!(
                "the node suggests a fee of {}, far more than usual; choose one with --fee, or add \
                 --high-fee if you mean to pay it",
                star(fee),
            )));
        }
        let suggested = fee_for(&self.unsigned, suggested_rate).map_err(Failure::failed)?;
        if suggested.checked_mul(HIGH_FEE_FACTOR).is_none_or(|high| fee <= high) {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "--fee: {} is more than {HIGH_FEE_FACTOR} times the {} that the node suggests; leave it out, or \
             add --high-fee if you mean it",
            star(fee),
            star(suggested),
        )))
    }

    /// Lines for whoever is asked.
    pub(super) fn describe(&self) -> Vec<String> {
        let text = |address: Address| address.to_text(&self.prefix);
        let mut fields = vec![
            ("from", format!("{} ({})", text(self.payer.address()), self.payer.name())),
            ("to", text(self.to)),
            ("amount", star(self.amount)),
            ("fee", star(self.unsigned.fee)),
        ];
        if !self.charge.is_zero() {
            fields.push((
                "charge",
                format!("{}, once, because the recipient has no account yet", star(self.charge)),
            ));
        }
        let left = self.total().and_then(|total| self.available.checked_sub(total)).unwrap_or(Amount::ZERO);
        fields.push(("left", star(left)));
        if !self.unsigned.memo.as_bytes().is_empty() {
            fields.push(("memo", output::memo(self.unsigned.memo.as_bytes())));
        }
        output::align(&fields)
    }

    /// The payment for programs; amounts in motes, as everywhere in JSON.
    pub(super) fn json(&self) -> Map<String, Value> {
        let motes = |amount: Amount| json!(amount.motes().to_string());
        let fields = [
            ("from", json!(self.payer.address().to_text(&self.prefix))),
            ("to", json!(self.to.to_text(&self.prefix))),
            ("amount", motes(self.amount)),
            ("fee", motes(self.unsigned.fee)),
            ("account_charge", motes(self.charge)),
            ("nonce", json!(self.unsigned.nonce)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Signs it; a wallet's passphrase is asked for only now.
    ///
    /// # Errors
    /// A passphrase that cannot be had or is wrong.
    pub(super) fn sign(&self, keystore: &Keystore, args: &SendArgs) -> Outcome<Transaction> {
        match &self.payer {
            Payer::Dev { key, .. } => Ok(key.sign(&self.unsigned, &self.genesis)?),
            Payer::Wallet { name, .. } => {
                secrets::warn_if_exposed(&keystore.file(name));
                let passphrase = secrets::passphrase(&args.passphrase, name, Purpose::Open)?;
                let key = keystore.open(name, &passphrase)?.key(0)?;
                Ok(key.sign(&self.unsigned, &self.genesis)?)
            }
        }
    }
}

impl Payer {
    fn policy(&self) -> Policy {
        match self {
            Self::Dev { key, .. } => key.policy(),
            Self::Wallet { policy, .. } => policy.clone(),
        }
    }

    fn address(&self) -> Address {
        self.policy().address()
    }

    fn name(&self) -> &str {
        match self {
            Self::Dev { name, .. } | Self::Wallet { name, .. } => name,
        }
    }
}

/// What the node suggests for each byte.
async fn suggested_rate(client: &Client) -> Outcome<Amount> {
    let estimate = client.tx_estimate_fee().await?;
    Ok(estimate.per_byte.within_3.max(estimate.floor))
}

/// The wallet or dev account of this name; without one, the only wallet that there is.
fn payer(name: Option<&str>, info: &ChainInfo, keystore: &Keystore) -> Outcome<Payer> {
    let name = match name {
        Some(name) => name.to_owned(),
        None => only_wallet(info, keystore)?,
    };
    if let Some(key) = dev_key(&name, &info.chain) {
        return Ok(Payer::Dev { name, key });
    }
    let wallet = keystore.wallet(&name).map_err(|error| account::no_wallet(&name, info, error))?;
    let key = wallet.public_keys().first().copied();
    let key = key.ok_or_else(|| Failure::failed(format!("the wallet {name} has no key")))?;
    Ok(Payer::Wallet { name, policy: Policy::Single(key) })
}

fn only_wallet(info: &ChainInfo, keystore: &Keystore) -> Outcome<String> {
    let mut names = keystore.list()?;
    if names.len() == 1 {
        return Ok(names.remove(0));
    }
    let mut choice = names;
    if info.chain == account::DEV_CHAIN {
        choice.push(dev::names());
    }
    Err(Failure::usage(match choice.as_slice() {
        [] => "there is no wallet to pay from; make one with `starling wallet new NAME`".to_owned(),
        choice => format!("name who pays with --from NAME: {}", choice.join(", ")),
    }))
}

/// Whether the state has an account: one with both zero is absent (formats: State).
fn exists(account: &Account) -> bool {
    !account.balance.is_zero() || account.nonce > 0 || !account.pending_balance.is_zero()
}

#[cfg(test)]
mod tests;
