//! `starling history`.

use super::{account, client, configure, wait_for};
use crate::cli::HistoryArgs;
use crate::failure::{Outcome, say};
use crate::output::{self, utc};
use starling_rpc::types::{AccountHistory, HistoryEntry, HistoryKind};
use starling_wallet::Keystore;

/// Shows a page of what happened on an account.
pub(super) fn history(args: &HistoryArgs) -> Outcome<()> {
    let config = configure(args.account.layer())?;
    let (client, keystore) = (client(&config)?, Keystore::new(config.wallet_dir()?));
    let page = wait_for(async {
        let info = client.chain_info().await?;
        let address = account::resolve(&args.account.account, &info, &keystore)?;
        let address = address.to_text(&account::prefix(&info)?);
        Ok(client.account_history(&address, args.cursor.as_deref(), args.limit).await?)
    })?;
    if args.account.ask.format.json { output::json(&page) } else { show(&page) }
}

fn show(page: &AccountHistory) -> Outcome<()> {
    if page.entries.is_empty() {
        say(&format!("nothing has happened on {} yet", page.address));
        return Ok(());
    }
    let rows: Vec<_> = page.entries.iter().map(row).collect();
    output::table(&["height", "time", "what", "STAR", "fee", "transaction"], &rows)?;
    if let Some(cursor) = &page.next_cursor {
        say(&format!("there is more: --cursor {}", output::printable(cursor)));
    }
    Ok(())
}

fn row(entry: &HistoryEntry) -> Vec<String> {
    let (kind, sign) = match entry.kind {
        HistoryKind::Received => ("received", "+"),
        HistoryKind::Sent => ("sent", "-"),
        HistoryKind::Own => ("to itself", ""),
        HistoryKind::Mined => ("mined", "+"),
    };
    vec![
        entry.height.to_string(),
        utc(entry.time.into()),
        kind.to_owned(),
        format!("{sign}{}", entry.amount),
        entry.fee.map_or_else(String::new, |fee| fee.to_string()),
        entry.txid.map_or_else(String::new, |txid| txid.to_string()),
    ]
}
