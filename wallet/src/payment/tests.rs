//! Fees follow the finished size.

use super::*;
use crate::Key;
use starling_primitives::Address;

fn payment(fee: Fee, outputs: usize) -> Payment {
    let output = Output { to: Address::new([9; 20]), amount: Amount::from_motes(1).unwrap() };
    Payment { nonce: 0, fee, valid_until: 0, outputs: vec![output; outputs], memo: Memo::default() }
}

#[test]
fn an_ordinary_payment_pays_for_169_bytes() {
    let (key, genesis) = (Key::from_seed(&[1; 32]), GenesisId::new([7; 32]));
    let rate = Amount::from_motes(1_000).unwrap();
    let unsigned = payment(Fee::PerByte(rate), 1).unsigned(key.policy(), &genesis).unwrap();
    assert_eq!(unsigned.fee.motes(), 169_000);
    assert_eq!(unsigned.chain_id, genesis.chain_id());
    assert_eq!(key.sign(&unsigned, &genesis).unwrap().size(), 169);
}

#[test]
fn the_rate_counts_every_output() {
    let (key, genesis) = (Key::from_seed(&[1; 32]), GenesisId::new([7; 32]));
    let rate = Amount::from_motes(3).unwrap();
    for outputs in [1, 2, 255] {
        let unsigned = payment(Fee::PerByte(rate), outputs).unsigned(key.policy(), &genesis).unwrap();
        let size = key.sign(&unsigned, &genesis).unwrap().size();
        assert_eq!(unsigned.fee.motes(), 3 * u128::try_from(size).unwrap());
        assert_eq!(fee_for(&unsigned, rate).unwrap(), unsigned.fee);
    }
}

#[test]
fn an_exact_fee_is_taken_as_it_is() {
    let fee = Amount::from_star("0.5").unwrap();
    let unsigned = payment(Fee::Exact(fee), 1).unsigned(Policy::Single([1; 32]), &GenesisId::ZERO).unwrap();
    assert_eq!(unsigned.fee, fee);
}

#[test]
fn a_fee_above_all_money_is_refused() {
    let refused = payment(Fee::PerByte(Amount::MAX), 1).unsigned(Policy::Single([1; 32]), &GenesisId::ZERO);
    assert_eq!(refused, Err(FeeTooLarge { size: 169, per_byte: Amount::MAX }));
}
