//! What a proof proves, and why one proves nothing.

use crate::parse::{Path, Proof};
use starling_primitives::history::{Leaf, Proof as HistoryPath};
use starling_primitives::state::{Account, Proof as StatePath, ProofError, StateKey};
use starling_primitives::{
    Address, BlockId, DecodeError, Header, PowKind, TargetError, TxProof as TxPath, Wtxid,
};
use std::fmt;
use thiserror::Error;

/// What the user knows of the block from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Nothing: the proof can be consistent, and says nothing of any chain.
    Nothing,
    /// The id of the block whose header the proof leads to.
    Id(BlockId),
    /// That header.
    Header(Box<Header>),
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it proves.
    pub claim: Claim,
    /// Id of the block whose header holds the root.
    pub block: BlockId,
    /// Its height.
    pub height: u32,
    /// Whether the header is the one that the user named.
    pub anchored: bool,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// An account after the block, or its absence.
    Account {
        /// Its key in the state.
        key: StateKey,
        /// Its address, where the proof names one: the key is that of the address then.
        address: Option<String>,
        /// Nonce and balance; none when there is no such account.
        account: Option<Account>,
    },
    /// A transaction in the block.
    Tx {
        /// It, signatures included.
        wtxid: Wtxid,
        /// Its place, from 0.
        index: u32,
        /// Transactions in the block.
        count: u32,
    },
    /// A block before the block.
    Ancestor(Leaf),
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The header does not commit to its own content.
    #[error("the header's root is not that of its coinbase: it does not commit to what it says")]
    FalseRoot,
    /// The header's bits name no target.
    #[error("the header's target: {0}")]
    Target(#[from] TargetError),
    /// The header's hash is above its target.
    #[error("the header's work does not meet its own target")]
    NoWork,
    /// Another id than the header's.
    #[error("the proof says block {said}, and its header is that of block {found}")]
    WrongId {
        /// The id stated.
        said: BlockId,
        /// That of the header.
        found: BlockId,
    },
    /// Another key than the address's.
    #[error("the key is not the one of the address {0}")]
    WrongKey(String),
    /// The way to the state root.
    #[error(transparent)]
    State(#[from] ProofError),
    /// The value is no account.
    #[error("the value is no account: {0}")]
    NotAnAccount(#[from] DecodeError),
    /// Another number of leaves than the header states.
    #[error("the proof counts {said}, the header {found}")]
    WrongCount {
        /// What the proof says.
        said: u32,
        /// What follows from the header.
        found: u32,
    },
    /// The way to the root of transactions.
    #[error("the proof leads to another root of transactions")]
    WrongTxRoot,
    /// The leaf of another height.
    #[error("the proof is for height {index}, its leaf for height {height}")]
    WrongHeight {
        /// Where the proof stands.
        index: u32,
        /// What the leaf says.
        height: u32,
    },
    /// The way to the root of the history.
    #[error("the proof leads to another history root")]
    WrongHistoryRoot,
    /// Another block than the one named.
    #[error("the proof is of block {found}, not of block {named}")]
    OtherBlock {
        /// Named by the user.
        named: BlockId,
        /// That of the proof.
        found: BlockId,
    },
    /// The named block, in another form.
    #[error("the proof's header has the id of the header that was named, and differs from it")]
    OtherHeader,
}

impl Proof {
    /// Verifies the proof, down to the work of its header, and compares that header with the anchor.
    ///
    /// # Errors
    /// [`VerifyError`], the first reason found.
    pub fn verify(&self, anchor: &Anchor) -> Result<Verified, VerifyError> {
        let header = &self.header;
        check_header(header)?;
        let anchored = compare(header, anchor)?;
        let claim = match &self.path {
            Path::State { block, key, address, path } => {
                check_id(*block, header)?;
                prove_account(header, key, address.as_ref(), path)?
            }
            Path::Tx { block, wtxid, path } => {
                check_id(*block, header)?;
                prove_tx(header, wtxid, path)?
            }
            Path::History { leaf, path } => prove_ancestor(header, leaf, path)?,
        };
        Ok(Verified { claim, block: header.id(), height: header.height(), anchored })
    }
}

/// The header commits to its content and has the work that it states. Of genesis no work is asked.
fn check_header(header: &Header) -> Result<(), VerifyError> {
    if header.coinbase().root() != header.work().root {
        return Err(VerifyError::FalseRoot);
    }
    let target = header.work().bits.target()?;
    let meets = |kind| target.is_met_by(&header.work().pow_hash(kind));
    if header.height() == 0 || meets(PowKind::Sha256d) || meets(PowKind::Sha256dTagged) {
        Ok(())
    } else {
        Err(VerifyError::NoWork)
    }
}

fn compare(header: &Header, anchor: &Anchor) -> Result<bool, VerifyError> {
    let named = match anchor {
        Anchor::Nothing => return Ok(false),
        Anchor::Id(named) => *named,
        Anchor::Header(named) => named.id(),
    };
    if header.id() != named {
        return Err(VerifyError::OtherBlock { named, found: header.id() });
    }
    match anchor {
        Anchor::Header(named) if **named != *header => Err(VerifyError::OtherHeader),
        _ => Ok(true),
    }
}

fn check_id(said: BlockId, header: &Header) -> Result<(), VerifyError> {
    let found = header.id();
    if said == found { Ok(()) } else { Err(VerifyError::WrongId { said, found }) }
}

fn prove_account(
    header: &Header,
    key: &StateKey,
    address: Option<&(String, Address)>,
    path: &StatePath,
) -> Result<Claim, VerifyError> {
    let foreign = address.filter(|(_, address)| StateKey::account(address) != *key);
    if let Some((text, _)) = foreign {
        return Err(VerifyError::WrongKey(text.clone()));
    }
    let value = path.verify(key, &header.content().state_root)?;
    let account = value.map(Account::decode).transpose()?;
    Ok(Claim::Account { key: *key, address: address.map(|(text, _)| text.clone()), account })
}

fn prove_tx(header: &Header, wtxid: &Wtxid, path: &TxPath) -> Result<Claim, VerifyError> {
    check_count(path.count, header.content().tx_count)?;
    if !path.verify(wtxid, &header.content().tx_root) {
        return Err(VerifyError::WrongTxRoot);
    }
    Ok(Claim::Tx { wtxid: *wtxid, index: path.index, count: path.count })
}

fn prove_ancestor(tip: &Header, leaf: &Leaf, path: &HistoryPath) -> Result<Claim, VerifyError> {
    check_count(path.count, tip.height())?;
    if path.index != leaf.height {
        return Err(VerifyError::WrongHeight { index: path.index, height: leaf.height });
    }
    if !path.verify(&leaf.hash(), &tip.content().history_root) {
        return Err(VerifyError::WrongHistoryRoot);
    }
    Ok(Claim::Ancestor(*leaf))
}

fn check_count(said: u32, found: u32) -> Result<(), VerifyError> {
    if said == found { Ok(()) } else { Err(VerifyError::WrongCount { said, found }) }
}

/// What is proven, in one sentence.
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, block, height, .. } = self;
        let block = format!("block {height}, {block}");
        match claim {
            Claim::Account { key, address, account } => {
                let name = match address {
                    Some(address) => format!("account {address}"),
                    None => format!("the account with the key {}", hex::encode(key.as_bytes())),
                };
                match account {
                    Some(Account { nonce, balance }) => {
                        write!(f, "{name} has {balance} STAR and nonce {nonce} after {block}")
                    }
                    None => write!(f, "{name} does not exist after {block}"),
                }
            }
            Claim::Tx { wtxid, index, count } => {
                let number = u64::from(*index) + 1;
                write!(f, "the transaction with the wtxid {wtxid} is number {number} of {count} in {block}")
            }
            Claim::Ancestor(leaf) => {
                write!(f, "block {}, {}, is an ancestor of {block}", leaf.height, leaf.id)
            }
        }
    }
}

#[cfg(test)]
mod tests;
