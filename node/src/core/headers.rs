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
/// Seconds ahead of the clock that a held header may be at the most.
const MAX_HELD_AHEAD_S: u64 = 600;

/// Headers that are right but for their time.
#[derive(Default)]
pub(super) struct HeldHeaders(VecDeque<CheckedHeader>);

impl Core {
    /// Judges an announced header; the network passes it on, or not, by what this says.
    pub(super) fn on_announcement(&mut self, header: Header) -> Result<(), StoreError> {
        let id = header.id();
        let outcome = self.judge_announcement(header)?;
        self.network(|net, view, now| net.announcement_checked(id, outcome, view, now));
        self.want_bodies();
        self.advance()
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
            self.hold(checked);
            return Ok(AnnounceOutcome::Ignore);
        }
        let want_body = checked.header().content().tx_count > 0;
        match self.insert(std::slice::from_ref(&checked))?.1 {
            None => Ok(AnnounceOutcome::Accept { want_body }),
            Some(error) => Ok(match penalty_of_header(&error) {
                starling_network::Penalty::None => AnnounceOutcome::Ignore,
                penalty => AnnounceOutcome::Reject(penalty),
            }),
        }
    }

    /// Judges a batch of headers that continue a header we named.
    pub(super) fn on_headers(&mut self, peer: PeerId, headers: Vec<Header>) -> Result<(), StoreError> {
        let outcome = self.judge_headers(peer, headers)?;
        self.network(|net, view, now| net.headers_checked(peer, outcome, view, now));
        self.want_bodies();
        self.advance()
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
                self.hold(checked.clone());
                stopped = Some(error);
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
                        self.checked.is_whole(id);
                        self.loose.insert(id);
                    }
                }
                Err(error) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        if !added.is_empty() {
            self.header_since = self.now.mono;
            self.ledger.put_headers(&added, &changes, &self.tree.best().id)?;
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

    fn hold(&mut self, checked: CheckedHeader) {
        let ahead = u64::from(checked.header().work().time).saturating_sub(self.now.unix);
        let known = self.held.0.iter().any(|held| held.header().id() == checked.header().id());
        if known || ahead > MAX_HELD_AHEAD_S {
            return;
        }
        if self.held.0.len() == MAX_HELD {
            self.held.0.pop_front();
        }
        self.held.0.push_back(checked);
    }

    /// The work that a branch must exceed to be kept.
    fn least_work(&self) -> Work {
        let tip = self.tree.get(&self.ledger.tip().id);
        tip.map_or(Work::ZERO, |tip| {
            let own = tip.bits.target().map_or(Work::ZERO, starling_primitives::Target::work);
            kept_work(tip.work, own, &self.chain.params)
        })
    }

    pub(super) fn unix_u32(&self) -> u32 {
        u32::try_from(self.now.unix).unwrap_or(u32::MAX)
    }
}

fn refused(error: &HeaderError) -> HeadersOutcome {
    match penalty_of_header(error) {
        starling_network::Penalty::None => HeadersOutcome::Ignore,
        penalty => HeadersOutcome::Reject(penalty),
    }
}
