//! The one error of the API, on both ends of the wire.
//!
//! In JSON: `{code, message, data: {code: "stable_snake_case", hint, ..values}}`. The number says what sort
//! of failure it is, `data.code` says exactly which, and `hint` what to do about it.

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Characters of a message or hint at the most: what came from outside may be quoted, not echoed at length.
const MAX_MESSAGE_CHARS: usize = 500;

/// The sorts of failure and their numbers: the standard ones, and our own from -32020 down (the JSON-RPC
/// library uses -32000 to -32011).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// -32700: not JSON.
    Parse,
    /// -32600: JSON, but no JSON-RPC request.
    InvalidRequest,
    /// -32601.
    MethodNotFound,
    /// -32602: missing, surplus, misspelt or unreadable parameters.
    InvalidParams,
    /// -32603: the node's own fault.
    Internal,
    /// -32020: understood, and refused by a rule of the chain or of the mempool.
    Refused,
    /// -32021: no such block or other thing.
    NotFound,
    /// -32022: the token is missing or wrong.
    Unauthorized,
    /// -32023: over the budget of this client; `retry_after_ms` says how long to wait.
    RateLimited,
    /// -32024: the node has too much to do; try again.
    Busy,
    /// -32025: cannot be had here or now: syncing, pruned, switched off, or not on this chain.
    Unavailable,
    /// -32026: over a limit of size.
    TooLarge,
    /// A number that this version does not know.
    Other(i32),
}

/// Each known sort with its number.
const NUMBERS: [(ErrorKind, i32); 12] = [
    (ErrorKind::Parse, -32700),
    (ErrorKind::InvalidRequest, -32600),
    (ErrorKind::MethodNotFound, -32601),
    (ErrorKind::InvalidParams, -32602),
    (ErrorKind::Internal, -32603),
    (ErrorKind::Refused, -32020),
    (ErrorKind::NotFound, -32021),
    (ErrorKind::Unauthorized, -32022),
    (ErrorKind::RateLimited, -32023),
    (ErrorKind::Busy, -32024),
    (ErrorKind::Unavailable, -32025),
    (ErrorKind::TooLarge, -32026),
];

impl ErrorKind {
    /// The number in `error.code`.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Other(number) => number,
            known => NUMBERS.iter().find(|(kind, _)| *kind == known).map_or(-32603, |(_, number)| *number),
        }
    }

    /// The sort with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        NUMBERS.iter().find(|(_, known)| *known == number).map_or(Self::Other(number), |(kind, _)| *kind)
    }
}

/// A refusal or failure, with what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    kind: ErrorKind,
    code: Cow<'static, str>,
    message: String,
    hint: String,
    values: Map<String, Value>,
}

impl ApiError {
    /// An error of this sort; `code` is stable snake case, `message` becomes one line.
    #[must_use]
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, message: impl fmt::Display) -> Self {
        let message = one_line(&message.to_string());
        Self { kind, code: code.into(), message, hint: String::new(), values: Map::new() }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = one_line(&hint.to_string());
        self
    }

    /// Adds a value for programs; one that has no JSON form is left out.
    #[must_use]
    pub fn value(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.values.insert(name.to_owned(), value);
        }
        self
    }

    /// The sort of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable name, `data.code`; empty from a server that gives none.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, or empty.
    #[must_use]
    pub fn hint_text(&self) -> &str {
        &self.hint
    }

    /// The further values of `data`.
    #[must_use]
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// `data`: code, hint and values in one object.
    fn data(&self) -> Map<String, Value> {
        let mut data = self.values.clone();
        data.insert("code".to_owned(), self.code.as_ref().into());
        if !self.hint.is_empty() {
            data.insert("hint".to_owned(), self.hint.as_str().into());
        }
        data
    }
}

/// Control characters become spaces, and what is too long is cut.
fn one_line(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

impl std::error::Error for ApiError {}

impl From<ApiError> for ErrorObjectOwned {
    fn from(error: ApiError) -> Self {
        ErrorObject::owned(error.kind.number(), error.message.clone(), Some(error.data()))
    }
}

/// The `data` of an error, as far as it is known.
#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    code: String,
    #[serde(default)]
    hint: String,
    #[serde(flatten)]
    values: Map<String, Value>,
}

impl From<&ErrorObjectOwned> for ApiError {
    fn from(error: &ErrorObjectOwned) -> Self {
        let data = error.data().and_then(|data| serde_json::from_str::<Data>(data.get()).ok());
        let Data { code, hint, values } = data.unwrap_or_default();
        Self { values, ..Self::new(ErrorKind::from_number(error.code()), code, error.message()).hint(hint) }
    }
}

/// `{code, message, hint, ..values}`: how an error stands inside a result, one for each item of a list.
impl Serialize for ApiError {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut item = self.data();
        item.insert("message".to_owned(), self.message.as_str().into());
        item.serialize(to)
    }
}

impl<'de> Deserialize<'de> for ApiError {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut data = Data::deserialize(from)?;
        let message = data.values.remove("message").and_then(|text| text.as_str().map(str::to_owned));
        let error = Self::new(ErrorKind::Refused, data.code, message.unwrap_or_default()).hint(data.hint);
        Ok(Self { values: data.values, ..error })
    }
}

#[cfg(test)]
mod tests;
