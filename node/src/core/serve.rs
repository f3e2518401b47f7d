//! Answers to peers' questions, from the connected chain and the pool.

use super::Core;
use starling_ledger::{StoreError, View};
use starling_network::{Answer, BODIES_STOP_BYTES, Question, ReplyToken};
use starling_primitives::{Block, BlockId, Header, Wtxid};

impl Core {
    /// Answers a question that keeps its limits.
    pub(super) fn serve(&mut self, token: ReplyToken, question: Question) -> Result<(), StoreError> {
        let answer = match question {
            Question::Headers { max, locator } => self.serve_headers(max, &locator)?,
            Question::Bodies(ids) => self.serve_bodies(&ids)?,
            Question::BlockIds(id) => match self.ledger.reader().view()?.block(&id)? {
                Some(block) => Answer::BlockIds(block.txs.iter().map(|tx| tx.wtxid()).collect()),
                None => Answer::NotHere,
            },
            Question::BlockTxs { id, indices } => match self.ledger.reader().view()?.block(&id)? {
                Some(block) => pick(&block, &indices),
                None => Answer::NotHere,
            },
            Question::Pool { cursor, max } => match self.pool.list(&cursor, usize::from(max)) {
                Some(page) => {
                    // What waits behind a gap is of use to nobody else.
                    let offered = page.txs.iter().filter(|entry| entry.executable);
                    Answer::Pool { next: page.next, ids: offered.map(|entry| entry.tx.wtxid()).collect() }
                }
                // The cursor's transaction has left: the asker has seen the better part, and may begin anew
                // later.
                None => Answer::Pool { next: Wtxid::ZERO, ids: Vec::new() },
            },
            Question::Txs(ids) => Answer::Txs(ids.iter().map(|id| self.pool.get(id).cloned()).collect()),
            Question::Status(_) | Question::Announce(_) | Question::Push { .. } => Answer::BadRequest,
        };
        let output = self.net.answer(token, &answer);
        self.take_outputs(vec![output]);
        Ok(())
    }

    /// The canonical headers after the first id that is on the connected chain.
    fn serve_headers(&self, max: u16, locator: &[BlockId]) -> Result<Answer, StoreError> {
        let reader = self.ledger.reader();
        let view = reader.view()?;
        let mut common = None;
        for id in locator {
            if let Some(info) = self.tree.get(id)
                && view.canonical(info.height)? == Some(*id)
            {
                common = Some(info.height);
                break;
            }
        }
        let Some(common) = common else { return Ok(Answer::NotHere) };
        let mut headers = Vec::new();
        for height in (common..=view.tip().height).skip(1).take(usize::from(max)) {
            match canonical_header(&view, height)? {
                Some(header) => headers.push(header),
                None => break,
            }
        }
        Ok(Answer::Headers(headers))
    }

    fn serve_bodies(&self, ids: &[BlockId]) -> Result<Answer, StoreError> {
        let reader = self.ledger.reader();
        let view = reader.view()?;
        let (mut bodies, mut bytes) = (Vec::new(), 0);
        for id in ids {
            if bytes >= BODIES_STOP_BYTES {
                break;
            }
            let body = match self.tree.get(id) {
                Some(info) => view.body(info.height, id)?,
                None => None,
            };
            bytes += body.as_ref().map_or(0, Vec::len);
            bodies.push(body);
        }
        Ok(Answer::Bodies(bodies))
    }
}

fn canonical_header(view: &View<'_>, height: u32) -> Result<Option<Header>, StoreError> {
    let Some(id) = view.canonical(height)? else { return Ok(None) };
    Ok(view.header(&id)?.map(|record| record.header))
}

fn pick(block: &Block, indices: &[u32]) -> Answer {
    let tx = |index: &u32| usize::try_from(*index).ok().and_then(|at| block.txs.get(at).cloned());
    indices.iter().map(tx).collect::<Option<_>>().map_or(Answer::BadRequest, Answer::BlockTxs)
}
