//! Which broken rule costs a peer what (consensus: Who is blamed).

use starling_consensus::{BlockError, HeaderError, TxError};
use starling_network::Penalty;

/// For whoever sent a header; none is for headers that honest peers pass on too.
#[must_use]
pub fn penalty_of_header(error: &HeaderError) -> Penalty {
    match error {
        HeaderError::BodyTooLarge { .. }
        | HeaderError::ImpossibleCounts { .. }
        | HeaderError::RootOfNothing { .. }
        | HeaderError::FalseRoot
        | HeaderError::Bits(_)
        | HeaderError::TooEasy { .. }
        | HeaderError::NoWork(_)
        | HeaderError::Height { .. }
        | HeaderError::TimeTooEarly { .. }
        | HeaderError::WrongBits { .. }
        | HeaderError::WrongHistory { .. } => Penalty::Ban,
        HeaderError::FromTheFuture { .. }
        | HeaderError::UnknownParent(_)
        | HeaderError::InvalidAncestor(_)
        | HeaderError::TooLittleWork { .. } => Penalty::None,
    }
}

/// For whoever served a body.
#[must_use]
pub fn penalty_of_block(error: &BlockError) -> Penalty {
    match error {
        BlockError::TxCount { .. }
        | BlockError::BodyBytes { .. }
        | BlockError::TxRoot { .. }
        | BlockError::Transaction { .. }
        | BlockError::StateRoot { .. } => Penalty::Heavy,
    }
}

/// For whoever sent a transaction.
#[must_use]
pub fn penalty_of_tx(error: &TxError) -> Penalty {
    match error {
        TxError::WrongChain { .. } | TxError::SumTooLarge | TxError::Signature { .. } => Penalty::Medium,
        TxError::Expired { .. }
        | TxError::Nonce { .. }
        | TxError::NonceExhausted
        | TxError::Balance { .. } => Penalty::None,
    }
}

#[cfg(test)]
mod tests;
