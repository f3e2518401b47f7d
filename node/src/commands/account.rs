//! How an account is named: by address, by wallet, or as one of the ten of a private chain.

use crate::failure::{Failure, Outcome};
use starling_primitives::{Address, Prefix};
use starling_rpc::types::ChainInfo;
use starling_wallet::{DEV_ACCOUNTS, Key, Keystore, KeystoreError, dev_account};

/// The chain whose ten accounts everybody has the keys of.
pub(super) const DEV_CHAIN: &str = "dev";

/// The prefix of a node's chain.
///
/// # Errors
/// The node names one that cannot be.
pub(super) fn prefix(info: &ChainInfo) -> Outcome<Prefix> {
    Prefix::new(&info.prefix).map_err(|error| Failure::failed(format!("the node's chain: {error}")))
}

/// `dev0` to `dev9`.
pub(super) fn dev_name(index: u32) -> String {
    format!("dev{index}")
}

/// Whether a name is that of one of the ten accounts, on whatever chain.
pub(super) fn is_dev_name(name: &str) -> bool {
    (0..DEV_ACCOUNTS).any(|index| dev_name(index) == name)
}

/// The key behind `dev0` to `dev9`, on the chain `dev` only.
pub(super) fn dev_key(name: &str, chain: &str) -> Option<Key> {
    let index = (0..DEV_ACCOUNTS).find(|&index| dev_name(index) == name);
    index.filter(|_| chain == DEV_CHAIN).and_then(dev_account)
}

/// The address that `name` means on the node's chain.
///
/// # Errors
/// Neither an address of this chain nor the name of a wallet.
pub(super) fn resolve(name: &str, info: &ChainInfo, keystore: &Keystore) -> Outcome<Address> {
    let wrong_address = match Address::from_text(name, &prefix(info)?) {
        Ok(address) => return Ok(address),
        Err(error) => error,
    };
    if let Some(key) = dev_key(name, &info.chain) {
        return Ok(key.address());
    }
    match keystore.wallet(name) {
        Ok(wallet) => Ok(wallet.address()),
        Err(_) if looks_like_an_address(name) => Err(Failure::usage(format!("{name:?}: {wrong_address}"))),
        Err(error) => Err(no_wallet(name, info, error)),
    }
}

/// Why there is no such wallet, with a word on the accounts of a private chain.
pub(super) fn no_wallet(name: &str, info: &ChainInfo, error: KeystoreError) -> Failure {
    match error {
        KeystoreError::NotFound { .. } if is_dev_name(name) => Failure::usage(format!(
            "{name} exists on a dev node only, and this node runs chain {:?}; start one with `starling dev`, \
             or name a wallet",
            info.chain
        )),
        error => error.into(),
    }
}

/// Long, or with the digit that separates an address's prefix: nobody's name for a wallet.
fn looks_like_an_address(text: &str) -> bool {
    const SHORTEST_ADDRESS_CHARS: usize = 38;
    text.len() >= SHORTEST_ADDRESS_CHARS || text.split_once('1').is_some_and(|(hrp, _)| hrp.ends_with("star"))
}

#[cfg(test)]
pub(super) mod tests;
