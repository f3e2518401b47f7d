//! What the node implements: one method for each RPC method, with its parameters read and bounded.

use crate::error::ApiError;
use crate::types::{
    Account, AccountHistory, AccountProof, Ban, BlockInfo, BlockPart, BlockRef, ChainInfo, ChainTips, Event,
    FeeEstimate, Generated, Head, HeaderInfo, HeaderList, Health, HistoryProof, MempoolInfo, MempoolPage,
    MinedBlock, MiningInfo, MiningTemplate, NetAdded, NetInfo, NodeStatus, PeerChanged, PeerInfo, PoolTx,
    TxInfo, TxProof, TxReport,
};
use starling_primitives::{Address, Header, Transaction, TxId};
use tokio::sync::broadcast;

/// The answer to one call.
pub type ApiResult<T> = Result<T, ApiError>;

/// Which part of a long list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// `next_cursor` of the page before; none for the first. At most 128 characters, otherwise as the client
    /// gave it.
    pub cursor: Option<String>,
    /// Entries at the most, 1 to [`crate::MAX_PAGE_ENTRIES`].
    pub limit: u32,
}

/// The API of a node. Every method may be called at any time, from many tasks at once; none may block its
/// thread. What a method answers is in [`crate::types`]; a refusal is an [`ApiError`] that says what to do.
pub trait NodeApi: Send + Sync + 'static {
    /// `chain_info`.
    fn chain_info(&self) -> impl Future<Output = ApiResult<ChainInfo>> + Send;

    /// `chain_getBlock`.
    fn chain_get_block(&self, block: BlockRef) -> impl Future<Output = ApiResult<BlockInfo>> + Send;

    /// `chain_getHeader`.
    fn chain_get_header(&self, block: BlockRef) -> impl Future<Output = ApiResult<HeaderInfo>> + Send;

    /// `chain_getRaw`: the bytes, which the server turns to hex.
    fn chain_get_raw(
        &self,
        block: BlockRef,
        part: BlockPart,
    ) -> impl Future<Output = ApiResult<Vec<u8>>> + Send;

    /// `chain_getHeaders`: at most `count` canonical headers from height `from`; `count` is 1 to
    /// [`crate::MAX_HEADERS`].
    fn chain_get_headers(&self, from: u32, count: u32) -> impl Future<Output = ApiResult<HeaderList>> + Send;

    /// `chain_getTips`.
    fn chain_get_tips(&self) -> impl Future<Output = ApiResult<ChainTips>> + Send;

    /// `tx_submit`: 1 to [`crate::MAX_SUBMITTED_TXS`] well-formed transactions; a result for each, in order.
    fn tx_submit(
        &self,
        txs: Vec<Transaction>,
    ) -> impl Future<Output = ApiResult<Vec<ApiResult<TxId>>>> + Send;

    /// `tx_get`. An unknown one is a report that says so, not an error.
    fn tx_get(&self, txid: TxId) -> impl Future<Output = ApiResult<TxReport>> + Send;

    /// `tx_getProof`: that a transaction of the connected chain is in its block.
    fn tx_get_proof(&self, txid: TxId) -> impl Future<Output = ApiResult<TxProof>> + Send;

    /// `tx_decode`.
    fn tx_decode(&self, tx: Transaction) -> impl Future<Output = ApiResult<TxInfo>> + Send;

    /// `tx_estimateFee`.
    fn tx_estimate_fee(&self) -> impl Future<Output = ApiResult<FeeEstimate>> + Send;

    /// `account_get`. An unknown account is zeros, not an error.
    fn account_get(&self, address: Address) -> impl Future<Output = ApiResult<Account>> + Send;

    /// `account_getProof`: what the account is after a block of the connected chain.
    fn account_get_proof(
        &self,
        address: Address,
        block: BlockRef,
    ) -> impl Future<Output = ApiResult<AccountProof>> + Send;

    /// `account_history`, newest first.
    fn account_history(
        &self,
        address: Address,
        page: PageRequest,
    ) -> impl Future<Output = ApiResult<AccountHistory>> + Send;

    /// `history_getProof`: that a block is an ancestor of the tip.
    fn history_get_proof(&self, block: BlockRef) -> impl Future<Output = ApiResult<HistoryProof>> + Send;

    /// `mempool_info`.
    fn mempool_info(&self) -> impl Future<Output = ApiResult<MempoolInfo>> + Send;

    /// `mempool_list`, best fee first.
    fn mempool_list(&self, page: PageRequest) -> impl Future<Output = ApiResult<MempoolPage>> + Send;

    /// `mining_getTemplate`; `extra` (at most 100 bytes) stands in the coinbase script behind the height.
    fn mining_get_template(
        &self,
        payout: Address,
        extra: Vec<u8>,
    ) -> impl Future<Output = ApiResult<MiningTemplate>> + Send;

    /// `mining_submit`: a well-formed header whose body the node knows by its commitment.
    fn mining_submit(&self, header: Header) -> impl Future<Output = ApiResult<MinedBlock>> + Send;

    /// `mining_info`.
    fn mining_info(&self) -> impl Future<Output = ApiResult<MiningInfo>> + Send;

    /// `mining_start`*; without a payout or a number of threads, the node's own setting.
    fn mining_start(
        &self,
        payout: Option<Address>,
        threads: Option<u32>,
    ) -> impl Future<Output = ApiResult<MiningInfo>> + Send;

    /// `mining_stop`*.
    fn mining_stop(&self) -> impl Future<Output = ApiResult<MiningInfo>> + Send;

    /// `mining_generate`*: `count` is 1 to [`crate::MAX_GENERATED_BLOCKS`].
    fn mining_generate(
        &self,
        count: u32,
        payout: Option<Address>,
    ) -> impl Future<Output = ApiResult<Generated>> + Send;

    /// `net_info`.
    fn net_info(&self) -> impl Future<Output = ApiResult<NetInfo>> + Send;

    /// `net_peers`.
    fn net_peers(&self) -> impl Future<Output = ApiResult<Vec<PeerInfo>>> + Send;

    /// `net_add`*: a multiaddr of at most [`crate::MAX_MULTIADDR_CHARS`] characters, not looked at yet.
    fn net_add(&self, address: String) -> impl Future<Output = ApiResult<NetAdded>> + Send;

    /// `net_remove`*: disconnects a peer and dials its addresses no more, or dials this address no more.
    fn net_remove(&self, peer: String) -> impl Future<Output = ApiResult<PeerChanged>> + Send;

    /// `net_ban`*: `seconds` is 1 to [`crate::MAX_BAN_SECONDS`].
    fn net_ban(&self, peer_id: String, seconds: u32) -> impl Future<Output = ApiResult<PeerChanged>> + Send;

    /// `net_unban`*.
    fn net_unban(&self, peer_id: String) -> impl Future<Output = ApiResult<PeerChanged>> + Send;

    /// `net_bans`.
    fn net_bans(&self) -> impl Future<Output = ApiResult<Vec<Ban>>> + Send;

    /// `node_status`.
    fn node_status(&self) -> impl Future<Output = ApiResult<NodeStatus>> + Send;

    /// `subscribe_heads`: tips from now on. The channel's capacity is how far a subscriber may fall behind.
    fn subscribe_heads(&self) -> broadcast::Receiver<Event<Head>>;

    /// `subscribe_txs`: transactions taken into the mempool from now on.
    fn subscribe_txs(&self) -> broadcast::Receiver<Event<PoolTx>>;

    /// `GET /ready`.
    fn health(&self) -> impl Future<Output = ApiResult<Health>> + Send;
}
