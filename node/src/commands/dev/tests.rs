//! The accounts that are shown are those that the chain funds.

use super::{accounts, names};
use starling_genesis::Chain;

#[test]
fn the_shown_accounts_are_the_funded_ones() {
    let chain = Chain::dev();
    let (payout, shown) = accounts(&chain);
    let funded: Vec<_> =
        chain.accounts.iter().map(|(address, _)| address.to_text(&chain.params.prefix)).collect();
    assert_eq!(shown.iter().map(|(address, _)| address.clone()).collect::<Vec<_>>(), funded);
    assert_eq!(payout.to_text(&chain.params.prefix), funded[0]);
    assert!(shown.iter().all(|(_, key)| key.len() == 64));
    assert_eq!(names(), "dev0 to dev9");
}
