//! Passphrases, mnemonics and keys: asked for on the terminal without echo, or read from a file descriptor or
//! a file. They never stand on a command line, and are wiped when dropped.

use crate::cli::PassphraseArgs;
use crate::failure::{Failure, Outcome, say};
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// The permissions of the group and of everybody to read and write.
const OTHERS: u32 = 0o066;
/// Bytes of a secret at the most.
const MAX_SECRET_BYTES: usize = 4_096;

/// Characters of a new passphrase at the least: whoever gets hold of the file tries millions.
const MIN_PASSPHRASE_CHARS: usize = 8;

/// A secret text, wiped when dropped.
pub(crate) type Secret = Zeroizing<String>;

/// What a passphrase is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To open what was closed with it.
    Open,
    /// To close something new, so that it is asked twice.
    Close,
}

/// The passphrase of a wallet.
///
/// # Errors
/// None given and no terminal to ask on; a source that cannot be read; two that differ; too short a one for a
/// new wallet.
pub(crate) fn passphrase(args: &PassphraseArgs, wallet: &str, purpose: Purpose) -> Outcome<Secret> {
    let given = match (args.passphrase_fd, &args.passphrase_file) {
        (Some(fd), _) => Some(from_fd(fd)?),
        (None, Some(path)) => {
            warn_if_exposed(path);
            Some(from_path(path)?)
        }
        (None, None) => None,
    };
    let secret = match given {
        Some(secret) => secret,
        None => {
            let hint = "--passphrase-fd N or --passphrase-file PATH";
            let secret = ask(&format!("Passphrase of wallet {wallet}: "), hint)?;
            if purpose == Purpose::Close {
                check_new(&secret)?;
            }
            if purpose == Purpose::Close && *ask("The same again: ", hint)? != *secret {
                return Err(Failure::failed("the two passphrases differ; nothing was written"));
            }
            secret
        }
    };
    if purpose == Purpose::Close {
        check_new(&secret)?;
    }
    Ok(secret)
}

fn check_new(passphrase: &Secret) -> Outcome<()> {
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
        let what = "a passphrase this short protects nothing";
        return Err(Failure::usage(format!(
            "{what}; choose one of {MIN_PASSPHRASE_CHARS} characters or more"
        )));
    }
    Ok(())
}

/// Tells when others than its owner may read a file that is a secret, or keeps one.
pub(crate) fn warn_if_exposed(path: &Path) {
    // What is wrong with a file that cannot be asked is told when it is read.
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.is_file() && metadata.mode() & OTHERS != 0 {
        let path = path.display();
        say(&format!("warning: others than you may read {path}; fix it with: chmod 600 {path}"));
    }
}

/// Asks on the terminal, without echo.
///
/// # Errors
/// No terminal: `hint` names what to give instead. Ctrl-C.
pub(crate) fn ask(prompt: &str, hint: &str) -> Outcome<Secret> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!("there is no terminal to ask on; give {hint}")));
    }
    let asked = without_dying(|| rpassword::prompt_password(prompt).map(Zeroizing::new));
    asked.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => Failure::interrupted("interrupted"),
        _ => Failure::failed(format!("cannot read from the terminal: {error}; give {hint}")),
    })
}

/// Takes SIGINT's power to kill, so that a prompt ended by Ctrl-C gives the terminal its echo back.
fn without_dying<T>(prompt: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    let _listening = signal(SignalKind::interrupt())?;
    prompt()
}

/// A yes on the terminal, asked on stderr.
///
/// # Errors
/// No terminal to ask on.
pub(crate) fn confirm(question: &str) -> Outcome<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to ask on; give --yes"));
    }
    say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The text that waits at a file descriptor which this process inherited; one line break at its end is no
/// part of it.
///
/// # Errors
/// No such descriptor, too much, or no text.
pub(crate) fn from_fd(fd: u32) -> Outcome<Secret> {
    from_path(&PathBuf::from(format!("/dev/fd/{fd}"))).map_err(|failure| match failure.message() {
        message if message.contains("os error 2)") => {
            Failure::usage(format!("file descriptor {fd} is not open; pass it like this: {fd}<secret.txt"))
        }
        _ => failure,
    })
}

fn from_path(path: &Path) -> Outcome<Secret> {
    let wrong = |what: &dyn std::fmt::Display| Failure::usage(format!("{}: {what}", path.display()));
    // The room is reserved first: a buffer that grows leaves a copy behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES + 1));
    let mut chunk = Zeroizing::new([0; 512]);
    let mut file = File::open(path).map_err(|error| wrong(&error))?;
    loop {
        let room = chunk.len().min(MAX_SECRET_BYTES + 1 - bytes.len());
        match file.read(&mut chunk[..room]) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(wrong(&error)),
        }
    }
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(wrong(&format!("a secret has at most {MAX_SECRET_BYTES} bytes")));
    }
    let text = str::from_utf8(&bytes).map_err(|_| wrong(&"a secret is UTF-8 text"))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests;
