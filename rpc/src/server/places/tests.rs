//! Who gets a place, and who loses one.

use super::{Place, Places};
use crate::server::conn::{Conn, Standing};
use crate::server::quota::{Client, Memory};
use futures::FutureExt;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Connections of numbered clients, and the places that they took.
struct House {
    places: Arc<Places>,
    memory: Arc<Memory>,
    held: Vec<(Arc<Conn>, Place)>,
}

impl House {
    fn new(most: usize, most_websockets: usize) -> Self {
        Self { places: Places::new(most, most_websockets), memory: Memory::new(1_000), held: vec![] }
    }

    fn enter(&mut self, client: u8) -> Option<Arc<Conn>> {
        let client = Client::of(Ipv4Addr::new(192, 0, 2, client).into());
        let conn = Conn::new(client, &self.memory, false);
        let place = self.places.take(&conn)?;
        self.held.push((conn.clone(), place));
        Some(conn)
    }

    fn taken(&self) -> usize {
        self.places.lock().conns.len()
    }
}

fn is_evicted(conn: &Conn) -> bool {
    conn.evicted().now_or_never().is_some()
}

#[test]
fn silent_connections_go_first_and_busy_ones_never() {
    let mut house = House::new(6, 6);
    let [busy, idle, silent] = [(); 3].map(|()| house.enter(1).unwrap());
    busy.speaks();
    busy.owe(5);
    idle.speaks();
    assert_eq!(
        [&busy, &idle, &silent].map(|conn| conn.standing()),
        [Standing::Busy, Standing::Idle, Standing::Silent]
    );
    let newest = house.enter(1).unwrap();
    assert_eq!([&busy, &idle, &silent, &newest].map(|conn| is_evicted(conn)), [false, false, true, false]);
    newest.speaks();
    let last = house.enter(1).unwrap();
    assert!(is_evicted(&idle) && !is_evicted(&newest), "the oldest among equals");
    for conn in [&newest, &last] {
        conn.owe(5);
    }
    assert!(house.enter(1).is_none(), "all are at work");
    busy.settle(5);
    assert!(house.enter(1).is_some() && is_evicted(&busy));
    assert_eq!(house.taken(), 3);
}

#[test]
fn one_client_holds_half_of_the_places_at_the_most() {
    let mut house = House::new(4, 4);
    for conn in [house.enter(1), house.enter(1)] {
        conn.unwrap().owe(1);
    }
    assert!(house.enter(1).is_none());
    let [second, third] = [house.enter(2), house.enter(3)].map(Option::unwrap);
    second.speaks();
    assert!(house.enter(4).is_some(), "all places are taken: a silent one is given on");
    assert!(is_evicted(&third) && !is_evicted(&second));
}

#[test]
fn places_are_given_back() {
    let mut house = House::new(4, 4);
    let first = house.enter(1).unwrap();
    house.enter(1).unwrap().owe(1);
    house.enter(1).unwrap();
    // The evicted one gives back nothing that is another's now.
    assert!(is_evicted(&first));
    house.held.remove(0);
    assert_eq!(house.taken(), 2);
    house.held.clear();
    assert_eq!(house.taken(), 0);
}

#[test]
fn websockets_are_counted_and_keep_their_places() {
    let mut house = House::new(8, 3);
    let [one, two, three] = [(); 3].map(|()| house.enter(1).unwrap());
    assert!(house.places.upgrade(&one) && house.places.upgrade(&two));
    assert!(!house.places.upgrade(&three), "half of three, and a half");
    let [other, another] = [house.enter(2), house.enter(3)].map(Option::unwrap);
    assert!(house.places.upgrade(&other) && !house.places.upgrade(&another), "three are all");
    assert_eq!((one.standing(), three.standing()), (Standing::Busy, Standing::Silent));
    drop(house.held.remove(3));
    house.held.pop();
    assert!(!house.places.upgrade(&another), "it has no place");
    let newcomer = house.enter(3).unwrap();
    assert!(house.places.upgrade(&newcomer), "one is free again");
}
