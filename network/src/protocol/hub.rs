//! What all machines share: the peers, the requests on their way, the time, and what goes out.

use super::{Dice, NetworkConfig, Output, Report};
use crate::addresses::{Book, Rules};
use crate::driver::{NetCommand, Protocol, RequestFailure, RequestId};
use crate::limits::{Bucket, Quota, cost};
use crate::peers::{Dials, Peers, Penalty, Sentence, Slots};
use crate::wire::{Question, Reply, read_answer};
use libp2p::PeerId;
use starling_primitives::{DecodeError, Reader};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Requests of one protocol that are on their way to one peer at the most.
const MAX_OPEN: u8 = 2;
/// The longest that a peer's "rate limited" keeps us away.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a request brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The peer does not have it.
    NotHere,
    /// The peer has other things to do; it is not asked again for a while.
    RateLimited,
    /// No answer, or none that makes sense; the peer has been judged for it.
    Failed,
}

#[derive(Debug)]
struct Open {
    peer: PeerId,
    protocol: Protocol,
}

#[derive(Debug, Default)]
struct Load {
    open: u8,
    bucket: Bucket,
    paused_until: Duration,
}

/// The shared part. Its maps are bounded by [`crate::MAX_PEERS`], the protocols, and [`MAX_OPEN`].
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) now: Duration,
    /// Unix time at which `now` was zero, seconds.
    pub(crate) epoch: u64,
    /// Ourselves.
    pub(crate) local: Option<PeerId>,
    /// Nobody but those named is looked for.
    pub(crate) only_named: bool,
    pub(crate) rules: Rules,
    pub(crate) peers: Peers,
    pub(crate) dials: Dials,
    pub(crate) slots: Slots,
    pub(crate) book: Book,
    pub(crate) dice: Dice,
    last_request: u64,
    open: BTreeMap<RequestId, Open>,
    loads: HashMap<(PeerId, Protocol), Load>,
    out: Vec<Output>,
    dropped: Vec<PeerId>,
}

impl Hub {
    pub(crate) fn new(config: &NetworkConfig) -> Self {
        let mut dice = Dice::new(config.seed);
        let rules = Rules { public: config.public };
        Self {
            now: Duration::ZERO,
            epoch: config.epoch,
            local: config.peers.local,
            only_named: config.peers.only_named,
            rules,
            peers: Peers::default(),
            dials: Dials::default(),
            slots: Slots::default(),
            book: Book::new(dice.secret(), rules),
            dice,
            last_request: 0,
            open: BTreeMap::new(),
            loads: HashMap::new(),
            out: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// What has come together to go out.
    pub(crate) fn take_out(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// The peers dropped since it was last asked.
    pub(crate) fn take_dropped(&mut self) -> Vec<PeerId> {
        std::mem::take(&mut self.dropped)
    }

    pub(crate) fn command(&mut self, command: NetCommand) {
        self.out.push(Output::Command(command));
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.out.push(Output::Report(report));
    }

    /// One of `list`, each as likely as the others.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(list.len()).ok().filter(|count| *count > 0)?;
        list.get(usize::try_from(self.dice.below(count)).ok()?)
    }

    /// The time as Unix seconds.
    pub(crate) fn unix(&self) -> u64 {
        self.epoch.saturating_add(self.now.as_secs())
    }

    /// Whether there is a place for another peer of our choice.
    pub(crate) fn wants_peers(&self) -> bool {
        self.slots.wants_peers(&self.peers)
    }

    /// Whether a dial that comes to nothing says something about the other side.
    pub(crate) fn link_is_up(&self) -> bool {
        !self.peers.is_empty() && !self.peers.link_is_down(self.now)
    }

    /// Signed records to tell others of, at most `count`.
    pub(crate) fn sample(&mut self, count: usize) -> Vec<Arc<[u8]>> {
        let (unix, dice) = (self.unix(), &mut self.dice);
        self.book.sample(count, unix, &mut |n| dice.below(n))
    }

    /// Whether a question of this cost may go to the peer now.
    pub(crate) fn can_ask(&self, peer: &PeerId, protocol: Protocol, units: u32) -> bool {
        self.peers.contains(peer)
            && self.loads.get(&(*peer, protocol)).is_none_or(|load| {
                let free = load.open < MAX_OPEN && self.now >= load.paused_until;
                free && load.bucket.wait(Quota::of_protocol(protocol), units, self.now).is_zero()
            })
    }

    /// Sends a question if the peer may be asked now.
    pub(crate) fn ask(&mut self, peer: &PeerId, question: &Question) -> Option<RequestId> {
        let (protocol, units) = (question.protocol(), cost(question));
        if !self.can_ask(peer, protocol, units) {
            return None;
        }
        let load = self.loads.entry((*peer, protocol)).or_default();
        load.bucket.take(Quota::of_protocol(protocol), units, self.now).ok()?;
        load.open += 1;
        self.last_request += 1;
        let id = RequestId::new(self.last_request);
        self.open.insert(id, Open { peer: *peer, protocol });
        self.command(NetCommand::Request { peer: *peer, id, protocol, data: question.encode() });
        Some(id)
    }

    /// A request has ended: whom it asked, and in which protocol. Nothing for one that was given up before.
    pub(crate) fn close(&mut self, id: RequestId) -> Option<(PeerId, Protocol)> {
        let Open { peer, protocol } = self.open.remove(&id)?;
        if let Some(load) = self.loads.get_mut(&(peer, protocol)) {
            load.open = load.open.saturating_sub(1);
        }
        Some((peer, protocol))
    }

    /// The peer is gone, and its requests with it.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.open.retain(|_, open| open.peer != *peer);
        self.loads.retain(|(other, _), _| other != peer);
        self.peers.disconnect(peer, self.now);
    }

    /// Reads an answer; what is wrong with it is held against the peer here.
    pub(crate) fn read<T>(
        &mut self,
        (peer, protocol): (PeerId, Protocol),
        result: Result<Vec<u8>, RequestFailure>,
        body: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, Miss> {
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(failure) => return Err(self.judge_failure(&peer, protocol, failure)),
        };
        match read_answer(&bytes, body) {
            Ok(Reply::Fine(answer)) => Ok(answer),
            Ok(Reply::NotHere) => Err(Miss::NotHere),
            Ok(Reply::RateLimited { retry_after_ms }) => {
                let pause = Duration::from_millis(retry_after_ms.into()).min(LONGEST_PAUSE);
                let load = self.loads.entry((peer, protocol)).or_default();
                load.paused_until = self.now.saturating_add(pause);
                Err(Miss::RateLimited)
            }
            Ok(Reply::BadRequest) => {
                self.penalise(&peer, Penalty::Rank, &format!("refuses a question in {protocol:?}"));
                Err(Miss::Failed)
            }
            Err(error) => {
                self.penalise(&peer, Penalty::Ban, &format!("undecodable answer in {protocol:?}: {error}"));
                Err(Miss::Failed)
            }
        }
    }

    fn judge_failure(&mut self, peer: &PeerId, protocol: Protocol, failure: RequestFailure) -> Miss {
        let penalty = match failure {
            RequestFailure::Timeout => Penalty::Rank,
            // Our questions keep to the caps, so the answer did not.
            RequestFailure::TooLarge => Penalty::Heavy,
            RequestFailure::Unsupported
            | RequestFailure::Closed
            | RequestFailure::TooMany
            | RequestFailure::Other => Penalty::None,
        };
        if failure == RequestFailure::Timeout {
            self.peers.late(peer, self.now);
        }
        if penalty != Penalty::None {
            self.penalise(peer, penalty, &format!("{protocol:?}: {failure}"));
        }
        Miss::Failed
    }

    /// Holds something against a peer, with what follows from it.
    pub(crate) fn penalise(&mut self, peer: &PeerId, penalty: Penalty, reason: &str) {
        match self.peers.penalise(peer, penalty, reason, self.now) {
            Sentence::Nothing => {}
            Sentence::Disconnect => self.drop_peer(*peer, reason, false),
            Sentence::Ban { over } => {
                if let Some(over) = over {
                    self.command(NetCommand::Unban(over));
                }
                self.drop_peer(*peer, reason, true);
            }
        }
    }

    /// Closes the connections to a peer; with `banned`, for as long as [`Peers`] has it.
    pub(crate) fn drop_peer(&mut self, peer: PeerId, reason: &str, banned: bool) {
        self.command(if banned { NetCommand::Ban(peer) } else { NetCommand::Disconnect(peer) });
        self.report(Report::Dropped { peer, reason: reason.to_owned(), banned });
        self.dropped.push(peer);
    }
}
