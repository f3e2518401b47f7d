//! The proofs as JSON: the results of the RPC, bare or in the answer that carried them.

use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use starling_primitives::history::{Leaf, Proof as HistoryPath};
use starling_primitives::state::{Found, OtherLeaf, Proof as StatePath, StateKey};
use starling_primitives::{
    Address, AddressError, Bits, BlockId, DecodeError, Header, Prefix, TxProof as TxPath, Work, Wtxid,
};
use std::fmt::Display;
use std::str::FromStr;
use thiserror::Error;

/// Bytes of a proof's JSON at the most: 1 MiB. The longest real one has less than 30 KiB.
pub const MAX_PROOF_BYTES: usize = 1 << 20;
/// Characters of a JSON error that are repeated.
const SHOWN_CHARS: usize = 200;

/// Why bytes are no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Over [`MAX_PROOF_BYTES`].
    #[error("{0} bytes are no proof; one has at most 1 MiB")]
    TooLarge(usize),
    /// Not JSON, or not the fields of a proof.
    #[error("not a proof: {0}")]
    Json(String),
    /// JSON, but the result of no method that proves.
    #[error("not a proof: give the result of account_getProof, tx_getProof or history_getProof")]
    Unknown,
    /// The header does not decode.
    #[error("the proof's header: {0}")]
    Header(#[from] DecodeError),
    /// The address does not decode.
    #[error("the proof's address: {0}")]
    Address(#[from] AddressError),
}

/// A proof, read and not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(crate) header: Header,
    pub(crate) path: Path,
}

/// What leads to a root of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    State { block: BlockId, key: StateKey, address: Option<(String, Address)>, path: StatePath },
    Tx { block: BlockId, wtxid: Wtxid, path: TxPath },
    History { leaf: Leaf, path: HistoryPath },
}

impl Proof {
    /// Reads the JSON of a proof: what a method answered, or the whole JSON-RPC answer.
    ///
    /// # Errors
    /// [`ParseError`]; unknown, repeated and missing fields are errors too.
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        if json.len() > MAX_PROOF_BYTES {
            return Err(ParseError::TooLarge(json.len()));
        }
        let shape: Shape = read(json)?;
        match &shape.result {
            Some(result) => Self::of_shape(result, |form| form.within(json)),
            None => Self::of_shape(&shape, |form| form.bare(json)),
        }
    }

    fn of_shape(
        shape: &Shape,
        read: impl FnOnce(Form) -> Result<Self, ParseError>,
    ) -> Result<Self, ParseError> {
        match shape {
            Shape { tip_header: Some(_), .. } => read(Form::History),
            Shape { wtxid: Some(_), .. } => read(Form::Tx),
            Shape { key: Some(_), .. } => read(Form::Account),
            _ => Err(ParseError::Unknown),
        }
    }

    /// The header that the proof leads to.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// Which proof the fields are of; everything else is left for the second look.
#[derive(Deserialize)]
struct Shape {
    tip_header: Option<IgnoredAny>,
    wtxid: Option<IgnoredAny>,
    key: Option<IgnoredAny>,
    result: Option<Box<Shape>>,
}

/// The three forms.
#[derive(Clone, Copy)]
enum Form {
    Account,
    Tx,
    History,
}

impl Form {
    fn bare(self, json: &[u8]) -> Result<Proof, ParseError> {
        match self {
            Self::Account => read::<AccountForm>(json)?.proof(),
            Self::Tx => read::<TxForm>(json)?.proof(),
            Self::History => read::<HistoryForm>(json)?.proof(),
        }
    }

    fn within(self, json: &[u8]) -> Result<Proof, ParseError> {
        match self {
            Self::Account => read::<Answer<AccountForm>>(json)?.result.proof(),
            Self::Tx => read::<Answer<TxForm>>(json)?.result.proof(),
            Self::History => read::<Answer<HistoryForm>>(json)?.result.proof(),
        }
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, ParseError> {
    serde_json::from_slice(json)
        .map_err(|error| ParseError::Json(error.to_string().chars().take(SHOWN_CHARS).collect()))
}

/// A JSON-RPC answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<T> {
    #[serde(rename = "jsonrpc")]
    _version: IgnoredAny,
    #[serde(rename = "id")]
    _id: IgnoredAny,
    result: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountForm {
    address: Option<String>,
    #[serde(deserialize_with = "text")]
    block: BlockId,
    header: Bytes,
    key: Hash,
    #[serde(deserialize_with = "nullable")]
    value: Option<Bytes>,
    #[serde(deserialize_with = "nullable")]
    other: Option<OtherForm>,
    depth_bitmap: Hash,
    siblings: Vec<Hash>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherForm {
    key: Hash,
    value: Bytes,
}

impl AccountForm {
    fn proof(self) -> Result<Proof, ParseError> {
        let found = match (self.value, self.other) {
            (Some(Bytes(value)), None) => Found::Value(value),
            (None, Some(other)) => {
                Found::Other(OtherLeaf { key: StateKey::new(other.key.0), value: other.value.0 })
            }
            (None, None) => Found::Nothing,
            (Some(_), Some(_)) => {
                return Err(ParseError::Json("value and other cannot both be there".to_owned()));
            }
        };
        let address = self.address.map(|text| Ok::<_, AddressError>((read_address(&text)?, text)));
        let address = address.transpose()?.map(|(address, text)| (text, address));
        let path = StatePath { found, bitmap: self.depth_bitmap.0, siblings: plain(self.siblings) };
        let path = Path::State { block: self.block, key: StateKey::new(self.key.0), address, path };
        Ok(Proof { header: Header::decode(&self.header.0)?, path })
    }
}

/// An address of any chain: its own text says what it begins with.
fn read_address(text: &str) -> Result<Address, AddressError> {
    let own = text.rsplit_once('1').map_or("", |(prefix, _)| prefix).to_ascii_lowercase();
    // A text without a prefix of its own is refused as one of another chain's.
    let any = || Prefix::new("star").expect("four letters");
    Address::from_text(text, &Prefix::new(&own).unwrap_or_else(|_| any()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TxForm {
    #[serde(deserialize_with = "text")]
    block: BlockId,
    header: Bytes,
    index: u32,
    count: u32,
    wtxid: Hash,
    siblings: Vec<Hash>,
}

impl TxForm {
    fn proof(self) -> Result<Proof, ParseError> {
        let path = TxPath { index: self.index, count: self.count, siblings: plain(self.siblings) };
        let path = Path::Tx { block: self.block, wtxid: Wtxid::new(self.wtxid.0), path };
        Ok(Proof { header: Header::decode(&self.header.0)?, path })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryForm {
    tip_header: Bytes,
    leaf: LeafForm,
    index: u32,
    count: u32,
    siblings: Vec<Hash>,
    #[serde(deserialize_with = "nullable")]
    right_bag: Option<Hash>,
    left_peaks: Vec<Hash>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafForm {
    #[serde(deserialize_with = "text")]
    id: BlockId,
    height: u32,
    time: u32,
    #[serde(deserialize_with = "text")]
    bits: Bits,
    work: Hash,
}

impl HistoryForm {
    fn proof(self) -> Result<Proof, ParseError> {
        let LeafForm { id, height, time, bits, work } = self.leaf;
        let leaf = Leaf { id, height, time, bits, work: Work::from_be_bytes(work.0) };
        let path = HistoryPath {
            index: self.index,
            count: self.count,
            siblings: plain(self.siblings),
            right_bag: self.right_bag.map(|hash| hash.0),
            left_peaks: plain(self.left_peaks),
        };
        Ok(Proof { header: Header::decode(&self.tip_header.0)?, path: Path::History { leaf, path } })
    }
}

/// Bytes in lower-case hex.
struct Bytes(Vec<u8>);

/// 32 of them.
struct Hash([u8; 32]);

fn plain(hashes: Vec<Hash>) -> Vec<[u8; 32]> {
    hashes.into_iter().map(|hash| hash.0).collect()
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let lower = text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let bytes = hex::decode(text.as_bytes()).ok().filter(|_| lower);
        bytes.map(Self).ok_or_else(|| D::Error::custom("bytes are lower-case hex, two digits each"))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(from)?.0.try_into();
        bytes.map(Self).map_err(|_| D::Error::custom("a hash has 64 hex digits"))
    }
}

/// What reads itself from text.
fn text<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// A field that may be null and must be there.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

#[cfg(test)]
mod tests;
