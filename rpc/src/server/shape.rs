//! Whether a body is a request or a batch at all, looked at before the library does: it would first gather a
//! batch of any length, and takes an object without an id for broken JSON.

use crate::error::{ApiError, ErrorKind};
use crate::limits::MAX_BATCH_CALLS;
use jsonrpsee::core::JsonRawValue;
use jsonrpsee::types::{Id, InvalidRequest, Notification, Request};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Why a body is no request, and the id to answer to.
pub(crate) type Misshapen = Box<(Id<'static>, ApiError)>;

/// One request, one notification, or a batch within its limit.
pub(crate) fn check_shape(body: &[u8]) -> Result<(), Misshapen> {
    let mut from = serde_json::Deserializer::from_slice(body);
    let batch = from.deserialize_any(CountCalls).and_then(|batch| from.end().map(|()| batch));
    match batch {
        Ok(None) => check_one(body),
        Ok(Some(0)) => Err(Box::new((Id::Null, invalid_request()))),
        Ok(Some(calls)) if calls <= MAX_BATCH_CALLS => Ok(()),
        Ok(Some(_)) => Err(Box::new((Id::Null, batch_too_large()))),
        Err(error) if error.is_data() => Err(Box::new((Id::Null, invalid_request()))),
        Err(error) => Err(Box::new((Id::Null, parse_error(&error)))),
    }
}

fn check_one(body: &[u8]) -> Result<(), Misshapen> {
    if serde_json::from_slice::<Request<'_>>(body).is_ok() {
        return Ok(());
    }
    if let Ok(call) = serde_json::from_slice::<InvalidRequest<'_>>(body) {
        return Err(Box::new((call.id.into_owned(), invalid_request())));
    }
    let notifies = serde_json::from_slice::<Notification<'_, Option<&JsonRawValue>>>(body).is_ok();
    let names_id = serde_json::from_slice::<AnyId>(body).is_ok_and(|object| object.id.is_some());
    if notifies && !names_id { Ok(()) } else { Err(Box::new((Id::Null, invalid_request()))) }
}

/// What is JSON, and not JSON-RPC.
pub(crate) fn invalid_request() -> ApiError {
    ApiError::new(ErrorKind::InvalidRequest, "invalid_request", "not a JSON-RPC request")
        .hint(r#"send {"jsonrpc":"2.0","id":1,"method":..,"params":[..]}, or an array of such"#)
}

fn parse_error(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorKind::Parse, "parse_error", format!("the body is not JSON: {error}"))
        .hint(r#"send {"jsonrpc":"2.0","id":1,"method":..,"params":[..]} in UTF-8"#)
}

fn batch_too_large() -> ApiError {
    let message = format!("a batch of more than {MAX_BATCH_CALLS} calls");
    ApiError::new(ErrorKind::TooLarge, "batch_too_large", message)
        .hint("split it into several requests")
        .value("max", MAX_BATCH_CALLS)
}

/// Whether there is an `id` of any form: the library takes a call with a broken one for a notification.
#[derive(Deserialize)]
struct AnyId {
    id: Option<IgnoredAny>,
}

/// Counts the entries of a batch without keeping them; nothing for an object.
struct CountCalls;

impl<'de> Visitor<'de> for CountCalls {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Option<u32>, A::Error> {
        while from.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Option<u32>, A::Error> {
        let mut calls = 0u32;
        while from.next_element::<IgnoredAny>()?.is_some() {
            calls = calls.saturating_add(1);
        }
        Ok(Some(calls))
    }
}
