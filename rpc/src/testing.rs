//! A node for tests: fixed answers, and what was asked for in them where it can be seen.

use crate::api::{ApiResult, NodeApi, PageRequest};
use crate::error::{ApiError, ErrorKind};
use crate::types::*;
use serde_json::json;
use starling_primitives::history;
use starling_primitives::state::{self, Found, StateKey};
use starling_primitives::{
    Address, Amount, Auth, Bits, BlockId, Commitment, Content, GenesisId, Header, HistoryRoot, Memo, Output,
    Policy, Prefix, StateRoot, Transaction, TxId, TxRoot, UnsignedTransaction, Work, WorkHeader,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, broadcast};

/// Messages that a subscriber may fall behind.
pub(crate) const EVENTS_KEPT: usize = 16;
/// Blocks of the fake chain.
pub(crate) const TIP_HEIGHT: u32 = 7;

pub(crate) struct FakeNode {
    pub(crate) heads: broadcast::Sender<Event<Head>>,
    pub(crate) txs: broadcast::Sender<Event<PoolTx>>,
    pub(crate) raw_bytes: usize,
    pub(crate) reason: Option<String>,
    /// Whether the node never says how it is.
    pub(crate) hangs: bool,
    /// What `mempool_info` and `chain_getRaw` take one permit of, and how many calls of the former wait or
    /// waited for one.
    pub(crate) gate: Semaphore,
    pub(crate) waiting: AtomicUsize,
    /// Blocks given by `chain_getRaw`.
    pub(crate) raw_answers: AtomicUsize,
    pub(crate) submitted: AtomicUsize,
}

impl Default for FakeNode {
    fn default() -> Self {
        Self {
            heads: broadcast::Sender::new(EVENTS_KEPT),
            txs: broadcast::Sender::new(EVENTS_KEPT),
            raw_bytes: 3,
            reason: None,
            hangs: false,
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            waiting: AtomicUsize::new(0),
            raw_answers: AtomicUsize::new(0),
            submitted: AtomicUsize::new(0),
        }
    }
}

pub(crate) fn prefix() -> Prefix {
    Prefix::new("dstar").unwrap()
}

pub(crate) fn genesis() -> GenesisId {
    GenesisId::new([9; 32])
}

pub(crate) fn address(byte: u8) -> String {
    Address::new([byte; 20]).to_text(&prefix())
}

/// A well-formed payment; nobody checks its signature here.
pub(crate) fn payment(nonce: u64) -> Transaction {
    let unsigned = UnsignedTransaction {
        chain_id: genesis().chain_id(),
        nonce,
        fee: Amount::from_motes(16_900_000_000_000).unwrap(),
        valid_until: 0,
        outputs: vec![Output { to: Address::new([2; 20]), amount: Amount::from_star("1.5").unwrap() }],
        memo: Memo::new(b"hi").unwrap(),
        policy: Policy::Single([3; 32]),
    };
    unsigned.with_auth(&Auth::Single([4; 64])).unwrap()
}

pub(crate) fn header(height: u32) -> Header {
    let content = Content {
        height,
        miner: Address::new([1; 20]),
        tx_count: 1,
        body_bytes: 173,
        tx_root: TxRoot::new([5; 32]),
        state_root: StateRoot::new([6; 32]),
        history_root: HistoryRoot::new([7; 32]),
    };
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent: BlockId::new([8; 32]),
        root: [0xaa; 32],
        time: 1_700_000_000 + height,
        bits: Bits::new(0x207f_ffff),
        nonce: 42,
    };
    Header::new(work, b"tag", content).unwrap()
}

pub(crate) fn head(height: u32) -> Head {
    let header = header(height);
    Head {
        id: header.id(),
        height,
        parent: header.parent(),
        time: header.work().time,
        bits: header.work().bits,
        work: Work::from_be_bytes([1; 32]),
        miner: address(1),
        tx_count: 1,
        body_bytes: 173,
    }
}

fn header_info(height: u32) -> HeaderInfo {
    let place = HeaderPlace { work: Work::from_be_bytes([1; 32]), confirmations: 1, canonical: true };
    HeaderInfo::new(&header(height), &prefix(), place)
}

fn height_of(block: BlockRef) -> ApiResult<u32> {
    let missing = |block: BlockRef| {
        let error =
            ApiError::new(ErrorKind::NotFound, "block_not_found", format!("there is no block {block}"));
        Err(error.hint("ask chain_info for the tip").value("block", block))
    };
    match block {
        BlockRef::Tip => Ok(TIP_HEIGHT),
        BlockRef::Height(height) if height <= TIP_HEIGHT => Ok(height),
        BlockRef::Id(id) => {
            (0..=TIP_HEIGHT).find(|h| header(*h).id() == id).map_or_else(|| missing(block), Ok)
        }
        BlockRef::Height(_) => missing(block),
    }
}

fn mining_info(payout: Option<Address>, threads: u32) -> MiningInfo {
    MiningInfo {
        mining: threads > 0,
        threads,
        payout: payout.map(|address| address.to_text(&prefix())),
        hash_rate: 0.5,
        blocks_found: 2,
        network_hash_rate: 1.5,
        difficulty: 2.0,
        height: TIP_HEIGHT + 1,
        reason: None,
    }
}

impl NodeApi for FakeNode {
    async fn chain_info(&self) -> ApiResult<ChainInfo> {
        Ok(ChainInfo {
            chain: "dev".to_owned(),
            chain_id: genesis().chain_id(),
            genesis: genesis(),
            height: TIP_HEIGHT,
            tip: header(TIP_HEIGHT).id(),
            time: header(TIP_HEIGHT).work().time,
            bits: Bits::new(0x207f_ffff),
            work: Work::from_be_bytes([1; 32]),
            supply: Amount::from_star("100084").unwrap(),
            synced: true,
            stage: SyncStage::Synced,
            target_height: TIP_HEIGHT,
            sync: SyncInfo::default(),
            warnings: vec![],
            prefix: "dstar".to_owned(),
            pow: "sha256d".to_owned(),
            interval: 12,
            difficulty: 2.0,
            hash_rate: 1.5,
            account_charge: Amount::from_star("0.01").unwrap(),
            pruned_below: None,
        })
    }

    async fn chain_get_block(&self, block: BlockRef) -> ApiResult<BlockInfo> {
        let txs = vec![TxInfo::new(&payment(0), &genesis(), &prefix())];
        Ok(BlockInfo { header: header_info(height_of(block)?), txs })
    }

    async fn chain_get_header(&self, block: BlockRef) -> ApiResult<HeaderInfo> {
        height_of(block).map(header_info)
    }

    async fn chain_get_raw(&self, block: BlockRef, part: BlockPart) -> ApiResult<Vec<u8>> {
        height_of(block)?;
        let byte = match part {
            BlockPart::Header => 0xaa,
            BlockPart::Body => 0xbb,
            BlockPart::Block => 0xcc,
        };
        self.gate.acquire().await.unwrap().forget();
        self.raw_answers.fetch_add(1, Ordering::SeqCst);
        Ok(vec![byte; self.raw_bytes])
    }

    async fn chain_get_headers(&self, from: u32, count: u32) -> ApiResult<HeaderList> {
        let heights = (from..=TIP_HEIGHT).take(usize::try_from(count).unwrap());
        Ok(HeaderList { headers: heights.map(header_info).collect() })
    }

    async fn chain_get_tips(&self) -> ApiResult<ChainTips> {
        let (id, work) = (header(TIP_HEIGHT).id(), Work::from_be_bytes([1; 32]));
        let tip =
            ChainTip { id, height: TIP_HEIGHT, fork_height: TIP_HEIGHT, work, status: TipStatus::Active };
        Ok(ChainTips { tips: vec![tip] })
    }

    /// Takes even nonces.
    async fn tx_submit(&self, txs: Vec<Transaction>) -> ApiResult<Vec<ApiResult<TxId>>> {
        self.submitted.fetch_add(txs.len(), Ordering::SeqCst);
        let submit = |tx: &Transaction| match tx.unsigned().nonce {
            nonce if nonce % 2 == 0 => Ok(tx.txid(&genesis())),
            nonce => {
                let error = ApiError::new(ErrorKind::Refused, "nonce_too_low", "odd");
                Err(error.hint("take an even one").value("nonce", nonce))
            }
        };
        Ok(txs.iter().map(submit).collect())
    }

    async fn tx_get(&self, txid: TxId) -> ApiResult<TxReport> {
        let tx = TxInfo::new(&payment(0), &genesis(), &prefix());
        let known = tx.txid == txid;
        let details = json!({"peers": 3}).as_object().unwrap().clone();
        Ok(TxReport {
            tx: known.then_some(tx),
            status: if known { TxStatus::Mined } else { TxStatus::Unknown },
            block: known.then(|| header(TIP_HEIGHT).id()),
            height: known.then_some(TIP_HEIGHT),
            confirmations: u32::from(known),
            events: vec![TxEvent { time: 5, what: "announced".to_owned(), details }],
            reversal_risk: ReversalRisk::after(u32::from(known)),
        })
    }

    async fn tx_decode(&self, tx: Transaction) -> ApiResult<TxInfo> {
        Ok(TxInfo::new(&tx, &genesis(), &prefix()))
    }

    async fn tx_estimate_fee(&self) -> ApiResult<FeeEstimate> {
        let motes = |motes| Amount::from_motes(motes).unwrap();
        let per_byte = FeePerByte { within_1: motes(3), within_3: motes(2), within_10: motes(1) };
        Ok(FeeEstimate { per_byte, floor: motes(1) })
    }

    async fn account_get(&self, address: Address) -> ApiResult<Account> {
        Ok(Account {
            address: address.to_text(&prefix()),
            balance: Amount::MAX,
            nonce: 3,
            pending_balance: Amount::ZERO,
            pending_nonce: 4,
        })
    }

    async fn tx_get_proof(&self, txid: TxId) -> ApiResult<TxProof> {
        if txid != payment(0).txid(&genesis()) {
            let error = ApiError::new(ErrorKind::NotFound, "tx_not_mined", "no block has it");
            return Err(error.hint("wait"));
        }
        let proof = starling_primitives::TxProof { index: 1, count: 2, siblings: vec![[3; 32]] };
        Ok(TxProof::new(&header(TIP_HEIGHT), payment(0).wtxid(), proof))
    }

    /// The account is absent at the tip; at height 1 another one is in its place.
    async fn account_get_proof(&self, address: Address, block: BlockRef) -> ApiResult<AccountProof> {
        let height = height_of(block)?;
        let found = match height {
            0 => Found::Value(vec![1; 23]),
            1 => Found::Other(state::OtherLeaf { key: StateKey::new([2; 32]), value: vec![3; 23] }),
            _ => Found::Nothing,
        };
        let proof = state::Proof { found, bitmap: [0x80; 32], siblings: vec![[4; 32], [5; 32]] };
        let key = StateKey::account(&address);
        Ok(AccountProof::new(address.to_text(&prefix()), &header(height), &key, proof))
    }

    async fn history_get_proof(&self, block: BlockRef) -> ApiResult<HistoryProof> {
        let block = header(height_of(block)?);
        let (time, bits) = (block.work().time, block.work().bits);
        let work = Work::from_be_bytes([1; 32]);
        let leaf = history::Leaf { id: block.id(), height: block.height(), time, bits, work };
        let right_bag = (block.height() == 0).then_some([6; 32]);
        let (siblings, left_peaks) = (vec![[7; 32]], vec![[8; 32]]);
        let (index, count) = (block.height(), TIP_HEIGHT);
        let proof = history::Proof { index, count, siblings, right_bag, left_peaks };
        Ok(HistoryProof::new(&header(TIP_HEIGHT), leaf, proof))
    }

    async fn account_history(&self, address: Address, page: PageRequest) -> ApiResult<AccountHistory> {
        let entry = HistoryEntry {
            kind: HistoryKind::Mined,
            txid: None,
            amount: Amount::from_star("12").unwrap(),
            fee: None,
            block: header(1).id(),
            height: page.limit,
            time: 1,
        };
        let address = address.to_text(&prefix());
        Ok(AccountHistory { address, entries: vec![entry], next_cursor: page.cursor })
    }

    async fn mempool_info(&self) -> ApiResult<MempoolInfo> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        let per_byte = Amount::from_motes(7).unwrap();
        let fee_histogram = vec![FeeBand { per_byte, count: 1, bytes: 169 }];
        Ok(MempoolInfo { count: 1, bytes: 169, max_bytes: 1_000, floor: per_byte, waiting: 0, fee_histogram })
    }

    async fn mempool_list(&self, page: PageRequest) -> ApiResult<MempoolPage> {
        let tx = payment(0);
        let tx = PoolTx {
            txid: tx.txid(&genesis()),
            wtxid: tx.wtxid(),
            from: address(3),
            nonce: 0,
            fee: tx.unsigned().fee,
            size: page.limit,
            time: 1,
        };
        let entry = MempoolEntry { tx, per_byte: Amount::ZERO, waiting: false };
        Ok(MempoolPage { txs: vec![entry], next_cursor: page.cursor })
    }

    async fn mining_get_template(&self, payout: Address, extra: Vec<u8>) -> ApiResult<MiningTemplate> {
        assert_eq!(payout, Address::new([1; 20]));
        let header = header(TIP_HEIGHT);
        Ok(MiningTemplate {
            header: header.encode(),
            commitment: Commitment::new([1; 32]),
            height: TIP_HEIGHT,
            parent: header.parent(),
            pow: "sha256d".to_owned(),
            bits: header.work().bits,
            target: header.work().bits.target().unwrap().to_string(),
            min_time: 1,
            max_time: 2,
            tx_count: u32::try_from(extra.len()).unwrap(),
            reward: Amount::from_star("12").unwrap(),
        })
    }

    async fn mining_submit(&self, header: Header) -> ApiResult<MinedBlock> {
        Ok(MinedBlock { id: header.id(), height: header.height(), canonical: true })
    }

    async fn mining_info(&self) -> ApiResult<MiningInfo> {
        Ok(mining_info(None, 0))
    }

    async fn mining_start(&self, payout: Option<Address>, threads: Option<u32>) -> ApiResult<MiningInfo> {
        Ok(mining_info(payout, threads.unwrap_or(1)))
    }

    async fn mining_stop(&self) -> ApiResult<MiningInfo> {
        Ok(mining_info(None, 0))
    }

    async fn mining_generate(&self, count: u32, _payout: Option<Address>) -> ApiResult<Generated> {
        let blocks = (1..=count).map(|height| header(height).id()).collect();
        Ok(Generated { blocks, height: count })
    }

    async fn net_info(&self) -> ApiResult<NetInfo> {
        Ok(NetInfo {
            peer_id: "12D3".to_owned(),
            listen: vec!["/ip4/127.0.0.1/tcp/8644".to_owned()],
            external: vec![],
            reachable: None,
            peers: 1,
            inbound: 1,
            outbound: 0,
            traffic: vec![],
            sent_bytes: 0,
            upload_limit: None,
        })
    }

    async fn net_peers(&self) -> ApiResult<Vec<PeerInfo>> {
        Ok(vec![PeerInfo {
            peer_id: "12D3".to_owned(),
            address: "/ip4/127.0.0.1/tcp/1".to_owned(),
            direction: Direction::Inbound,
            slot: "inbound".to_owned(),
            agent: "starling/0.1".to_owned(),
            height: Some(TIP_HEIGHT),
            score: 0.0,
            why: None,
            latency_ms: Some(1),
            group: None,
            connected_seconds: 9,
        }])
    }

    async fn net_add(&self, address: String) -> ApiResult<NetAdded> {
        Ok(NetAdded { address })
    }

    async fn net_remove(&self, peer: String) -> ApiResult<PeerChanged> {
        Ok(PeerChanged { peer, known: true })
    }

    async fn net_ban(&self, peer_id: String, _seconds: u32) -> ApiResult<PeerChanged> {
        Ok(PeerChanged { peer: peer_id, known: true })
    }

    async fn net_unban(&self, peer_id: String) -> ApiResult<PeerChanged> {
        Ok(PeerChanged { peer: peer_id, known: false })
    }

    async fn net_bans(&self) -> ApiResult<Vec<Ban>> {
        let reason = "undecodable transaction".to_owned();
        Ok(vec![Ban { peer_id: "12D4".to_owned(), remaining_seconds: 60, reason }])
    }

    async fn node_status(&self) -> ApiResult<NodeStatus> {
        Ok(NodeStatus {
            version: "0.1.0".to_owned(),
            uptime_seconds: 1,
            chain: self.chain_info().await?,
            mempool: self.mempool_info().await?,
            net: self.net_info().await?,
            mining: self.mining_info().await?,
            resident_bytes: None,
            memory: MemoryInfo::default(),
        })
    }

    fn subscribe_heads(&self) -> broadcast::Receiver<Event<Head>> {
        self.heads.subscribe()
    }

    fn subscribe_txs(&self) -> broadcast::Receiver<Event<PoolTx>> {
        self.txs.subscribe()
    }

    async fn health(&self) -> ApiResult<Health> {
        if self.hangs {
            std::future::pending().await
        }
        Ok(Health {
            ready: self.reason.is_none(),
            reason: self.reason.clone(),
            height: TIP_HEIGHT,
            target_height: TIP_HEIGHT,
            peers: 1,
            seconds_since_block: 3,
        })
    }
}
