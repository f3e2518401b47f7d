//! The layer of the file: `starling.toml`.

use super::{KEYS, Key, Kind, Layer, SHOWN_LINE_BYTES, Value, did_you_mean, keys};
use crate::failure::{Failure, Outcome};
use crate::output::excerpt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The file's name in the data directory.
pub(crate) const FILE_NAME: &str = "starling.toml";
/// Bytes of the file at the most: 1 MiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads the file of a data directory; nothing when there is none.
///
/// # Errors
/// A file that cannot be read, is not TOML, or has a key or value that it may not have.
pub(super) fn read(data_dir: &Path) -> Outcome<Option<(PathBuf, Layer)>> {
    let path = data_dir.join(FILE_NAME);
    let file = match File::open(&path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        opened => opened,
    };
    let mut text = String::new();
    let read = file.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    let length = read.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if u64::try_from(length).is_ok_and(|length| length > MAX_FILE_BYTES) {
        let most = format!("{}: a configuration has at most {MAX_FILE_BYTES} bytes", path.display());
        return Err(Failure::usage(most));
    }
    let layer = parse(&text).map_err(|what| Failure::usage(format!("{}: {what}", path.display())))?;
    Ok(Some((path, layer)))
}

fn parse(text: &str) -> Result<Layer, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let what = excerpt(error.message(), SHOWN_LINE_BYTES);
        format!("line {}: {what}", before.matches('\n').count() + 1)
    })?;
    table.iter().map(|(name, value)| entry(name, value)).collect()
}

fn entry(name: &str, value: &toml::Value) -> Result<(&'static str, Value), String> {
    let allowed = || KEYS.into_iter().filter(|key| key.name != keys::DATA_DIR.name);
    if name == keys::DATA_DIR.name {
        return Err(format!("{name} cannot stand in the file that it leads to; give --data-dir"));
    }
    let key = allowed().find(|key| key.name == name);
    let key = key.ok_or_else(|| {
        let shown = excerpt(name, SHOWN_LINE_BYTES);
        format!("unknown key {shown:?}{}", did_you_mean(&shown, allowed().map(|key| key.name)))
    })?;
    let read = convert(key, value).ok_or_else(|| format!("{name} must be {}", wanted(key)))?;
    Ok((key.name, read))
}

fn convert(key: &Key, value: &toml::Value) -> Option<Value> {
    match (key.kind, value) {
        (Kind::Text, toml::Value::String(text)) => Some(Value::Text(text.clone())),
        (Kind::Flag, toml::Value::Boolean(flag)) => Some(Value::Flag(*flag)),
        (Kind::Number, toml::Value::Integer(number)) => u64::try_from(*number).ok().map(Value::Number),
        (Kind::List, toml::Value::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map(Value::List)
        }
        _ => None,
    }
}

fn wanted(key: &Key) -> String {
    let what = match key.kind {
        Kind::Text => "a text",
        Kind::List => "an array of texts",
        Kind::Flag => "true or false",
        Kind::Number => "a number",
    };
    format!("{what}, like: {} = {}", key.name, key.example)
}
