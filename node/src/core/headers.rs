//! Headers from peers: into the tree, into a two-pass sync, or held until their time comes.

use super::{Core, penalty_of_header};
use starling_consensus::{
    BestChange, BranchSync, CheckedHeader, HeaderError, Inserted, Progress, Status, check_time, kept_work,
};
use starling_ledger::StoreError;
use starling_network::{AnnounceOutcome, HeadersOutcome, MAX_HEADERS, PeerId};
use starling_primitives::{Header, Work};
use std::collections::VecDeque;

/// Headers from the future that are held at the most.
const MAX_HELD: usize = 64;
/// Of one parent: more is somebody's attempt to push others out.
const MAX_HELD_SIBLINGS: usize = 4;
/// Seconds ahead of the clock that a held header may be at the most.
const MAX_HELD_AHEAD_S: u64 = 600;

/// Headers that are right but for their time.
#[derive(Default)]
pub(super) struct HeldHeaders(pub(super) VecDeque<CheckedHeader>);

impl Core {
    /// Judges an announced header; the network passes it on, or not, by what this says.
    pub(super) fn on_announcement(&mut self, header: Header) -> Result<(), StoreError> {
        let id = header.id();
        let outcome = self.judge_announcement(header)?;
        self.network(|net, view, now| net.announcement_checked(id, outcome, view, now));
        // It may turn out that the branch is not to be followed.
        self.advance()?;
        self.want_bodies();
        Ok(())
    }

    fn judge_announcement(&mut self, header: Header) -> Result<AnnounceOutcome, StoreError> {
        if let Some(known) = self.tree.get(&header.id()) {
            let want_body = known.status == Status::Header;
            let invalid = known.status == Status::Invalid;
            return Ok(if invalid { AnnounceOutcome::Ignore } else { AnnounceOutcome::Accept { want_body } });
        }
        let params = &self.chain.params;
        let checked = match CheckedHeader::check(header, params) {
            Ok(checked) => checked,
            Err(error) => return Ok(AnnounceOutcome::Reject(penalty_of_header(&error))),
        };
        let Some(parent) = self.tree.get(&checked.header().parent()) else {
            return Ok(AnnounceOutcome::UnknownParent);
        };
        if parent.work + checked.work() <= self.least_work() {
            return Ok(AnnounceOutcome::Ignore);
        }
        if check_time(checked.header(), params, self.unix_u32()).is_err() {
            return Ok(self
                .hold(checked)
                .map_or_else(|error| announced(&error), |()| AnnounceOutcome::Ignore));
        }
        let content = *checked.header().content();
        match self.insert(std::slice::from_ref(&checked))?.1 {
            None => {
                tracing::debug!(block = %checked.header().id(), height = content.height, "announced");
                Ok(AnnounceOutcome::Accept { want_body: content.tx_count > 0 })
            }
            Some(error) => Ok(announced(&error)),
        }
    }

    /// Judges a batch of headers that continue a header we named.
    pub(super) fn on_headers(&mut self, peer: PeerId, headers: Vec<Header>) -> Result<(), StoreError> {
        let outcome = self.judge_headers(peer, headers)?;
        if matches!(outcome, HeadersOutcome::Accept { new: 1.. } | HeadersOutcome::Again { .. }) {
            self.batch_since = self.now.mono;
        }
        self.network(|net, view, now| net.headers_checked(peer, outcome, view, now));
        self.advance()?;
        self.want_bodies();
        Ok(())
    }

    fn judge_headers(&mut self, peer: PeerId, headers: Vec<Header>) -> Result<HeadersOutcome, StoreError> {
        let last = headers.len() < usize::from(MAX_HEADERS);
        let params = self.chain.params.clone();
        let checked: Result<Vec<_>, _> =
            headers.into_iter().map(|header| CheckedHeader::check(header, &params)).collect();
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => return Ok(refused(&error)),
        };
        let Some(first) = checked.first() else { return Ok(HeadersOutcome::Ignore) };
        let parent = first.header().parent();
        if let Some(branch) = self.branches.remove(&peer)
            && branch.next_after() == parent
        {
            return self.feed_branch(peer, branch, checked, last);
        }
        let Some(known) = self.tree.get(&parent) else { return Ok(HeadersOutcome::Ignore) };
        let work = checked.iter().fold(known.work, |sum, header| sum + header.work());
        let needed = self.least_work();
        if work <= needed && !checked.iter().all(|header| self.tree.contains(&header.header().id())) {
            let store = self.ledger.store().clone();
            let Some(cursor) = self.tree.cursor(&parent, &*store) else { return Ok(HeadersOutcome::Ignore) };
            return self.feed_branch(peer, BranchSync::new(cursor, needed), checked, last);
        }
        let (new, error) = self.insert(&checked)?;
        Ok(error.map_or(HeadersOutcome::Accept { new }, |error| refused(&error)))
    }

    fn feed_branch(
        &mut self,
        peer: PeerId,
        mut branch: BranchSync,
        headers: Vec<CheckedHeader>,
        last: bool,
    ) -> Result<HeadersOutcome, StoreError> {
        let count = headers.len();
        let expected = headers.last().map(|header| header.header().id());
        match branch.feed(headers, last, &self.chain.params) {
            Ok(Progress::Ask { after, released }) => {
                self.branches.insert(peer, branch);
                let (_, error) = self.insert(&released)?;
                Ok(match error {
                    Some(error) => refused(&error),
                    None if Some(after) == expected => HeadersOutcome::Accept { new: count },
                    None => HeadersOutcome::Again { after },
                })
            }
            Ok(Progress::Done { released }) => {
                let (_, error) = self.insert(&released)?;
                Ok(error.map_or(HeadersOutcome::Accept { new: count }, |error| refused(&error)))
            }
            Err(error) => Ok(refused(&error)),
        }
    }

    /// Takes headers into tree and store, up to the first that is refused; tells how many were new, and why
    /// it stopped. One from the future is held.
    pub(super) fn insert(
        &mut self,
        headers: &[CheckedHeader],
    ) -> Result<(usize, Option<HeaderError>), StoreError> {
        let store = self.ledger.store().clone();
        let mut added: Vec<(&CheckedHeader, Work)> = Vec::new();
        let mut changes: Vec<BestChange> = Vec::new();
        let mut stopped = None;
        for checked in headers {
            if let Err(error) = check_time(checked.header(), &self.chain.params, self.unix_u32()) {
                stopped = Some(self.hold(checked.clone()).err().unwrap_or(error));
                break;
            }
            match self.tree.insert(checked, &*store) {
                Ok(Inserted::Known) => {}
                Ok(Inserted::New(change)) => {
                    let id = checked.header().id();
                    added.push((checked, self.tree.get(&id).map_or(Work::ZERO, |info| info.work)));
                    changes.extend(change);
                    if checked.header().content().tx_count == 0 {
                        self.tree.set_status(&id, Status::Body);
                    }
                }
                Err(error) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        if !added.is_empty() {
            self.ledger.put_headers(&added, &changes, &self.tree.best().id)?;
            self.choose();
            for (header, _) in added.iter().filter(|(header, _)| header.header().content().tx_count == 0) {
                self.is_stored(header.header().id());
            }
        }
        Ok((added.len(), stopped))
    }

    /// Tries headers from the future again.
    pub(super) fn retry_held(&mut self) -> Result<(), StoreError> {
        let now = self.unix_u32();
        let due = |held: &CheckedHeader| check_time(held.header(), &self.chain.params, now).is_ok();
        let (ready, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held.0).into_iter().partition(due);
        self.held.0 = rest.into();
        for checked in ready {
            // Its parent may have been held as well, or never come: then nothing is lost, it will be sent
            // again.
            let _refused = self.insert(std::slice::from_ref(&checked))?.1;
            self.want_bodies();
        }
        Ok(())
    }

    /// Keeps a header until its time has come, if it is right but for its time and not far ahead.
    ///
    /// # Errors
    /// The rule that it breaks in its context.
    fn hold(&mut self, checked: CheckedHeader) -> Result<(), HeaderError> {
        let header = checked.header();
        let parent = header.parent();
        let store = self.ledger.store().clone();
        let cursor = self.tree.cursor(&parent, &*store).ok_or(HeaderError::UnknownParent(parent))?;
        cursor.check(&checked, &self.chain.params)?;
        let ahead = u64::from(header.work().time).saturating_sub(self.now.unix);
        let known = self.held.0.iter().any(|held| held.header().id() == header.id());
        let siblings = self.held.0.iter().filter(|held| held.header().parent() == parent).count();
        if known || ahead > MAX_HELD_AHEAD_S || siblings >= MAX_HELD_SIBLINGS {
            return Ok(());
        }
        if self.held.0.len() == MAX_HELD {
            self.held.0.pop_front();
        }
        self.held.0.push_back(checked);
        Ok(())
    }

    /// The work that a branch must exceed to be kept: near that of the tip or, while its bodies are fetched,
    /// of the branch that is followed.
    fn least_work(&self) -> Work {
        let tip = self.tree.get(&self.ledger.tip().id);
        let head = tip.filter(|tip| tip.work > self.goal.work).unwrap_or(self.goal);
        let own = head.bits.target().map_or(Work::ZERO, starling_primitives::Target::work);
        kept_work(head.work, own, &self.chain.params)
    }

    pub(super) fn unix_u32(&self) -> u32 {
        u32::try_from(self.now.unix).unwrap_or(u32::MAX)
    }
}

fn announced(error: &HeaderError) -> AnnounceOutcome {
    match penalty_of_header(error) {
        starling_network::Penalty::None => AnnounceOutcome::Ignore,
        penalty => AnnounceOutcome::Reject(penalty),
    }
}

fn refused(error: &HeaderError) -> HeadersOutcome {
    match penalty_of_header(error) {
        starling_network::Penalty::None => HeadersOutcome::Ignore,
        penalty => HeadersOutcome::Reject(penalty),
    }
}
