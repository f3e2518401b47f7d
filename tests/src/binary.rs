//! The binary that the tests start.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// The binary `starling` of the build that this test belongs to.
///
/// # Panics
/// When it is missing, or older than a file it was built from: cargo does not build it for tests of another
/// crate.
pub fn starling() -> &'static Path {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(path) => path,
        Err(what) => panic!("{what}; build it: make build"),
    }
}

/// The peer that writes what no node writes: `network/examples/raw.rs`.
///
/// # Panics
/// When it is missing or old: `cargo test` builds it, where it is not told to build one target alone.
#[must_use]
pub fn raw_peer() -> PathBuf {
    let found = folder().and_then(|folder| checked(folder.join("examples/raw")));
    found.unwrap_or_else(|what| panic!("{what}; build it: cargo build --release --workspace --examples"))
}

fn find() -> Result<PathBuf, String> {
    checked(folder()?.join("starling"))
}

/// Where cargo puts what it builds.
fn folder() -> Result<PathBuf, String> {
    let test =
        std::env::current_exe().map_err(|error| format!("where this test is cannot be told: {error}"))?;
    // A test is target/release/deps/NAME, the binary target/release/starling, and beside it is starling-sim.
    let own = test.parent().ok_or("this test lies outside of a build")?;
    let folder = if own.ends_with("deps") { own.parent().unwrap_or(own) } else { own };
    Ok(folder.to_owned())
}

/// The binary, if it is newer than all it was built from.
fn checked(binary: PathBuf) -> Result<PathBuf, String> {
    let built = modified(&binary)?;
    // Cargo writes beside a binary what it was built from: `BINARY: FILE FILE ..`, blanks in names escaped.
    let list = binary.with_extension("d");
    let text = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    for source in sources(&text) {
        if modified(&source)? > built {
            return Err(format!("{} is older than {}", binary.display(), source.display()));
        }
    }
    Ok(binary)
}

fn modified(path: &Path) -> Result<SystemTime, String> {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.map_err(|error| format!("{}: {error}", path.display()))
}

fn sources(list: &str) -> Vec<PathBuf> {
    let files = list.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, files)| files);
    let files = files.replace("\\ ", "\0");
    files.split(' ').filter(|file| !file.is_empty()).map(|file| file.replace('\0', " ").into()).collect()
}

#[cfg(test)]
mod tests;
