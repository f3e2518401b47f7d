//! The wallet file: JSON whose header is authenticated together with the secret.
//!
//! The secret is sealed with XChaCha20-Poly1305 under a key that Argon2id makes of the passphrase. All other
//! fields are its associated data. A checksum over everything tells damage from a wrong passphrase, and keeps
//! a flipped bit in a public key from becoming an address that nobody owns.

use super::KeystoreError;
use super::disk::MAX_FILE_BYTES;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use serde::{Deserialize, Serialize};
use starling_primitives::{PublicKey, sha256};
use std::path::Path;
use zeroize::Zeroizing;

const VERSION: u64 = 1;
const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20poly1305";
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// Bytes of the longest secret, sealed: 32 and the tag.
const MAX_SEALED_BYTES: usize = 32 + 16;

/// What a new file asks for: 64 MiB.
const NEW_MEMORY_KIB: u32 = 64 * 1_024;
const NEW_PASSES: u32 = 3;
const NEW_LANES: u32 = 1;
/// What a file may ask for at the most: 1 GiB.
const MAX_MEMORY_KIB: u32 = 1_024 * 1_024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 4;

/// What the secret of a wallet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A mnemonic, with any number of accounts.
    Mnemonic,
    /// One key.
    Key,
}

/// The public half of a file that is to be sealed.
pub(super) struct Contents<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) accounts: &'a [PublicKey],
}

/// A file whose form was checked by [`WalletFile::decode`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WalletFile {
    version: u64,
    name: String,
    kind: Kind,
    accounts: Vec<HexKey>,
    kdf: Kdf,
    cipher: Cipher,
    #[serde(with = "hex_text")]
    ciphertext: Vec<u8>,
    #[serde(with = "hex_text")]
    checksum: [u8; 32],
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct HexKey(#[serde(with = "hex_text")] PublicKey);

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    #[serde(with = "hex_text")]
    salt: [u8; SALT_BYTES],
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    #[serde(with = "hex_text")]
    nonce: [u8; NONCE_BYTES],
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl WalletFile {
    /// Encrypts `secret` under `passphrase`.
    pub(super) fn seal(
        contents: &Contents<'_>,
        passphrase: &str,
        secret: &[u8],
    ) -> Result<Self, KeystoreError> {
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        getrandom::fill(&mut salt).map_err(KeystoreError::Random)?;
        getrandom::fill(&mut nonce).map_err(KeystoreError::Random)?;
        let (memory_kib, passes, lanes) = (NEW_MEMORY_KIB, NEW_PASSES, NEW_LANES);
        let mut file = Self {
            version: VERSION,
            name: contents.name.to_owned(),
            kind: contents.kind,
            accounts: contents.accounts.iter().copied().map(HexKey).collect(),
            kdf: Kdf { name: KDF.to_owned(), memory_kib, passes, lanes, salt },
            cipher: Cipher { name: CIPHER.to_owned(), nonce },
            ciphertext: Vec::new(),
            checksum: [0; 32],
        };
        file.ciphertext = file
            .aead(passphrase)?
            .encrypt(&nonce.into(), Payload { msg: secret, aad: &file.header() })
            .expect("a secret of 32 bytes is far below the cipher's limit");
        file.checksum = file.sum();
        Ok(file)
    }

    /// Decrypts the secret.
    pub(super) fn unseal(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        let sealed = Payload { msg: &self.ciphertext, aad: &self.header() };
        let opened = self.aead(passphrase)?.decrypt(&self.cipher.nonce.into(), sealed);
        opened.map(Zeroizing::new).map_err(|_| KeystoreError::WrongPassphrase(self.name.clone()))
    }

    /// Reads a file; every bound is checked before anything is derived from it.
    pub(super) fn decode(text: &[u8], path: &Path) -> Result<Self, KeystoreError> {
        let damaged = |what: &str| KeystoreError::damaged(path, what);
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(damaged("it is over 64 KiB"));
        }
        let not_json = |error: serde_json::Error| damaged(&format!("it is no wallet file ({error})"));
        let Versioned { version } = serde_json::from_slice(text).map_err(not_json)?;
        if version != VERSION {
            return Err(KeystoreError::UnknownVersion { path: path.to_owned(), version });
        }
        let file: Self = serde_json::from_slice(text).map_err(not_json)?;
        if file.sum() != file.checksum {
            return Err(damaged("its checksum does not hold"));
        }
        if file.kdf.name != KDF || file.cipher.name != CIPHER {
            return Err(damaged("its encryption is unknown"));
        }
        if file.accounts.is_empty() || file.ciphertext.len() > MAX_SEALED_BYTES {
            return Err(damaged("its public keys or its ciphertext have a wrong length"));
        }
        let Kdf { memory_kib, passes, lanes, .. } = file.kdf;
        if memory_kib > MAX_MEMORY_KIB || passes > MAX_PASSES || lanes > MAX_LANES {
            return Err(KeystoreError::KdfTooDear { path: path.to_owned(), memory_kib, passes, lanes });
        }
        file.kdf
            .params()
            .map_err(|error| damaged(&format!("its key derivation cannot be done ({error})")))?;
        Ok(file)
    }

    /// The text of the file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("strings and numbers are JSON");
        text.push(b'\n');
        text
    }

    /// The wallet's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the secret is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The public keys, by account: at least one.
    pub(super) fn accounts(&self) -> Vec<PublicKey> {
        self.accounts.iter().map(|key| key.0).collect()
    }

    /// The associated data: every field but the two that follow from it, as compact JSON in the order above.
    fn header(&self) -> Vec<u8> {
        let header = Self { ciphertext: Vec::new(), checksum: [0; 32], ..self.clone() };
        serde_json::to_vec(&header).expect("strings and numbers are JSON")
    }

    /// SHA-256 of the header and the ciphertext.
    fn sum(&self) -> [u8; 32] {
        sha256(&[self.header(), self.ciphertext.clone()].concat())
    }

    fn aead(&self, passphrase: &str) -> Result<XChaCha20Poly1305, KeystoreError> {
        let failed = |error: argon2::Error| KeystoreError::Kdf(error.to_string());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.kdf.params().map_err(failed)?);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        argon2.hash_password_into(passphrase.as_bytes(), &self.kdf.salt, &mut *key).map_err(failed)?;
        let key: &[u8; KEY_BYTES] = &key;
        Ok(XChaCha20Poly1305::new(key.into()))
    }
}

impl Kdf {
    fn params(&self) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES))
    }
}

/// Bytes as lower-case hex.
mod hex_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: AsRef<[u8]>, S: Serializer>(bytes: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, T: TryFrom<Vec<u8>>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let bytes = hex::decode(String::deserialize(from)?).map_err(D::Error::custom)?;
        let len = bytes.len();
        T::try_from(bytes).map_err(|_| D::Error::custom(format!("{len} bytes are a wrong length")))
    }
}

#[cfg(test)]
mod tests;
