//! Proofs, of accounts by the core, which holds the state's tree, and of the rest from a snapshot.

use super::chain::{no_body, resolve, unknown};
use super::{Api, internal};
use starling_ledger::View;
use starling_primitives::{Address, BlockId, TxId};
use starling_rpc::types::{AccountProof, BlockRef, HistoryProof, TxProof};
use starling_rpc::{ApiError, ApiResult, ErrorKind};

impl Api {
    pub(super) async fn prove_account(&self, address: Address, block: BlockRef) -> ApiResult<AccountProof> {
        // The tip is the core's own, so that it can be no other one when it is proven.
        let named = match block {
            BlockRef::Tip => None,
            named => Some(self.read(move |view| connected(view, named)).await?),
        };
        let proven = self.ask(move |core| {
            let tip = core.ledger().tip();
            let (height, id) = named.unwrap_or((tip.height, tip.id));
            let proven = core.prove_account(&address, height).map_err(internal)?;
            let proven = proven.ok_or_else(|| too_deep(height, tip.height))?;
            if proven.header.id() == id { Ok(proven) } else { Err(not_connected(&id)) }
        });
        let proven = proven.await??;
        let address = address.to_text(&self.reader.chain().params.prefix);
        Ok(AccountProof::new(address, &proven.header, &proven.key, proven.proof))
    }
}

pub(super) fn tx(view: &View<'_>, txid: &TxId) -> ApiResult<TxProof> {
    if let Some((header, wtxid, proof)) = view.prove_tx(txid).map_err(internal)? {
        return Ok(TxProof::new(&header, wtxid, proof));
    }
    let location = view.tx_location(txid).map_err(internal)?;
    let block = location.map(|at| view.canonical(at.height)).transpose().map_err(internal)?;
    Err(block.flatten().map_or_else(|| not_mined(txid), |id| no_body(view, &id)))
}

pub(super) fn history(view: &View<'_>, block: BlockRef) -> ApiResult<HistoryProof> {
    let (height, id) = connected(view, block)?;
    if id == view.tip().id {
        let error = ApiError::new(ErrorKind::NotFound, "no_ancestor", "the tip is no ancestor of itself");
        return Err(error.hint("ask for a block below the tip, or compare the tip's header"));
    }
    let (tip, leaf, proof) = view.prove_history(height).map_err(internal)?.ok_or_else(between_branches)?;
    Ok(HistoryProof::new(&tip, leaf, proof))
}

/// Height and id of a block of the connected chain.
fn connected(view: &View<'_>, block: BlockRef) -> ApiResult<(u32, BlockId)> {
    let id = resolve(view, block)?;
    let header = view.header(&id).map_err(internal)?.ok_or_else(|| unknown(&id))?.header;
    let is_connected = view.is_canonical(&header).map_err(internal)?;
    if is_connected { Ok((header.height(), id)) } else { Err(not_connected(&id)) }
}

fn not_connected(id: &BlockId) -> ApiError {
    let message = format!("block {id} is not on the connected chain");
    let error = ApiError::new(ErrorKind::NotFound, "not_connected", message);
    error.hint("ask for a block by its height, or for \"tip\"")
}

fn too_deep(height: u32, tip: u32) -> ApiError {
    let message = format!("accounts can be proven for the last blocks alone, and {height} is too far back");
    let error = ApiError::new(ErrorKind::Unavailable, "too_deep", message);
    error.hint(format!("ask for the tip, which is at {tip}")).value("tip", tip)
}

fn not_mined(txid: &TxId) -> ApiError {
    let message = format!("no block of the connected chain has the transaction {txid}");
    let error = ApiError::new(ErrorKind::NotFound, "not_mined", message);
    error.hint("wait until it is mined; tx_get shows its way")
}

fn between_branches() -> ApiError {
    let message =
        "the history that is stored is that of another branch, whose blocks are still being fetched";
    ApiError::new(ErrorKind::Busy, "between_branches", message).hint("ask again in a minute")
}
