//! How the chain's numbers and identifiers stand in JSON: helpers for `#[serde(with = ..)]`.

use crate::hex::{from_hex, to_hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use starling_primitives::{Amount, Work};
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

/// A string in JSON, borrowed from the input where it has no escapes.
#[derive(Deserialize)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

/// Identifiers, roots and bits: as they print.
pub(crate) mod text {
    use super::*;

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Str::deserialize(from)?.0.parse().map_err(D::Error::custom)
    }
}

/// The same, or null.
pub(crate) mod optional_text {
    use super::*;

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<Str<'_>>::deserialize(from)?;
        text.map(|text| text.0.parse().map_err(D::Error::custom)).transpose()
    }
}

/// A list of them.
pub(crate) mod texts {
    use super::*;

    pub(crate) fn serialize<T: Display, S: Serializer>(values: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Vec::<Str<'_>>::deserialize(from)?;
        texts.iter().map(|text| text.0.parse().map_err(D::Error::custom)).collect()
    }
}

/// Amounts: decimal strings of motes.
pub(crate) mod motes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Amount, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&value.motes())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Amount, D::Error> {
        Amount::from_mote_text(&Str::deserialize(from)?.0).map_err(D::Error::custom)
    }
}

/// Amounts, or null.
pub(crate) mod optional_motes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Amount>, to: S) -> Result<S::Ok, S::Error> {
        value.map(|amount| amount.motes().to_string()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Amount>, D::Error> {
        let text = Option::<Str<'_>>::deserialize(from)?;
        text.map(|text| Amount::from_mote_text(&text.0).map_err(D::Error::custom)).transpose()
    }
}

/// Cumulative work: 64 hex digits, big-endian.
pub(crate) mod work {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Work, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Work, D::Error> {
        let bytes = from_hex(&Str::deserialize(from)?.0).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Work::from_be_bytes).ok_or_else(|| D::Error::custom("work is 64 hex digits"))
    }
}

/// A header's version: 8 hex digits.
pub(crate) mod word {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{value:08x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let bytes = from_hex(&Str::deserialize(from)?.0).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        bytes.map(u32::from_be_bytes).ok_or_else(|| D::Error::custom("a version is 8 hex digits"))
    }
}

/// Bytes: hex.
pub(crate) mod bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&to_hex(value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from_hex(&Str::deserialize(from)?.0).ok_or_else(|| D::Error::custom("bytes are lower-case hex"))
    }
}

/// Bytes, or null.
pub(crate) mod optional_bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        value.as_deref().map(to_hex).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<Str<'_>>::deserialize(from)?;
        let read =
            |text: Str<'_>| from_hex(&text.0).ok_or_else(|| D::Error::custom("bytes are lower-case hex"));
        text.map(read).transpose()
    }
}

/// The 32 bytes of a hash without a type of its own: hex in memory order.
pub(crate) mod hash {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&to_hex(value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        read(&Str::deserialize(from)?)
    }

    pub(super) fn read<E: Error>(text: &Str<'_>) -> Result<[u8; 32], E> {
        let bytes = from_hex(&text.0).and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| E::custom("a hash is 64 hex digits"))
    }
}

/// The same, or null.
pub(crate) mod optional_hash {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<[u8; 32]>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(|hash| to_hex(hash)).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[u8; 32]>, D::Error> {
        Option::<Str<'_>>::deserialize(from)?.as_ref().map(hash::read).transpose()
    }
}

/// A list of them.
pub(crate) mod hashes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[[u8; 32]], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|hash| to_hex(hash)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<[u8; 32]>, D::Error> {
        Vec::<Str<'_>>::deserialize(from)?.iter().map(hash::read).collect()
    }
}
