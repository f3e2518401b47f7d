//! The client half: one typed method for each RPC method, over HTTP, and subscriptions over WebSocket.

use crate::error::ApiError;
use crate::limits::{MAX_ANSWER_BYTES, MAX_BODY_BYTES};
use crate::types::{
    Account, AccountHistory, AccountProof, Ban, BlockInfo, BlockPart, BlockRef, ChainInfo, ChainTips,
    Discovery, Event, FeeEstimate, Generated, Head, HeaderInfo, HeaderList, HistoryProof, MempoolInfo,
    MempoolPage, MinedBlock, MiningInfo, MiningTemplate, NetAdded, NetInfo, NodeStatus, PeerChanged,
    PeerInfo, PoolTx, SubmittedTx, TxInfo, TxProof, TxReport, TxSubmission,
};
use jsonrpsee::core::client::{ClientT, Error, Subscription, SubscriptionClientT};
use jsonrpsee::core::http_helpers::HttpError;
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::http_client::{HeaderMap, HeaderValue, HttpClient, HttpClientBuilder, transport};
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde::de::DeserializeOwned;
use starling_primitives::TxId;
use std::time::Duration;
use thiserror::Error;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages of a subscription that wait to be taken; the server bounds what waits at its end.
const MAX_WAITING_EVENTS: usize = 1_024;

/// Why a call gave no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nothing answers there.
    #[error(
        "no node answers at {url}: {reason}; start one with `starling run`, or name another with --node URL"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The node said no, and why.
    #[error("{0}")]
    Refused(ApiError),
    /// Something else answers there, or a node of another version, or one that has no place for us.
    #[error("{url} {reason}")]
    Bad {
        /// Where.
        url: String,
        /// What it does, and what to do about it.
        reason: String,
    },
    /// The URL or token cannot be used at all.
    #[error("{0}")]
    Usage(String),
}

/// A connection to one node.
#[derive(Clone, Debug)]
pub struct Client {
    http: HttpClient,
    headers: HeaderMap,
    url: String,
}

/// The messages of one subscription, until it is dropped.
#[derive(Debug)]
pub struct Events<T> {
    messages: Subscription<Event<T>>,
    url: String,
    // The connection lives as long as its subscription.
    _connection: WsClient,
}

impl<T: DeserializeOwned> Events<T> {
    /// The next message; nothing when the node ended the stream.
    ///
    /// # Errors
    /// [`ClientError::Bad`] for a message that cannot be read.
    pub async fn next(&mut self) -> Option<Result<Event<T>, ClientError>> {
        let message = self.messages.next().await?;
        Some(message.map_err(|error| strange(self.url.clone(), &error.to_string())))
    }
}

impl Client {
    /// A client of the node at `url`, like `http://127.0.0.1:8645`; the token is that of its cookie file. No
    /// connection is made yet.
    ///
    /// # Errors
    /// [`ClientError::Usage`] for a URL or token that cannot be one.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value =
                value.map_err(|_| ClientError::Usage("the token is not 64 hex digits".to_owned()))?;
            value.set_sensitive(true);
            headers.insert("authorization", value);
        }
        let usage = || format!("{url:?} is no node URL; write it like http://127.0.0.1:8645");
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(ClientError::Usage(usage()));
        }
        let http = HttpClientBuilder::default()
            .request_timeout(ANSWER_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .max_request_size(MAX_BODY_BYTES)
            // Room for what stands around an answer.
            .max_response_size(MAX_ANSWER_BYTES + 1_024)
            .set_headers(headers.clone())
            .build(url)
            .map_err(|error| ClientError::Usage(format!("{}: {error}", usage())))?;
        Ok(Self { http, headers, url: url.to_owned() })
    }

    /// Where the node is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, params: ArrayParams) -> Result<T, ClientError> {
        self.http.request(method, params).await.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> ClientError {
        let url = self.url.clone();
        match error {
            Error::Call(refusal) => ClientError::Refused(ApiError::from(&refusal)),
            Error::Transport(error) => match error.downcast_ref::<transport::Error>() {
                Some(transport::Error::Rejected { status_code: 503 }) => busy(url),
                Some(transport::Error::Rejected { status_code }) => {
                    strange(url, &format!("HTTP status {status_code}"))
                }
                Some(transport::Error::RequestTooLarge) => ClientError::Usage(format!(
                    "a request may have {MAX_BODY_BYTES} bytes; send less at once"
                )),
                Some(transport::Error::Http(HttpError::Malformed)) => strange(url, "the answer is not JSON"),
                Some(transport::Error::Http(HttpError::TooLarge)) => {
                    strange(url, &format!("an answer of over {MAX_ANSWER_BYTES} bytes"))
                }
                _ => match whole_chain(error.as_ref()) {
                    // The library names a refused WebSocket in words alone.
                    reason if reason.contains("status code: 503") => busy(url),
                    reason => ClientError::Unreachable { url, reason },
                },
            },
            Error::RequestTimeout => {
                let reason = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
                ClientError::Unreachable { url, reason }
            }
            Error::RestartNeeded(error) => ClientError::Unreachable { url, reason: whole_chain(&error) },
            other => strange(url, &other.to_string()),
        }
    }

    async fn subscribe<T: DeserializeOwned + 'static>(
        &self,
        name: &str,
        end: &str,
    ) -> Result<Events<T>, ClientError> {
        let url = self.url.replacen("http", "ws", 1);
        let connection = WsClientBuilder::default()
            .connection_timeout(CONNECT_TIMEOUT)
            .max_buffer_capacity_per_subscription(MAX_WAITING_EVENTS)
            .set_headers(self.headers.clone())
            .build(&url)
            .await
            .map_err(|error| self.explain(error))?;
        let messages = connection.subscribe(name, rpc_params![], end).await;
        let messages = messages.map_err(|error| self.explain(error))?;
        Ok(Events { messages, url, _connection: connection })
    }
}

fn strange(url: String, what: &str) -> ClientError {
    let reason = format!("does not answer like a Starling node: {what}; check --node URL and both versions");
    ClientError::Bad { url, reason }
}

/// HTTP 503: no room for the connection, or for the request.
fn busy(url: String) -> ClientError {
    let reason = "has no room for another connection or request: the node is busy; try again in a second";
    ClientError::Bad { url, reason: reason.to_owned() }
}

/// An error and everything beneath it, in one line: the outermost alone rarely says what is wrong.
fn whole_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut beneath = error.source();
    while let Some(error) = beneath {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        beneath = error.source();
    }
    text
}

/// What may go wrong is the same for every method: the node cannot be reached, refuses (and
/// [`ClientError::Refused`] carries the reason), or answers something else.
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Client {
    /// `chain_info`.
    pub async fn chain_info(&self) -> Result<ChainInfo, ClientError> {
        self.call("chain_info", rpc_params![]).await
    }

    /// `chain_getBlock`.
    pub async fn chain_get_block(&self, block: BlockRef) -> Result<BlockInfo, ClientError> {
        self.call("chain_getBlock", rpc_params![block]).await
    }

    /// `chain_getHeader`.
    pub async fn chain_get_header(&self, block: BlockRef) -> Result<HeaderInfo, ClientError> {
        self.call("chain_getHeader", rpc_params![block]).await
    }

    /// `chain_getRaw`, in hex.
    pub async fn chain_get_raw(&self, block: BlockRef, part: BlockPart) -> Result<String, ClientError> {
        self.call("chain_getRaw", rpc_params![block, part]).await
    }

    /// `chain_getHeaders`.
    pub async fn chain_get_headers(&self, from: u32, count: u32) -> Result<HeaderList, ClientError> {
        self.call("chain_getHeaders", rpc_params![from, count]).await
    }

    /// `chain_getTips`.
    pub async fn chain_get_tips(&self) -> Result<ChainTips, ClientError> {
        self.call("chain_getTips", rpc_params![]).await
    }

    /// `tx_submit` of one transaction in hex.
    pub async fn tx_submit(&self, tx: &str) -> Result<SubmittedTx, ClientError> {
        self.call("tx_submit", rpc_params![tx]).await
    }

    /// `tx_submit` of an array of transactions in hex.
    pub async fn tx_submit_many(&self, txs: &[String]) -> Result<Vec<TxSubmission>, ClientError> {
        self.call("tx_submit", rpc_params![txs]).await
    }

    /// `tx_get`.
    pub async fn tx_get(&self, txid: TxId) -> Result<TxReport, ClientError> {
        self.call("tx_get", rpc_params![txid.to_string()]).await
    }

    /// `tx_getProof`.
    pub async fn tx_get_proof(&self, txid: TxId) -> Result<TxProof, ClientError> {
        self.call("tx_getProof", rpc_params![txid.to_string()]).await
    }

    /// `tx_decode` of a transaction in hex.
    pub async fn tx_decode(&self, tx: &str) -> Result<TxInfo, ClientError> {
        self.call("tx_decode", rpc_params![tx]).await
    }

    /// `tx_estimateFee`.
    pub async fn tx_estimate_fee(&self) -> Result<FeeEstimate, ClientError> {
        self.call("tx_estimateFee", rpc_params![]).await
    }

    /// `account_get`.
    pub async fn account_get(&self, address: &str) -> Result<Account, ClientError> {
        self.call("account_get", rpc_params![address]).await
    }

    /// `account_getProof`.
    pub async fn account_get_proof(
        &self,
        address: &str,
        block: BlockRef,
    ) -> Result<AccountProof, ClientError> {
        self.call("account_getProof", rpc_params![address, block]).await
    }

    /// `history_getProof`.
    pub async fn history_get_proof(&self, block: BlockRef) -> Result<HistoryProof, ClientError> {
        self.call("history_getProof", rpc_params![block]).await
    }

    /// `account_history`.
    pub async fn account_history(
        &self,
        address: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<AccountHistory, ClientError> {
        self.call("account_history", rpc_params![address, cursor, limit]).await
    }

    /// `mempool_info`.
    pub async fn mempool_info(&self) -> Result<MempoolInfo, ClientError> {
        self.call("mempool_info", rpc_params![]).await
    }

    /// `mempool_list`.
    pub async fn mempool_list(&self, cursor: Option<&str>, limit: u32) -> Result<MempoolPage, ClientError> {
        self.call("mempool_list", rpc_params![cursor, limit]).await
    }

    /// `mining_getTemplate`; `extra` in hex.
    pub async fn mining_get_template(
        &self,
        payout: &str,
        extra: &str,
    ) -> Result<MiningTemplate, ClientError> {
        self.call("mining_getTemplate", rpc_params![payout, extra]).await
    }

    /// `mining_submit` of a header in hex.
    pub async fn mining_submit(&self, header: &str) -> Result<MinedBlock, ClientError> {
        self.call("mining_submit", rpc_params![header]).await
    }

    /// `mining_info`.
    pub async fn mining_info(&self) -> Result<MiningInfo, ClientError> {
        self.call("mining_info", rpc_params![]).await
    }

    /// `mining_start`, with the token.
    pub async fn mining_start(
        &self,
        payout: Option<&str>,
        threads: Option<u32>,
    ) -> Result<MiningInfo, ClientError> {
        self.call("mining_start", rpc_params![payout, threads]).await
    }

    /// `mining_stop`, with the token.
    pub async fn mining_stop(&self) -> Result<MiningInfo, ClientError> {
        self.call("mining_stop", rpc_params![]).await
    }

    /// `mining_generate`, with the token.
    pub async fn mining_generate(&self, count: u32, payout: Option<&str>) -> Result<Generated, ClientError> {
        self.call("mining_generate", rpc_params![count, payout]).await
    }

    /// `net_info`.
    pub async fn net_info(&self) -> Result<NetInfo, ClientError> {
        self.call("net_info", rpc_params![]).await
    }

    /// `net_peers`.
    pub async fn net_peers(&self) -> Result<Vec<PeerInfo>, ClientError> {
        self.call("net_peers", rpc_params![]).await
    }

    /// `net_add`, with the token.
    pub async fn net_add(&self, address: &str) -> Result<NetAdded, ClientError> {
        self.call("net_add", rpc_params![address]).await
    }

    /// `net_remove`, with the token.
    pub async fn net_remove(&self, peer: &str) -> Result<PeerChanged, ClientError> {
        self.call("net_remove", rpc_params![peer]).await
    }

    /// `net_ban`, with the token.
    pub async fn net_ban(&self, peer_id: &str, seconds: u32) -> Result<PeerChanged, ClientError> {
        self.call("net_ban", rpc_params![peer_id, seconds]).await
    }

    /// `net_unban`, with the token.
    pub async fn net_unban(&self, peer_id: &str) -> Result<PeerChanged, ClientError> {
        self.call("net_unban", rpc_params![peer_id]).await
    }

    /// `net_bans`.
    pub async fn net_bans(&self) -> Result<Vec<Ban>, ClientError> {
        self.call("net_bans", rpc_params![]).await
    }

    /// `node_status`.
    pub async fn node_status(&self) -> Result<NodeStatus, ClientError> {
        self.call("node_status", rpc_params![]).await
    }

    /// `rpc.discover`.
    pub async fn discover(&self) -> Result<Discovery, ClientError> {
        self.call("rpc.discover", rpc_params![]).await
    }

    /// `subscribe_heads`.
    pub async fn subscribe_heads(&self) -> Result<Events<Head>, ClientError> {
        self.subscribe("subscribe_heads", "unsubscribe_heads").await
    }

    /// `subscribe_txs`.
    pub async fn subscribe_txs(&self) -> Result<Events<PoolTx>, ClientError> {
        self.subscribe("subscribe_txs", "unsubscribe_txs").await
    }
}

#[cfg(test)]
mod tests;
