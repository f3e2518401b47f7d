//! Tests of the token buckets.

use super::*;
use starling_primitives::Wtxid;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_burst_then_the_rate() {
    let (mut bucket, quota) = (Bucket::default(), Quota::of_topic(Topic::Block));
    for _ in 0..16 {
        assert_eq!(bucket.take(quota, 1, SECOND), Ok(()));
    }
    assert_eq!(bucket.take(quota, 1, SECOND), Err(Duration::from_millis(250)));
    let later = SECOND + Duration::from_millis(250);
    assert_eq!(bucket.take(quota, 1, later), Ok(()));
    assert!(bucket.take(quota, 1, later).is_err(), "a refusal costs nothing and gives nothing");
}

#[test]
fn time_refills_to_the_burst_and_no_further() {
    let (mut bucket, quota) = (Bucket::default(), Quota::of_protocol(Protocol::Status));
    let later = SECOND * 10_000;
    assert_eq!((0..10).filter(|_| bucket.take(quota, 1, later).is_ok()).count(), 5);
}

#[test]
fn more_than_a_burst_never_fits() {
    let (mut bucket, quota) = (Bucket::default(), Quota::of_protocol(Protocol::Txs));
    assert!(bucket.take(quota, 4_001, SECOND * 100).is_err());
    assert_eq!(bucket.take(quota, 4_000, SECOND * 100), Ok(()));
}

#[test]
fn each_protocol_has_its_rate() {
    let rate = |protocol| {
        let (mut bucket, quota) = (Bucket::default(), Quota::of_protocol(protocol));
        let now = SECOND * 100;
        (0..5_000).filter(|_| bucket.take(quota, 1, now).is_ok()).count()
    };
    let rates = Protocol::ALL.map(rate);
    assert_eq!(rates, [5, 20, 512, 10, 20, 4_000, 4, 4_000, 1_000, 16, 20, 1]);
}

#[test]
fn ids_are_what_announcing_and_pulling_cost() {
    let ids = vec![Wtxid::ZERO; 7];
    assert_eq!(cost(&Question::Txs(ids.clone())), 7);
    assert_eq!(cost(&Question::Announce(ids)), 7);
    assert_eq!(cost(&Question::Announce(Vec::new())), 1, "an empty question is not free");
    assert_eq!(cost(&Question::Bodies(Vec::new())), 1);
}

#[test]
fn what_is_charged_holds_up_what_follows() {
    let quota = Quota { each: SECOND, burst: 4 };
    let mut bucket = Bucket::default();
    bucket.charge(quota, 10, SECOND * 100);
    assert_eq!(bucket.wait(quota, 1, SECOND * 100), SECOND * 7);
    assert!(bucket.take(quota, 1, SECOND * 107).is_ok());
}
