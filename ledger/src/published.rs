//! What readers see beside the database.
//!
//! The state on disk lags behind the tip, so a reader needs both: a snapshot of the database, and the changes
//! since the state in it was written. They are published before the batch that they belong to is committed,
//! beside those that hold until then; a reader takes them first, then the snapshot, and by the two ids in the
//! snapshot knows which of them belongs to it. When neither does, a whole block was connected in between, and
//! it looks once more: nobody ever waits for the writer.

use crate::overlay::Overlay;
use starling_primitives::BlockId;
use std::sync::{Arc, PoisonError, RwLock};

/// The state at a tip, as changes of the state that is on disk.
#[derive(Clone)]
pub(crate) struct Moment {
    /// The last connected block.
    pub(crate) tip: BlockId,
    /// The block after which the state on disk is.
    pub(crate) on_disk: BlockId,
    /// What has changed from there to the tip.
    pub(crate) overlay: Overlay,
}

/// What holds now, and what will when the batch at hand is committed.
struct Moments {
    now: Moment,
    next: Option<Moment>,
}

/// Where the writer leaves what readers take.
pub(crate) struct Published(RwLock<Arc<Moments>>);

impl Published {
    pub(crate) fn new(now: Moment) -> Self {
        Self(RwLock::new(Arc::new(Moments { now, next: None })))
    }

    /// Announces what will hold once a batch is committed.
    pub(crate) fn announce(&self, next: Moment) {
        let now = self.load().now.clone();
        self.store(Moments { now, next: Some(next) });
    }

    /// The batch that was announced is committed.
    pub(crate) fn settle(&self) {
        let moments = self.load();
        if let Some(next) = &moments.next {
            self.store(Moments { now: next.clone(), next: None });
        }
    }

    /// A look at what is published now; asked for before the database is.
    pub(crate) fn look(&self) -> Look {
        Look(self.load())
    }

    // The lock is held for as long as a pointer is copied, which cannot panic.
    fn load(&self) -> Arc<Moments> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn store(&self, moments: Moments) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(moments);
    }
}

/// What was published at one moment.
pub(crate) struct Look(Arc<Moments>);

impl Look {
    /// The changes that belong to a database with this tip and this state.
    pub(crate) fn overlay(&self, tip: &BlockId, on_disk: &BlockId) -> Option<Overlay> {
        let both = [Some(&self.0.now), self.0.next.as_ref()];
        let fits = |moment: &&Moment| moment.tip == *tip && moment.on_disk == *on_disk;
        both.into_iter().flatten().find(fits).map(|moment| moment.overlay.clone())
    }
}
