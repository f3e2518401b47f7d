//! The golden messages: each decodes and encodes to itself, each refusal has its name.

use super::super::answer::{self, Reply, read_answer};
use super::*;
use serde_json::Value;
use starling_primitives::{DecodeError, tagged};

const FILE: &str = include_str!("../../../../primitives/tests/golden/wire.json");

fn entries(section: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(FILE).unwrap();
    file[section].as_array().unwrap().clone()
}

fn bytes(entry: &Value, field: &str) -> Vec<u8> {
    hex::decode(entry[field].as_str().unwrap()).unwrap()
}

/// Refused where the number of ids that were asked for is known: by the machines of sync and relay.
const COUNTED: [&str; 2] = ["more than asked", "a transaction too few"];

/// The protocol of this name.
fn protocol(name: &str) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| protocol.name(0).ends_with(&format!("/{name}")))
}

/// A question decoded and encoded again; what is pushed must decode as well.
fn again_question(protocol: Protocol, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let question = Question::decode(protocol, bytes)?;
    match &question {
        Question::Push { topic: Topic::Block, data } => drop(Announcement::decode(data)?),
        Question::Push { topic: Topic::Tx, data } => drop(Transaction::decode(data)?),
        _ => {}
    }
    Ok(question.encode())
}

/// An answer decoded and encoded again.
fn again_answer(entry: &Value, protocol: Protocol, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let limit = u32::try_from(entry["max_body_bytes"].as_u64().unwrap_or(4 << 20)).unwrap();
    let reply = match protocol {
        Protocol::Status => read_answer(bytes, answer::status)?.map(Answer::Status),
        Protocol::Headers => read_answer(bytes, answer::headers)?.map(Answer::Headers),
        Protocol::Bodies => read_answer(bytes, |reader| answer::bodies(reader, limit))?.map(Answer::Bodies),
        Protocol::BlockIds => read_answer(bytes, answer::block_ids)?.map(Answer::BlockIds),
        Protocol::BlockTxs => read_answer(bytes, answer::block_txs)?.map(Answer::BlockTxs),
        Protocol::Pool => read_answer(bytes, answer::pool)?.map(|(next, ids)| Answer::Pool { next, ids }),
        Protocol::Txs => read_answer(bytes, answer::txs)?.map(Answer::Txs),
        Protocol::Peers => {
            read_answer(bytes, |reader| answer::peers(reader, crate::addresses::MAX_SIGNED_BYTES))?
                .map(|records| Answer::Peers(records.into_iter().map(Arc::from).collect()))
        }
        Protocol::Announce | Protocol::Push | Protocol::Compact | Protocol::SendCompact => {
            read_answer(bytes, answer::nothing)?.map(|()| Answer::Done)
        }
    };
    Ok(reply.encode())
}

impl<T> Reply<T> {
    fn map(self, fine: impl FnOnce(T) -> Answer) -> Answer {
        match self {
            Self::Fine(body) => fine(body),
            Self::RateLimited { retry_after_ms } => Answer::RateLimited { retry_after_ms },
            Self::NotHere => Answer::NotHere,
            Self::BadRequest => Answer::BadRequest,
        }
    }
}

fn again(entry: &Value, name: &str, bytes: &[u8]) -> Option<Result<Vec<u8>, DecodeError>> {
    if name == "block/1" {
        return Some(Announcement::decode(bytes).map(|announcement| announcement.encode()));
    }
    let protocol = protocol(name)?;
    Some(match entry["direction"].as_str().unwrap() {
        "request" => again_question(protocol, bytes),
        _ => again_answer(entry, protocol, bytes),
    })
}

#[test]
fn every_golden_message_is_read_and_written() {
    let mut read = 0;
    for entry in entries("cases") {
        let message = bytes(&entry, "message");
        let length = u32::try_from(message.len()).unwrap();
        assert_eq!(bytes(&entry, "frame_len"), length.to_le_bytes());
        if let Some(written) = again(&entry, entry["protocol"].as_str().unwrap(), &message) {
            assert_eq!(written, Ok(message), "{}", entry["name"]);
            read += 1;
        }
    }
    assert_eq!(read, 36, "all of them");
}

#[test]
fn every_golden_refusal_has_its_name() {
    let mut refused = 0;
    for entry in entries("refused") {
        if COUNTED.contains(&entry["name"].as_str().unwrap()) {
            continue;
        }
        if let Some(result) = again(&entry, entry["decoder"].as_str().unwrap(), &bytes(&entry, "bytes")) {
            let error = result.expect_err(&entry.to_string());
            assert_eq!(error.code(), entry["error"].as_str().unwrap(), "{}: {error}", entry["name"]);
            refused += 1;
        }
    }
    assert_eq!(refused, 55, "all but the two that are counted");
}

#[test]
fn the_golden_short_ids_are_those_of_the_golden_block() {
    let named = |list, name| entries(list).into_iter().find(|entry: &Value| entry["name"] == name).unwrap();
    let block = Announcement::decode(&bytes(&named("gossip", "a block"), "data")).unwrap();
    let message = bytes(&named("cases", "block in short"), "message");
    let question = Question::decode(Protocol::Compact, &message);
    let Ok(Question::Compact(short)) = question else { panic!("{question:?}") };
    let ids = block.wtxids.unwrap();
    assert_eq!(short.find(ids.iter().copied()), ids.into_iter().map(Some).collect::<Vec<_>>());
}

#[test]
fn topics_and_message_ids_are_the_golden_ones() {
    for entry in entries("gossip") {
        let chain = u32::try_from(entry["chain_id"].as_u64().unwrap()).unwrap();
        let topic =
            Topic::ALL.into_iter().find(|topic| topic.name(chain).ends_with(entry["path"].as_str().unwrap()));
        let name = topic.unwrap().name(chain);
        assert_eq!(name, entry["topic"].as_str().unwrap());
        let length = [u8::try_from(name.len()).unwrap()];
        let id = tagged("starling/gossip", &[&length, name.as_bytes(), &bytes(&entry, "data")]);
        assert_eq!(hex::encode(&id[..20]), entry["id"].as_str().unwrap());
    }
}
