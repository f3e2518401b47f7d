//! `headers.json`: the three parts of a header, the coinbase between them, ids and pow hashes. (What breaks
//! rules without breaking the format is refused by `consensus`.)

use crate::data::{Entry, section};
use starling_primitives::{
    Bits, BlockId, Content, Header, HistoryRoot, PowKind, StateRoot, TxRoot, WorkHeader, tagged,
};

const FILE: &str = include_str!("headers.json");

fn content(case: &Entry) -> Content {
    Content {
        height: case.number("height"),
        miner: case.address("miner"),
        tx_count: case.number("tx_count"),
        body_bytes: case.number("body_bytes"),
        tx_root: TxRoot::new(case.array("tx_root")),
        state_root: StateRoot::new(case.array("state_root")),
        history_root: HistoryRoot::new(case.array("history_root")),
    }
}

fn work(case: &Entry) -> WorkHeader {
    WorkHeader {
        version: case.hex_number("version"),
        parent: BlockId::new(case.array("parent")),
        root: case.array("root"),
        time: case.number("time"),
        bits: Bits::new(case.hex_number("bits")),
        nonce: case.number("nonce"),
    }
}

#[test]
fn headers_have_their_bytes_and_ids() {
    for case in section(FILE, "cases") {
        let (name, content, work) = (case.name(), content(&case), work(&case));
        assert_eq!(content.encode(), case.bytes("content"), "{name}");
        assert_eq!(content.commitment().to_string(), case.text("commitment"), "{name}");
        assert_eq!(work.encode().to_vec(), case.bytes("work"), "{name}");
        let header = Header::new(work, &case.bytes("extra"), content).unwrap();
        assert_eq!(header.encode(), case.bytes("header"), "{name}");
        assert_eq!(header.encode().len(), case.number::<usize>("size"), "{name}");
        assert_eq!(Header::decode(&case.bytes("header")).as_ref(), Ok(&header), "{name}");
        assert_eq!(header.id().as_bytes().to_vec(), case.bytes("id"), "{name}");
        assert_eq!(header.id().to_string(), case.text("id_display"), "{name}");
        assert_eq!(case.text("id_display").parse(), Ok(header.id()), "{name}");
    }
}

#[test]
fn the_root_is_the_hash_of_the_rebuilt_coinbase() {
    for case in section(FILE, "cases") {
        let header = Header::decode(&case.bytes("header")).unwrap();
        let (coinbase, script) = (header.coinbase(), case.bytes("script"));
        assert_eq!(coinbase.as_bytes(), case.bytes("coinbase"), "{}", case.name());
        assert_eq!(coinbase.root(), case.array("root"), "{}", case.name());
        let (len, rest) = coinbase.as_bytes()[41..].split_first().unwrap();
        assert_eq!(usize::from(*len), script.len(), "{}", case.name());
        assert!(rest.starts_with(&script), "{}", case.name());
    }
}

#[test]
fn pow_hashes_follow_the_chain_s_kind() {
    for case in section(FILE, "cases") {
        let work = *Header::decode(&case.bytes("header")).unwrap().work();
        let inner = tagged("starling/pow", &[&work.encode()]);
        assert_eq!(inner, case.array("pow_tagged_inner"), "{}", case.name());
        for (kind, name) in [(PowKind::Sha256d, "sha256d"), (PowKind::Sha256dTagged, "sha256d_tagged")] {
            let hash = work.pow_hash(kind);
            assert_eq!(hash, case.array(&format!("pow_{name}")), "{}", case.name());
            let met = work.bits.target().unwrap().is_met_by(&hash);
            assert_eq!(met, case.flag(&format!("meets_{name}")), "{}", case.name());
        }
    }
}

#[test]
fn wrong_bytes_are_refused_by_name() {
    for case in section(FILE, "refused") {
        assert_eq!(case.text("decoder"), "header");
        let read = Header::decode(&case.bytes("bytes"));
        match case.text("stage") {
            "decode" => assert_eq!(read.unwrap_err().code(), case.text("error"), "{}", case.name()),
            _ => assert!(read.is_ok(), "{} breaks a rule, not the format", case.name()),
        }
    }
}
