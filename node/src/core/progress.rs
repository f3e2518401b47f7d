//! How far the node is behind, how fast it comes closer, and who holds it up.

use super::{Core, SyncState};
use starling_network::PeerId;
use std::collections::VecDeque;
use std::time::Duration;

/// Time between two samples, and how many tell the pace: half a minute.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const SAMPLES: usize = 30;

/// Where the sync is, truthfully: nothing here is only claimed but the target while headers are fetched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SyncInfo {
    /// What is being done.
    pub stage: SyncState,
    /// Height of the connected tip.
    pub height: u32,
    /// Height of the last header that came.
    pub header_height: u32,
    /// Height that is headed for.
    pub target: u32,
    /// Headers or blocks a second, whichever are being fetched, over the last half minute.
    pub rate: f64,
    /// How long it takes at this pace; none while that cannot be told.
    pub eta: Option<Duration>,
    /// Whom headers come from.
    pub headers_from: Option<PeerId>,
    /// Who holds up the next block.
    pub stalling: Option<PeerId>,
}

/// The last samples of one stage.
#[derive(Debug, Default)]
pub(super) struct Pace {
    samples: VecDeque<(Duration, u32)>,
    of: Option<SyncState>,
}

impl Pace {
    /// Notes where a stage is. Another stage, or a height that fell, begins anew.
    fn note(&mut self, stage: SyncState, height: u32, now: Duration) {
        let last = self.samples.back().copied();
        if self.of != Some(stage) || last.is_some_and(|(_, before)| height < before) {
            self.samples.clear();
            self.of = Some(stage);
        } else if last.is_some_and(|(at, _)| now < at + SAMPLE_EVERY) {
            return;
        }
        self.samples.push_back((now, height));
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
    }

    /// Heights a second.
    fn rate(&self, stage: SyncState, height: u32, now: Duration) -> f64 {
        let Some((since, before)) = self.samples.front().copied().filter(|_| self.of == Some(stage)) else {
            return 0.0;
        };
        let seconds = now.saturating_sub(since).as_secs_f64();
        if seconds < SAMPLE_EVERY.as_secs_f64() {
            return 0.0;
        }
        f64::from(height.saturating_sub(before)) / seconds
    }
}

impl Core {
    /// How far the sync is.
    #[must_use]
    pub(crate) fn sync_info(&self) -> SyncInfo {
        let (stage, height, target) = (self.sync_state(), self.ledger.tip().height, self.target_height());
        let progress = self.net.sync_progress();
        let header_height = self.header_height();
        let at = self.place(stage);
        let rate = self.pace.rate(stage, at, self.now.mono);
        let left = f64::from(target.saturating_sub(at));
        let under_way = matches!(stage, SyncState::Headers | SyncState::Bodies);
        let eta = (under_way && rate > 0.0).then(|| Duration::try_from_secs_f64(left / rate).ok()).flatten();
        SyncInfo {
            stage,
            height,
            header_height,
            target,
            rate,
            eta,
            headers_from: progress.headers_from,
            stalling: progress.stalling.filter(|_| stage == SyncState::Bodies),
        }
    }

    /// The first of the two passes keeps no headers, so the best known one says nothing of it.
    fn header_height(&self) -> u32 {
        self.tree.best().height.max(self.net.sync_progress().headers_at.unwrap_or(0))
    }

    /// Notes how far it is; called with the time going on.
    pub(super) fn note_pace(&mut self) {
        let stage = self.sync_state();
        self.pace.note(stage, self.place(stage), self.now.mono);
    }

    /// The height up to which a stage is done. Of a branch that leaves the connected chain all bodies come
    /// before the first is connected.
    fn place(&self, stage: SyncState) -> u32 {
        let (tip, goal) = (self.ledger.tip(), self.followed());
        match stage {
            SyncState::Headers => self.header_height(),
            SyncState::Bodies if !self.tree.leads_to(&tip.id, &goal.id) => {
                self.tree.last_complete(&goal.id).map_or(tip.height, |last| last.height)
            }
            _ => tip.height,
        }
    }
}

#[cfg(test)]
mod tests;
