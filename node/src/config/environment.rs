//! The layer of the environment: `STARLING_<KEY>`.

use super::{KEYS, Kind, Layer, Value, did_you_mean, keys};
use crate::failure::{Failure, Outcome};
use std::ffi::OsString;

/// Before each key in the environment.
pub(super) const PREFIX: &str = "STARLING_";

/// Reads all variables that begin with [`PREFIX`].
///
/// # Errors
/// A name that is no key, or a value that is not of the key's kind.
pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Outcome<Layer> {
    let mut layer = Layer::new();
    for (variable, value) in variables {
        let Some(name) = variable.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let variable = format!("{PREFIX}{name}");
        let Some(key) = keys::find(&name.to_ascii_lowercase()).filter(|key| key.variable() == variable)
        else {
            let known: Vec<_> = KEYS.iter().map(|key| key.variable()).collect();
            let hint = did_you_mean(&variable, known.iter().map(String::as_str));
            return Err(Failure::usage(format!("the environment's {variable} is no setting{hint}")));
        };
        let text = value.to_str().ok_or_else(|| Failure::usage(format!("{variable} is not UTF-8 text")))?;
        let value = parse(key.kind, text);
        let value = value.map_err(|what| Failure::usage(format!("{variable}: {text:?} is not {what}")))?;
        layer.insert(key.name, value);
    }
    Ok(layer)
}

fn parse(kind: Kind, text: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text => Ok(Value::Text(text.to_owned())),
        Kind::List => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::List(parts.map(str::to_owned).collect()))
        }
        Kind::Flag => match text {
            "true" | "1" => Ok(Value::Flag(true)),
            "false" | "0" => Ok(Value::Flag(false)),
            _ => Err("true or false"),
        },
        Kind::Number => text.parse().map(Value::Number).map_err(|_| "a number"),
    }
}
