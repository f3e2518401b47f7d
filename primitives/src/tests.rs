//! What the tests of the formats share: values of every kind, and the laws that each encoding keeps.

use crate::*;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use std::fmt::Debug;

pub(crate) fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![
        any::<u64>().prop_map(u128::from),
        0..=Amount::MAX.motes(),
        (0u32..=100).prop_map(|power| 1 << power),
        (0u128..100).prop_map(|less| Amount::MAX.motes() - less),
    ]
    .prop_map(|motes| Amount::from_motes(motes).unwrap())
}

pub(crate) fn addresses() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::new)
}

fn policies() -> impl Strategy<Value = Policy> {
    let multi = btree_set(any::<[u8; 32]>(), 2..=16).prop_flat_map(|keys| {
        let n = u8::try_from(keys.len()).unwrap();
        (1..=n).prop_map(move |m| Policy::multi(m, keys.iter().copied().collect()).unwrap())
    });
    prop_oneof![any::<[u8; 32]>().prop_map(Policy::Single), multi]
}

fn signatures() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64).prop_map(|bytes| bytes.try_into().unwrap())
}

fn auths(policy: &Policy) -> BoxedStrategy<Auth> {
    let Policy::Multi(multi) = policy else {
        return signatures().prop_map(Auth::Single).boxed();
    };
    let m = usize::from(multi.threshold());
    let named = proptest::sample::subsequence((0..multi.key_count()).collect::<Vec<_>>(), m);
    let bitmap = named.prop_map(|keys| keys.iter().map(|key| 1u16 << key).sum());
    (bitmap, vec(signatures(), m)).prop_map(|(bitmap, signatures)| Auth::Multi { bitmap, signatures }).boxed()
}

prop_compose! {
    fn outputs()(to in addresses(), amount in amounts()) -> Output {
        Output { to, amount: if amount.is_zero() { Amount::MAX } else { amount } }
    }
}

prop_compose! {
    pub(crate) fn unsigned_transactions()(
        (chain_id, nonce, valid_until) in any::<(u32, u64, u32)>(),
        fee in amounts(),
        outputs in vec(outputs(), 1..=255),
        memo in vec(any::<u8>(), 0..=128),
        policy in policies(),
    ) -> UnsignedTransaction {
        let memo = Memo::new(&memo).unwrap();
        UnsignedTransaction { chain_id, nonce, fee, valid_until, outputs, memo, policy }
    }
}

/// A transaction's two parts, and the whole.
pub(crate) fn transactions() -> impl Strategy<Value = (UnsignedTransaction, Auth, Transaction)> {
    let parts = unsigned_transactions().prop_flat_map(|unsigned| (auths(&unsigned.policy), Just(unsigned)));
    parts.prop_map(|(auth, unsigned)| {
        let tx = unsigned.with_auth(&auth).unwrap();
        (unsigned, auth, tx)
    })
}

prop_compose! {
    pub(crate) fn headers()(
        (version, parent, root, time, bits, nonce) in any::<(u32, [u8; 32], [u8; 32], u32, u32, u32)>(),
        height in prop_oneof![0..300u32, any::<u32>()],
        extra in vec(any::<u8>(), 1..=94),
        (miner, tx_count, body_bytes) in any::<([u8; 20], u32, u32)>(),
        (tx_root, state_root, history_root) in any::<([u8; 32], [u8; 32], [u8; 32])>(),
    ) -> Header {
        let version = version & 0x1fff_ffe0 | WorkHeader::BASE_VERSION;
        let (parent, bits) = (BlockId::new(parent), Bits::new(bits));
        let content = Content {
            height,
            miner: Address::new(miner),
            tx_count,
            body_bytes,
            tx_root: TxRoot::new(tx_root),
            state_root: StateRoot::new(state_root),
            history_root: HistoryRoot::new(history_root),
        };
        Header::new(WorkHeader { version, parent, root, time, bits, nonce }, &extra, content).unwrap()
    }
}

/// One change of a string of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
}

pub(crate) fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => any::<(Index, u8)>().prop_map(|(at, byte)| Edit::Set(at, byte)),
        1 => any::<(Index, u8)>().prop_map(|(at, byte)| Edit::Insert(at, byte)),
        1 => any::<Index>().prop_map(Edit::Remove),
    ]
}

impl Edit {
    /// The bytes (not none) with this change.
    pub(crate) fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let (len, mut bytes) = (bytes.len(), bytes.to_vec());
        match self {
            Self::Set(at, byte) => bytes[at.index(len)] = *byte,
            Self::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(len))),
        }
        bytes
    }
}

/// A format: how to read it and how to write it.
pub(crate) struct Format<T> {
    pub(crate) decode: fn(&[u8]) -> Result<T, DecodeError>,
    pub(crate) encode: fn(&T) -> Vec<u8>,
}

impl<T: Debug + PartialEq> Format<T> {
    /// `decode(encode(value)) == value`; every beginning is truncated, and a byte more is refused.
    pub(crate) fn keeps(&self, value: &T) {
        let bytes = (self.encode)(value);
        assert_eq!((self.decode)(&bytes).as_ref(), Ok(value));
        for len in 0..bytes.len() {
            let error = (self.decode)(&bytes[..len]).unwrap_err();
            assert!(
                matches!(error, DecodeError::Truncated { .. }),
                "{len} of {} bytes: {error}",
                bytes.len()
            );
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!((self.decode)(&longer), Err(DecodeError::TrailingBytes(1)));
    }

    /// Whatever decodes has these bytes as its one encoding.
    pub(crate) fn refuses_or_keeps(&self, bytes: &[u8]) {
        if let Ok(value) = (self.decode)(bytes) {
            assert_eq!((self.encode)(&value), bytes);
        }
    }
}

proptest! {
    #[test]
    fn hashes_print_and_read_back(bytes in any::<[u8; 32]>()) {
        let (id, txid) = (BlockId::new(bytes), TxId::new(bytes));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(txid.to_string().parse(), Ok(txid));
        let mut reversed = bytes;
        reversed.reverse();
        prop_assert_eq!(id.to_string(), TxId::new(reversed).to_string());
    }

    #[test]
    fn what_is_no_hash_is_refused(text in ".{0,70}") {
        let digits = text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        prop_assert_eq!(text.parse::<TxId>().is_ok(), digits);
    }

    #[test]
    fn prefixes_are_lower_case_letters_and_digits(text in "[a-z0-9A-Z_ -]{0,40}") {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let right = (1..=32).contains(&text.len()) && text.bytes().all(fits);
        prop_assert_eq!(Prefix::new(&text).is_ok(), right);
    }
}
