//! What tests build: transactions, chains of headers, peers.

use crate::wire::Announcement;
use libp2p::PeerId;
use libp2p::multihash::Multihash;
use starling_primitives::{
    Address, Amount, Auth, Bits, BlockId, Content, Header, HistoryRoot, Memo, Output, Policy, StateRoot,
    Transaction, UnsignedTransaction, WorkHeader, Wtxid, tx_root,
};
use std::sync::Arc;

/// The `n`-th peer, always the same.
pub(crate) fn peer(n: u8) -> PeerId {
    // Code 0 is the identity hash, the form of the id of a short key.
    let hash = Multihash::<64>::wrap(0, &[n; 36]).expect("36 bytes fit");
    PeerId::from_multihash(hash).expect("an identity hash of at most 42 bytes")
}

/// A well-formed transaction, another for each nonce; its signature is not one.
pub(crate) fn tx(nonce: u64) -> Arc<Transaction> {
    let unsigned = UnsignedTransaction {
        chain_id: 7,
        nonce,
        fee: Amount::ZERO,
        valid_until: 0,
        outputs: vec![Output { to: Address::new([1; 20]), amount: Amount::MAX }],
        memo: Memo::default(),
        policy: Policy::Single([2; 32]),
    };
    Arc::new(unsigned.with_auth(&Auth::Single([3; 64])).expect("well formed"))
}

/// The ids of transactions.
pub(crate) fn ids(txs: &[Arc<Transaction>]) -> Vec<Wtxid> {
    txs.iter().map(|tx| tx.wtxid()).collect()
}

/// A header at `height` upon `parent` that commits to these transactions.
pub(crate) fn header(parent: BlockId, height: u32, txs: &[Arc<Transaction>]) -> Header {
    let bytes: usize = txs.iter().map(|tx| 2 + tx.size()).sum();
    let content = Content {
        height,
        miner: Address::new([9; 20]),
        tx_count: u32::try_from(txs.len()).expect("few"),
        body_bytes: u32::try_from(bytes).expect("few"),
        tx_root: tx_root(ids(txs)),
        state_root: StateRoot::ZERO,
        history_root: HistoryRoot::ZERO,
    };
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent,
        root: [0; 32],
        time: height,
        bits: Bits::new(0x207f_ffff),
        nonce: 0,
    };
    Header::new(work, &[0, 0], content).expect("well formed")
}

/// `count` empty blocks on genesis: heights 1 to `count`.
pub(crate) fn chain(genesis: BlockId, count: u32) -> Vec<Header> {
    let mut parent = genesis;
    let step = |height| {
        let header = header(parent, height, &[]);
        parent = header.id();
        header
    };
    (1..=count).map(step).collect()
}

/// The announcement of a block.
pub(crate) fn announcement(header: &Header, txs: &[Arc<Transaction>]) -> Vec<u8> {
    Announcement::new(header.clone(), &ids(txs)).encode()
}
