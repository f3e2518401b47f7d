//! Blocks, headers, tips, and the chain as a whole.

use super::{Api, LOOK, internal};
use crate::core::{Core, SyncState};
use starling_consensus::Status;
use starling_ledger::View;
use starling_primitives::{BlockId, PowKind, Work, encode_body};
use starling_rpc::types::{
    BlockInfo, BlockPart, BlockRef, ChainInfo, ChainTip, ChainTips, HeaderInfo, HeaderList, HeaderPlace,
    SyncInfo, SyncStage, TipStatus, TxInfo,
};
use starling_rpc::{ApiError, ApiResult, ErrorKind};

/// Blocks over which the hash rate is estimated.
const RATE_BLOCKS: u32 = 144;
/// Branch heads that are told at the most.
const MAX_TIPS: usize = 100;

/// Hashes that a block is expected to take, and estimated hashes a second, at the tip.
pub(super) fn rates(core: &Core) -> (f64, f64) {
    let tree = core.tree();
    let Some(tip) = tree.get(&core.ledger().tip().id) else { return (0.0, 0.0) };
    let own = tip.bits.target().map_or(Work::ZERO, starling_primitives::Target::work);
    let difficulty = own.to_f64();
    let from = tree.best_at(tip.height.saturating_sub(RATE_BLOCKS).max(1));
    let Some(from) = from.filter(|from| from.height < tip.height && from.time < tip.time) else {
        return (difficulty, 0.0);
    };
    let work = tip.work.saturating_sub(from.work).to_f64();
    (difficulty, work / f64::from(tip.time - from.time))
}

pub(super) fn pow_name(pow: PowKind) -> &'static str {
    match pow {
        PowKind::Sha256d => "sha256d",
        PowKind::Sha256dTagged => "sha256d-tagged",
    }
}

impl Api {
    pub(super) async fn info(&self) -> ApiResult<ChainInfo> {
        self.ask(info).await?
    }
}

fn info(core: &mut Core) -> ApiResult<ChainInfo> {
    let (chain, tip) = (core.chain().clone(), core.ledger().tip());
    let missing = || ApiError::new(ErrorKind::Internal, "internal", "the tip has no header").hint(LOOK);
    let head = core.tree().get(&tip.id).ok_or_else(missing)?;
    let (difficulty, hash_rate) = rates(core);
    let sync = core.sync_info();
    let stage = match sync.stage {
        SyncState::Waiting => SyncStage::Waiting,
        SyncState::Headers => SyncStage::Headers,
        SyncState::Bodies => SyncStage::Bodies,
        SyncState::Synced => SyncStage::Synced,
    };
    Ok(ChainInfo {
        chain: chain.name.clone(),
        chain_id: chain.chain_id(),
        genesis: chain.genesis_id(),
        height: tip.height,
        tip: tip.id,
        time: head.time,
        bits: head.bits,
        work: head.work,
        supply: core.ledger().supply(),
        synced: stage == SyncStage::Synced,
        stage,
        target_height: sync.target,
        sync: SyncInfo {
            header_height: sync.header_height,
            per_second: sync.rate,
            eta_seconds: sync.eta.map(|eta| eta.as_secs()),
            headers_from: sync.headers_from.map(|peer| peer.to_string()),
            stalling: sync.stalling.map(|peer| peer.to_string()),
        },
        warnings: core.warnings(),
        prefix: chain.params.prefix.to_string(),
        pow: pow_name(chain.params.pow).to_owned(),
        interval: chain.params.interval,
        difficulty,
        hash_rate,
        account_charge: chain.params.account_charge,
        pruned_below: Some(core.ledger().oldest_body()).filter(|oldest| *oldest > 0),
    })
}

/// The branch heads with the most work, the connected one first.
pub(super) fn tips(core: &mut Core) -> ChainTips {
    let active = core.ledger().tip().id;
    let tree = core.tree();
    let mut heads = tree.heads();
    heads.retain(|head| head.id != active);
    heads.truncate(MAX_TIPS - 1);
    let tip = |head: &starling_consensus::HeaderInfo| ChainTip {
        id: head.id,
        height: head.height,
        fork_height: tree.fork_height(&active, &head.id).unwrap_or(0),
        work: head.work,
        status: match head.status {
            _ if head.id == active => TipStatus::Active,
            Status::Invalid => TipStatus::Invalid,
            Status::Header => TipStatus::Headers,
            Status::Body | Status::Connected => TipStatus::Fork,
        },
    };
    ChainTips { tips: tree.get(&active).iter().chain(&heads).map(tip).collect() }
}

pub(super) fn header(view: &View<'_>, block: BlockRef) -> ApiResult<HeaderInfo> {
    describe(view, &resolve(view, block)?)
}

pub(super) fn headers(view: &View<'_>, from: u32, count: u32) -> ApiResult<HeaderList> {
    let tip = view.tip().height;
    let last = tip.min(from.saturating_add(count.saturating_sub(1)));
    let one = |height| header(view, BlockRef::Height(height));
    Ok(HeaderList { headers: (from..=last).take_while(|_| count > 0).map(one).collect::<ApiResult<_>>()? })
}

pub(super) fn block(view: &View<'_>, block: BlockRef) -> ApiResult<BlockInfo> {
    let id = resolve(view, block)?;
    let header = describe(view, &id)?;
    let block = view.block(&id).map_err(internal)?.ok_or_else(|| no_body(view, &id))?;
    let params = &view.chain().params;
    let txs =
        block.txs.iter().map(|tx| TxInfo::new(tx, &view.chain().genesis_id(), &params.prefix)).collect();
    Ok(BlockInfo { header, txs })
}

pub(super) fn raw(view: &View<'_>, block: BlockRef, part: BlockPart) -> ApiResult<Vec<u8>> {
    let id = resolve(view, block)?;
    if part == BlockPart::Header {
        let record = view.header(&id).map_err(internal)?.ok_or_else(|| unknown(&id))?;
        return Ok(record.header.encode());
    }
    let block = view.block(&id).map_err(internal)?.ok_or_else(|| no_body(view, &id))?;
    Ok(if part == BlockPart::Body { encode_body(&block.txs) } else { block.encode() })
}

/// The id of the block that is meant.
pub(super) fn resolve(view: &View<'_>, block: BlockRef) -> ApiResult<BlockId> {
    match block {
        BlockRef::Tip => Ok(view.tip().id),
        BlockRef::Id(id) => Ok(id),
        BlockRef::Height(height) => view.canonical(height).map_err(internal)?.ok_or_else(|| {
            let tip = view.tip().height;
            let message = format!("no block has height {height} yet; the tip is at {tip}");
            let error = ApiError::new(ErrorKind::NotFound, "unknown_block", message);
            error.hint(format!("ask for a height up to {tip}")).value("tip", tip)
        }),
    }
}

fn describe(view: &View<'_>, id: &BlockId) -> ApiResult<HeaderInfo> {
    let record = view.header(id).map_err(internal)?.ok_or_else(|| unknown(id))?;
    let canonical = view.is_canonical(&record.header).map_err(internal)?;
    let deep = view.tip().height.saturating_sub(record.header.height()).saturating_add(1);
    let confirmations = if canonical { deep } else { 0 };
    let place = HeaderPlace { work: record.work, confirmations, canonical };
    Ok(HeaderInfo::new(&record.header, &view.chain().params.prefix, place))
}

pub(super) fn unknown(id: &BlockId) -> ApiError {
    let error = ApiError::new(ErrorKind::NotFound, "unknown_block", format!("no block {id} is known here"));
    error.hint("check the id, or wait until the node is synchronised")
}

/// A body that was pruned, or has not come yet.
pub(super) fn no_body(view: &View<'_>, id: &BlockId) -> ApiError {
    let height = view.header(id).ok().flatten().map(|record| record.header.height());
    let oldest = view.oldest_body().unwrap_or(0);
    if height.is_some_and(|height| height < oldest) {
        let message = format!("the body of block {id} was pruned; those from height {oldest} on are here");
        let error = ApiError::new(ErrorKind::Unavailable, "pruned", message).value("pruned_below", oldest);
        return error.hint("ask for the header, or ask a node that keeps all bodies");
    }
    let error =
        ApiError::new(ErrorKind::Unavailable, "no_body", format!("the body of block {id} is not here"));
    error.hint("ask for the header, or wait until the node is synchronised")
}

#[cfg(test)]
mod tests;
