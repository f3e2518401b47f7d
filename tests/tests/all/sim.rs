//! Short runs of the simulator. Longer ones are `starling-sim`'s, and `make soak`'s.

use serde_json::Value;
use starling_tests::sim::{Report, Run, SCENARIOS, Scenario};
use std::process::{Command, Output};

fn scenario(name: &str) -> Scenario {
    *SCENARIOS.iter().find(|scenario| scenario.name == name).expect("there is such a scenario")
}

/// Runs a scenario, in which nothing may fail.
fn run(name: &str, seed: u64) -> Report {
    run_with(name, seed, scenario(name).nodes)
}

fn run_with(name: &str, seed: u64, nodes: u16) -> Report {
    let report = Run::new(scenario(name), seed, nodes).finish();
    assert!(report.failures.is_empty(), "{:?}; once more: {}", report.failures, report.replay());
    report
}

fn starling_sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starling-sim")).args(args).output().expect("the binary starts")
}

#[test]
fn ten_nodes_agree_after_ten_minutes_of_everything_that_can_go_wrong() {
    for seed in 1..=4 {
        let report = run("mixed", seed);
        assert!(report.virtual_seconds >= 600.0 && report.height > 20 && report.crashes > 0, "{report:?}");
        assert!(report.payments.0 > 100, "{report:?}");
    }
}

#[test]
fn a_seed_decides_the_whole_history() {
    let (one, other) = (run("mixed", 5), run("mixed", 5));
    assert_eq!((one.events, one.history), (other.events, other.history));
    assert_ne!(run("calm", 5).history, run("calm", 6).history);
}

#[test]
fn a_divided_world_agrees_within_half_a_minute_of_its_end() {
    for seed in 1..=3 {
        let report = run("division", seed);
        let after = report.agreed_after_s;
        assert!(after.is_some_and(|seconds| seconds <= 30.0), "{after:?}; once more: {}", report.replay());
        assert!(report.deepest > 3, "both parts went on: {report:?}");
    }
}

#[test]
fn nodes_that_knew_one_find_each_other_and_do_without_it() {
    let report = run("found", 1);
    assert_eq!(report.unfilled, 0, "everybody has peers enough: {report:?}");
    let after = report.agreed_after_s;
    assert!(after.is_some_and(|seconds| seconds <= 30.0), "{after:?}; once more: {}", report.replay());
    assert!(report.deepest > 3, "both parts went on: {report:?}");
}

#[test]
fn nodes_that_die_every_ten_seconds_lose_nothing() {
    let report = run("crashes", 1);
    assert!(report.crashes > 20, "{report:?}");
}

#[test]
fn blocks_reach_everybody_past_nodes_that_pass_nothing_on() {
    let report = run("silent", 1);
    assert!(report.found_silent > 0, "those in meshes are found out: {report:?}");
    assert!(report.known_ms.reached >= 1.0 && report.known_ms.p99 < 1_000.0, "{:?}", report.known_ms);
}

#[test]
fn full_announcements_reach_everybody_within_five_seconds() {
    let report = run_with("spread", 1, 20);
    assert!(report.height >= 2 && report.known_ms.reached >= 1.0, "{report:?}");
    assert!(report.known_ms.max < 5_000.0 && report.duplicates > 0.0, "{report:?}");
}

#[test]
fn the_binary_prints_json_and_names_what_there_is() {
    let output = starling_sim(&["calm", "--seed", "3", "--nodes", "4"]);
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&report["scenario"], &report["seed"], &report["nodes"]),
        (&"calm".into(), &3.into(), &4.into())
    );
    let twice = starling_sim(&["calm", "--seed", "3", "--nodes", "4", "--runs", "2"]).stdout;
    let twice: Vec<Value> =
        twice.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!((twice.len(), &twice[0]["history"]), (2, &report["history"]));
    assert_ne!(twice[1]["history"], report["history"]);
    let listed = starling_sim(&["--list"]).stdout;
    let listed = String::from_utf8(listed).expect("text");
    assert!(SCENARIOS.iter().all(|scenario| listed.contains(scenario.about)), "{listed}");
    let unknown = starling_sim(&["clam"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("choose one of calm"), "{unknown:?}");
}
