//! Every broken rule has its price: adding a variant without deciding does not compile, changing one fails
//! here.

use super::*;
use starling_consensus::SignatureError;
use starling_primitives::{
    Address, Amount, Bits, BlockId, HistoryRoot, StateRoot, TargetError, TxRoot, Work,
};

#[test]
fn headers_that_break_a_rule_ban_and_those_that_cannot_be_judged_do_not() {
    let bits = Bits::new(1);
    let banned = [
        HeaderError::BodyTooLarge { bytes: 1, limit: 0 },
        HeaderError::ImpossibleCounts { txs: 1, bytes: 0 },
        HeaderError::RootOfNothing { root: TxRoot::ZERO, txs: 1 },
        HeaderError::FalseRoot,
        HeaderError::Bits(TargetError::Zero(bits)),
        HeaderError::TooEasy { bits, easiest: bits },
        HeaderError::NoWork(bits),
        HeaderError::Height { found: 2, parent: 0 },
        HeaderError::TimeTooEarly { found: 1, least: 2 },
        HeaderError::WrongBits { found: bits, expected: bits },
        HeaderError::WrongHistory { found: HistoryRoot::ZERO, expected: HistoryRoot::ZERO },
    ];
    assert!(banned.iter().all(|error| penalty_of_header(error) == Penalty::Ban));
    let nobody = [
        HeaderError::FromTheFuture { time: 2, now: 1, limit: 0 },
        HeaderError::UnknownParent(BlockId::ZERO),
        HeaderError::InvalidAncestor(BlockId::ZERO),
        HeaderError::TooLittleWork { work: Work::ZERO, needed: Work::ZERO },
    ];
    assert!(nobody.iter().all(|error| penalty_of_header(error) == Penalty::None));
}

#[test]
fn a_false_body_is_heavy_for_its_server() {
    let errors = [
        BlockError::TxCount { found: 1, stated: 0 },
        BlockError::BodyBytes { found: 1, stated: 0 },
        BlockError::TxRoot { found: TxRoot::ZERO, stated: TxRoot::ZERO },
        BlockError::Transaction { index: 0, error: TxError::NonceExhausted },
        BlockError::StateRoot { found: StateRoot::ZERO, stated: StateRoot::ZERO },
    ];
    assert!(errors.iter().all(|error| penalty_of_block(error) == Penalty::Heavy));
}

#[test]
fn transactions_wrong_by_themselves_cost_and_those_that_fail_on_a_state_do_not() {
    let wrong = [
        TxError::WrongChain { found: 1, expected: 2 },
        TxError::SumTooLarge,
        TxError::Signature { index: 0, error: SignatureError::Wrong { key: [0; 32] } },
    ];
    assert!(wrong.iter().all(|error| penalty_of_tx(error) == Penalty::Medium));
    let on_state = [
        TxError::Expired { valid_until: 1, height: 2 },
        TxError::Nonce { found: 1, expected: 2 },
        TxError::NonceExhausted,
        TxError::Balance { sender: Address::default(), balance: Amount::ZERO, needed: Amount::MAX },
    ];
    assert!(on_state.iter().all(|error| penalty_of_tx(error) == Penalty::None));
}
