//! Why a node does not start, or stops, and with which exit code.

use starling_ledger::{StoreError, VerifyError};
use starling_network::{DriverError, KeyError};
use starling_primitives::BlockId;
use starling_rpc::{ServerError, TextError};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A node that cannot go on.
#[derive(Debug, Error)]
pub enum NodeError {
    /// Another process uses the data directory.
    #[error(
        "the data directory {0} is in use by another starling; stop that one, or choose another --data-dir"
    )]
    Locked(PathBuf),
    /// The data directory cannot be used.
    #[error("{path}: {error}; check that the folder exists, is yours, and has space")]
    DataDir {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The network does not start.
    #[error(transparent)]
    Network(#[from] DriverError),
    /// The RPC server does not start.
    #[error(transparent)]
    Rpc(#[from] ServerError),
    /// Metrics cannot be served where they should be.
    #[error(transparent)]
    Metrics(#[from] TextError),
    /// A multiaddress that cannot be read.
    #[error("{0:?} is not a multiaddress; write it like /ip4/192.0.2.1/tcp/8644 or with /p2p/PEER_ID behind")]
    Multiaddr(String),
    /// Stored blocks that do not hold.
    #[error(transparent)]
    Verify(Box<VerifyError>),
    /// A chain file of blocks that cannot be imported.
    #[error("block {number} of the file: {what}")]
    Import {
        /// Which one, from 1.
        number: u64,
        /// Why.
        what: String,
    },
    /// A chain file of blocks that ends too early.
    #[error(
        "the file ends in the middle of block {number}, and the blocks before it are imported; \
         export it again, and import the rest with the same command"
    )]
    CutShort {
        /// Which one, from 1.
        number: u64,
    },
    /// A chain file of blocks that begins elsewhere.
    #[error(
        "the file is of another chain: its first block follows {found}, and chain {chain:?} begins with \
         {genesis}; name the chain of the file with --chain"
    )]
    OtherChain {
        /// What the first block follows.
        found: BlockId,
        /// The chain that was asked for.
        chain: String,
        /// The block that it begins with.
        genesis: BlockId,
    },
    /// Reading or writing blocks.
    #[error("reading or writing blocks: {0}")]
    Stream(io::Error),
    /// The system refused something that every node needs.
    #[error("the system refused: {0}")]
    System(io::Error),
    /// A part of the node ended by itself.
    #[error("the node's {0} ended unexpectedly; the log says why")]
    Ended(&'static str),
}

impl From<VerifyError> for NodeError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(Box::new(error))
    }
}

impl NodeError {
    /// The process's exit code (interface: Names that scripts rely on).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Locked(_) | Self::DataDir { .. } | Self::Store(_) | Self::Key(_) => 5,
            Self::Verify(error) if matches!(**error, VerifyError::Store(_) | VerifyError::Missing(_)) => 5,
            Self::Network(_) | Self::Rpc(_) | Self::Metrics(_) | Self::Multiaddr(_) => 2,
            Self::Verify(_)
            | Self::Import { .. }
            | Self::CutShort { .. }
            | Self::OtherChain { .. }
            | Self::Stream(_)
            | Self::System(_)
            | Self::Ended(_) => 1,
        }
    }
}
