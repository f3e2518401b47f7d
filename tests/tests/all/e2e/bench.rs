//! `starling bench` at sizes of no account: that every figure is there, not how large it is.

use serde_json::Value;
use starling_tests::{Desk, Ended, until};
use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

fn run(desk: &Desk, args: &str) -> Ended {
    desk.run(&args.split_whitespace().collect::<Vec<_>>())
}

/// The lines by name, after a look at everything around them.
fn lines(report: &Value) -> BTreeMap<String, Value> {
    let hardware = &report["hardware"];
    assert!(hardware["cores"].as_u64().is_some_and(|cores| cores > 0), "{hardware}");
    assert!(["cpu", "kernel", "sha256"].iter().all(|name| hardware[*name].is_string()), "{hardware}");
    let yardstick = report["yardstick"].as_f64().expect("a rate");
    let lines = report["lines"].as_array().expect("a list");
    let named = lines.iter().map(|line| (line["name"].as_str().expect("a name").to_owned(), line.clone()));
    let named: BTreeMap<_, _> = named.collect();
    assert_eq!(named["yardstick"]["value"], yardstick);
    for (name, line) in &named {
        assert!(line["value"].as_f64().is_some_and(|value| value >= 0.0), "{name}: {line}");
        assert_eq!(line["target"].is_null(), line["met"].is_null(), "{name}: {line}");
    }
    named
}

fn names(lines: &BTreeMap<String, Value>) -> Vec<&str> {
    lines.keys().map(String::as_str).collect()
}

#[test]
fn every_figure_of_an_import_is_told_and_the_seed_decides_the_chain() {
    let desk = Desk::new();
    let size = "--accounts 300 --payments 200 --empty-blocks 5 --json";
    let of = |seed: u32| -> Value {
        let report = run(&desk, &format!("bench import --seed {seed} --dir work {size}")).json();
        // Nothing is left.
        assert!(!desk.path("work").exists());
        report
    };
    let report = of(1);
    let lines = lines(&report);
    assert_eq!(
        names(&lines),
        [
            "disk_per_payment",
            "import_cold",
            "import_empty",
            "import_peak",
            "import_warm",
            "reorganisation",
            "reorganisation_start",
            "start",
            "start_peak",
            "yardstick"
        ]
    );
    let target = |name: &str| lines[name]["target"].clone();
    assert_eq!(target("import_cold")["at_least"], 0.8);
    assert_eq!(target("import_warm")["at_least"], 4.0);
    let most = ["disk_per_payment", "reorganisation", "start"].map(|name| target(name)["at_most"].clone());
    assert_eq!(most, [2_500.0, 0.5, 3.0]);
    assert!(lines.values().all(|line| line["at_target_size"] != true), "{lines:?}");
    let tip = report["tip"].as_str().expect("an id");
    assert_eq!(of(1)["tip"], tip);
    assert_ne!(of(2)["tip"], tip);
}

#[test]
fn every_figure_of_signatures_and_of_the_state_is_told() {
    let desk = Desk::new();
    let report = run(&desk, "bench verify --payments 300 --json").json();
    let names_of = |report: &Value| names(&lines(report)).join(" ");
    assert_eq!(names_of(&report), "check_cold check_known decode verify_batch yardstick");
    let report = run(&desk, "bench state --accounts 3000 --dir work --json").json();
    let expected = "proof_size proof_size_max proof_time state_load state_prefetch state_root \
                    tree_per_account yardstick";
    assert_eq!(names_of(&report), expected);
    assert!(!desk.path("work").exists());
    let table = run(&desk, "bench state --accounts 3000");
    let heading = ["figure", "measured", "target", "ratio"];
    let line = table.out().lines().find(|line| line.starts_with("figure")).expect("a heading");
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), heading);
    assert!(table.out().contains("see --full"), "{table:?}");
}

#[test]
fn a_directory_with_something_in_it_is_left_alone() {
    let desk = Desk::new();
    desk.write("precious/file", "text");
    for command in ["bench import --dir precious", "bench state --dir precious"] {
        let line = run(&desk, command).failed(2).to_owned();
        assert!(line.contains("not empty"), "{line}");
    }
    assert_eq!(fs::read_dir(desk.path("precious")).expect("a folder").count(), 1);
}

#[test]
fn an_interrupted_benchmark_leaves_nothing() {
    let desk = Desk::new();
    let args = ["bench", "state", "--accounts", "2000000", "--dir", "work"];
    let mut command = desk.command(&args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let entries = || fs::read_dir(desk.path("work")).map_or(0, Iterator::count);
    until("the benchmark has begun", || if entries() > 0 { Ok(()) } else { Err(String::new()) });
    let ended = Ended::interrupted(child, args.join(" "));
    assert!(ended.failed(130).contains("interrupted"), "{ended:?}");
    assert!(!desk.path("work").exists());
}
