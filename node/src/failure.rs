//! How a command ends when it is not done: an exit code that scripts rely on, and one line for people.

use crate::output;
use starling_genesis::ChainError;
use starling_node::NodeError;
use starling_rpc::ClientError;
use starling_wallet::{AccountError, KeystoreError, SignError};
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit codes, beside 0 for done.
pub(crate) mod code {
    /// Anything that has no code of its own.
    pub(crate) const FAILED: u8 = 1;
    /// A wrong command line or configuration.
    pub(crate) const USAGE: u8 = 2;
    /// No node answers.
    pub(crate) const UNREACHABLE: u8 = 3;
    /// A proof holds in itself, and no block was named that it must be of.
    pub(crate) const NOT_ANCHORED: u8 = 3;
    /// The node said no.
    pub(crate) const REFUSED: u8 = 4;
    /// The data directory cannot be used: locked, of another chain, newer, damaged.
    pub(crate) const DATA_DIR: u8 = 5;
    /// What was waited for did not happen in time.
    pub(crate) const TIMED_OUT: u8 = 6;
    /// Ended by Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Bytes of a message that are shown: it may repeat what a file or a node said.
const SHOWN_BYTES: usize = 4_000;

/// Why a command is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

/// How almost every function here ends.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    fn new(code: u8, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }

    /// Something went wrong that has no code of its own.
    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new(code::FAILED, message)
    }

    /// The command line or the configuration is wrong.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(code::USAGE, message)
    }

    /// A proof says nothing of any chain.
    pub(crate) fn not_anchored(message: impl ToString) -> Self {
        Self::new(code::NOT_ANCHORED, message)
    }

    /// The node said no, or would.
    pub(crate) fn refused(message: impl ToString) -> Self {
        Self::new(code::REFUSED, message)
    }

    /// The data directory cannot be used.
    pub(crate) fn data_dir(message: impl ToString) -> Self {
        Self::new(code::DATA_DIR, message)
    }

    /// What was waited for did not happen in time.
    pub(crate) fn timed_out(message: impl ToString) -> Self {
        Self::new(code::TIMED_OUT, message)
    }

    /// Ctrl-C.
    pub(crate) fn interrupted(message: impl ToString) -> Self {
        Self::new(code::INTERRUPTED, message)
    }

    /// Whoever reads the results has gone away: nothing is wrong, and there is nobody to tell.
    pub(crate) fn reader_gone() -> Self {
        Self::new(0, "")
    }

    /// A file that could not be used, and why.
    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }

    /// The exit code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// The line, without line breaks.
    pub(crate) fn message(&self) -> String {
        let line = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        output::excerpt(&output::printable(&line), SHOWN_BYTES)
    }

    /// Tells it on stderr, and gives the process its exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            say(&format!("error: {}", self.message()));
        }
        ExitCode::from(self.code)
    }
}

/// One line on stderr; a closed stderr is nobody's loss.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match error {
            ClientError::Unreachable { .. } | ClientError::Bad { .. } => code::UNREACHABLE,
            ClientError::Refused(_) => code::REFUSED,
            ClientError::Usage(_) => code::USAGE,
        };
        Self::new(code, error)
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        let code = match error {
            KeystoreError::BadName(_) | KeystoreError::NotFound { .. } | KeystoreError::Mnemonic(_) => {
                code::USAGE
            }
            _ => code::FAILED,
        };
        Self::new(code, error)
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        Self::usage(error)
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        Self::failed(error)
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        Self::usage(error)
    }
}

#[cfg(test)]
mod tests;
