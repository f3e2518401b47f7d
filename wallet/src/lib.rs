//! Keys, and what they sign.
//!
//! A wallet is a secret under a passphrase and a list of public keys in the clear: watching needs no
//! passphrase, spending does. This crate makes secrets, keeps them in files, and turns payments into
//! transactions.
//!
//! - [`Mnemonic`]: 12 or 24 English words (BIP 39), and the keys behind them (SLIP-0010,
//!   `m/44'/1'/account'/0'`)
//! - [`Key`]: one Ed25519 key; [`dev_account`]: the ten that every private chain funds
//! - [`Keystore`]: a directory of encrypted files; [`Wallet`] is the public half, [`Unlocked`] the secret one
//! - [`Payment`] and [`Fee`]: what is to be paid, until it becomes an unsigned transaction
//!
//! It never talks to a node, never prints or logs, never overwrites a file, and keeps every secret in memory
//! that is wiped when dropped; no secret type has a `Debug`.

mod derive;
mod key;
mod keystore;
mod mnemonic;
mod payment;

pub use derive::{AccountError, MAX_ACCOUNT};
pub use key::{DEV_ACCOUNTS, DEV_MNEMONIC, Key, SignError, dev_account};
pub use keystore::{Keystore, KeystoreError, Kind, LISTED_ACCOUNTS, Unlocked, Wallet};
pub use mnemonic::{Mnemonic, MnemonicError, Words};
pub use payment::{Fee, FeeTooLarge, Payment, fee_for};
