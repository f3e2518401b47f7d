//! Who may spend: a single key, or m of n (formats: Addresses, Transaction).

use crate::address::Address;
use crate::codec::{DecodeError, Reader};
use crate::limits::MAX_KEYS;
use starling_sha256::Tag;

/// The 32 bytes of an Ed25519 public key, opaque here.
pub type PublicKey = [u8; 32];
/// The 64 bytes of an Ed25519 signature, opaque here.
pub type Signature = [u8; 64];

const KIND_SINGLE: u8 = 0;
const KIND_MULTI: u8 = 1;

static ADDRESS: Tag = Tag::new("starling/address");

/// A well-formed policy: its limits and the order of its keys hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// One key.
    Single(PublicKey),
    /// `m` of the given keys; built by [`Policy::multi`] alone.
    Multi(MultiPolicy),
}

/// m of n keys, strictly ascending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MultiPolicy {
    m: u8,
    keys: Vec<PublicKey>,
}

impl MultiPolicy {
    /// Signatures asked for, 1 to n.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.m
    }

    /// The keys, 2 to 16, ascending.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The number of keys.
    #[must_use]
    pub fn key_count(&self) -> u8 {
        u8::try_from(self.keys.len()).expect("a policy has at most 16 keys")
    }
}

impl Policy {
    /// An m of n policy.
    ///
    /// # Errors
    /// [`DecodeError::BadKeyCount`], [`DecodeError::BadThreshold`] or [`DecodeError::KeysNotAscending`].
    pub fn multi(m: u8, keys: Vec<PublicKey>) -> Result<Self, DecodeError> {
        let n = u8::try_from(keys.len()).unwrap_or(u8::MAX);
        check_counts(m, n)?;
        if let Some(at) = (1..keys.len()).find(|&i| keys[i] <= keys[i - 1]) {
            return Err(DecodeError::KeysNotAscending(at));
        }
        Ok(Self::Multi(MultiPolicy { m, keys }))
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// The first violation, left to right.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            KIND_SINGLE => Ok(Self::Single(reader.array()?)),
            KIND_MULTI => {
                let (m, n) = (reader.u8()?, reader.u8()?);
                check_counts(m, n)?;
                let keys = (0..n).map(|_| reader.array()).collect::<Result<_, _>>()?;
                Self::multi(m, keys)
            }
            kind => Err(DecodeError::BadPolicyKind(kind)),
        }
    }

    /// Appends the encoding.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Single(key) => {
                out.push(KIND_SINGLE);
                out.extend_from_slice(key);
            }
            Self::Multi(multi) => {
                out.extend_from_slice(&[KIND_MULTI, multi.m, multi.key_count()]);
                out.extend(multi.keys.iter().flatten());
            }
        }
    }

    /// The address that this policy owns: `tagged("starling/address", policy)[0..20]`.
    #[must_use]
    pub fn address(&self) -> Address {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        let hash = ADDRESS.hash(&[&bytes]);
        Address::new(*hash.first_chunk().expect("20 of 32 bytes"))
    }
}

fn check_counts(m: u8, n: u8) -> Result<(), DecodeError> {
    if n < 2 || usize::from(n) > MAX_KEYS {
        return Err(DecodeError::BadKeyCount(n));
    }
    if m == 0 || m > n {
        return Err(DecodeError::BadThreshold { m, n });
    }
    Ok(())
}
