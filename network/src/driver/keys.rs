//! The node's network identity: an Ed25519 key in a file that only its owner may read. Whoever holds it can
//! pass for this node; it holds no money.

use libp2p::identity::Keypair;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a key file at the most; an Ed25519 key takes 68.
const MAX_KEY_FILE_BYTES: u64 = 1024;

/// Why there is no network key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is there but cannot be read.
    #[error("cannot read the network key {}: {source}; make it readable for this user", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there but holds no key.
    #[error(
        "the network key {} is damaged ({reason}); put a copy of it back, or move it away and start again: \
         the node then makes a new key and has a new peer id", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A new key cannot be written.
    #[error(
        "cannot write the network key {}: {source}; check the directory and its free space", path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The key in the file, which is made (mode 0600, whole or not at all) if it is not there. A file that is
/// there is never written to.
///
/// # Errors
/// [`KeyError`]: unreadable, damaged, or not to be written; each names the file and what to do.
pub fn load_or_create_key(path: &Path) -> Result<Keypair, KeyError> {
    match File::open(path) {
        Ok(file) => load(path, file),
        Err(source) if source.kind() == io::ErrorKind::NotFound => create(path),
        Err(source) => Err(KeyError::Read { path: path.into(), source }),
    }
}

fn load(path: &Path, file: File) -> Result<Keypair, KeyError> {
    let mut bytes = Vec::new();
    file.take(MAX_KEY_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| KeyError::Read { path: path.into(), source })?;
    if bytes.is_empty() {
        return Err(KeyError::Damaged { path: path.into(), reason: "it is empty".into() });
    }
    Keypair::from_protobuf_encoding(&bytes).map_err(|error| KeyError::Damaged {
        path: path.into(),
        reason: format!("{} bytes: {error}", bytes.len()),
    })
}

fn create(path: &Path) -> Result<Keypair, KeyError> {
    let key = Keypair::generate_ed25519();
    let bytes = key.to_protobuf_encoding().expect("an Ed25519 key always has an encoding");
    write_whole(path, &bytes).map_err(|source| KeyError::Write { path: path.into(), source })?;
    Ok(key)
}

/// Writes beside the file and moves into place, so a crash leaves no half key behind. The caller saw that the
/// file is not there, and the data directory belongs to one node at a time.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("key.new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
