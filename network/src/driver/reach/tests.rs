//! What is believed of our own addresses, and by whom.

use super::*;
use crate::testing::peer;

fn at(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn public() -> Reach {
    Reach::new(Rules { public: true }, peer(99))
}

fn tests(steps: &[Step]) -> Vec<Multiaddr> {
    let tested = |step: &Step| match step {
        Step::Test(address) => Some(address.clone()),
        _ => None,
    };
    steps.iter().filter_map(tested).collect()
}

/// A node in a house: it listens at a private address, and peers in these networks see it at one of another.
fn at_home(seen_by: &[&str]) -> (Reach, Vec<Step>) {
    let mut reach = public();
    let mut steps = reach.listens(at("/ip4/192.168.1.2/tcp/8644"));
    for (n, from) in (1..).zip(seen_by) {
        steps.extend(reach.seen(peer(n), &at(from), &at("/ip4/8.8.4.4/tcp/40001")));
    }
    (reach, steps)
}

#[test]
fn a_private_address_is_neither_told_nor_tested_on_a_chain_for_everybody() {
    assert_eq!(public().listens(at("/ip4/192.168.1.2/tcp/8644")), []);
    let global = at("/ip4/8.8.4.4/tcp/8644");
    assert_eq!(public().listens(global.clone()), [Step::Tell(global.clone()), Step::Test(global)]);
    let mut lab = Reach::new(Rules { public: false }, peer(99));
    assert_eq!(lab.listens(at("/ip4/192.168.1.2/tcp/8644")).len(), 2);
}

#[test]
fn an_address_is_tested_when_two_networks_see_us_there() {
    let (_, steps) = at_home(&["/ip4/1.1.1.1/tcp/1"]);
    assert_eq!(steps, [], "one may say anything");
    let (_, steps) = at_home(&["/ip4/1.1.1.1/tcp/1", "/ip4/1.1.2.2/tcp/1", "/ip4/1.1.3.3/tcp/1"]);
    assert_eq!(steps, [], "three of one network are one");
    let (reach, steps) = at_home(&["/ip4/1.1.1.1/tcp/1", "/ip4/9.9.9.9/tcp/1"]);
    assert_eq!(tests(&steps), [at("/ip4/8.8.4.4/tcp/8644")], "at the port we listen on");
    assert_eq!(reach.answer(), Reachability::default(), "and nothing is said before");
}

#[test]
fn who_moves_withdraws_the_address_that_is_no_longer_ours() {
    let (mut reach, _) = at_home(&["/ip4/1.1.1.1/tcp/1", "/ip4/9.9.9.9/tcp/1"]);
    let old = at("/ip4/8.8.4.4/tcp/8644");
    assert_eq!(reach.tested(&old, true), [Step::Tell(old.clone())]);
    assert_eq!(reach.answer(), Reachability { reachable: Some(true), addresses: vec![old.clone()] });
    let moved = at("/ip4/8.8.8.8/tcp/5");
    let first = reach.seen(peer(1), &at("/ip4/1.1.1.1/tcp/1"), &moved);
    assert_eq!(first, [Step::Withdraw(old)], "only one peer is left that sees us there");
    let second = reach.seen(peer(2), &at("/ip4/9.9.9.9/tcp/1"), &moved);
    assert_eq!(tests(&second), [at("/ip4/8.8.8.8/tcp/8644")]);
    assert_eq!(reach.answer(), Reachability::default());
}

#[test]
fn two_tests_that_fail_some_time_apart_are_a_no_and_a_stranger_s_visit_a_yes() {
    let (mut reach, steps) = at_home(&["/ip4/1.1.1.1/tcp/1", "/ip4/9.9.9.9/tcp/1"]);
    let candidate = tests(&steps).remove(0);
    reach.tick(Duration::from_secs(20), true);
    assert_eq!(reach.tested(&candidate, false), []);
    assert_eq!(reach.answer().reachable, None, "the router may have been slower");
    assert_eq!(reach.tick(Duration::from_secs(39), true), []);
    let again = tests(&reach.tick(Duration::from_secs(40), true));
    assert_eq!(again, [candidate.clone().with(Protocol::P2p(peer(99)))]);
    assert!(!reach.wants_relay());
    reach.tested(&again[0], false);
    assert_eq!(reach.answer(), Reachability { reachable: Some(false), addresses: vec![] });
    assert!(reach.wants_relay());
    assert_eq!(reach.tick(Duration::from_secs(10_000), true), [], "not for ever");

    let relay = at("/ip4/1.1.1.1/tcp/1/p2p-circuit");
    let place = ListenerId::next();
    reach.relayed(place, relay.clone());
    assert_eq!(reach.answer(), Reachability { reachable: Some(false), addresses: vec![relay.clone()] });
    reach.not_relayed(place);
    assert_eq!(reach.answer().addresses, []);

    let ours = at("/ip4/192.168.1.2/tcp/8644");
    assert_eq!(reach.came(&ours, &at("/ip4/192.168.1.3/tcp/5")), [], "a neighbour proves nothing");
    assert_eq!(reach.came(&ours, &at("/ip4/9.9.9.9/tcp/5")), [Step::Tell(candidate.clone())]);
    assert_eq!(reach.answer(), Reachability { reachable: Some(true), addresses: vec![candidate] });
    assert!(!reach.wants_relay());
}

#[test]
fn what_the_router_forwards_is_tested_and_forgotten_with_it() {
    let mut reach = public();
    reach.listens(at("/ip4/192.168.1.2/tcp/8644"));
    let outer = at("/ip4/8.8.4.4/tcp/8644");
    assert_eq!(reach.mapped(outer.clone()), [Step::Test(outer.clone())]);
    assert_eq!(reach.mapped(at("/ip4/100.64.0.1/tcp/8644")), [], "a router behind another");
    reach.tested(&outer, true);
    assert_eq!(reach.unmapped(&outer), [Step::Withdraw(outer)]);
    assert_eq!(reach.answer(), Reachability::default());
}

#[test]
fn what_peers_say_is_bounded() {
    let mut reach = Reach::new(Rules { public: false }, peer(99));
    reach.listens(at("/ip4/10.0.0.1/tcp/8644"));
    for n in 0..=255_u8 {
        reach.seen(peer(n), &at("/ip4/1.1.1.1/tcp/1"), &at(&format!("/ip4/10.1.1.{n}/tcp/1")));
    }
    assert!(reach.voices.len() <= MAX_VOICES && reach.candidates.len() <= MAX_CANDIDATES);
    assert_eq!(reach.tested(&at("/ip4/10.9.9.9/tcp/8644"), true), [], "nobody asked for that");
    assert_eq!(reach.answer(), Reachability::default());
}

#[test]
fn a_test_without_a_result_has_failed_if_somebody_could_have_given_one() {
    let (mut reach, _) = at_home(&["/ip4/1.1.1.1/tcp/1", "/ip4/9.9.9.9/tcp/1"]);
    for second in 0..500 {
        assert_eq!(reach.tick(Duration::from_secs(second), false), [], "nobody could");
    }
    let again: Vec<_> = (500..600).flat_map(|second| reach.tick(Duration::from_secs(second), true)).collect();
    assert_eq!(tests(&again).len(), 1);
    (600..700).for_each(|second| drop(reach.tick(Duration::from_secs(second), true)));
    assert_eq!(reach.answer().reachable, Some(false));
}

#[test]
fn a_visit_confirms_nothing_when_it_may_have_been_at_either_of_two_addresses() {
    let (mut reach, _) = at_home(&["/ip4/1.1.1.1/tcp/1", "/ip4/9.9.9.9/tcp/1"]);
    for (n, from) in [(8, "/ip4/4.4.4.4/tcp/1"), (9, "/ip4/5.5.5.5/tcp/1")] {
        reach.seen(peer(n), &at(from), &at("/ip4/7.7.7.7/tcp/5"));
    }
    assert_eq!(reach.came(&at("/ip4/192.168.1.2/tcp/8644"), &at("/ip4/9.9.9.9/tcp/5")), []);
    assert_eq!(reach.answer(), Reachability::default());
}
