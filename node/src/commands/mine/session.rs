//! The node that is mined for: its templates, its new tips, and the way back to it when it is gone.

use super::super::account;
use super::report::Report;
use crate::failure::{Failure, Outcome};
use crate::files::random_suffix;
use starling_primitives::{Address, GenesisId, Header, PowKind};
use starling_rpc::types::{Head, MinedBlock, MiningTemplate};
use starling_rpc::{ApiError, Client, ClientError, ErrorKind, Events, to_hex};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Time after which a template is asked for anew, for better fees and a later time.
const REFRESH: Duration = Duration::from_secs(5);
/// The same while nothing tells of new tips, or there was no template.
const POLL: Duration = Duration::from_millis(500);
/// Time between two attempts to be told of new tips.
const SUBSCRIBE_EVERY: Duration = Duration::from_secs(10);
/// The first pause after a node is lost; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A node, and what was last heard of it.
pub(super) struct Session {
    client: Client,
    payout: String,
    /// Begins every extra of this process, so that no other miner of the same payout tries the same headers.
    extra: String,
    chain: String,
    genesis: GenesisId,
    heads: Option<Events<Head>>,
    subscribe_at: Instant,
    refresh_at: Instant,
    current: Option<Vec<u8>>,
}

/// A template that was read.
pub(super) struct Work {
    pub(super) header: Header,
    pub(super) pow: PowKind,
}

/// What asking for a template gave.
pub(super) enum Answer {
    /// The one that is being mined.
    Same,
    /// Another.
    New(Box<Work>),
    /// None for now, and why.
    Rest(String),
}

/// What the node said to a block.
pub(super) enum Verdict {
    /// It is part of the chain, or of a branch.
    Taken(MinedBlock),
    /// It is not.
    Refused(ApiError),
}

impl Session {
    /// The first contact, where a wrong URL or payout ends the command.
    ///
    /// # Errors
    /// No node there, or an address of another chain.
    pub(super) async fn open(client: Client, payout: String) -> Outcome<Self> {
        let info = client.chain_info().await?;
        Address::from_text(&payout, &account::prefix(&info)?)
            .map_err(|error| Failure::usage(format!("--payout {payout:?}: {error}")))?;
        let now = Instant::now();
        Ok(Self {
            client,
            payout,
            extra: random_suffix()?,
            chain: info.chain,
            genesis: info.genesis,
            heads: None,
            subscribe_at: now,
            refresh_at: now,
            current: None,
        })
    }

    /// The node's URL.
    pub(super) fn url(&self) -> &str {
        self.client.url()
    }

    /// Its chain's name.
    pub(super) fn chain(&self) -> &str {
        &self.chain
    }

    /// Who is paid.
    pub(super) fn payout(&self) -> &str {
        &self.payout
    }

    /// Waits until a template should be asked for. Nothing is lost when it is not waited for to the end.
    pub(super) async fn changed(&mut self) {
        let refresh_at = self.refresh_at;
        match &mut self.heads {
            None => sleep_until(refresh_at).await,
            Some(heads) => tokio::select! {
                () = sleep_until(refresh_at) => {}
                told = heads.next() => if !matches!(told, Some(Ok(_))) {
                    self.heads = None;
                },
            },
        }
    }

    /// Asks for a template, as often as it takes to find the node again.
    ///
    /// # Errors
    /// The node is now on another chain, or speaks of things that this program does not know.
    pub(super) async fn template(&mut self, report: &mut Report) -> Outcome<Answer> {
        loop {
            self.subscribe().await;
            match self.client.mining_get_template(&self.payout, &self.extra).await {
                Ok(template) => {
                    self.refresh_at = Instant::now() + if self.heads.is_some() { REFRESH } else { POLL };
                    return self.read(&template);
                }
                Err(ClientError::Refused(error)) if error.kind() != ErrorKind::InvalidParams => {
                    self.refresh_at = Instant::now() + POLL;
                    self.current = None;
                    return Ok(Answer::Rest(error.to_string()));
                }
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Bad { .. })) => {
                    self.find_again(&error, report).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read(&mut self, template: &MiningTemplate) -> Outcome<Answer> {
        if self.current.as_ref() == Some(&template.header) {
            return Ok(Answer::Same);
        }
        let header = Header::decode(&template.header);
        let header = header.map_err(|error| Failure::failed(format!("the node's template: {error}")))?;
        let pow = match template.pow.as_str() {
            "sha256d" => PowKind::Sha256d,
            "sha256d-tagged" => PowKind::Sha256dTagged,
            other => {
                return Err(Failure::failed(format!("the proof of work {other:?} needs a newer starling")));
            }
        };
        self.current = Some(template.header.clone());
        Ok(Answer::New(Box::new(Work { header, pow })))
    }

    /// Hands in a block, as often as it takes to find the node again.
    ///
    /// # Errors
    /// As for [`Session::template`].
    pub(super) async fn submit(&mut self, header: &Header, report: &mut Report) -> Outcome<Verdict> {
        // The threads rest after a find; whatever the answer, they need a job again.
        self.current = None;
        let header = to_hex(&header.encode());
        loop {
            match self.client.mining_submit(&header).await {
                Ok(block) => return Ok(Verdict::Taken(block)),
                // That is no verdict: the block is worth another try.
                Err(ClientError::Refused(error))
                    if matches!(error.kind(), ErrorKind::Busy | ErrorKind::RateLimited) =>
                {
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
                Err(ClientError::Refused(error)) => return Ok(Verdict::Refused(error)),
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Bad { .. })) => {
                    self.find_again(&error, report).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Asks to be told of new tips; a node that does not tell is asked often instead.
    async fn subscribe(&mut self) {
        let now = Instant::now();
        if self.heads.is_none() && now >= self.subscribe_at {
            self.subscribe_at = now + SUBSCRIBE_EVERY;
            self.heads = self.client.subscribe_heads().await.ok();
        }
    }

    /// Asks for the node with longer and longer pauses.
    async fn find_again(&mut self, lost: &ClientError, report: &mut Report) -> Outcome<()> {
        self.heads = None;
        let mut pause = FIRST_PAUSE;
        report.lost(lost, pause)?;
        loop {
            tokio::time::sleep(pause).await;
            match self.client.chain_info().await {
                Ok(info) if info.genesis == self.genesis => break,
                Ok(info) => {
                    let (url, chain) = (self.url(), &info.chain);
                    return Err(Failure::failed(format!(
                        "the node at {url} is now on another chain, {chain}"
                    )));
                }
                Err(error) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    report.lost(&error, pause)?;
                }
            }
        }
        self.subscribe_at = Instant::now();
        report.found_again()
    }
}
