//! Answers to peers' questions, from the pool and from blocks that were connected once: whoever serves others
//! may serve an invalid one, and pays for it.

use super::{Core, Effect, Job};
use starling_consensus::Status;
use starling_ledger::{Reader, StoreError, View};
use starling_network::{Answer, BODIES_STOP_BYTES, Question, ReplyToken};
use starling_primitives::{Block, BlockId, Header, Wtxid};

/// Questions that are being answered from the database at a time; more are told to come later. An answer has
/// up to one body more than [`BODIES_STOP_BYTES`].
const MAX_SERVING: usize = 16;
/// When to come again.
const SERVE_LATER_MS: u32 = 500;

/// A question that the database answers, away from the core.
pub struct ServeJob {
    reader: Reader,
    token: ReplyToken,
    question: Question,
}

/// Its answer.
#[derive(Debug)]
pub struct Served {
    token: ReplyToken,
    answer: Result<Answer, StoreError>,
}

impl ServeJob {
    /// Reads what is asked for.
    #[must_use]
    pub fn run(self) -> Served {
        Served { answer: answer(&self.reader, &self.question), token: self.token }
    }
}

impl Core {
    /// Answers a question that keeps its limits: at once from the pool, by a job from the chain.
    pub(super) fn serve(&mut self, token: ReplyToken, question: Question) {
        let answer = match question {
            Question::Headers { .. }
            | Question::Bodies(_)
            | Question::BlockIds(_)
            | Question::BlockTxs { .. } => {
                if self.serving < MAX_SERVING {
                    self.serving += 1;
                    let job = ServeJob { reader: self.ledger.reader(), token, question };
                    self.effects.push(Effect::Work(Job::Serve(Box::new(job))));
                    return;
                }
                Answer::RateLimited { retry_after_ms: SERVE_LATER_MS }
            }
            Question::Pool { cursor, max } => match self.pool.list(&cursor, usize::from(max)) {
                Some(page) => {
                    // What waits behind a gap is of use to nobody else.
                    let offered = page.txs.iter().filter(|entry| entry.executable);
                    let ids = offered.map(|entry| entry.tx.wtxid()).filter(|id| !self.net.hides(id));
                    Answer::Pool { next: page.next, ids: ids.collect() }
                }
                // The cursor's transaction has left: the asker has seen the better part, and may begin anew
                // later.
                None => Answer::Pool { next: Wtxid::ZERO, ids: Vec::new() },
            },
            Question::Txs(ids) => Answer::Txs(ids.iter().map(|id| self.pool.get(id).cloned()).collect()),
            Question::Status(_)
            | Question::Announce(_)
            | Question::Push { .. }
            | Question::Compact(_)
            | Question::SendCompact(_)
            | Question::Peers(_) => Answer::BadRequest,
        };
        self.reply(token, &answer);
    }

    /// A question was answered from the database.
    pub(super) fn on_served(&mut self, served: Served) -> Result<(), StoreError> {
        self.serving = self.serving.saturating_sub(1);
        self.reply(served.token, &served.answer?);
        Ok(())
    }

    fn reply(&mut self, token: ReplyToken, answer: &Answer) {
        let output = self.net.answer(token, answer);
        self.take_outputs(vec![output]);
    }
}

fn answer(reader: &Reader, question: &Question) -> Result<Answer, StoreError> {
    let view = reader.view()?;
    Ok(match question {
        Question::Headers { max, locator } => headers(&view, *max, locator)?,
        Question::Bodies(ids) => bodies(&view, ids)?,
        Question::BlockIds(id) => match block(&view, id)? {
            Some(block) => Answer::BlockIds(block.txs.iter().map(|tx| tx.wtxid()).collect()),
            None => Answer::NotHere,
        },
        Question::BlockTxs { id, indices } => match block(&view, id)? {
            Some(block) => pick(&block, indices),
            None => Answer::NotHere,
        },
        _ => Answer::BadRequest,
    })
}

/// The canonical headers after the first id that is on the connected chain.
fn headers(view: &View<'_>, max: u16, locator: &[BlockId]) -> Result<Answer, StoreError> {
    let mut common = None;
    for id in locator {
        if let Some(record) = view.header(id)?
            && view.is_canonical(&record.header)?
        {
            common = Some(record.header.height());
            break;
        }
    }
    let Some(common) = common else { return Ok(Answer::NotHere) };
    let mut headers = Vec::new();
    for height in (common..=view.tip().height).skip(1).take(usize::from(max)) {
        match canonical_header(view, height)? {
            Some(header) => headers.push(header),
            None => break,
        }
    }
    Ok(Answer::Headers(headers))
}

/// The header of a block that was connected once.
fn connected(view: &View<'_>, id: &BlockId) -> Result<Option<Header>, StoreError> {
    let record = view.header(id)?.filter(|record| record.status == Status::Connected);
    Ok(record.map(|record| record.header))
}

fn block(view: &View<'_>, id: &BlockId) -> Result<Option<Block>, StoreError> {
    if connected(view, id)?.is_none() { Ok(None) } else { view.block(id) }
}

fn bodies(view: &View<'_>, ids: &[BlockId]) -> Result<Answer, StoreError> {
    let (mut bodies, mut bytes) = (Vec::new(), 0);
    for id in ids {
        if bytes >= BODIES_STOP_BYTES {
            break;
        }
        let body = match connected(view, id)? {
            Some(header) => view.body(header.height(), id)?,
            None => None,
        };
        bytes += body.as_ref().map_or(0, Vec::len);
        bodies.push(body);
    }
    Ok(Answer::Bodies(bodies))
}

fn canonical_header(view: &View<'_>, height: u32) -> Result<Option<Header>, StoreError> {
    let Some(id) = view.canonical(height)? else { return Ok(None) };
    Ok(view.header(&id)?.map(|record| record.header))
}

fn pick(block: &Block, indices: &[u32]) -> Answer {
    let tx = |index: &u32| usize::try_from(*index).ok().and_then(|at| block.txs.get(at).cloned());
    indices.iter().map(tx).collect::<Option<_>>().map_or(Answer::BadRequest, Answer::BlockTxs)
}
