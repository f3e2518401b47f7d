//! Transactions and the pool.

use super::{Api, internal};
use crate::core::Core;
use serde_json::{Map, Value};
use starling_ledger::{AddError, Event, EventKind, PoolError, PoolTx, StoreError, TxStatus as PoolStatus};
use starling_primitives::{Amount, Transaction, TxId, Wtxid};
use starling_rpc::types::{
    self, FeeBand, FeeEstimate, FeePerByte, MempoolEntry, MempoolInfo, MempoolPage, ReversalRisk, TxEvent,
    TxInfo, TxReport, TxStatus,
};
use starling_rpc::{ApiError, ApiResult, ErrorKind, PageRequest};
use std::sync::Arc;

impl Api {
    pub(super) async fn submit(&self, txs: Vec<Transaction>) -> ApiResult<Vec<ApiResult<TxId>>> {
        let mut results = Vec::with_capacity(txs.len());
        for tx in txs {
            let tx = Arc::new(tx);
            // One call each: other events get their turn between two of them.
            results.push(self.ask(move |core| core.submit_tx(tx)).await?.map_err(refused));
        }
        Ok(results)
    }

    pub(super) async fn report(&self, txid: TxId) -> ApiResult<TxReport> {
        let pool = self
            .ask(move |core| {
                let pool = core.pool();
                (pool.get_by_txid(&txid), pool.status(&txid), pool.events(&txid).to_vec())
            })
            .await?;
        self.read(move |view| {
            let (chain, (pending, status, events)) = (view.chain(), pool);
            let info = |tx: &Transaction| TxInfo::new(tx, &chain.genesis_id(), &chain.params.prefix);
            let mut report = TxReport {
                tx: None,
                status: TxStatus::Unknown,
                block: None,
                height: None,
                confirmations: 0,
                events: events.iter().map(event).collect(),
                reversal_risk: ReversalRisk::after(0),
            };
            if let Some((tx, block, at)) = view.mined(&txid).map_err(internal)? {
                let confirmations = view.tip().height.saturating_sub(at.height).saturating_add(1);
                report.tx = tx.as_deref().map(info);
                report.status = TxStatus::Mined;
                (report.block, report.height) = (Some(block), Some(at.height));
                report.confirmations = confirmations;
                report.reversal_risk = ReversalRisk::after(confirmations);
            } else if let Some(pending) = pending {
                report.tx = Some(info(&pending.tx));
                report.status = TxStatus::Pending;
            } else if status == PoolStatus::Dropped {
                report.status = TxStatus::Dropped;
            }
            Ok(report)
        })
        .await
    }
}

/// Why the pool refused, as an API error.
fn refused(error: AddError<StoreError>) -> ApiError {
    match error {
        AddError::Read(error) => internal(error),
        AddError::Refused(error) => {
            let code = match &error {
                PoolError::Invalid(_) => "invalid",
                other => other.code(),
            };
            ApiError::new(ErrorKind::Refused, code, &error).hint(way_out(&error))
        }
    }
}

/// What a sender can do about a refusal.
fn way_out(error: &PoolError) -> &'static str {
    match error {
        PoolError::Invalid(_) => "sign it again for this chain, with the account's nonce and key",
        PoolError::Duplicate => "wait; tx_get shows its way",
        PoolError::FeeTooLow { .. } => "sign it again with a higher fee; tx_estimateFee says how much",
        PoolError::KnownTxid(_) | PoolError::ReplacementTooCheap { .. } => "sign it again with a higher fee",
        PoolError::Expired { .. } | PoolError::ExpiresTooSoon { .. } => {
            "sign it again with a later valid_until, or 0 for none"
        }
        PoolError::NonceTooLow { .. } => "sign it again with pending_nonce of account_get",
        PoolError::NonceTooFar { .. } | PoolError::TooManyWaiting { .. } => {
            "submit the nonces between first, from pending_nonce of account_get on"
        }
        PoolError::TooManyPending { .. } => "wait until a block takes some",
        PoolError::Insufficient { .. } => "send less; account_get says what is left",
        PoolError::PoolFull { .. } => "sign it again with a higher fee, or wait",
        PoolError::PeerQuota { .. } => "wait a minute",
    }
}

fn event(event: &Event) -> TxEvent {
    let mut details = Map::new();
    details.insert("detail".into(), Value::from(event.what.to_string()));
    if let EventKind::Mined { height, block } | EventKind::Disconnected { height, block } = &event.what {
        details.insert("height".into(), Value::from(*height));
        details.insert("block".into(), Value::from(block.to_string()));
    }
    TxEvent { time: event.time, what: event.what.code().to_owned(), details }
}

pub(super) fn estimate(core: &mut Core) -> FeeEstimate {
    let fee = |blocks| per_byte(core.pool().estimate_fee(blocks));
    let per_byte_of = FeePerByte { within_1: fee(1), within_3: fee(3), within_10: fee(10) };
    FeeEstimate { per_byte: per_byte_of, floor: per_byte(core.pool().floor()) }
}

pub(super) fn pool_info(core: &Core) -> MempoolInfo {
    let info = core.pool().info();
    let band = |class: &starling_ledger::FeeClass| FeeBand {
        per_byte: per_byte(class.from),
        count: number(class.count),
        bytes: number(class.bytes),
    };
    MempoolInfo {
        count: number(info.count),
        bytes: number(info.bytes),
        max_bytes: number(info.max_bytes),
        floor: per_byte(info.floor),
        waiting: number(info.waiting),
        fee_histogram: info.histogram.iter().map(band).collect(),
    }
}

pub(super) fn pool_page(core: &mut Core, page: &PageRequest) -> ApiResult<MempoolPage> {
    let refuse = || {
        let error =
            ApiError::new(ErrorKind::InvalidParams, "bad_cursor", "this cursor names no pending transaction");
        error.hint("its transaction has left the pool; begin anew without a cursor")
    };
    let cursor = match &page.cursor {
        Some(text) => text.parse().map_err(|_| refuse())?,
        None => Wtxid::ZERO,
    };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let found = core.pool_page(&cursor, limit).ok_or_else(refuse)?;
    let prefix = &core.chain().params.prefix;
    let entry = |entry: &PoolTx| {
        let tx = &entry.tx;
        let size = u32::try_from(tx.size()).expect("a transaction has at most 16,384 bytes");
        let info = types::PoolTx {
            txid: entry.txid,
            wtxid: tx.wtxid(),
            from: tx.sender().to_text(prefix),
            nonce: tx.unsigned().nonce,
            fee: tx.unsigned().fee,
            size,
            time: entry.added,
        };
        MempoolEntry {
            tx: info,
            per_byte: Amount::from_motes(tx.unsigned().fee.motes() / u128::from(size))
                .expect("not above the fee"),
            waiting: !entry.executable,
        }
    };
    let next_cursor = (found.next != Wtxid::ZERO).then(|| found.next.to_string());
    Ok(MempoolPage { txs: found.txs.iter().map(entry).collect(), next_cursor })
}

fn per_byte(motes: u64) -> Amount {
    Amount::from_motes(u128::from(motes)).expect("2^64 is below 2^100")
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
