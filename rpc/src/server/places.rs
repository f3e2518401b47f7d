//! The places for connections: how many there are, how many of them one client may hold, and who loses one
//! when none is left.
//!
//! Half of whatever there is belongs to one client at the most. When its half, or all, is taken, the place of
//! whoever makes least use of it is given to the newcomer; those with work in progress lose none.

use super::conn::{Conn, Standing};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    most_websockets: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    /// In the order in which they came.
    conns: BTreeMap<u64, Arc<Conn>>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    at: u64,
}

impl Places {
    /// Places for this many connections, of which so many may be WebSockets.
    pub(crate) fn new(most: usize, most_websockets: usize) -> Arc<Self> {
        Arc::new(Self { most, most_websockets, taken: Mutex::default() })
    }

    /// A place for a new connection, if need be that of another.
    pub(crate) fn take(self: &Arc<Self>, conn: &Arc<Conn>) -> Option<Place> {
        let mut taken = self.lock();
        let own = taken.conns.values().filter(|other| other.client == conn.client).count();
        if own >= self.most.div_ceil(2) {
            taken.evict(|other| other.client == conn.client)?;
        } else if taken.conns.len() >= self.most {
            taken.evict(|_| true)?;
        }
        let at = taken.next;
        taken.next += 1;
        taken.conns.insert(at, conn.clone());
        Some(Place { places: self.clone(), at })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().conns.len()
    }

    /// Lets a connection become a WebSocket, which keeps its place for as long as it likes.
    pub(crate) fn upgrade(&self, conn: &Arc<Conn>) -> bool {
        let taken = self.lock();
        let others = || taken.conns.values().filter(|other| other.is_websocket());
        let own = others().filter(|other| other.client == conn.client).count();
        let has_place = taken.conns.values().any(|other| Arc::ptr_eq(other, conn));
        let fits = others().count() < self.most_websockets && own < self.most_websockets.div_ceil(2);
        if has_place && fits {
            conn.upgrades();
        }
        has_place && fits
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes a place from the least used of these connections, the oldest among equals.
    fn evict(&mut self, among: impl Fn(&Conn) -> bool) -> Option<()> {
        let ranks =
            self.conns.iter().filter(|(_, conn)| among(conn)).map(|(at, conn)| (conn.standing(), *at));
        let (_, at) = ranks.filter(|(standing, _)| *standing < Standing::Busy).min()?;
        self.conns.remove(&at)?.evict();
        Some(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().conns.remove(&self.at);
    }
}

#[cfg(test)]
mod tests;
