//! Where things are: the chain, the data directory that its name leads to, and the wallets.

use super::{Config, Layer, Origin, SHOWN_LINE_BYTES, Sources, Value, file, keys};
use crate::failure::{Failure, Outcome};
use crate::output::excerpt;
use starling_genesis::{Chain, MAX_CHAIN_FILE_BYTES};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The chain when nobody names one.
const DEFAULT_CHAIN: &str = "testnet";
const PROGRAM: &str = "starling";

/// Finds the data directory, then the file in it, then the chain: from flags and environment alone the chain
/// says where the directory is; with `--data-dir` the file there may name the chain.
pub(super) fn locate(sources: Sources) -> Outcome<Config> {
    let asked = sources.text(&keys::CHAIN).map(|(name, origin)| (name.to_owned(), origin));
    let dir_given = sources.text(&keys::DATA_DIR).map(|(dir, _)| PathBuf::from(dir));
    let is_given = dir_given.is_some();
    let load = |asked: &Option<(String, Origin)>| {
        let (name, origin) = asked.clone().unwrap_or_else(|| (DEFAULT_CHAIN.to_owned(), Origin::Default));
        load_chain(&name).map_err(|failure| match origin {
            Origin::Default => failure,
            origin => Failure::usage(format!("{}: {}", origin.describe(&keys::CHAIN), failure.message())),
        })
    };
    let (data_dir, early) = match dir_given {
        Some(dir) => (Some(dir), None),
        None => {
            let chain = load(&asked)?;
            (data_home().map(|home| home.join(&chain.name)), Some(chain))
        }
    };
    let file = data_dir.as_deref().map(file::read).transpose()?.flatten();
    let in_file = file.as_ref().and_then(|(path, layer)| chain_in_file(path, layer));
    if let (false, None, Some((name, origin))) = (is_given, &asked, &in_file) {
        let place = origin.describe(&keys::CHAIN);
        let hint = "a file names the chain only where --data-dir names the directory";
        return Err(Failure::usage(format!("{place}: {name:?} would need another directory; {hint}")));
    }
    let chain = match early {
        Some(chain) => chain,
        None => load(&asked.or(in_file))?,
    };
    Ok(Config::merge(file, sources, chain, data_dir))
}

/// The chain that the file names, a path of it taken from the file's folder.
fn chain_in_file(path: &Path, layer: &Layer) -> Option<(String, Origin)> {
    let Some(Value::Text(name)) = layer.get(keys::CHAIN.name) else { return None };
    let beside = path.parent().map(|folder| folder.join(name)).filter(|_| !is_carried(name));
    let name = beside.map_or_else(|| name.clone(), |path| path.to_string_lossy().into_owned());
    Some((name, Origin::File(path.to_owned())))
}

fn is_carried(name: &str) -> bool {
    matches!(name, "testnet" | "dev")
}

/// `testnet`, `dev`, or a chain file.
///
/// # Errors
/// No such file, or one that is refused.
pub(crate) fn load_chain(name: &str) -> Outcome<Chain> {
    match name {
        "testnet" => return Ok(Chain::testnet()),
        "dev" => return Ok(Chain::dev()),
        _ => {}
    }
    let path = Path::new(name);
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(MAX_CHAIN_FILE_BYTES + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Failure::usage(format!(
            "there is no chain file {name:?}; name testnet or a file, or make one: starling chain new FILE"
        )),
        ErrorKind::InvalidData => {
            Failure::usage(format!("{name}: a chain file is TOML text, and this is not text"))
        }
        _ => Failure::usage(format!("{name}: {error}")),
    })?;
    if u64::try_from(text.len()).map_or(true, |length| length > MAX_CHAIN_FILE_BYTES) {
        return Err(Failure::usage(format!("{name}: a chain file has at most {MAX_CHAIN_FILE_BYTES} bytes")));
    }
    Chain::from_toml(&text).map_err(|error| {
        // The error quotes the line that is wrong, and points at a part of it on a line of its own.
        let (what, says) = (error.to_string(), |line: &&str| line.contains(|c: char| !" |^".contains(c)));
        let lines: Vec<_> = what.lines().filter(says).map(|line| excerpt(line, SHOWN_LINE_BYTES)).collect();
        Failure::usage(format!("{name}: {}", lines.join(" ")))
    })
}

/// `$XDG_DATA_HOME/starling`, where the variable's own default is `~/.local/share`.
fn data_home() -> Option<PathBuf> {
    // The XDG base directory specification tells to ignore a relative path.
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let share = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(share.join(PROGRAM))
}

impl Config {
    /// Where the wallets are.
    ///
    /// # Errors
    /// Neither given nor a home to put them in.
    pub(crate) fn wallet_dir(&self) -> Outcome<PathBuf> {
        let given = match self.given(&keys::WALLET_DIR) {
            Some((Value::Text(dir), _)) => Some(PathBuf::from(dir)),
            _ => data_home().map(|home| home.join("wallets")),
        };
        let hint = "there is no place for wallets: set HOME or XDG_DATA_HOME, or give --wallet-dir DIR";
        given.ok_or_else(|| Failure::usage(hint))
    }
}
