//! Transactions: one encoding each, ids that cover what they should, limits.

use super::*;
use crate::tests::{Format, edits, transactions, unsigned_transactions};
use proptest::prelude::*;

const FORMAT: Format<Transaction> = Format { decode: Transaction::decode, encode: |tx| tx.bytes().to_vec() };

fn payment() -> UnsignedTransaction {
    UnsignedTransaction {
        chain_id: 7,
        nonce: 1,
        fee: Amount::ZERO,
        valid_until: 0,
        outputs: vec![Output { to: Address::new([1; 20]), amount: Amount::MAX }],
        memo: Memo::default(),
        policy: Policy::Single([2; 32]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_transaction_has_one_encoding((unsigned, auth, tx) in transactions()) {
        FORMAT.keeps(&tx);
        prop_assert_eq!((tx.unsigned(), tx.auth()), (&unsigned, &auth));
        prop_assert_eq!(tx.size(), unsigned.finished_size());
        prop_assert_eq!(tx.sender(), unsigned.policy.address());
        prop_assert!(tx.size() <= MAX_TX_BYTES);
        let m = match &unsigned.policy {
            Policy::Single(_) => 1,
            Policy::Multi(multi) => usize::from(multi.threshold()),
        };
        prop_assert_eq!(tx.signatures().count(), m);
    }

    #[test]
    fn the_sum_is_exact_or_none((unsigned, _, tx) in transactions()) {
        let sum: u128 = unsigned.outputs.iter().map(|output| output.amount.motes()).sum();
        prop_assert_eq!(tx.spent(), Amount::from_motes(sum + unsigned.fee.motes()).ok());
    }

    #[test]
    fn ids_cover_what_they_should((unsigned, auth, tx) in transactions(), genesis in any::<[u8; 32]>()) {
        let genesis = GenesisId::new(genesis);
        prop_assert_eq!(tx.txid(&genesis), unsigned.txid(&genesis));
        prop_assert_ne!(tx.txid(&genesis), tx.txid(&GenesisId::ZERO));
        let again = match auth {
            Auth::Single(signature) => Auth::Single(signature.map(|byte| !byte)),
            Auth::Multi { bitmap, mut signatures } => {
                signatures[0] = signatures[0].map(|byte| !byte);
                Auth::Multi { bitmap, signatures }
            }
        };
        let again = unsigned.with_auth(&again).unwrap();
        prop_assert_eq!(again.txid(&genesis), tx.txid(&genesis));
        prop_assert_ne!(again.wtxid(), tx.wtxid());
        let other = UnsignedTransaction { nonce: unsigned.nonce ^ 1, ..unsigned };
        prop_assert_ne!(other.txid(&genesis), tx.txid(&genesis));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_changed_transaction_is_refused_or_another((_, _, tx) in transactions(), edit in edits()) {
        FORMAT.refuses_or_keeps(&edit.apply(tx.bytes()));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        FORMAT.refuses_or_keeps(&bytes);
        FORMAT.refuses_or_keeps(&[&[VERSION], &bytes[..]].concat());
    }
}

proptest! {
    #[test]
    fn signatures_that_do_not_fit_the_policy_are_refused(unsigned in unsigned_transactions(), bitmap: u16) {
        let (m, n) = match &unsigned.policy {
            Policy::Single(_) => (1, 1),
            Policy::Multi(multi) => (multi.threshold(), multi.key_count()),
        };
        let signatures = vec![[0; 64]; usize::from(m)];
        let given = unsigned.with_auth(&Auth::Multi { bitmap, signatures });
        if matches!(unsigned.policy, Policy::Single(_)) {
            prop_assert_eq!(given, Err(DecodeError::TrailingBytes(2)));
        } else if bitmap.count_ones() == u32::from(m) && u32::from(bitmap) >> n == 0 {
            prop_assert!(given.is_ok());
        } else {
            prop_assert_eq!(given, Err(DecodeError::BadBitmap { bitmap, m, n }));
        }
    }
}

#[test]
fn the_least_transaction_has_169_bytes() {
    let tx = payment().with_auth(&Auth::Single([3; 64])).unwrap();
    assert_eq!(tx.size(), crate::limits::MIN_TX_BYTES);
}

#[test]
fn limits_hold_for_what_is_built_too() {
    let with = |outputs| UnsignedTransaction { outputs, ..payment() }.with_auth(&Auth::Single([3; 64]));
    let output = payment().outputs[0];
    assert!(with(vec![output; 255]).is_ok());
    assert_eq!(with(vec![output; 256]), Err(DecodeError::TooLarge { size: 256, limit: 255 }));
    assert_eq!(with(Vec::new()), Err(DecodeError::NoOutputs));
    assert_eq!(
        with(vec![output, Output { amount: Amount::ZERO, ..output }]),
        Err(DecodeError::ZeroAmount(1))
    );
    assert_eq!(Memo::new(&[0; 129]), Err(DecodeError::MemoTooLong(129)));
    assert!(Memo::new(&[0; 128]).is_ok());
}

#[test]
fn a_policy_keeps_its_limits() {
    let keys = |n: u8| (0..n).map(|i| [i; 32]).collect::<Vec<_>>();
    assert_eq!(Policy::multi(1, keys(1)), Err(DecodeError::BadKeyCount(1)));
    assert_eq!(Policy::multi(1, keys(17)), Err(DecodeError::BadKeyCount(17)));
    assert_eq!(Policy::multi(1, vec![[0; 32]; 300]), Err(DecodeError::BadKeyCount(u8::MAX)));
    assert_eq!(Policy::multi(0, keys(2)), Err(DecodeError::BadThreshold { m: 0, n: 2 }));
    assert_eq!(Policy::multi(3, keys(2)), Err(DecodeError::BadThreshold { m: 3, n: 2 }));
    assert_eq!(Policy::multi(1, vec![[1; 32], [1; 32]]), Err(DecodeError::KeysNotAscending(1)));
    assert_eq!(Policy::multi(1, vec![[1; 32], [2; 32], [0; 32]]), Err(DecodeError::KeysNotAscending(2)));
}

#[test]
fn a_policy_announcing_keys_that_are_not_there_is_truncated() {
    let read = |bytes: &[u8]| Policy::read(&mut Reader::new(bytes));
    assert!(matches!(read(&[1, 1, 16]), Err(DecodeError::Truncated { .. })));
}

#[test]
fn the_keys_that_a_bitmap_names_are_paired_with_the_signatures() {
    let policy = Policy::multi(2, vec![[1; 32], [2; 32], [3; 32]]).unwrap();
    let auth = Auth::Multi { bitmap: 0b101, signatures: vec![[8; 64], [9; 64]] };
    let tx = UnsignedTransaction { policy, ..payment() }.with_auth(&auth).unwrap();
    assert_eq!(tx.signatures().collect::<Vec<_>>(), [([1; 32], [8; 64]), ([3; 32], [9; 64])]);
}
