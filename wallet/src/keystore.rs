//! A directory of encrypted wallets, one `NAME.json` each.

mod disk;
mod error;
mod file;

pub use error::KeystoreError;
pub use file::Kind;

use crate::derive::AccountError;
use crate::key::Key;
use crate::mnemonic::{Mnemonic, Words};
use file::{Contents, WalletFile};
use starling_primitives::{Address, Policy, PublicKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Accounts of a mnemonic whose public keys stand in its file, so that they can be watched without a
/// passphrase.
pub const LISTED_ACCOUNTS: u32 = 10;
/// Characters of a wallet's name at the most.
const MAX_NAME_CHARS: usize = 64;
/// Wallets of one directory that are listed.
const MAX_LISTED_WALLETS: usize = 10_000;
const EXTENSION: &str = ".json";

/// A directory of wallets; it need not exist before the first one is made.
#[derive(Clone, Debug)]
pub struct Keystore {
    dir: PathBuf,
}

/// The public half of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    name: String,
    kind: Kind,
    keys: Vec<PublicKey>,
}

/// Both halves of a wallet. Without a `Debug`; the secret is wiped when dropped.
pub struct Unlocked {
    wallet: Wallet,
    secret: Secret,
}

/// What a passphrase protects.
enum Secret {
    Mnemonic(Mnemonic),
    Key(Zeroizing<[u8; 32]>),
}

impl Keystore {
    /// The wallets in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a wallet of this name, whether it exists or not.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{EXTENSION}"))
    }

    /// Makes a wallet with a new mnemonic. The phrase is to be shown once: nothing else brings the money back
    /// when the file or the passphrase is lost.
    ///
    /// # Errors
    /// [`KeystoreError`]: a bad name, a name that exists, no randomness, or a file that cannot be written.
    pub fn create(
        &self,
        name: &str,
        passphrase: &str,
        words: Words,
    ) -> Result<(Wallet, Zeroizing<String>), KeystoreError> {
        let mnemonic = Mnemonic::generate(words)?;
        let phrase = mnemonic.phrase();
        Ok((self.add(name, passphrase, &Secret::Mnemonic(mnemonic))?, phrase))
    }

    /// Makes a wallet of a mnemonic that exists.
    ///
    /// # Errors
    /// [`KeystoreError`], as for [`Keystore::create`], and [`KeystoreError::Mnemonic`].
    pub fn import_mnemonic(
        &self,
        name: &str,
        passphrase: &str,
        phrase: &str,
    ) -> Result<Wallet, KeystoreError> {
        self.add(name, passphrase, &Secret::Mnemonic(Mnemonic::parse(phrase)?))
    }

    /// Makes a wallet of one key, given as the 32 bytes that RFC 8032 calls the private key.
    ///
    /// # Errors
    /// [`KeystoreError`], as for [`Keystore::create`].
    pub fn import_key(&self, name: &str, passphrase: &str, seed: &[u8; 32]) -> Result<Wallet, KeystoreError> {
        self.add(name, passphrase, &Secret::Key(Zeroizing::new(*seed)))
    }

    /// The names of the wallets, sorted; at most 10,000. A directory that does not exist has none.
    ///
    /// # Errors
    /// [`KeystoreError::Unreadable`] or [`KeystoreError::Io`].
    pub fn list(&self) -> Result<Vec<String>, KeystoreError> {
        let is_name =
            |file: String| file.strip_suffix(EXTENSION).filter(|name| fits(name)).map(str::to_owned);
        let mut names: Vec<String> =
            disk::file_names(&self.dir)?.filter_map(is_name).take(MAX_LISTED_WALLETS).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The public half of a wallet; no passphrase is needed.
    ///
    /// # Errors
    /// [`KeystoreError`]: no such wallet, or a file that cannot be read or is damaged.
    pub fn wallet(&self, name: &str) -> Result<Wallet, KeystoreError> {
        Ok(Wallet::from_file(&self.read(name)?))
    }

    /// Opens a wallet.
    ///
    /// # Errors
    /// [`KeystoreError`]: no such wallet, a file that cannot be read or is damaged, or a wrong passphrase.
    pub fn open(&self, name: &str, passphrase: &str) -> Result<Unlocked, KeystoreError> {
        let file = self.read(name)?;
        let damaged = |what: &'static str| KeystoreError::damaged(&self.file(name), what);
        let wallet = Wallet::from_file(&file);
        let secret = Secret::from_bytes(wallet.kind, &file.unseal(passphrase)?).map_err(damaged)?;
        if secret.public_keys() != wallet.keys {
            return Err(damaged("its public keys are not those of its secret"));
        }
        Ok(Unlocked { wallet, secret })
    }

    fn add(&self, name: &str, passphrase: &str, secret: &Secret) -> Result<Wallet, KeystoreError> {
        if !fits(name) {
            return Err(KeystoreError::bad_name(name));
        }
        let path = self.file(name);
        // Asked early to spare the wait for the key derivation; the write itself is what never overwrites.
        if path.exists() {
            return Err(KeystoreError::NameExists(name.to_owned()));
        }
        let wallet = Wallet { name: name.to_owned(), kind: secret.kind(), keys: secret.public_keys() };
        let contents = Contents { name, kind: wallet.kind, accounts: &wallet.keys };
        let file = WalletFile::seal(&contents, passphrase, &secret.to_bytes())?;
        let written = disk::write_new(&self.dir, &path, &file.encode());
        if !written.map_err(|error| KeystoreError::from_io(&self.dir, error))? {
            return Err(KeystoreError::NameExists(name.to_owned()));
        }
        Ok(wallet)
    }

    fn read(&self, name: &str) -> Result<WalletFile, KeystoreError> {
        if !fits(name) {
            return Err(KeystoreError::bad_name(name));
        }
        let path = self.file(name);
        let bytes = disk::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => KeystoreError::NotFound {
                name: name.to_owned(),
                dir: self.dir.clone(),
                existing: self.list().unwrap_or_default(),
            },
            _ => KeystoreError::from_io(&path, error),
        })?;
        let file = WalletFile::decode(&bytes, &path)?;
        if file.name() != name {
            return Err(KeystoreError::Renamed { path, inside: file.name().to_owned() });
        }
        Ok(file)
    }
}

impl Wallet {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its secret is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The public keys of its first accounts, by index: [`LISTED_ACCOUNTS`] of a mnemonic, one of a single
    /// key.
    #[must_use]
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The address of account 0.
    #[must_use]
    pub fn address(&self) -> Address {
        Policy::Single(self.keys[0]).address()
    }

    fn from_file(file: &WalletFile) -> Self {
        Self { name: file.name().to_owned(), kind: file.kind(), keys: file.accounts() }
    }
}

impl Unlocked {
    /// The public half.
    #[must_use]
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// The signing key of an account.
    ///
    /// # Errors
    /// [`AccountError`]: an index of 2^31 or more, or any but 0 for a wallet of a single key.
    pub fn key(&self, account: u32) -> Result<Key, AccountError> {
        self.secret.key(account)
    }

    /// The mnemonic's words, unless the wallet is a single key.
    #[must_use]
    pub fn phrase(&self) -> Option<Zeroizing<String>> {
        match &self.secret {
            Secret::Mnemonic(mnemonic) => Some(mnemonic.phrase()),
            Secret::Key(_) => None,
        }
    }
}

impl Secret {
    fn kind(&self) -> Kind {
        match self {
            Self::Mnemonic(_) => Kind::Mnemonic,
            Self::Key(_) => Kind::Key,
        }
    }

    fn key(&self, account: u32) -> Result<Key, AccountError> {
        match self {
            Self::Mnemonic(mnemonic) => mnemonic.key(account),
            Self::Key(seed) if account == 0 => Ok(Key::from_seed(seed)),
            Self::Key(_) => Err(AccountError::SingleKey(account)),
        }
    }

    fn public_keys(&self) -> Vec<PublicKey> {
        (0..LISTED_ACCOUNTS).map_while(|account| self.key(account).ok()).map(|key| key.public_key()).collect()
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Mnemonic(mnemonic) => mnemonic.entropy(),
            Self::Key(seed) => Zeroizing::new(seed.to_vec()),
        }
    }

    fn from_bytes(kind: Kind, bytes: &[u8]) -> Result<Self, &'static str> {
        let wrong = "its secret has a wrong length";
        match kind {
            Kind::Mnemonic => Mnemonic::from_entropy(bytes).map(Self::Mnemonic).map_err(|_| wrong),
            Kind::Key => bytes.try_into().map(|seed| Self::Key(Zeroizing::new(seed))).map_err(|_| wrong),
        }
    }
}

/// 1 to 64 of `[a-z0-9_-]`: no dots and no slashes, so a name never leaves the directory.
fn fits(name: &str) -> bool {
    let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
