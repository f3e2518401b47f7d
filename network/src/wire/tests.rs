//! Each message decodes to what was encoded, to nothing else, and within its limits.

mod golden;

use super::*;
use crate::driver::{Protocol, Topic};
use crate::testing;
use proptest::collection::vec;
use proptest::prelude::*;
use starling_primitives::{Header, Transaction, Wtxid};
use std::sync::Arc;

fn wtxid() -> impl Strategy<Value = Wtxid> {
    any::<[u8; 32]>().prop_map(Wtxid::new)
}

fn block_id() -> impl Strategy<Value = BlockId> {
    any::<[u8; 32]>().prop_map(BlockId::new)
}

fn any_status() -> impl Strategy<Value = Status> {
    (any::<[u8; 32]>(), block_id(), any::<u32>(), any::<[u8; 32]>(), any::<u32>(), any::<u64>()).prop_map(
        |(genesis, tip, height, work, oldest_body, fee_floor)| Status {
            genesis: GenesisId::new(genesis),
            tip,
            height,
            work: Work::from_be_bytes(work),
            oldest_body,
            fee_floor,
        },
    )
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        any_status().prop_map(Question::Status),
        (0..=MAX_HEADERS, vec(block_id(), 0..=64))
            .prop_map(|(max, locator)| Question::Headers { max, locator }),
        vec(block_id(), 0..=16).prop_map(Question::Bodies),
        block_id().prop_map(Question::BlockIds),
        (block_id(), proptest::collection::btree_set(any::<u32>(), 0..50))
            .prop_map(|(id, set)| Question::BlockTxs { id, indices: set.into_iter().collect() }),
        vec(wtxid(), 0..=256).prop_map(Question::Announce),
        (wtxid(), 0..=MAX_POOL_IDS).prop_map(|(cursor, max)| Question::Pool { cursor, max }),
        vec(wtxid(), 0..=256).prop_map(Question::Txs),
        (prop_oneof![Just(Topic::Block), Just(Topic::Tx)], vec(any::<u8>(), 0..99))
            .prop_map(|(topic, data)| Question::Push { topic, data }),
        (0..=MAX_PEER_RECORDS).prop_map(Question::Peers),
        any::<bool>().prop_map(Question::SendCompact),
        (23_u64..40).prop_map(|count| Question::Compact(Box::new(block(count).1))),
    ]
}

/// A block of so many transactions, announced in full and in short.
fn block(count: u64) -> (Announcement, Compact) {
    let txs: Vec<_> = (0..count).map(testing::tx).collect();
    let header = testing::header(BlockId::ZERO, 1, &txs);
    let full = Announcement::new(header, &testing::ids(&txs));
    let short = Compact::of(&full).expect("long enough to be shortened");
    (full, short)
}

fn some_tx() -> impl Strategy<Value = Arc<Transaction>> {
    any::<u64>().prop_map(testing::tx)
}

proptest! {
    #[test]
    fn questions_round_trip(question in question(), extra in any::<u8>()) {
        let (protocol, mut bytes) = (question.protocol(), question.encode());
        prop_assert_eq!(Question::decode(protocol, &bytes), Ok(question));
        if protocol != Protocol::Push {
            bytes.push(extra);
            prop_assert!(Question::decode(protocol, &bytes).is_err());
            bytes.pop();
            bytes.pop();
            prop_assert!(Question::decode(protocol, &bytes).is_err());
        }
    }

    #[test]
    fn any_bytes_decode_to_their_own_encoding_or_not_at_all(bytes in vec(any::<u8>(), 0..300)) {
        for protocol in Protocol::ALL {
            if let Ok(question) = Question::decode(protocol, &bytes) {
                prop_assert_eq!(question.encode(), &bytes[..]);
            }
        }
        if let Ok(announcement) = Announcement::decode(&bytes) {
            prop_assert_eq!(announcement.encode(), &bytes[..]);
        }
    }

    #[test]
    fn lists_of_answers_round_trip(
        ids in vec(wtxid(), 0..99),
        next in wtxid(),
        found in vec(proptest::option::of(some_tx()), 0..20),
        raw in vec(proptest::option::of(vec(any::<u8>(), 0..40)), 1..=16),
    ) {
        let txs: Vec<_> = found.iter().flatten().cloned().collect();
        let fine = |answer: &Answer| answer.encode();
        let answer = Answer::BlockIds(ids.clone());
        prop_assert_eq!(read_answer(&fine(&answer), block_ids), Ok(Reply::Fine(ids.clone())));
        let answer = Answer::Pool { next, ids: ids.clone() };
        prop_assert_eq!(read_answer(&fine(&answer), pool), Ok(Reply::Fine((next, ids))));
        let answer = Answer::BlockTxs(txs.clone());
        prop_assert_eq!(read_answer(&fine(&answer), block_txs), Ok(Reply::Fine(txs)));
        let answer = Answer::Txs(found.clone());
        prop_assert_eq!(read_answer(&fine(&answer), super::txs), Ok(Reply::Fine(found)));
        let answer = Answer::Bodies(raw.clone());
        prop_assert_eq!(read_answer(&fine(&answer), |reader| bodies(reader, 40)), Ok(Reply::Fine(raw)));
    }

    #[test]
    fn statuses_round_trip(status in any_status()) {
        let bytes = Answer::Status(status).encode();
        prop_assert_eq!(bytes.len(), 1 + STATUS_BYTES);
        prop_assert_eq!(read_answer(&bytes, super::status), Ok(Reply::Fine(status)));
    }
}

#[test]
fn headers_round_trip_up_to_their_limit() {
    let chain = testing::chain(BlockId::ZERO, 2_000);
    let bytes = Answer::Headers(chain.clone()).encode();
    assert!(bytes.len() < 1024 * 1024);
    assert_eq!(read_answer(&bytes, headers), Ok(Reply::Fine(chain.clone())));
    let over: Vec<Header> = chain.iter().chain(&chain[..1]).cloned().collect();
    let refused = read_answer(&Answer::Headers(over).encode(), headers);
    assert!(matches!(refused, Err(DecodeError::BadField { value: 2_001, .. })));
}

#[test]
fn results_other_than_fine() {
    let read = |answer: Answer| read_answer(&answer.encode(), nothing);
    assert_eq!(read(Answer::Done), Ok(Reply::Fine(())));
    assert_eq!(read(Answer::NotHere), Ok(Reply::NotHere));
    assert_eq!(read(Answer::BadRequest), Ok(Reply::BadRequest));
    let limited = Answer::RateLimited { retry_after_ms: 700 };
    assert_eq!(limited.encode(), [1, 0xbc, 2, 0, 0]);
    assert_eq!(read(limited), Ok(Reply::RateLimited { retry_after_ms: 700 }));
    assert_eq!(read_answer(&[4], nothing), Err(DecodeError::BadField { what: "the result", value: 4 }));
    assert_eq!(read_answer(&[2, 0], nothing), Err(DecodeError::TrailingBytes(1)));
    assert!(read_answer(&[], nothing).is_err());
}

#[test]
fn the_ids_of_an_announcement_in_short_are_found_among_those_that_are_known() {
    let (full, short) = block(100);
    let ids = full.wtxids.clone().unwrap();
    let others: Vec<Wtxid> = (1_000..9_000).map(|nonce| testing::tx(nonce).wtxid()).collect();
    let known = others.iter().chain(ids.iter().rev()).copied();
    let found: Vec<Option<Wtxid>> = ids.iter().copied().map(Some).collect();
    assert_eq!(short.find(known), found, "in the block's order, whatever theirs is");
    let part = short.find(ids[1..].iter().copied());
    assert_eq!((part[0], &part[1..]), (None, &found[1..]), "one is not here");
    let mut bytes = Question::Compact(Box::new(short)).encode();
    assert!(bytes.len() < full.encode().len() / 4);
    // The first takes the place of the second as well.
    let at = bytes.len() - 100 * 5;
    bytes.copy_within(at..at + 5, at + 5);
    let Ok(Question::Compact(twice)) = Question::decode(Protocol::Compact, &bytes) else {
        panic!("refused for its form")
    };
    assert_eq!(twice.find(ids.iter().copied()).iter().flatten().count(), 99);
}

#[test]
fn ids_are_short_in_another_way_in_each_block() {
    let (full, short) = block(32);
    let txs: Vec<_> = (0..32).map(testing::tx).collect();
    let other = Announcement::new(testing::header(BlockId::ZERO, 2, &txs), &full.wtxids.unwrap());
    let (one, two) =
        (Question::Compact(Box::new(short)), Question::Compact(Box::new(Compact::of(&other).unwrap())));
    let (one, two) = (one.encode(), two.encode());
    let ids = |bytes: &[u8]| bytes[bytes.len() - 32 * 5..].to_vec();
    assert!(ids(&one).chunks(5).zip(ids(&two).chunks(5)).all(|(one, two)| one != two));
}

#[test]
fn few_ids_and_ids_that_are_not_carried_have_no_short_form() {
    let txs: Vec<_> = (0..22).map(testing::tx).collect();
    let few = Announcement::new(testing::header(BlockId::ZERO, 1, &txs), &testing::ids(&txs));
    assert_eq!(Compact::of(&few), None);
    let (full, _) = block(40);
    assert_eq!(Compact::of(&Announcement { wtxids: None, ..full }), None);
}

#[test]
fn counts_over_their_limits_are_refused_by_name() {
    let refused = |protocol, bytes: &[u8]| match Question::decode(protocol, bytes) {
        Err(DecodeError::BadField { value, .. }) => value,
        other => panic!("not refused for a field: {other:?}"),
    };
    assert_eq!(refused(Protocol::Headers, &[0xd1, 7, 0]), 2_001);
    assert_eq!(refused(Protocol::Headers, &[0, 0, 65]), 65);
    assert_eq!(refused(Protocol::Bodies, &[17]), 17);
    assert_eq!(refused(Protocol::Announce, &[1, 1]), 257);
    assert_eq!(refused(Protocol::Txs, &[1, 1]), 257);
    assert_eq!(refused(Protocol::Push, &[2]), 2);
    assert_eq!(refused(Protocol::Peers, &[65]), 65);
    let pool = [&[0; 32][..], &2_001u16.to_le_bytes()].concat();
    assert_eq!(refused(Protocol::Pool, &pool), 2_001);
    let twice = [&[0; 32][..], &[2, 0], &[5, 0, 0, 0, 5, 0, 0, 0]].concat();
    assert_eq!(refused(Protocol::BlockTxs, &twice), 5);
}

#[test]
fn a_count_without_its_bytes_allocates_nothing() {
    let truncated = |error| matches!(error, DecodeError::Truncated { .. });
    let ids = read_answer(&[0, 0xff, 0xff, 0xff, 0xff], block_ids);
    assert!(truncated(ids.unwrap_err()));
    assert!(truncated(read_answer(&[0, 0xff, 0xff], block_txs).unwrap_err()));
    assert!(truncated(read_answer(&[0, 0xd0, 7], headers).unwrap_err()));
    assert!(truncated(read_answer(&[0, 64], |reader| peers(reader, 99)).unwrap_err()));
    assert!(truncated(Question::decode(Protocol::Txs, &[0, 1]).unwrap_err()));
    let indices = [&[0; 32][..], &[0xff, 0xff]].concat();
    assert!(truncated(Question::decode(Protocol::BlockTxs, &indices).unwrap_err()));
}

#[test]
fn bodies_keep_to_their_number_and_size() {
    let read = |bytes: &[u8]| read_answer(bytes, |reader| bodies(reader, 3));
    assert!(read(&[0]).is_err(), "at least one entry");
    assert_eq!(read(&[0; 17]), Ok(Reply::Fine(vec![None; 16])));
    assert_eq!(read(&[0; 18]), Err(DecodeError::TrailingBytes(1)));
    assert_eq!(read(&[0, 1, 4, 0, 0, 0, 9, 9, 9, 9]), Err(DecodeError::TooLarge { size: 4, limit: 3 }));
    assert_eq!(read(&[0, 2]), Err(DecodeError::BadField { what: "the mark of a body", value: 2 }));
}

#[test]
fn an_answer_of_transactions_ends_at_its_limit() {
    let bytes = vec![0; 1 + 2 * 257];
    assert_eq!(read_answer(&bytes, txs), Err(DecodeError::TrailingBytes(2)));
    let large = [0, 0x01, 0x40];
    assert_eq!(read_answer(&large, txs), Err(DecodeError::TooLarge { size: 16_385, limit: 16_384 }));
}

#[test]
fn an_announcement_carries_exactly_the_ids_its_header_counts() {
    let txs = [testing::tx(1), testing::tx(2), testing::tx(3)];
    let header = testing::header(BlockId::ZERO, 5, &txs);
    let announcement = Announcement::new(header.clone(), &testing::ids(&txs));
    let bytes = announcement.encode();
    assert_eq!(Announcement::decode(&bytes), Ok(announcement.clone()));
    assert!(announcement.ids_match());
    assert!(Announcement::decode(&bytes[..bytes.len() - 32]).is_err());
    assert!(Announcement::decode(&[&bytes[..], &[0; 32]].concat()).is_err());

    let mut mutated = testing::ids(&txs);
    mutated.swap(0, 1);
    assert!(!Announcement { header, wtxids: Some(mutated) }.ids_match());
}

#[test]
fn ids_of_larger_blocks_are_left_out() {
    let content = *testing::header(BlockId::ZERO, 5, &[]).content();
    let large = starling_primitives::Content { tx_count: MAX_ANNOUNCED_TXS + 1, ..content };
    let header = Header::new(*testing::header(BlockId::ZERO, 5, &[]).work(), &[0, 0], large).unwrap();
    let ids = vec![Wtxid::ZERO; 8_193];
    let bytes = Announcement::new(header, &ids).encode();
    assert!(bytes.len() < 400);
    let read = Announcement::decode(&bytes).unwrap();
    assert!(read.wtxids.is_none() && read.ids_match());
    assert!(Announcement::decode(&[&bytes[..], &[0; 32]].concat()).is_err());
}
