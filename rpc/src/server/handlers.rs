//! One handler for each row of the table: reads the parameters, asks the node, shapes the answer.

use super::ServerShared;
use super::layer::Caller;
use crate::api::{ApiResult, NodeApi};
use crate::args::{Args, TxTexts, read_transaction};
use crate::error::{ApiError, ErrorKind};
use crate::hex::to_hex;
use crate::limits::{
    MAX_BAN_SECONDS, MAX_EXTRA_DIGITS, MAX_GENERATED_BLOCKS, MAX_HEADERS, MAX_MINING_THREADS,
    MAX_MULTIADDR_CHARS, MAX_PEER_ID_CHARS,
};
use crate::methods;
use crate::types::{BlockPart, BlockRef, Event, SubmittedTx, TxSubmission};
use jsonrpsee::core::server::{PendingSubscriptionSink, SubscriptionSink};
use jsonrpsee::core::{JsonRawValue, to_json_raw_value};
use jsonrpsee::server::RpcModule;
use jsonrpsee::types::Extensions;
use serde::Serialize;
use starling_primitives::{Transaction, TxId};
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// What `block` must be, for errors.
const BLOCK: &str = "a height, a block id or \"tip\"";
/// What `txid` must be, for errors.
const TXID: &str = "a transaction id of 64 hex digits";

/// One call with its parameters collected.
pub(crate) struct Call<A> {
    api: Arc<A>,
    args: Args,
    shared: Arc<ServerShared>,
    caller: Caller,
}

/// What a proof of an account costs more when it is not for the tip: the node goes through what each block
/// since then changed, where all its changes are made.
const PAST_PROOF_COST: u32 = 190;

/// What every handler gets at.
pub(crate) struct Context<A> {
    pub(crate) api: Arc<A>,
    pub(crate) shared: Arc<ServerShared>,
}

type Module<A> = RpcModule<Context<A>>;

/// All methods.
pub(crate) fn module<A: NodeApi>(api: Arc<A>, shared: Arc<ServerShared>) -> Module<A> {
    let mut module = RpcModule::new(Context { api, shared });
    chain(&mut module);
    transactions(&mut module);
    accounts(&mut module);
    mining(&mut module);
    node(&mut module);
    subscriptions(&mut module);
    module
}

fn add<A, T, F, Fut>(module: &mut Module<A>, name: &'static str, handler: F)
where
    A: NodeApi,
    T: Serialize + Clone + Send + 'static,
    F: Fn(Call<A>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ApiResult<T>> + Send,
{
    let method = methods::find(name).expect("every handler has its row in the table");
    let run = move |params: jsonrpsee::types::Params<'static>, context: Arc<Context<A>>, from: Extensions| {
        let handler = handler.clone();
        async move {
            let args = Args::parse(method, params.as_str())?;
            let caller = from.get::<Caller>().expect("the HTTP side names every caller").clone();
            let (api, shared) = (context.api.clone(), context.shared.clone());
            handler(Call { api, args, shared, caller }).await
        }
    };
    module.register_async_method(name, run).expect("every name is registered once");
}

fn chain<A: NodeApi>(module: &mut Module<A>) {
    add(module, "chain_info", |call| async move { call.api.chain_info().await });
    add(module, "chain_getBlock", |call| async move {
        let block: BlockRef = call.args.get("block", BLOCK)?;
        call.api.chain_get_block(block).await
    });
    add(module, "chain_getHeader", |call| async move {
        let block: BlockRef = call.args.get("block", BLOCK)?;
        call.api.chain_get_header(block).await
    });
    add(module, "chain_getRaw", |call| async move {
        let block: BlockRef = call.args.get("block", BLOCK)?;
        let part: BlockPart = call.args.get("part", "\"header\", \"body\" or \"block\"")?;
        call.api.chain_get_raw(block, part).await.map(|bytes| to_hex(&bytes))
    });
    add(module, "chain_getHeaders", |call| async move {
        let from = call.args.number("from", 0..=u32::MAX)?;
        let count = call.args.number("count", 1..=MAX_HEADERS)?;
        call.api.chain_get_headers(from, count).await
    });
    add(module, "chain_getTips", |call| async move { call.api.chain_get_tips().await });
    add(module, "history_getProof", |call| async move {
        let block: BlockRef = call.args.get("block", BLOCK)?;
        call.api.history_get_proof(block).await
    });
}

fn transactions<A: NodeApi>(module: &mut Module<A>) {
    add(module, "tx_submit", |call| async move {
        match call.args.transactions("tx")? {
            TxTexts::One(text) => submit_one(&call, &text).await,
            TxTexts::Many(texts) => submit_many(&call, &texts).await,
        }
    });
    add(module, "tx_get", |call| async move {
        let txid: Hash = call.args.get("txid", TXID)?;
        call.api.tx_get(txid.0).await
    });
    add(module, "tx_getProof", |call| async move {
        let txid: Hash = call.args.get("txid", TXID)?;
        call.api.tx_get_proof(txid.0).await
    });
    add(module, "tx_decode", |call| async move {
        let tx = call.args.transaction("tx")?;
        call.api.tx_decode(tx).await
    });
    add(module, "tx_estimateFee", |call| async move { call.api.tx_estimate_fee().await });
}

/// A transaction id, read from its text.
#[derive(serde::Deserialize)]
struct Hash(#[serde(with = "crate::serial::text")] TxId);

/// What `tx_submit` answers: an object for one, a list for an array.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Submitted {
    One(SubmittedTx),
    Many(Vec<TxSubmission>),
}

/// The node broke its promise of one result for each transaction.
fn missing_result() -> ApiError {
    ApiError::new(ErrorKind::Internal, "internal", "the node gave no result for a transaction")
        .hint("ask tx_get what became of it")
}

async fn submit_one<A: NodeApi>(call: &Call<A>, text: &str) -> ApiResult<Submitted> {
    let tx = read_transaction(text)?;
    let result = call.api.tx_submit(vec![tx]).await?.pop().ok_or_else(missing_result)?;
    result.map(|txid| Submitted::One(SubmittedTx { txid }))
}

/// Each item stands for itself: what does not decode is refused in its place, the others go on.
async fn submit_many<A: NodeApi>(call: &Call<A>, texts: &[String]) -> ApiResult<Submitted> {
    // The call itself was charged for one.
    let more = u32::try_from(texts.len()).unwrap_or(u32::MAX).saturating_sub(1);
    call.shared.charge(&call.caller, more)?;
    let mut txs: Vec<Transaction> = Vec::with_capacity(texts.len());
    let malformed: Vec<Option<ApiError>> =
        texts.iter().map(|text| read_transaction(text).map(|tx| txs.push(tx)).err()).collect();
    let results = if txs.is_empty() { vec![] } else { call.api.tx_submit(txs).await? };
    let mut results = results.into_iter();
    let item = |error: Option<ApiError>| {
        let result = match error {
            Some(error) => Err(error),
            None => results.next().unwrap_or_else(|| Err(missing_result())),
        };
        match result {
            Ok(txid) => TxSubmission::Accepted(SubmittedTx { txid }),
            Err(error) => TxSubmission::Refused { error },
        }
    };
    Ok(Submitted::Many(malformed.into_iter().map(item).collect()))
}

fn accounts<A: NodeApi>(module: &mut Module<A>) {
    add(module, "account_get", |call| async move {
        let address = call.args.address("address", &call.shared.prefix)?;
        call.api.account_get(address).await
    });
    add(module, "account_getProof", |call| async move {
        let address = call.args.address("address", &call.shared.prefix)?;
        let block: BlockRef = call.args.get("block", BLOCK)?;
        if block != BlockRef::Tip {
            call.shared.charge(&call.caller, PAST_PROOF_COST)?;
        }
        call.api.account_get_proof(address, block).await
    });
    add(module, "account_history", |call| async move {
        let address = call.args.address("address", &call.shared.prefix)?;
        let page = call.args.page()?;
        call.api.account_history(address, page).await
    });
    add(module, "mempool_info", |call| async move { call.api.mempool_info().await });
    add(module, "mempool_list", |call| async move {
        let page = call.args.page()?;
        call.api.mempool_list(page).await
    });
}

fn mining<A: NodeApi>(module: &mut Module<A>) {
    add(module, "mining_getTemplate", |call| async move {
        let payout = call.args.address("payout", &call.shared.prefix)?;
        let extra = call.args.bytes("extra", MAX_EXTRA_DIGITS)?;
        call.api.mining_get_template(payout, extra).await
    });
    add(module, "mining_submit", |call| async move {
        let header = call.args.header("header")?;
        call.api.mining_submit(header).await
    });
    add(module, "mining_info", |call| async move { call.api.mining_info().await });
    add(module, "mining_start", |call| async move {
        let payout = call.args.optional_address("payout", &call.shared.prefix)?;
        let threads = call.args.optional_number("threads", 1..=MAX_MINING_THREADS)?;
        call.api.mining_start(payout, threads).await
    });
    add(module, "mining_stop", |call| async move { call.api.mining_stop().await });
    add(module, "mining_generate", |call| async move {
        let count = call.args.number("count", 1..=MAX_GENERATED_BLOCKS)?;
        let payout = call.args.optional_address("payout", &call.shared.prefix)?;
        call.api.mining_generate(count, payout).await
    });
}

fn node<A: NodeApi>(module: &mut Module<A>) {
    add(module, "net_info", |call| async move { call.api.net_info().await });
    add(module, "net_peers", |call| async move { call.api.net_peers().await });
    add(module, "net_add", |call| async move {
        let address = call.args.text("address", MAX_MULTIADDR_CHARS)?;
        call.api.net_add(address).await
    });
    add(module, "net_remove", |call| async move {
        let peer = call.args.text("peer", MAX_MULTIADDR_CHARS)?;
        call.api.net_remove(peer).await
    });
    add(module, "net_ban", |call| async move {
        let peer = call.args.text("peer_id", MAX_PEER_ID_CHARS)?;
        let seconds = call.args.number("seconds", 1..=MAX_BAN_SECONDS)?;
        call.api.net_ban(peer, seconds).await
    });
    add(module, "net_unban", |call| async move {
        let peer = call.args.text("peer_id", MAX_PEER_ID_CHARS)?;
        call.api.net_unban(peer).await
    });
    add(module, "net_bans", |call| async move { call.api.net_bans().await });
    add(module, "node_status", |call| async move { call.api.node_status().await });
    add(module, "rpc.discover", |_| async move { Ok(methods::discover()) });
}

fn subscriptions<A: NodeApi>(module: &mut Module<A>) {
    stream(module, ["subscribe_heads", "heads", "unsubscribe_heads"], A::subscribe_heads);
    stream(module, ["subscribe_txs", "txs", "unsubscribe_txs"], A::subscribe_txs);
}

/// Registers a subscription: its name, the name of its messages, and the name of its end.
fn stream<A, T>(
    module: &mut Module<A>,
    names: [&'static str; 3],
    open: fn(&A) -> broadcast::Receiver<Event<T>>,
) where
    A: NodeApi,
    T: Serialize + Clone + Send + 'static,
{
    let [name, message, end] = names;
    let method = methods::find(name).expect("every handler has its row in the table");
    let run = move |params: jsonrpsee::types::Params<'static>,
                    pending: PendingSubscriptionSink,
                    context: Arc<Context<A>>,
                    from: Extensions| async move {
        if let Err(error) = Args::parse(method, params.as_str()) {
            pending.reject(error).await;
            return;
        }
        // Opened before the answer, so that nothing after the answer is missed.
        let source = open(&context.api);
        let Ok(sink) = pending.accept().await else { return };
        let caller = from.get::<Caller>().expect("the HTTP side names every caller");
        deliver(source, &sink, caller).await;
    };
    module.register_subscription(name, message, end, run).expect("every name is registered once");
}

/// Passes messages on until either end is gone. While the client does not read, the channel overwrites what
/// is oldest, and the client learns how many it missed.
async fn deliver<T: Serialize + Clone>(
    mut source: broadcast::Receiver<Event<T>>,
    sink: &SubscriptionSink,
    caller: &Caller,
) {
    loop {
        let event = tokio::select! {
            () = sink.closed() => return,
            received = source.recv() => match received {
                Ok(event) => event,
                Err(RecvError::Lagged(missed)) => Event::Missed { missed },
                Err(RecvError::Closed) => return,
            },
        };
        let Ok(json) = to_json_raw_value(&event) else { return };
        caller.conn.owe(JsonRawValue::get(&json).len());
        if sink.send(json).await.is_err() {
            return;
        }
    }
}
