//! What a node with a limit really sends: counted by the kernel, on a line of its own. It needs root.

use super::load::submit_all;
use super::miner;
use starling_rpc::to_hex;
use starling_tests::{Lab, Pace, Payer, Town, agree, until, wait};
use std::time::{Duration, Instant};

const LIMIT: u64 = 256 * 1024;
const SENDERS: u16 = 200;
const PAYMENTS: u16 = 100;

#[test]
fn a_limit_on_what_is_sent_holds_on_the_wire() {
    if let Err(why) = Town::allowed(false) {
        return eprintln!("skipped: no network namespaces here ({why})");
    }
    let town = Town::new(2, 100);
    let mut payers: Vec<Payer> = (0..SENDERS).map(Payer::new).collect();
    let funded: Vec<_> = payers.iter().map(|payer| (payer, "100")).collect();
    let lab = Lab::new(Pace::Asked, &funded);
    let folder = |house: u8| lab.folder().join(format!("house{house}"));
    let limit = format!("{}KiB", LIMIT / 1024);
    let full = town.node(1, &lab.file(), &folder(1), &["--no-mdns", "--upload-limit", &limit]);
    let to = Payer::new(5_000).address();
    for _ in 0..PAYMENTS / 20 {
        let pay = |payer: &mut Payer| to_hex(payer.pay(lab.chain(), to, "0.01").bytes());
        let payments: Vec<String> =
            (0..20).flat_map(|_| payers.iter_mut().map(pay).collect::<Vec<_>>()).collect();
        submit_all(&full, &payments);
        full.generate(1, &miner(&lab, 1));
    }
    until("all is mined", || {
        let left = wait(full.rpc().mempool_info()).expect("a running node answers").count;
        if left == 0 {
            return Ok(());
        }
        full.generate(1, &miner(&lab, 1));
        Err(format!("{left} are pending"))
    });
    let fresh =
        town.node(2, &lab.file(), &folder(2), &["--no-mdns", full.as_bootstrap()[0], full.as_bootstrap()[1]]);
    let (begun, before) = (Instant::now(), town.sent_by(1));
    agree(&[&full, &fresh]);
    let (took, sent) = (begun.elapsed(), town.sent_by(1) - before);
    assert!(took > Duration::from_secs(2), "there was enough to send: {took:?}");
    let float = |bytes: u64| f64::from(u32::try_from(bytes).expect("a few megabytes"));
    let part = float(sent) / took.as_secs_f64() / float(LIMIT);
    eprintln!("{sent} bytes on the wire in {:.1} s: {:.0} % of the limit", took.as_secs_f64(), 100.0 * part);
    assert!(part <= 1.10, "{part:.2} of the limit");
}
