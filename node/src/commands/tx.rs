//! `starling tx`.

use super::{client, configure, wait_for};
use crate::cli::TxArgs;
use crate::failure::Outcome;
use crate::output::{self, memo, star, utc};
use serde_json::Value;
use starling_primitives::TxId;
use starling_rpc::types::{TxEvent, TxInfo, TxReport, TxStatus};

/// Shows a transaction, where it stands, and its way there.
pub(super) fn tx(args: &TxArgs) -> Outcome<()> {
    let client = client(&configure(args.ask.node.layer())?)?;
    let report = wait_for(async { Ok(client.tx_get(args.txid).await?) })?;
    if args.ask.format.json { output::json(&report) } else { show(args.txid, &report) }
}

fn show(txid: TxId, report: &TxReport) -> Outcome<()> {
    let mut fields = vec![("transaction", txid.to_string()), ("status", status(report.status).to_owned())];
    if let (Some(block), Some(height)) = (report.block, report.height) {
        fields.push(("block", format!("{height} {block}")));
        fields.push(("confirmations", report.confirmations.to_string()));
        let risk = report.reversal_risk;
        let percent = |risk: f64| format!("{:.3} %", risk * 100.0);
        let shown = [risk.attacker_10, risk.attacker_25, risk.attacker_30].map(percent).join(", ");
        fields.push(("reversal risk", format!("{shown} (by a miner with 10, 25, 30 % of all hash rate)")));
    }
    if let Some(tx) = &report.tx {
        fields.extend(body(tx));
    }
    output::fields(&fields)?;
    report.events.iter().try_for_each(|event| output::line(&format!("  {} {}", utc(event.time), step(event))))
}

fn body(tx: &TxInfo) -> Vec<(&'static str, String)> {
    let mut fields = vec![("from", tx.from.clone()), ("nonce", tx.nonce.to_string()), ("fee", star(tx.fee))];
    fields.extend(tx.outputs.iter().map(|output| ("to", format!("{} {}", output.to, star(output.amount)))));
    if !tx.memo.is_empty() {
        fields.push(("memo", memo(&tx.memo)));
    }
    if tx.valid_until > 0 {
        fields.push(("valid until", format!("block {}", tx.valid_until)));
    }
    fields.push(("size", format!("{} bytes", tx.size)));
    fields
}

/// A status in words.
pub(super) fn status(status: TxStatus) -> &'static str {
    match status {
        TxStatus::Pending => "pending",
        TxStatus::Mined => "mined",
        TxStatus::Dropped => "dropped",
        TxStatus::Unknown => "unknown to this node",
    }
}

/// A step of a transaction's way as text: what happened, and the node's own words for it, or else its values.
pub(super) fn step(event: &TxEvent) -> String {
    let value = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!(" {name} {text}"),
        other => format!(" {name} {other}"),
    };
    let details = match event.details.get("detail") {
        Some(Value::String(words)) => format!(": {words}"),
        _ => event.details.iter().map(value).collect(),
    };
    output::printable(&format!("{}{details}", event.what))
}

#[cfg(test)]
mod tests;
