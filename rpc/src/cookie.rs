//! The token file: 64 hex digits and a newline, readable by its owner alone.

use crate::hex::{from_hex, to_hex};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bytes of a token before it becomes hex.
const TOKEN_BYTES: usize = 32;
/// Bytes of the file: the digits and a newline.
const FILE_BYTES: usize = 2 * TOKEN_BYTES + 1;

/// Why a token file cannot be used.
#[derive(Debug, Error)]
pub enum CookieError {
    /// It cannot be written.
    #[error("cannot write the token file {path}: {source}; check that its folder exists and is yours")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read the token file {path}: {source}; is the node running, as the same user?")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{0} is no token file: 64 hex digits and a newline are expected; restart the node to renew it")]
    Malformed(PathBuf),
}

/// Writes a token made of 32 random bytes, replacing an old one in one step, and returns its 64 hex digits.
///
/// # Errors
/// [`CookieError::Write`].
pub fn create_cookie(path: &Path, random: [u8; TOKEN_BYTES]) -> Result<String, CookieError> {
    let token = to_hex(&random);
    write(path, &token).map_err(|source| CookieError::Write { path: path.to_owned(), source })?;
    Ok(token)
}

fn write(path: &Path, token: &str) -> io::Result<()> {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".new");
    let fresh = path.with_file_name(name);
    // A left-over of a killed node may have other permissions; `create_new` below would refuse it.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(format!("{token}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

/// Reads the token that a node has written.
///
/// # Errors
/// [`CookieError::Read`] or [`CookieError::Malformed`].
pub fn read_cookie(path: &Path) -> Result<String, CookieError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(FILE_BYTES + 1);
        let most = u64::try_from(FILE_BYTES + 1).unwrap_or(u64::MAX);
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|source| CookieError::Read { path: path.to_owned(), source })?;
    let token = str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let token = token.filter(|token| from_hex(token).is_some_and(|bytes| bytes.len() == TOKEN_BYTES));
    token.map(str::to_owned).ok_or_else(|| CookieError::Malformed(path.to_owned()))
}

#[cfg(test)]
mod tests;
