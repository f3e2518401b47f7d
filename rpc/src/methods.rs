//! The table of methods: what is registered, what `rpc.discover` prints, what parameters are held against.

use crate::error::{ApiError, ErrorKind};
use crate::types::{Discovery, MethodInfo, ParamInfo};
use strsim::damerau_levenshtein;

/// How a method is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// By one result.
    Call,
    /// By a stream of messages, over WebSocket.
    Subscribe,
    /// By whether the subscription was there.
    Unsubscribe,
}

/// One parameter: its name, and the JSON that stands for it when it is left out (none: it must be given).
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
}

/// One method.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Param],
    pub(crate) result: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) form: Form,
    /// Whether it needs the token.
    pub(crate) token: bool,
    /// What a call costs its client; `tx_submit` costs this for each transaction.
    pub(crate) cost: u32,
}

/// A call of at least this cost reads or builds much; few run at once.
pub(crate) const HEAVY_COST: u32 = 10;
/// Characters of an unknown name that are looked at and repeated.
const MAX_NAME_CHARS: usize = 64;
/// A name further away than this many edits is no suggestion.
const MAX_EDITS: usize = 6;

const fn required(name: &'static str) -> Param {
    Param { name, default: None }
}

const fn optional(name: &'static str, default: &'static str) -> Param {
    Param { name, default: Some(default) }
}

/// A call that anybody may make.
const fn call(
    name: &'static str,
    params: &'static [Param],
    result: &'static str,
    cost: u32,
    summary: &'static str,
) -> Method {
    Method { name, params, result, summary, form: Form::Call, token: false, cost }
}

/// A call that needs the token.
const fn guarded(
    name: &'static str,
    params: &'static [Param],
    result: &'static str,
    summary: &'static str,
) -> Method {
    Method { name, params, result, summary, form: Form::Call, token: true, cost: 1 }
}

/// A subscription.
const fn stream(name: &'static str, result: &'static str, summary: &'static str) -> Method {
    Method { name, params: &[], result, summary, form: Form::Subscribe, token: false, cost: 5 }
}

/// The end of a subscription.
const fn unstream(name: &'static str) -> Method {
    let summary = "End a subscription; true if it was there";
    Method {
        name,
        params: SUBSCRIPTION,
        result: "bool",
        summary,
        form: Form::Unsubscribe,
        token: false,
        cost: 1,
    }
}

const SUBSCRIPTION: &[Param] = &[required("subscription")];
const BLOCK: Param = required("block");
const ADDRESS: Param = required("address");
const PEER: Param = required("peer_id");
const CURSOR: Param = optional("cursor", "null");
const PAYOUT: Param = optional("payout", "null");

/// Every method.
pub(crate) static METHODS: [Method; 36] = [
    call("chain_info", &[], "ChainInfo", 1, "Chain, tip, work, supply, stage of sync"),
    call("chain_getBlock", &[BLOCK], "BlockInfo", 20, "A block, decoded"),
    call("chain_getHeader", &[BLOCK], "HeaderInfo", 1, "A header, decoded"),
    call(
        "chain_getRaw",
        &[BLOCK, optional("part", "\"block\"")],
        "hex",
        10,
        "The bytes of a block: \"header\", \"body\" or \"block\"",
    ),
    call(
        "chain_getHeaders",
        &[required("from"), required("count")],
        "HeaderList",
        20,
        "Canonical headers from a height on, at most 2,000",
    ),
    // Looks at every header there is, on the core.
    call("chain_getTips", &[], "ChainTips", 200, "The branch heads with the most work, at most 100"),
    call(
        "tx_submit",
        &[required("tx")],
        "SubmittedTx, or for an array TxSubmission[]",
        1,
        "Send a transaction in hex, or an array of at most 1,000",
    ),
    call("tx_get", &[required("txid")], "TxReport", 1, "A transaction, its status and its way"),
    call(
        "tx_getProof",
        &[required("txid")],
        "TxProof",
        20,
        "Proof that a transaction is in its block, against the header's tx_root",
    ),
    call("tx_decode", &[required("tx")], "TxInfo", 1, "What a transaction in hex says"),
    call("tx_estimateFee", &[], "FeeEstimate", 1, "Fee per byte to be mined within 1, 3 and 10 blocks"),
    call("account_get", &[ADDRESS], "Account", 1, "Balance and nonce, settled and pending"),
    call(
        "account_getProof",
        &[ADDRESS, optional("block", "\"tip\"")],
        "AccountProof",
        10,
        "Proof of an account or its absence after a block, against the header's state_root",
    ),
    call(
        "account_history",
        &[ADDRESS, CURSOR, optional("limit", "50")],
        "AccountHistory",
        20,
        "What happened on an account, newest first",
    ),
    call(
        "history_getProof",
        &[BLOCK],
        "HistoryProof",
        10,
        "Proof that a block is an ancestor of the tip, against the tip's history_root",
    ),
    call("mempool_info", &[], "MempoolInfo", 1, "Size, fee floor and fee histogram of the mempool"),
    call(
        "mempool_list",
        &[CURSOR, optional("limit", "100")],
        "MempoolPage",
        10,
        "Pending transactions, best fee first",
    ),
    call(
        "mining_getTemplate",
        &[required("payout"), optional("extra", "\"\"")],
        "MiningTemplate",
        5,
        "A header to search a nonce for",
    ),
    call("mining_submit", &[required("header")], "MinedBlock", 5, "A header whose nonce was found, in hex"),
    call("mining_info", &[], "MiningInfo", 1, "The node's own miner, and the network's hash rate"),
    guarded(
        "mining_start",
        &[PAYOUT, optional("threads", "null")],
        "MiningInfo",
        "Start the node's own miner",
    ),
    guarded("mining_stop", &[], "MiningInfo", "Stop the node's own miner"),
    guarded(
        "mining_generate",
        &[required("count"), PAYOUT],
        "Generated",
        "Mine blocks at once, on dev and lab chains",
    ),
    call("net_info", &[], "NetInfo", 1, "Peer id, addresses, traffic"),
    call("net_peers", &[], "PeerInfo[]", 5, "Connected peers"),
    call("net_bans", &[], "Ban[]", 5, "Peers that are refused, for how long, and why"),
    guarded("net_add", &[ADDRESS], "NetAdded", "Connect to a peer by its multiaddr, and keep it connected"),
    guarded(
        "net_remove",
        &[required("peer")],
        "PeerChanged",
        "Disconnect a peer and dial it no more, or dial this address no more",
    ),
    guarded("net_ban", &[PEER, required("seconds")], "PeerChanged", "Refuse a peer for a time, known or not"),
    guarded("net_unban", &[PEER], "PeerChanged", "Refuse a peer no longer"),
    call("node_status", &[], "NodeStatus", 5, "Everything `starling status` shows"),
    call("rpc.discover", &[], "Discovery", 1, "This list"),
    stream("subscribe_heads", "stream of Head or {missed}", "Each new tip"),
    unstream("unsubscribe_heads"),
    stream("subscribe_txs", "stream of PoolTx or {missed}", "Each transaction taken into the mempool"),
    unstream("unsubscribe_txs"),
];

/// The method of this name.
pub(crate) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// The answer to a name that is in no row.
pub(crate) fn unknown(name: &str) -> ApiError {
    let name: String = name.chars().take(MAX_NAME_CHARS).collect();
    let error = |message: String| ApiError::new(ErrorKind::MethodNotFound, "method_not_found", message);
    let names = METHODS.iter().map(|method| method.name);
    match nearest(&name, names) {
        Some(near) => error(format!("there is no method {name:?}; did you mean {near:?}?"))
            .hint(format!("call {near}, or rpc.discover for all methods"))
            .value("suggestion", near),
        None => error(format!("there is no method {name:?}")).hint("call rpc.discover for all methods"),
    }
}

/// The name that is fewest edits away, upper and lower case being one.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let edits = |other: &str| damerau_levenshtein(&name, &other.to_lowercase());
    let (distance, near) = names.map(|other| (edits(other), other)).min()?;
    // Half of the letters must stay, or anything short would be near.
    (distance <= MAX_EDITS && distance * 2 <= near.len()).then_some(near)
}

/// The whole table, as `rpc.discover` prints it.
pub(crate) fn discover() -> Discovery {
    let param = |param: &Param| ParamInfo {
        name: param.name.to_owned(),
        required: param.default.is_none(),
        default: param
            .default
            .map(|json| serde_json::from_str(json).expect("a default in the table is JSON")),
    };
    let method = |method: &Method| MethodInfo {
        name: method.name.to_owned(),
        params: method.params.iter().map(param).collect(),
        result: method.result.to_owned(),
        token: method.token,
        summary: method.summary.to_owned(),
    };
    Discovery { methods: METHODS.iter().map(method).collect() }
}

#[cfg(test)]
mod tests;
