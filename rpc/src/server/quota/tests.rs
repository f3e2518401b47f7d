//! Budgets refill and stay bounded; memory is given back.

use super::{MAX_CLIENTS, Memory, Quotas, Share};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

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
fn a_slash_64_is_one_client_and_mapped_addresses_are_v4() {
    let (quotas, now) = (Quotas::new(1, 10), Instant::now());
    let host = |last: u128| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | last));
    assert!(quotas.charge(host(1), 10, now).is_ok());
    assert!(quotas.charge(host(u128::from(u64::MAX)), 1, now).is_err());
    assert!(quotas.charge(host(1 << 64), 1, now).is_ok());
    assert!(quotas.charge(ONE, 10, now).is_ok());
    assert!(quotas.charge(IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped()), 1, now).is_err());
}

#[test]
fn the_map_of_clients_is_bounded() {
    let (quotas, start) = (Quotas::new(1, 10), Instant::now());
    let client = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap() + (10 << 24)));
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
    let memory = Memory::new(10);
    let mut first = Share::new(&memory);
    let mut second = Share::new(&memory);
    assert!(first.grow(6) && !second.grow(5) && second.grow(4));
    assert!(memory.is_full());
    first.shrink(100);
    assert!(!memory.is_full() && second.grow(6));
    first.add(7);
    assert!(memory.is_full() && !second.grow(1));
    drop((first, second));
    assert!(Share::new(&memory).grow(10));
}
