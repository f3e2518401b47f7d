//! Work for miners, and the node's own miner.

use super::{Api, chain::pow_name, chain::rates, internal};
use crate::core::{SubmitBlockError, Template, TemplateError};
use crate::shell::dev::{self, GenerateError};
use starling_primitives::{Address, Header, Target};
use starling_rpc::types::{Generated, MinedBlock, MiningInfo, MiningTemplate};
use starling_rpc::{ApiError, ApiResult, ErrorKind};
use std::num::NonZeroU16;
use std::time::Duration;

/// A template that is not due yet is waited for this long; then the miner is told to ask again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Time between two looks whether a template is due.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Api {
    /// A template whose time is not ahead of the clock: it waits until it is not.
    pub(super) async fn template(&self, payout: Address, extra: Vec<u8>) -> ApiResult<MiningTemplate> {
        let until = tokio::time::Instant::now() + LONGEST_WAIT;
        loop {
            let extra = extra.clone();
            let template = self.ask(move |core| core.template(payout, &extra, false)).await?;
            match template {
                Err(TemplateError::TooEarly { .. }) if tokio::time::Instant::now() < until => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => return Err(no_template(error)),
                Ok(template) => return Ok(self.show(&template)),
            }
        }
    }

    fn show(&self, template: &Template) -> MiningTemplate {
        let header = &template.header;
        let bits = header.work().bits;
        MiningTemplate {
            header: header.encode(),
            commitment: header.content().commitment(),
            height: header.height(),
            parent: header.parent(),
            pow: pow_name(self.reader.chain().params.pow).to_owned(),
            bits,
            target: bits.target().map_or_else(|_| String::new(), |target: Target| target.to_string()),
            min_time: template.min_time,
            max_time: template.max_time,
            tx_count: header.content().tx_count,
            reward: template.reward,
        }
    }

    pub(super) async fn submit_block(&self, header: Header) -> ApiResult<MinedBlock> {
        let (id, height) = (header.id(), header.height());
        let canonical = self.ask(move |core| core.submit_block(header)).await?.map_err(refused_block)?;
        Ok(MinedBlock { id, height, canonical })
    }

    pub(super) async fn mining(&self) -> ApiResult<MiningInfo> {
        let status = self.miner.status();
        let (rates, height) = self.ask(|core| (rates(core), core.ledger().tip().height)).await?;
        Ok(MiningInfo {
            mining: status.threads > 0,
            threads: u32::from(status.threads),
            payout: status.payout.map(|payout| payout.to_text(&self.reader.chain().params.prefix)),
            hash_rate: status.hash_rate,
            blocks_found: status.blocks_found,
            network_hash_rate: rates.1,
            difficulty: rates.0,
            height,
            reason: status.reason,
        })
    }

    pub(super) async fn start_mining(
        &self,
        payout: Option<Address>,
        threads: Option<u32>,
    ) -> ApiResult<MiningInfo> {
        let payout = self.payout_or_own(payout)?;
        let threads = threads.unwrap_or(1);
        let counted = u16::try_from(threads).ok().and_then(NonZeroU16::new);
        let counted = counted.ok_or_else(|| {
            let message = format!("{threads} threads cannot be started");
            ApiError::new(ErrorKind::InvalidParams, "bad_threads", message)
                .hint("give 1 or more, one for each core")
        })?;
        self.miner.start(payout, counted).map_err(|error| {
            let message = format!("the threads cannot be started: {error}");
            ApiError::new(ErrorKind::Internal, "no_threads", message).hint("give fewer threads")
        })?;
        self.mining().await
    }

    pub(super) async fn generate(&self, count: u32, payout: Option<Address>) -> ApiResult<Generated> {
        let chain = self.reader.chain();
        if chain.is_public() {
            let message = "blocks are made on demand on dev and lab chains alone";
            let error = ApiError::new(ErrorKind::Unavailable, "public_chain", message);
            return Err(error.hint("use mining_start, or `starling mine`"));
        }
        let payout = self.payout_or_own(payout)?;
        let mut blocks = Vec::new();
        for _ in 0..count {
            blocks.push(dev::generate(&self.core, chain.params.pow, payout).await.map_err(not_generated)?);
        }
        let height = self.ask(|core| core.ledger().tip().height).await?;
        Ok(Generated { blocks, height })
    }

    fn payout_or_own(&self, payout: Option<Address>) -> ApiResult<Address> {
        payout.or(self.payout).ok_or_else(|| {
            let error =
                ApiError::new(ErrorKind::InvalidParams, "no_payout", "whom to pay for blocks is not said");
            error.hint("give a payout address, or start the node with --payout ADDRESS")
        })
    }
}

fn no_template(error: TemplateError) -> ApiError {
    let (code, hint) = match error {
        TemplateError::Store(error) => return internal(error),
        TemplateError::NotSynced { .. } => ("not_synced", "wait until the node is synchronised"),
        TemplateError::NoPeers => ("no_peers", "wait for a peer, or start the node with --mine-alone"),
        TemplateError::TooEarly { .. } => ("too_early", "ask again in a second"),
        TemplateError::TooFarAhead { .. } => ("too_far_ahead", "wait until the clock has caught up"),
        TemplateError::Extra(error) => {
            let error = ApiError::new(ErrorKind::InvalidParams, "bad_extra", error);
            return error.hint("height and extra together may have 2 to 100 bytes");
        }
    };
    ApiError::new(ErrorKind::Unavailable, code, error).hint(hint)
}

fn refused_block(error: SubmitBlockError) -> ApiError {
    match error {
        SubmitBlockError::Store(error) => internal(error),
        SubmitBlockError::UnknownTemplate => {
            ApiError::new(ErrorKind::Refused, "unknown_template", error).hint("ask for a new template")
        }
        SubmitBlockError::Header(_) | SubmitBlockError::Rule(_) => {
            ApiError::new(ErrorKind::Refused, "invalid_block", error).hint("ask for a new template")
        }
    }
}

fn not_generated(error: GenerateError) -> ApiError {
    match error {
        GenerateError::Template(error) => no_template(error),
        GenerateError::Refused(error) => refused_block(error),
        other => ApiError::new(ErrorKind::Unavailable, "not_generated", other).hint("try again"),
    }
}
