//! `starling block`.

use super::{client, configure, wait_for};
use crate::cli::BlockArgs;
use crate::failure::Outcome;
use crate::output::{self, ago, bytes, now, utc};
use starling_rpc::types::{BlockInfo, TxInfo};

/// Shows a block.
pub(super) fn block(args: &BlockArgs) -> Outcome<()> {
    let client = client(&configure(args.ask.node.layer())?)?;
    let block = wait_for(async { Ok(client.chain_get_block(args.block).await?) })?;
    if args.ask.format.json { output::json(&block) } else { show(&block) }
}

fn show(block: &BlockInfo) -> Outcome<()> {
    let header = &block.header;
    let time = u64::from(header.time);
    let place = match (header.canonical, header.confirmations) {
        (true, 1) => "the tip".to_owned(),
        (true, confirmations) => format!("{confirmations} confirmations"),
        (false, _) => "beside the best chain".to_owned(),
    };
    output::fields(&[
        ("block", header.height.to_string()),
        ("id", header.id.to_string()),
        ("place", place),
        ("parent", header.parent.to_string()),
        ("time", format!("{} ({})", utc(time), ago(time, now()))),
        ("miner", header.miner.clone()),
        ("bits", header.bits.to_string()),
        ("state root", header.state_root.to_string()),
        ("transactions", format!("{}, {}", header.tx_count, bytes(header.body_bytes.into()))),
    ])?;
    if block.txs.is_empty() {
        return Ok(());
    }
    output::line("")?;
    let rows: Vec<_> = block.txs.iter().map(row).collect();
    output::table(&["transaction", "from", "to", "STAR", "fee"], &rows)
}

fn row(tx: &TxInfo) -> Vec<String> {
    let (to, amount) = match tx.outputs.as_slice() {
        [output] => (output.to.clone(), output.amount.to_string()),
        outputs => {
            let sum = starling_primitives::Amount::sum(outputs.iter().map(|output| output.amount));
            (format!("{} recipients", outputs.len()), sum.map_or_else(String::new, |sum| sum.to_string()))
        }
    };
    vec![tx.txid.to_string(), tx.from.clone(), to, amount, tx.fee.to_string()]
}
