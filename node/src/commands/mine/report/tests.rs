//! The numbers that a miner shows.

use super::{Report, float};
use indicatif::ProgressStyle;
use std::time::Instant;

#[test]
fn the_live_lines_template_can_be_read() {
    ProgressStyle::with_template("{spinner} {wide_msg}").unwrap();
}

#[test]
fn floats_are_near() {
    assert_eq!(float(0), 0.0);
    assert_eq!(float(1 << 40), 2f64.powi(40));
    assert_eq!(float(u64::MAX), 2f64.powi(64));
}

#[test]
fn a_line_tells_rate_and_expectation_or_why_it_rests() {
    let mut report = Report::new(true);
    report.started = Instant::now().checked_sub(std::time::Duration::from_secs(100)).unwrap();
    report.looked = report.started;
    report.working(8, 5e8);
    report.look(10_000_000_000).unwrap();
    let line = report.line();
    assert!(line.starts_with("100.0 MH/s now") || line.starts_with("99.9 MH/s now"), "{line}");
    assert!(line.contains("one each 5.0 s") && line.ends_with("tip 7"), "{line}");
    assert_eq!(report.status()["height"], 8);
    assert!((report.status()["expected_seconds"].as_f64().unwrap() - 5.0).abs() < 0.1);
    report.resting("syncing\x1b[2J".to_owned());
    assert_eq!(report.line(), "resting: syncing\\u{1b}[2J");
}

#[test]
fn nothing_is_expected_before_the_first_hash() {
    let mut report = Report::new(true);
    report.working(1, 1e9);
    report.look(0).unwrap();
    assert_eq!(report.status()["expected_seconds"], serde_json::Value::Null);
    assert!(report.line().contains("0.0 H/s now"));
}
