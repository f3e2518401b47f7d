//! What a miner shows: one live line on a terminal, a line now and then elsewhere, JSON for scripts.

use super::session::Session;
use crate::failure::{Outcome, say};
use crate::output::{self, duration, metric};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use starling_rpc::types::MinedBlock;
use starling_rpc::{ApiError, ClientError};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

/// Time between two lines where there is no live one.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Counts, and the display.
pub(super) struct Report {
    json: bool,
    live: Option<ProgressBar>,
    started: Instant,
    looked: Instant,
    hashes: u64,
    rate: f64,
    line_at: Instant,
    blocks: u64,
    refused: u64,
    height: u32,
    difficulty: f64,
    resting: Option<String>,
    lost: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        let live = (!json && output::lively_stderr()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.with_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a test reads it"))
        });
        let now = Instant::now();
        Self {
            json,
            live,
            started: now,
            looked: now,
            hashes: 0,
            rate: 0.0,
            line_at: now + LINE_EVERY,
            blocks: 0,
            refused: 0,
            height: 0,
            difficulty: 0.0,
            resting: None,
            lost: false,
        }
    }

    /// The miner works for this node.
    pub(super) fn started(&mut self, session: &Session, threads: NonZeroU16) -> Outcome<()> {
        let (url, chain, payout) = (session.url(), session.chain(), session.payout());
        let event = json!({
            "event": "started", "node": url, "chain": chain, "payout": payout, "threads": threads.get()
        });
        self.tell(&event, &format!("mining on {threads} threads for {payout}, chain {chain}, node {url}"))
    }

    /// A new template is mined.
    pub(super) fn working(&mut self, height: u32, difficulty: f64) {
        (self.height, self.difficulty, self.resting) = (height, difficulty, None);
    }

    /// There is nothing to mine, and why.
    pub(super) fn resting(&mut self, reason: String) {
        self.resting = Some(reason);
    }

    /// Looks at the counter of hashes, and shows how it goes.
    ///
    /// # Errors
    /// Nobody reads the results any more.
    pub(super) fn look(&mut self, hashes: u64) -> Outcome<()> {
        let now = Instant::now();
        let passed = now.duration_since(self.looked).as_secs_f64();
        if passed > 0.0 {
            self.rate = float(hashes.saturating_sub(self.hashes)) / passed;
        }
        (self.looked, self.hashes) = (now, hashes);
        if let Some(live) = &self.live {
            live.set_message(self.line());
            live.tick();
        } else if now >= self.line_at {
            self.line_at = now + LINE_EVERY;
            if self.json {
                return output::json(&self.status());
            }
            say(&self.line());
        }
        Ok(())
    }

    /// The node took a block.
    ///
    /// # Errors
    /// Nobody reads the results any more.
    pub(super) fn block(&mut self, block: &MinedBlock) -> Outcome<()> {
        self.blocks += 1;
        let beside = if block.canonical { "" } else { ", beside the best chain" };
        let event = json!({
            "event": "block", "height": block.height, "id": block.id.to_string(), "canonical": block.canonical
        });
        self.result(&event, &format!("block {} {}{beside}", block.height, block.id))
    }

    /// The node refused a block: most often another was faster.
    ///
    /// # Errors
    /// Nobody reads the results any more.
    pub(super) fn refused(&mut self, height: u32, error: &ApiError) -> Outcome<()> {
        self.refused += 1;
        let event = json!({
            "event": "refused", "height": height, "code": error.code(), "message": error.message()
        });
        self.tell(&event, &format!("block {height} was refused: {error}"))
    }

    /// The node does not answer, and is asked again after a pause.
    ///
    /// # Errors
    /// Nobody reads the results any more.
    pub(super) fn lost(&mut self, error: &ClientError, pause: Duration) -> Outcome<()> {
        self.lost = true;
        let seconds = pause.as_secs_f64();
        let event = json!({"event": "disconnected", "error": error.to_string(), "retry_seconds": seconds});
        self.tell(&event, &format!("{error}; asking again in {seconds} s"))
    }

    /// The node answers again.
    ///
    /// # Errors
    /// Nobody reads the results any more.
    pub(super) fn found_again(&mut self) -> Outcome<()> {
        self.lost = false;
        self.tell(&json!({"event": "connected"}), "the node answers again")
    }

    /// What all of it came to.
    ///
    /// # Errors
    /// Nobody reads the results any more.
    pub(super) fn summary(&mut self, hashes: u64) -> Outcome<()> {
        self.hashes = hashes;
        if let Some(live) = self.live.take() {
            live.finish_and_clear();
        }
        let (blocks, refused, rate) = (self.blocks, self.refused, self.average());
        let seconds = self.started.elapsed();
        let event = json!({
            "event": "summary", "blocks": blocks, "refused": refused, "hashes": hashes, "hash_rate": rate,
            "seconds": seconds.as_secs_f64(),
        });
        let time = duration(seconds.as_secs());
        let hashes = metric(float(hashes));
        let text =
            format!("{blocks} blocks found, {refused} refused, in {time}: {hashes}H at {}H/s", metric(rate));
        self.result(&event, &text)
    }

    fn average(&self) -> f64 {
        let seconds = self.started.elapsed().as_secs_f64();
        if seconds > 0.0 { float(self.hashes) / seconds } else { 0.0 }
    }

    /// Seconds until a block is found, on average.
    fn expected_seconds(&self) -> Option<f64> {
        let rate = self.average();
        (rate > 0.0 && self.difficulty > 0.0).then(|| self.difficulty / rate)
    }

    fn line(&self) -> String {
        if self.lost {
            return "waiting for the node".to_owned();
        }
        if let Some(reason) = &self.resting {
            return format!("resting: {}", output::printable(reason));
        }
        let next = self.expected_seconds().map_or_else(String::new, |seconds| {
            let time = match Duration::try_from_secs_f64(seconds) {
                Ok(time) if time.as_secs() >= 10 => duration(time.as_secs()),
                _ => format!("{seconds:.1} s"),
            };
            format!(", one each {time}")
        });
        format!(
            "{}H/s now, {}H/s average, {} blocks{next}, difficulty {}, tip {}",
            metric(self.rate),
            metric(self.average()),
            self.blocks,
            metric(self.difficulty).trim_end(),
            self.height.saturating_sub(1),
        )
    }

    fn status(&self) -> Value {
        json!({
            "event": "status",
            "hash_rate": self.rate,
            "average_hash_rate": self.average(),
            "blocks": self.blocks,
            "refused": self.refused,
            "difficulty": self.difficulty,
            "expected_seconds": self.expected_seconds(),
            "height": self.height,
            "resting": self.resting,
        })
    }

    /// A result: on stdout.
    fn result(&self, event: &Value, text: &str) -> Outcome<()> {
        self.above(|| if self.json { output::json(event) } else { output::line(text) })
    }

    /// Something to know: for scripts an event like the others, for people on stderr.
    fn tell(&self, event: &Value, text: &str) -> Outcome<()> {
        if self.json {
            return output::json(event);
        }
        self.above(|| {
            say(&output::printable(text));
            Ok(())
        })
    }

    /// Writes above the live line.
    fn above(&self, write: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
        match &self.live {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }
}

/// The nearest float.
fn float(number: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & 0xffff_ffff).expect("32 bits"));
    half(number >> 32) * 2f64.powi(32) + half(number)
}

#[cfg(test)]
mod tests;
