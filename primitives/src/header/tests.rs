//! Headers: one encoding each, the bounds of extra, what the root covers.

use super::*;
use crate::tests::{Format, edits, headers};
use proptest::prelude::*;

const FORMAT: Format<Header> = Format { decode: Header::decode, encode: Header::encode };

proptest! {
    #[test]
    fn a_header_has_one_encoding(header in headers()) {
        FORMAT.keeps(&header);
        prop_assert!(header.encode().len() <= MAX_HEADER_BYTES);
        prop_assert_eq!(header.id(), header.work().id());
        prop_assert_eq!(*header.id().as_bytes(), header.work().pow_hash(PowKind::Sha256d));
        prop_assert_ne!(*header.id().as_bytes(), header.work().pow_hash(PowKind::Sha256dTagged));
    }

    #[test]
    fn reading_one_leaves_what_follows(header in headers(), after: Vec<u8>) {
        let bytes = [header.encode(), after.clone()].concat();
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Header::read(&mut reader), Ok(header));
        prop_assert_eq!(reader.remaining(), after.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_changed_header_is_refused_or_another(header in headers(), edit in edits()) {
        FORMAT.refuses_or_keeps(&edit.apply(&header.encode()));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..=401)) {
        FORMAT.refuses_or_keeps(&bytes);
        FORMAT.refuses_or_keeps(&[&VERSION_BASE.to_le_bytes(), &bytes[..]].concat());
    }

    /// A bit of content or extra changes the root; one of the work does not.
    #[test]
    fn the_coinbase_covers_extra_and_content(header in headers(), bit in 0usize..8 * 400) {
        let mut bytes = header.encode();
        let at = bit / 8 % bytes.len();
        bytes[at] ^= 1 << (bit % 8);
        if let Ok(changed) = Header::decode(&bytes) {
            prop_assert_eq!(changed.coinbase().root() == header.coinbase().root(), at < WORK_BYTES);
        }
    }
}

#[test]
fn extra_fills_the_script_to_between_2_and_100_bytes() {
    let heights =
        [(0, 1), (1, 1), (16, 1), (17, 2), (127, 2), (128, 3), (32_767, 3), (32_768, 4), (8_388_607, 4)];
    for (height, push) in heights.into_iter().chain([(8_388_608, 5), (2_147_483_647, 5), (u32::MAX, 6)]) {
        assert_eq!(push_height(height).len(), push, "{height}");
        let (least, most) = (2usize.saturating_sub(push), 100 - push);
        assert!(Extra::new(&vec![0; most], height).is_ok(), "{height}");
        assert_eq!(Extra::new(&vec![0; most + 1], height), Err(DecodeError::ExtraTooLong(most + 1)));
        assert!(Extra::new(&vec![0; least], height).is_ok(), "{height}");
        if least > 0 {
            assert_eq!(Extra::new(&[], height), Err(DecodeError::ExtraTooShort(0)), "{height}");
        }
    }
}

#[test]
fn too_long_an_extra_is_refused_before_it_is_read() {
    let work = [&VERSION_BASE.to_le_bytes()[..], &[0; 76]].concat();
    for (len, error) in [(99, "truncated"), (100, "extra_too_long"), (255, "extra_too_long")] {
        let refused = Header::decode(&[&work[..], &[len]].concat()).unwrap_err();
        assert_eq!(refused.code(), error, "{len}");
    }
}

#[test]
fn each_version_bit_is_fixed_or_free() {
    let work = |version| WorkHeader {
        version,
        parent: BlockId::ZERO,
        root: [0; 32],
        time: 0,
        bits: Bits::default(),
        nonce: 0,
    };
    let content = Content {
        height: 1,
        miner: Address::default(),
        tx_count: 0,
        body_bytes: 0,
        tx_root: TxRoot::ZERO,
        state_root: StateRoot::ZERO,
        history_root: HistoryRoot::ZERO,
    };
    for bit in 0..32 {
        let version = WorkHeader::BASE_VERSION ^ (1 << bit);
        let made = Header::new(work(version), &[0], content);
        assert_eq!(made.is_ok(), (5..29).contains(&bit), "bit {bit}");
        assert!(made.is_ok() || made == Err(DecodeError::BadHeaderVersion(version)));
    }
}
