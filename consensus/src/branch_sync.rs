//! Header sync in two passes, for branches whose work is not known yet (consensus: Header rules).
//!
//! Pass one checks every header in its context and keeps nothing of it but one id in every
//! [`CHECKPOINT_HEADERS`]. Once the branch's work suffices, pass two fetches the same headers again and
//! releases them up to each kept id: the id pins all headers before it, so nothing but what pass one saw can
//! be released. (Bitcoin Core does the same with salted one-bit commitments.)

use crate::header::{CheckedHeader, Cursor, HeaderError};
use starling_genesis::Params;
use starling_primitives::{BlockId, Work};
use std::collections::VecDeque;

/// Headers between two ids that are kept, and headers that pass two holds back at the most.
const CHECKPOINT_HEADERS: u32 = 256;
/// Ids kept at the most: 2 MiB, a branch of 16 million headers.
const MAX_CHECKPOINTS: usize = 65_536;

/// One unknown branch on its way into the tree.
#[derive(Clone, Debug)]
pub struct BranchSync {
    start: Cursor,
    cursor: Cursor,
    /// The branch's work must exceed this.
    needed: Work,
    /// (height, id), oldest first.
    checkpoints: VecDeque<(u32, BlockId)>,
    /// Headers of pass two since the last checkpoint; none while in pass one.
    held: Option<Vec<CheckedHeader>>,
}

/// What a batch of headers led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Ask for the headers after this id.
    Ask {
        /// The id.
        after: BlockId,
        /// Headers that may enter the tree now, in order.
        released: Vec<CheckedHeader>,
    },
    /// The branch is in; ordinary sync goes on from its end.
    Done {
        /// Headers that may enter the tree now, in order; with them, unchecked in their context, what the
        /// batch held beyond the end of pass one: the branch is worth keeping, so the tree may judge it.
        released: Vec<CheckedHeader>,
    },
}

impl BranchSync {
    /// Begins at a block of the tree; the branch is worth keeping when its work exceeds `needed`.
    #[must_use]
    pub fn new(start: Cursor, needed: Work) -> Self {
        Self { cursor: start.clone(), start, needed, checkpoints: VecDeque::new(), held: None }
    }

    /// Where the next headers must begin.
    #[must_use]
    pub fn next_after(&self) -> BlockId {
        self.cursor.id()
    }

    /// Work seen so far.
    #[must_use]
    pub fn work(&self) -> Work {
        self.cursor.work()
    }

    /// Takes the next headers. After an error the whole sync is to be dropped.
    ///
    /// # Errors
    /// The rule that a header breaks; [`HeaderError::UnknownParent`] when pass two shows other headers than
    /// pass one; [`HeaderError::TooLittleWork`] when the branch is longer than can be kept, or `last` says
    /// that the peer has no more and the work does not suffice.
    pub fn feed(
        &mut self,
        headers: Vec<CheckedHeader>,
        last: bool,
        params: &Params,
    ) -> Result<Progress, HeaderError> {
        let mut released = Vec::new();
        let mut headers = headers.into_iter();
        while let Some(header) = headers.next() {
            self.cursor.check(&header, params)?;
            self.cursor.advance(&header, params);
            match self.held.take() {
                None => self.first_pass()?,
                Some(held) => released.extend(self.second_pass(held, header)?),
            }
            if self.held.is_some() && self.checkpoints.is_empty() {
                released.extend(headers);
                return Ok(Progress::Done { released });
            }
            if self.held.is_none() && self.cursor.work() > self.needed {
                self.begin_second_pass();
                return Ok(Progress::Ask { after: self.start.id(), released });
            }
        }
        if last {
            return Err(self.too_little());
        }
        Ok(Progress::Ask { after: self.cursor.id(), released })
    }

    fn first_pass(&mut self) -> Result<(), HeaderError> {
        let (height, id) = (self.cursor.height(), self.cursor.id());
        if (height - self.start.height()).is_multiple_of(CHECKPOINT_HEADERS) {
            if self.checkpoints.len() == MAX_CHECKPOINTS {
                return Err(self.too_little());
            }
            self.checkpoints.push_back((height, id));
        }
        Ok(())
    }

    fn begin_second_pass(&mut self) {
        let end = (self.cursor.height(), self.cursor.id());
        if self.checkpoints.back() != Some(&end) {
            self.checkpoints.push_back(end);
        }
        self.cursor = self.start.clone();
        self.held = Some(Vec::new());
    }

    fn second_pass(
        &mut self,
        mut held: Vec<CheckedHeader>,
        header: CheckedHeader,
    ) -> Result<Vec<CheckedHeader>, HeaderError> {
        let here = (self.cursor.height(), self.cursor.id());
        held.push(header);
        let released = match self.checkpoints.front() {
            Some(&(height, id)) if height == here.0 => {
                if id != here.1 {
                    return Err(HeaderError::UnknownParent(here.1));
                }
                self.checkpoints.pop_front();
                std::mem::take(&mut held)
            }
            _ => Vec::new(),
        };
        self.held = Some(held);
        Ok(released)
    }

    fn too_little(&self) -> HeaderError {
        HeaderError::TooLittleWork { work: self.cursor.work(), needed: self.needed }
    }
}

#[cfg(test)]
mod tests;
