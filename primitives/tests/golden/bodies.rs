//! `bodies.json`: bodies, their trees level by level, a block.

use crate::data::{example_hash, section, transaction};
use starling_primitives::{Block, Transaction, Wtxid, decode_body, encode_body, node, tx_root};
use std::sync::Arc;

const FILE: &str = include_str!("bodies.json");

fn body(txs: &[Vec<u8>]) -> Vec<Arc<Transaction>> {
    txs.iter().map(|bytes| Arc::new(transaction(bytes))).collect()
}

#[test]
fn bodies_have_their_bytes_and_roots() {
    for case in section(FILE, "cases") {
        let (name, bytes) = (case.name(), case.bytes("body"));
        assert_eq!(bytes.len(), case.number::<usize>("body_bytes"), "{name}");
        let txs = decode_body(&bytes, case.number("tx_count")).unwrap();
        assert_eq!(encode_body(&txs), bytes, "{name}");
        let wtxids: Vec<_> = txs.iter().map(|tx| *tx.wtxid().as_bytes()).collect();
        assert_eq!(wtxids, case.hash_list("wtxids"), "{name}");
        let root = tx_root(txs.iter().map(|tx| tx.wtxid()));
        assert_eq!(root.to_string(), case.text("tx_root"), "{name}");
        let levels = case.levels("levels");
        assert_eq!(levels.first().cloned().unwrap_or_default(), wtxids, "{name}");
        for (below, above) in levels.iter().zip(&levels[1.min(levels.len())..]) {
            let join = |pair: &[[u8; 32]]| if pair.len() == 2 { node(&pair[0], &pair[1]) } else { pair[0] };
            assert_eq!(&below.chunks(2).map(join).collect::<Vec<_>>(), above, "{name}");
        }
        assert_eq!(levels.last().map_or([0; 32], |top| top[0]), *root.as_bytes(), "{name}");
    }
}

#[test]
fn roots_of_many_counts() {
    for case in section(FILE, "roots") {
        let root = tx_root((0..case.number("count")).map(|i| Wtxid::new(example_hash(i))));
        assert_eq!(root.to_string(), case.text("tx_root"), "{}", case.name());
    }
}

#[test]
fn blocks_have_their_bytes() {
    for case in section(FILE, "blocks") {
        let block = Block::decode(&case.bytes("block"), case.number("max_body_bytes")).unwrap();
        assert_eq!(block.encode(), case.bytes("block"), "{}", case.name());
        assert_eq!(block.txs, body(&case.hex_list("txs")), "{}", case.name());
        let content = block.header.content();
        assert_eq!(usize::try_from(content.tx_count), Ok(block.txs.len()));
        assert_eq!(usize::try_from(content.body_bytes), Ok(encode_body(&block.txs).len()));
        assert_eq!(content.tx_root, tx_root(block.txs.iter().map(|tx| tx.wtxid())));
    }
}

#[test]
fn wrong_bytes_are_refused_by_name() {
    for case in section(FILE, "refused") {
        let bytes = case.bytes("bytes");
        let error = match case.text("decoder") {
            "body" => decode_body(&bytes, case.number("tx_count")).unwrap_err(),
            "block" => Block::decode(&bytes, case.number("max_body_bytes")).unwrap_err(),
            other => panic!("{other} is no decoder"),
        };
        assert_eq!(error.code(), case.text("error"), "{}", case.name());
    }
}
