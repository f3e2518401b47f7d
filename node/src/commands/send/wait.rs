//! `--wait`: follows a transaction step by step until it is where it should be.

use super::super::tx;
use crate::cli::WaitFor;
use crate::failure::{Failure, Outcome, say};
use crate::output::utc;
use starling_primitives::TxId;
use starling_rpc::types::{TxReport, TxStatus};
use starling_rpc::{Client, ClientError};
use std::time::Duration;

/// Time between two questions.
const POLL: Duration = Duration::from_millis(250);
/// The reversal risk at the hands of a miner with 30 % of all hash rate, below which a payment counts as
/// safe.
const SAFE_RISK: f64 = 0.001;

/// What is known of a transaction that is waited for.
pub(super) struct Watch {
    txid: TxId,
    goal: WaitFor,
    last: Option<TxReport>,
    events_told: usize,
    confirmations_told: u32,
    lost: bool,
}

impl Watch {
    pub(super) fn new(txid: TxId, goal: WaitFor) -> Self {
        Self { txid, goal, last: None, events_told: 0, confirmations_told: 0, lost: false }
    }

    /// What the node said last.
    pub(super) fn report(&self) -> Option<&TxReport> {
        self.last.as_ref()
    }

    /// Waits at most this long.
    ///
    /// # Errors
    /// The time is over, Ctrl-C, or the node dropped the transaction.
    pub(super) async fn within(&mut self, client: &Client, most: Duration) -> Outcome<()> {
        let end = tokio::select! {
            end = tokio::time::timeout(most, self.reached(client)) => Some(end),
            _ = tokio::signal::ctrl_c() => None,
        };
        let txid = self.txid;
        match end {
            Some(Ok(end)) => end,
            Some(Err(_)) => Err(Failure::timed_out(format!(
                "{txid} is {} after {} s; ask again with: starling tx {txid}",
                self.standing(),
                most.as_secs()
            ))),
            None => Err(Failure::interrupted(format!("stopped waiting; ask again with: starling tx {txid}"))),
        }
    }

    async fn reached(&mut self, client: &Client) -> Outcome<()> {
        loop {
            match client.tx_get(self.txid).await {
                Ok(report) => {
                    self.lost = false;
                    if self.look(report)? {
                        return Ok(());
                    }
                }
                // A node that restarts comes back with its mempool.
                Err(error @ ClientError::Unreachable { .. }) => {
                    if !std::mem::replace(&mut self.lost, true) {
                        say(&format!("{error}; asking again"));
                    }
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Tells what is new, and whether the goal is reached.
    fn look(&mut self, report: TxReport) -> Outcome<bool> {
        for event in report.events.iter().skip(self.events_told) {
            say(&format!("{} {}", utc(event.time), tx::step(event)));
        }
        self.events_told = report.events.len();
        let confirmations = report.confirmations;
        if confirmations != std::mem::replace(&mut self.confirmations_told, confirmations)
            && confirmations > 0
        {
            say(&counted(confirmations));
        }
        let end = verdict(self.goal, &report);
        self.last = Some(report);
        end
    }

    fn standing(&self) -> String {
        match &self.last {
            None => "not seen again".to_owned(),
            Some(report) if report.confirmations > 0 => format!("at {}", counted(report.confirmations)),
            Some(report) => tx::status(report.status).to_owned(),
        }
    }
}

fn counted(confirmations: u32) -> String {
    let plural = if confirmations == 1 { "" } else { "s" };
    format!("{confirmations} confirmation{plural}")
}

/// Whether the goal is reached; an error when it never will be.
fn verdict(goal: WaitFor, report: &TxReport) -> Outcome<bool> {
    if report.status == TxStatus::Dropped {
        let why = report.events.last().map(tx::step).unwrap_or_default();
        return Err(Failure::refused(format!("the transaction was dropped: {why}; send it again")));
    }
    let mined = |least| report.status == TxStatus::Mined && report.confirmations >= least;
    Ok(match goal {
        WaitFor::Seen => matches!(report.status, TxStatus::Pending | TxStatus::Mined),
        WaitFor::One => mined(1),
        WaitFor::Six => mined(6),
        WaitFor::Safe => mined(1) && report.reversal_risk.attacker_30 < SAFE_RISK,
    })
}

#[cfg(test)]
mod tests;
