//! Accounts and what happened to them.

use super::{LOOK, internal};
use crate::core::Core;
use starling_consensus::Accounts;
use starling_ledger::{AddressEvent, StoreError, View};
use starling_primitives::Address;
use starling_rpc::types::{Account, AccountHistory, HistoryEntry, HistoryKind};
use starling_rpc::{ApiError, ApiResult, ErrorKind, PageRequest};

pub(super) fn get(core: &mut Core, address: &Address) -> ApiResult<Account> {
    let settled = core.ledger().account(address).map_err(internal)?;
    let pending = core.pending_account(address).map_err(internal)?;
    Ok(Account {
        address: address.to_text(&core.chain().params.prefix),
        balance: settled.balance,
        nonce: settled.nonce,
        pending_balance: pending.balance,
        pending_nonce: pending.nonce,
    })
}

pub(super) fn history(view: &View<'_>, address: Address, page: &PageRequest) -> ApiResult<AccountHistory> {
    let before = page.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    // One more than asked tells whether there is a next page.
    let events = view.history(&address, before, limit.saturating_add(1));
    let mut events = events.map_err(|error| match error {
        StoreError::NoAddressIndex(_) => {
            let message = "this node keeps no address index";
            let error = ApiError::new(ErrorKind::Unavailable, "no_address_index", message);
            error.hint("ask a node that runs without --no-address-index")
        }
        error => internal(error),
    })?;
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| more).map(|last| format!("{}-{}", last.height, last.position));
    let entries = events.iter().map(|event| entry(view, event)).collect::<ApiResult<_>>()?;
    Ok(AccountHistory { address: address.to_text(&view.chain().params.prefix), entries, next_cursor: next })
}

fn entry(view: &View<'_>, event: &AddressEvent) -> ApiResult<HistoryEntry> {
    let lost = || {
        let error = ApiError::new(ErrorKind::Internal, "database", "an entry's block is not stored");
        error.hint(LOOK)
    };
    let block = view.canonical(event.height).map_err(internal)?.ok_or_else(lost)?;
    let header = view.header(&block).map_err(internal)?.ok_or_else(lost)?.header;
    let paid = !event.sent.is_zero();
    let (kind, amount) = match event.txid {
        None => (HistoryKind::Mined, event.received),
        Some(_) if !paid => (HistoryKind::Received, event.received),
        Some(_) if event.sent == event.received => (HistoryKind::Own, event.sent),
        Some(_) => (HistoryKind::Sent, event.sent.checked_sub(event.received).unwrap_or(event.sent)),
    };
    Ok(HistoryEntry {
        kind,
        txid: event.txid,
        amount,
        fee: paid.then_some(event.fee),
        block,
        height: event.height,
        time: header.work().time,
    })
}

/// A cursor is `HEIGHT-POSITION` of the last entry that was shown.
fn read_cursor(text: &str) -> ApiResult<(u32, u32)> {
    let parts = text.split_once('-').and_then(|(height, at)| Some((height.parse().ok()?, at.parse().ok()?)));
    parts.ok_or_else(|| {
        let error = ApiError::new(
            ErrorKind::InvalidParams,
            "bad_cursor",
            "this cursor is not one of account_history",
        );
        error.hint("give next_cursor of the page before, or none for the first page")
    })
}
