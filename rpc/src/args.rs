//! The parameters of one call, held against the method's row in the table and read into typed values.
//!
//! The JSON-RPC library ignores surplus and misspelt parameters; here they are errors that name them.

use crate::api::PageRequest;
use crate::error::{ApiError, ErrorKind};
use crate::hex::from_hex;
use crate::limits::{
    MAX_CURSOR_CHARS, MAX_HEADER_DIGITS, MAX_PAGE_ENTRIES, MAX_SUBMITTED_TXS, MAX_TX_DIGITS,
};
use crate::methods::{Method, nearest};
use jsonrpsee::core::JsonRawValue;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use starling_primitives::{Address, DecodeError, Header, Prefix, Transaction};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// Characters of a wrong value that an error repeats.
const SHOWN_CHARS: usize = 60;

/// The parameters given, by their place in the table's row.
#[derive(Debug)]
pub(crate) struct Args {
    method: &'static Method,
    given: Vec<Option<Box<JsonRawValue>>>,
}

/// One transaction or an array of them, as `tx_submit` takes them.
pub(crate) enum TxTexts {
    One(String),
    Many(Vec<String>),
}

fn invalid(code: &'static str, message: impl fmt::Display) -> ApiError {
    ApiError::new(ErrorKind::InvalidParams, code, message)
}

impl Args {
    /// Collects the parameters of a call, by position or by name.
    ///
    /// # Errors
    /// `surplus_parameter`, `unknown_parameter`, `repeated_parameter`, `missing_parameter`, `bad_parameters`.
    pub(crate) fn parse(method: &'static Method, params: Option<&str>) -> Result<Self, ApiError> {
        let given = match params {
            None => vec![],
            Some(json) => {
                let mut from = serde_json::Deserializer::from_str(json);
                let collected = Collect(method).deserialize(&mut from);
                collected.map_err(|_| {
                    invalid("bad_parameters", "parameters are an array or an object").hint(usage(method))
                })??
            }
        };
        let args = Self { method, given };
        for (at, param) in method.params.iter().enumerate() {
            if param.default.is_none() && args.at(at).is_none() {
                let message = format!("{} needs the parameter {:?}", method.name, param.name);
                let error = invalid("missing_parameter", message).hint(usage(method));
                return Err(error.value("param", param.name));
            }
        }
        Ok(args)
    }

    fn at(&self, at: usize) -> Option<&JsonRawValue> {
        self.given.get(at)?.as_deref()
    }

    /// The JSON of a parameter: as given, or the default. Null stands for what is left out.
    fn json(&self, name: &'static str) -> &str {
        let at = self.method.params.iter().position(|param| param.name == name);
        let at = at.expect("a handler asks for parameters of its own row");
        let given = self.at(at).map(JsonRawValue::get);
        match self.method.params[at].default {
            None => given.unwrap_or("null"),
            Some(default) => given.filter(|json| *json != "null").unwrap_or(default),
        }
    }

    /// All parameters by position, as JSON text.
    pub(crate) fn by_position(&self) -> String {
        let values: Vec<&str> = self.method.params.iter().map(|param| self.json(param.name)).collect();
        format!("[{}]", values.join(","))
    }

    /// A parameter of a type that says itself what it takes; `expected` finishes "must be ..".
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &'static str, expected: &str) -> Result<T, ApiError> {
        let json = self.json(name);
        serde_json::from_str(json).map_err(|_| {
            let shown: String = json.chars().take(SHOWN_CHARS).collect();
            let message = format!("parameter {name:?} must be {expected}, not {shown}");
            invalid("bad_parameter", message).hint(usage(self.method)).value("param", name)
        })
    }

    /// A number within bounds.
    pub(crate) fn number(&self, name: &'static str, bounds: RangeInclusive<u32>) -> Result<u32, ApiError> {
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let number: u32 = self.get(name, &expected)?;
        if bounds.contains(&number) {
            return Ok(number);
        }
        let message = format!("parameter {name:?} must be {expected}, not {number}");
        let error = invalid("out_of_range", message).hint(usage(self.method));
        Err(error.value("param", name).value("max", bounds.end()))
    }

    /// A number within bounds, or nothing.
    pub(crate) fn optional_number(
        &self,
        name: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Option<u32>, ApiError> {
        if self.json(name) == "null" { Ok(None) } else { self.number(name, bounds).map(Some) }
    }

    /// A text of at most `max_chars` characters.
    pub(crate) fn text(&self, name: &'static str, max_chars: usize) -> Result<String, ApiError> {
        let text: String = self.get(name, "a string")?;
        self.check_length(name, &text, max_chars)?;
        Ok(text)
    }

    fn check_length(&self, name: &'static str, text: &str, max_chars: usize) -> Result<(), ApiError> {
        if text.len() <= max_chars {
            return Ok(());
        }
        let message = format!("parameter {name:?} has {} characters; {max_chars} are allowed", text.len());
        let error = invalid("too_long", message).hint(usage(self.method));
        Err(error.value("param", name).value("max", max_chars))
    }

    /// An address of the chain.
    pub(crate) fn address(&self, name: &'static str, prefix: &Prefix) -> Result<Address, ApiError> {
        let text: String = self.get(name, "an address")?;
        Address::from_text(&text, prefix).map_err(|error| {
            let hint = format!("addresses of this chain look like {prefix}1..");
            invalid(error.code(), &error).hint(hint).value("param", name)
        })
    }

    /// An address of the chain, or nothing.
    pub(crate) fn optional_address(
        &self,
        name: &'static str,
        prefix: &Prefix,
    ) -> Result<Option<Address>, ApiError> {
        if self.json(name) == "null" { Ok(None) } else { self.address(name, prefix).map(Some) }
    }

    /// Bytes in hex.
    pub(crate) fn bytes(&self, name: &'static str, max_digits: usize) -> Result<Vec<u8>, ApiError> {
        let text = self.text(name, max_digits)?;
        read_hex(&text).map_err(|error| error.value("param", name))
    }

    /// A well-formed header.
    pub(crate) fn header(&self, name: &'static str) -> Result<Header, ApiError> {
        let bytes = self.bytes(name, MAX_HEADER_DIGITS)?;
        Header::decode(&bytes).map_err(|error| malformed("header", &error).value("param", name))
    }

    /// A well-formed transaction.
    pub(crate) fn transaction(&self, name: &'static str) -> Result<Transaction, ApiError> {
        read_transaction(&self.text(name, MAX_TX_DIGITS)?)
    }

    /// One text or an array of at most 1,000, not read yet.
    pub(crate) fn transactions(&self, name: &'static str) -> Result<TxTexts, ApiError> {
        if !self.json(name).starts_with('[') {
            return self.get(name, "a transaction in hex, or an array of them").map(TxTexts::One);
        }
        let Texts { texts, count } = self.get(name, "a transaction in hex, or an array of them")?;
        if count > MAX_SUBMITTED_TXS {
            let message = format!("{count} transactions in one call; {MAX_SUBMITTED_TXS} are allowed");
            let error = invalid("too_many_transactions", message).hint("send them in several calls");
            return Err(error.value("param", name).value("max", MAX_SUBMITTED_TXS));
        }
        Ok(TxTexts::Many(texts))
    }

    /// `cursor` and `limit`.
    pub(crate) fn page(&self) -> Result<PageRequest, ApiError> {
        let cursor: Option<String> = self.get("cursor", "the next_cursor of a page, or null")?;
        if let Some(cursor) = &cursor {
            self.check_length("cursor", cursor, MAX_CURSOR_CHARS)?;
        }
        Ok(PageRequest { cursor, limit: self.number("limit", 1..=MAX_PAGE_ENTRIES)? })
    }
}

/// How the method is called, for hints.
fn usage(method: &Method) -> String {
    let show = |param: &crate::methods::Param| match param.default {
        None => param.name.to_owned(),
        Some(default) => format!("{} = {default}", param.name),
    };
    let params: Vec<String> = method.params.iter().map(show).collect();
    format!("{}({})", method.name, params.join(", "))
}

/// Bytes of a hex text.
fn read_hex(text: &str) -> Result<Vec<u8>, ApiError> {
    let refuse = || {
        let shown: String = text.chars().take(SHOWN_CHARS).collect();
        let message = format!("not hex: an even number of digits 0-9 and a-f is needed, not {shown:?}");
        invalid("bad_hex", message).hint("write bytes as lower-case hex without 0x")
    };
    from_hex(text).ok_or_else(refuse)
}

/// The transaction of a hex text.
pub(crate) fn read_transaction(text: &str) -> Result<Transaction, ApiError> {
    if text.len() > MAX_TX_DIGITS {
        let message = format!("{} hex digits are longer than any transaction ({MAX_TX_DIGITS})", text.len());
        let error = invalid("too_large", message).hint("send one transaction as `starling` signs it");
        return Err(error.value("max", MAX_TX_DIGITS));
    }
    Transaction::decode(&read_hex(text)?).map_err(|error| malformed("transaction", &error))
}

/// The format's own refusal, under its stable name.
fn malformed(what: &str, error: &DecodeError) -> ApiError {
    let hint = format!("check that the {what} is complete and of this version");
    invalid(error.code(), format!("malformed {what}: {error}")).hint(hint)
}

/// Gathers parameters into the places of a row; never keeps more than the row has.
struct Collect(&'static Method);

type Collected = Result<Vec<Option<Box<JsonRawValue>>>, ApiError>;

impl<'de> DeserializeSeed<'de> for Collect {
    type Value = Collected;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Collected, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect {
    type Value = Collected;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Collected, E> {
        Ok(Ok(vec![]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Collected, A::Error> {
        let mut given = Vec::new();
        while given.len() < self.0.params.len() {
            match from.next_element::<Box<JsonRawValue>>()? {
                Some(value) => given.push(Some(value)),
                None => return Ok(Ok(given)),
            }
        }
        let mut surplus = 0usize;
        while from.next_element::<IgnoredAny>()?.is_some() {
            surplus = surplus.saturating_add(1);
        }
        if surplus == 0 {
            return Ok(Ok(given));
        }
        let (name, most) = (self.0.name, self.0.params.len());
        let message = format!("{name} takes at most {most} parameters; {} were given", most + surplus);
        Ok(Err(invalid("surplus_parameter", message).hint(usage(self.0)).value("max", most)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Collected, A::Error> {
        let names = || self.0.params.iter().map(|param| param.name);
        let mut given: Vec<Option<Box<JsonRawValue>>> = names().map(|_| None).collect();
        let mut wrong = None;
        while let Some(name) = from.next_key::<Cow<'de, str>>()? {
            let Some(at) = names().position(|known| known == name) else {
                from.next_value::<IgnoredAny>()?;
                wrong.get_or_insert_with(|| unknown_parameter(self.0, &name));
                continue;
            };
            if given[at].replace(from.next_value()?).is_some() {
                let message = format!("parameter {:?} is given twice", names().nth(at).unwrap_or_default());
                wrong.get_or_insert_with(|| invalid("repeated_parameter", message).hint(usage(self.0)));
            }
        }
        Ok(wrong.map_or(Ok(given), Err))
    }
}

fn unknown_parameter(method: &'static Method, name: &str) -> ApiError {
    let name: String = name.chars().take(SHOWN_CHARS).collect();
    let message = format!("{} has no parameter {name:?}", method.name);
    let near = nearest(&name, method.params.iter().map(|param| param.name));
    let message = near.map_or(message.clone(), |near| format!("{message}; did you mean {near:?}?"));
    invalid("unknown_parameter", message).hint(usage(method)).value("param", &name)
}

/// The strings of an array: at most 1,000 are kept, all are counted.
struct Texts {
    texts: Vec<String>,
    count: usize,
}

impl<'de> serde::Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Gather;

        impl<'de> Visitor<'de> for Gather {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while texts.len() < MAX_SUBMITTED_TXS {
                    match from.next_element()? {
                        Some(text) => texts.push(text),
                        None => return Ok(Texts { count: texts.len(), texts }),
                    }
                }
                let mut count = texts.len();
                while from.next_element::<IgnoredAny>()?.is_some() {
                    count = count.saturating_add(1);
                }
                Ok(Texts { texts, count })
            }
        }

        from.deserialize_seq(Gather)
    }
}

#[cfg(test)]
mod tests;
