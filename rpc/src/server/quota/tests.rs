//! Budgets refill and stay bounded; memory is given back.

use super::{Client, MAX_CLIENTS, Memory, Quotas, Share};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

const ONE: Client = Client(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
const TWO: Client = Client(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

#[test]
fn a_budget_holds_its_burst_and_refills() {
    let (quotas, start) = (Quotas::new(10, 20), Instant::now());
    assert!(quotas.charge(ONE, 20, start).is_ok());
    let refused = quotas.charge(ONE, 5, start).unwrap_err();
    assert_eq!((refused.code(), &refused.values()["retry_after_ms"]), ("rate_limited", &500.into()));
    assert!(quotas.charge(TWO, 20, start).is_ok(), "another client has its own");
    assert!(quotas.charge(ONE, 5, start + Duration::from_millis(500)).is_ok());
    assert!(quotas.charge(ONE, 21, start + Duration::from_secs(60)).is_err(), "never more than the burst");
    assert!(quotas.charge(ONE, 20, start + Duration::from_secs(60)).is_ok());
}

#[test]
fn what_is_spent_afterwards_is_a_debt_of_a_burst_at_the_most() {
    let (quotas, start) = (Quotas::new(10, 20), Instant::now());
    quotas.spend(ONE, 25, start);
    assert_eq!(quotas.charge(ONE, 5, start).unwrap_err().values()["retry_after_ms"], 1_000);
    quotas.spend(ONE, u32::MAX, start);
    assert!(quotas.charge(ONE, 1, start + Duration::from_secs(2)).is_err());
    assert!(quotas.charge(ONE, 1, start + Duration::from_millis(2_100)).is_ok());
}

#[test]
fn two_thousand_payments_a_second_and_polling_pass_the_defaults() {
    let limits = crate::ServerLimits::default();
    let (quotas, start) = (Quotas::new(limits.cost_per_second, limits.cost_burst), Instant::now());
    for second in 0..600 {
        let now = start + Duration::from_secs(second);
        for call in [1_000, 1_000, 1, 1, 5, 20] {
            assert!(quotas.charge(ONE, call, now).is_ok(), "second {second}");
        }
    }
}

#[test]
fn a_slash_64_is_one_client_and_so_is_this_machine() {
    let client = |text: &str| Client::of(text.parse().unwrap());
    assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:ffff:ffff:ffff"));
    assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
    assert_eq!(client("::ffff:192.0.2.1"), ONE);
    assert_ne!(ONE, TWO);
    for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.2"] {
        assert_eq!(client(here), client("127.0.0.1"), "{here}");
    }
}

#[test]
fn the_map_of_clients_is_bounded() {
    let (quotas, start) = (Quotas::new(1, 10), Instant::now());
    let client =
        |number: usize| Client::of(Ipv4Addr::from_bits(u32::try_from(number).unwrap() + (10 << 24)).into());
    for number in 0..MAX_CLIENTS {
        assert!(quotas.charge(client(number), 10, start).is_ok());
    }
    // All are in debt: newcomers share one budget, old ones keep theirs.
    assert!(quotas.charge(client(MAX_CLIENTS), 10, start).is_ok());
    assert!(quotas.charge(client(MAX_CLIENTS + 1), 1, start).is_err());
    assert!(quotas.charge(client(0), 1, start).is_err());
    assert!(quotas.buckets.lock().unwrap().len() <= MAX_CLIENTS + 1);
    // Rested clients are forgotten for new ones.
    assert!(quotas.charge(client(MAX_CLIENTS + 1), 1, start + Duration::from_secs(60)).is_ok());
    assert!(quotas.buckets.lock().unwrap().len() <= 2);
}

#[test]
fn memory_is_bounded_and_given_back() {
    let memory = Memory::new(20);
    let [mut first, mut second] = [ONE, TWO].map(|client| Share::new(&memory, client));
    assert!(first.grow(6) && second.grow(10));
    first.shrink(2);
    assert!(first.grow(6));
    let mut third = Share::new(&memory, Client::CROWD);
    assert!(memory.is_full(Client::CROWD) && !third.grow(1));
    first.shrink(100);
    assert!(first.is_empty() && !memory.is_full(Client::CROWD) && third.grow(6));
    first.add(7);
    assert!(memory.is_full(ONE) && !first.grow(1));
    drop((first, second, third));
    assert!(Share::new(&memory, ONE).grow(10), "all of it is free again");
    let held = memory.lock();
    assert_eq!((held.total, held.by_client.len()), (0, 0));
}

#[test]
fn one_client_holds_half_of_the_memory_at_the_most() {
    let memory = Memory::new(20);
    let mut shares = [ONE, ONE].map(|client| Share::new(&memory, client));
    assert!(shares[0].grow(6) && !shares[1].grow(5) && shares[1].grow(4));
    assert!(memory.is_full(ONE) && !memory.is_full(TWO));
    assert!(Share::new(&memory, TWO).grow(10));
}
