//! `starling balance`.

use super::{account, client, configure, wait_for};
use crate::cli::AccountArgs;
use crate::failure::Outcome;
use crate::output::{self, star};
use starling_rpc::types::Account;
use starling_wallet::Keystore;

/// Shows what an account has.
pub(super) fn balance(args: &AccountArgs) -> Outcome<()> {
    let config = configure(args.layer())?;
    let (client, keystore) = (client(&config)?, Keystore::new(config.wallet_dir()?));
    let account = wait_for(async {
        let info = client.chain_info().await?;
        let address = account::resolve(&args.account, &info, &keystore)?;
        Ok(client.account_get(&address.to_text(&account::prefix(&info)?)).await?)
    })?;
    if args.ask.format.json { output::json(&account) } else { show(&account) }
}

fn show(account: &Account) -> Outcome<()> {
    let mut fields = vec![
        ("address", account.address.clone()),
        ("balance", star(account.balance)),
        ("nonce", account.nonce.to_string()),
    ];
    if (account.pending_balance, account.pending_nonce) != (account.balance, account.nonce) {
        fields.push(("pending balance", star(account.pending_balance)));
        fields.push(("pending nonce", account.pending_nonce.to_string()));
    }
    output::fields(&fields)
}
