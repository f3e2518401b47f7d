//! `starling send`.

mod plan;
mod wait;

use super::{client, configure, runtime};
use crate::cli::SendArgs;
use crate::failure::{Failure, Outcome, say};
use crate::{output, secrets};
use plan::Plan;
use serde_json::{Value, json};
use starling_primitives::{Memo, TxId};
use starling_rpc::to_hex;
use starling_rpc::types::TxReport;
use starling_wallet::Keystore;
use std::io::{self, IsTerminal};
use std::time::Duration;
use wait::Watch;

/// Sends a payment, after a yes, and waits for it where asked to.
pub(super) fn send(args: &SendArgs) -> Outcome<()> {
    let memo = memo(args)?;
    if !args.yes && !io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to ask on; give --yes to send without a question"));
    }
    let config = configure(args.layer())?;
    let (client, keystore) = (client(&config)?, Keystore::new(config.wallet_dir()?));
    let runtime = runtime()?;
    let plan = runtime.block_on(Plan::make(&client, &keystore, args, memo))?;
    // Nobody is asked and nobody looks on where a script pays.
    if !args.yes || (io::stderr().is_terminal() && !args.ask.format.json) {
        plan.describe().iter().for_each(|line| say(line));
    }
    if !args.yes && !secrets::confirm("Send it?")? {
        return Err(Failure::failed("nothing was sent"));
    }
    let tx = plan.sign(&keystore, args)?;
    let raw = to_hex(tx.bytes());
    let txid = runtime.block_on(async {
        tokio::select! {
            sent = client.tx_submit(&raw) => Ok(sent?.txid),
            _ = tokio::signal::ctrl_c() => Err(unanswered(tx.txid(plan.genesis()))),
        }
    })?;
    let Some(goal) = args.wait else {
        return print(args, &plan, txid, None);
    };
    say(&format!("sent {txid}"));
    let mut watch = Watch::new(txid, goal);
    let end = runtime.block_on(watch.within(&client, Duration::from_secs(args.timeout.into())));
    print(args, &plan, txid, watch.report()).and(end)
}

/// It may have arrived.
fn unanswered(txid: TxId) -> Failure {
    Failure::interrupted(format!(
        "interrupted before the node answered; look for it with: starling tx {txid}"
    ))
}

fn memo(args: &SendArgs) -> Outcome<Memo> {
    let bytes = args.memo.as_deref().unwrap_or_default().as_bytes();
    Memo::new(bytes).map_err(|error| Failure::usage(format!("--memo: {error}; write less")))
}

fn print(args: &SendArgs, plan: &Plan, txid: TxId, report: Option<&TxReport>) -> Outcome<()> {
    if !args.ask.format.json {
        return output::line(&txid.to_string());
    }
    let mut result = plan.json();
    result.insert("txid".to_owned(), json!(txid.to_string()));
    if let Some(report) = report {
        let mut add = |name: &str, value: Value| result.insert(name.to_owned(), value);
        add("status", json!(report.status));
        add("block", json!(report.block.map(|id| id.to_string())));
        add("height", json!(report.height));
        add("confirmations", json!(report.confirmations));
    }
    output::json(&result)
}
