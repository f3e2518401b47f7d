//! The configuration: `starling.toml` in the data directory, then `STARLING_*` in the environment, then
//! flags. Each layer is read into the same keys, merged once, and then asked for typed values; every value
//! knows where it came from, so that a wrong one is reported there.

mod environment;
mod file;
pub(crate) mod keys;
mod place;
mod template;
mod typed;

pub(crate) use file::FILE_NAME;
pub(crate) use keys::{KEYS, Key, Kind};
pub(crate) use place::load_chain;
pub(crate) use template::commented;
pub(crate) use typed::LogOptions;

use crate::failure::{Failure, Outcome};
use serde::Serialize;
use starling_genesis::Chain;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Bytes of a file's line that an error repeats.
const SHOWN_LINE_BYTES: usize = 200;

/// A value as it was given, before it is asked for what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// Any text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// Yes or no.
    Flag(bool),
    /// A count.
    Number(u64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::List(texts) => f.write_str(&texts.join(", ")),
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Nobody gave it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

/// The values of one source.
pub(crate) type Layer = BTreeMap<&'static str, Value>;

/// What the command line and the environment say, before the file is found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    environment: Layer,
    flags: Layer,
}

/// All layers merged, with the chain and the data directory that follow from them.
#[derive(Debug)]
pub(crate) struct Config {
    values: BTreeMap<&'static str, (Value, Origin)>,
    chain: Chain,
    data_dir: Option<PathBuf>,
}

impl Sources {
    /// These flags, and this process's environment.
    ///
    /// # Errors
    /// A `STARLING_*` variable that is no key, or cannot be read.
    pub(crate) fn new(flags: Layer) -> Outcome<Self> {
        Ok(Self { environment: environment::read(std::env::vars_os())?, flags })
    }

    /// The winner of the two.
    fn text(&self, key: &Key) -> Option<(&str, Origin)> {
        let flag = self.flags.get(key.name).map(|value| (value, Origin::Flag));
        let found = flag.or_else(|| self.environment.get(key.name).map(|value| (value, Origin::Environment)));
        found.and_then(|(value, origin)| match value {
            Value::Text(text) => Some((text.as_str(), origin)),
            _ => None,
        })
    }
}

impl Config {
    /// The configuration of a node or of who asks one.
    ///
    /// # Errors
    /// An unknown key or unreadable value in any layer, and a chain that cannot be loaded.
    pub(crate) fn load(sources: Sources) -> Outcome<Self> {
        place::locate(sources)
    }

    /// The configuration of a private chain, in `dir` when it is to last.
    ///
    /// # Errors
    /// An unknown key or unreadable value in any layer.
    pub(crate) fn load_dev(sources: Sources, dir: Option<&Path>) -> Outcome<Self> {
        let file = dir.map(file::read).transpose()?.flatten();
        Ok(Self::merge(file, sources, Chain::dev(), dir.map(Path::to_owned)))
    }

    fn merge(
        file: Option<(PathBuf, Layer)>,
        sources: Sources,
        chain: Chain,
        data_dir: Option<PathBuf>,
    ) -> Self {
        let (path, file) = file.unwrap_or_default();
        let layers = [
            (file, Origin::File(path)),
            (sources.environment, Origin::Environment),
            (sources.flags, Origin::Flag),
        ];
        let mut values = BTreeMap::new();
        for (layer, origin) in layers {
            values.extend(layer.into_iter().map(|(name, value)| (name, (value, origin.clone()))));
        }
        Self { values, chain, data_dir }
    }

    /// The chain.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The data directory.
    ///
    /// # Errors
    /// Neither given nor a home to put it in.
    pub(crate) fn data_dir(&self) -> Outcome<&Path> {
        self.data_dir.as_deref().ok_or_else(|| {
            Failure::usage("there is no place for data: set HOME or XDG_DATA_HOME, or give --data-dir DIR")
        })
    }

    /// What was given for a key, and where.
    pub(crate) fn given(&self, key: &Key) -> Option<(&Value, &Origin)> {
        self.values.get(key.name).map(|(value, origin)| (value, origin))
    }

    /// Names the place of a key's value, to stand before what is wrong with it.
    fn place_of(&self, key: &Key) -> String {
        let origin = self.given(key).map_or(&Origin::Default, |(_, origin)| origin);
        origin.describe(key)
    }

    fn wrong(&self, key: &Key, what: impl fmt::Display) -> Failure {
        Failure::usage(format!("{}: {what}", self.place_of(key)))
    }
}

impl Origin {
    /// The place of a value of this key.
    pub(crate) fn describe(&self, key: &Key) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File(path) => format!("{} in {}", key.name, path.display()),
            Self::Environment => key.variable(),
            Self::Flag => key.flag(),
        }
    }
}

/// The known name that is most like `unknown`, as the end of a sentence; nothing when none is close.
pub(crate) fn did_you_mean<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    /// Names less alike than this are no help.
    const LEAST_LIKENESS: f64 = 0.75;
    let likeness = |name: &'a str| match strsim::damerau_levenshtein(unknown, name) {
        // One slip of the fingers, which in a short name makes a great difference.
        0 | 1 => (1.0, name),
        _ => (strsim::jaro_winkler(unknown, name), name),
    };
    let best = known.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, name)) if likeness >= LEAST_LIKENESS => format!("; did you mean {name:?}?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
