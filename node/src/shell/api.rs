//! What JSON-RPC answers: chain reads from a snapshot, everything else from the core.

mod account;
mod chain;
mod mining;
mod net;
mod proof;
mod tx;

use super::core_task::{CoreGone, CoreHandle};
use super::miner::MinerHandle;
use super::run::Places;
use starling_ledger::{LedgerMemory, Reader, StoreError, View};
use starling_network::NetHandle;
use starling_primitives::{Address, Header, Transaction, TxId};
use starling_rpc::types::{
    Account, AccountHistory, AccountProof, Ban, BlockInfo, BlockPart, BlockRef, ChainInfo, ChainTips, Event,
    FeeEstimate, Generated, Head, HeaderInfo, HeaderList, Health, HistoryProof, MemoryInfo, MempoolInfo,
    MempoolPage, MinedBlock, MiningInfo, MiningTemplate, NetAdded, NetInfo, NodeStatus, PeerChanged,
    PeerInfo, PoolTx, TxInfo, TxProof, TxReport,
};
use starling_rpc::{ApiError, ApiResult, ErrorKind, NodeApi, PageRequest};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::broadcast;

/// What to do about what is the node's own fault.
const LOOK: &str = "look at the node's log";

/// What the API needs to answer.
pub(super) struct Api {
    pub(super) reader: Reader,
    pub(super) core: CoreHandle,
    pub(super) net: NetHandle,
    pub(super) miner: MinerHandle,
    /// Addresses that the node listens on and is known by, as they become known.
    pub(super) places: Arc<Mutex<Places>>,
    /// New tips, as subscribers see them.
    pub(super) heads: broadcast::Sender<Event<Head>>,
    /// Transactions taken into the pool, as subscribers see them.
    pub(super) txs: broadcast::Sender<Event<PoolTx>>,
    pub(super) started: Instant,
    /// Bytes that the process may use.
    pub(super) budget: u64,
    /// Bytes a second that may be sent to peers.
    pub(super) upload_limit: Option<u64>,
    /// Whom `mining_start` pays when it is not told.
    pub(super) payout: Option<Address>,
}

impl Api {
    /// Runs a question on one snapshot of the chain, off the tasks that serve others.
    async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&View<'_>) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let reader = self.reader.clone();
        let done = tokio::task::spawn_blocking(move || f(&reader.view().map_err(internal)?));
        let failed =
            |_| ApiError::new(ErrorKind::Internal, "internal", "the question was not answered").hint(LOOK);
        done.await.map_err(failed)?
    }

    /// Runs a question on the core.
    async fn ask<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut crate::core::Core) -> T + Send + 'static,
    ) -> ApiResult<T> {
        let stopping = |CoreGone| {
            ApiError::new(ErrorKind::Unavailable, "stopping", "the node is stopping")
                .hint("ask again when it is up")
        };
        self.core.call(f).await.map_err(stopping)
    }
}

/// The database failed: not the asker's fault.
fn internal(error: StoreError) -> ApiError {
    tracing::error!(%error, "a question could not be answered");
    ApiError::new(ErrorKind::Internal, "database", error).hint(LOOK)
}

impl NodeApi for Api {
    async fn chain_info(&self) -> ApiResult<ChainInfo> {
        self.info().await
    }

    async fn chain_get_block(&self, block: BlockRef) -> ApiResult<BlockInfo> {
        self.read(move |view| chain::block(view, block)).await
    }

    async fn chain_get_header(&self, block: BlockRef) -> ApiResult<HeaderInfo> {
        self.read(move |view| chain::header(view, block)).await
    }

    async fn chain_get_raw(&self, block: BlockRef, part: BlockPart) -> ApiResult<Vec<u8>> {
        self.read(move |view| chain::raw(view, block, part)).await
    }

    async fn chain_get_headers(&self, from: u32, count: u32) -> ApiResult<HeaderList> {
        self.read(move |view| chain::headers(view, from, count)).await
    }

    async fn chain_get_tips(&self) -> ApiResult<ChainTips> {
        self.ask(chain::tips).await
    }

    async fn tx_submit(&self, txs: Vec<Transaction>) -> ApiResult<Vec<ApiResult<TxId>>> {
        self.submit(txs).await
    }

    async fn tx_get(&self, txid: TxId) -> ApiResult<TxReport> {
        self.report(txid).await
    }

    async fn tx_get_proof(&self, txid: TxId) -> ApiResult<TxProof> {
        self.read(move |view| proof::tx(view, &txid)).await
    }

    async fn tx_decode(&self, tx: Transaction) -> ApiResult<TxInfo> {
        let chain = self.reader.chain();
        Ok(TxInfo::new(&tx, &chain.genesis_id(), &chain.params.prefix))
    }

    async fn tx_estimate_fee(&self) -> ApiResult<FeeEstimate> {
        self.ask(tx::estimate).await
    }

    async fn account_get(&self, address: Address) -> ApiResult<Account> {
        self.ask(move |core| account::get(core, &address)).await?
    }

    async fn account_get_proof(&self, address: Address, block: BlockRef) -> ApiResult<AccountProof> {
        self.prove_account(address, block).await
    }

    async fn history_get_proof(&self, block: BlockRef) -> ApiResult<HistoryProof> {
        self.read(move |view| proof::history(view, block)).await
    }

    async fn account_history(&self, address: Address, page: PageRequest) -> ApiResult<AccountHistory> {
        self.read(move |view| account::history(view, address, &page)).await
    }

    async fn mempool_info(&self) -> ApiResult<MempoolInfo> {
        self.ask(|core| tx::pool_info(core)).await
    }

    async fn mempool_list(&self, page: PageRequest) -> ApiResult<MempoolPage> {
        self.ask(move |core| tx::pool_page(core, &page)).await?
    }

    async fn mining_get_template(&self, payout: Address, extra: Vec<u8>) -> ApiResult<MiningTemplate> {
        self.template(payout, extra).await
    }

    async fn mining_submit(&self, header: Header) -> ApiResult<MinedBlock> {
        self.submit_block(header).await
    }

    async fn mining_info(&self) -> ApiResult<MiningInfo> {
        self.mining().await
    }

    async fn mining_start(&self, payout: Option<Address>, threads: Option<u32>) -> ApiResult<MiningInfo> {
        self.start_mining(payout, threads).await
    }

    async fn mining_stop(&self) -> ApiResult<MiningInfo> {
        self.miner.stop();
        self.mining().await
    }

    async fn mining_generate(&self, count: u32, payout: Option<Address>) -> ApiResult<Generated> {
        self.generate(count, payout).await
    }

    async fn net_info(&self) -> ApiResult<NetInfo> {
        self.network().await
    }

    async fn net_peers(&self) -> ApiResult<Vec<PeerInfo>> {
        self.ask(net::peers).await
    }

    async fn net_add(&self, address: String) -> ApiResult<NetAdded> {
        self.add(address).await
    }

    async fn net_remove(&self, peer: String) -> ApiResult<PeerChanged> {
        self.remove(peer).await
    }

    async fn net_ban(&self, peer_id: String, seconds: u32) -> ApiResult<PeerChanged> {
        self.ban(peer_id, seconds).await
    }

    async fn net_unban(&self, peer_id: String) -> ApiResult<PeerChanged> {
        self.change_peer(peer_id, |core, peer| core.unban_peer(&peer)).await
    }

    async fn net_bans(&self) -> ApiResult<Vec<Ban>> {
        self.ask(net::bans).await
    }

    async fn node_status(&self) -> ApiResult<NodeStatus> {
        Ok(NodeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.started.elapsed().as_secs(),
            chain: self.info().await?,
            mempool: self.mempool_info().await?,
            net: self.network().await?,
            mining: self.mining().await?,
            resident_bytes: resident_bytes(),
            memory: self.memory().await?,
        })
    }

    fn subscribe_heads(&self) -> broadcast::Receiver<Event<Head>> {
        self.heads.subscribe()
    }

    fn subscribe_txs(&self) -> broadcast::Receiver<Event<PoolTx>> {
        self.txs.subscribe()
    }

    async fn health(&self) -> ApiResult<Health> {
        self.ask(net::health).await
    }
}

impl Api {
    async fn memory(&self) -> ApiResult<MemoryInfo> {
        let budget = self.budget;
        let (ledger, mempool) = self.ask(|core| (core.ledger().memory(), core.pool().info().bytes)).await?;
        let LedgerMemory { database, accounts, waiting, tree } = ledger.map_err(internal)?;
        let mempool = u64::try_from(mempool).unwrap_or(u64::MAX);
        Ok(MemoryInfo { budget, database, accounts: accounts.saturating_add(waiting), tree, mempool })
    }
}

/// Memory that the process holds, where the system tells.
fn resident_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(PAGE_BYTES)
}
