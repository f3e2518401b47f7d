//! Chains as compressed files, checks from a height on, and the database of a stopped node.

use super::miner;
use serde_json::Value;
use starling_tests::{Desk, Ended, Lab, Node, Pace, Payer};
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A stopped node's chain, and a desk beside it.
struct Play {
    lab: Lab,
    node: Node,
    desk: Desk,
}

impl Play {
    /// 40 blocks, with 20 payments to new accounts.
    fn new() -> Self {
        let mut alice = Payer::new(1);
        let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
        let mut node = lab.node(&[]);
        for number in 0..20 {
            node.submit(&alice.pay(lab.chain(), Payer::new(100 + number).address(), "1"));
            node.generate(2, &miner(&lab, 1));
        }
        node.stop();
        Self { lab, node, desk: Desk::new() }
    }

    /// A command on the chain and a data directory; the node's own unless named.
    fn run(&self, args: &[&str], dir: Option<&str>) -> Ended {
        let (chain, own) = (text(&self.lab.file()), text(&self.node.data_dir()));
        self.desk.run(&[args, &["--chain", &chain, "--data-dir", dir.unwrap_or(&own)]].concat())
    }

    fn json(&self, args: &[&str], dir: Option<&str>) -> Value {
        self.run(&[args, &["--json"]].concat(), dir).json()
    }

    /// An import of what a file gives on stdin.
    fn piped(&self, file: &Path, dir: &str) -> Ended {
        let chain = text(&self.lab.file());
        let args = ["chain", "import", "-", "--chain", &chain, "--data-dir", dir];
        let mut command = self.desk.command(&args);
        command.stdin(File::open(file).expect("it was written"));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Ended::of(child.expect("the binary starts"), args.join(" "))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.desk.path(name)).expect("it was written")
    }
}

#[test]
fn a_compressed_export_is_smaller_and_comes_in_by_name_or_by_pipe() {
    let play = Play::new();
    let (plain, small) = (play.desk.text("plain"), play.desk.text("small.zst"));
    assert_eq!(play.json(&["chain", "export", &plain], None)["blocks"], 40);
    assert_eq!(play.json(&["chain", "export", &small], None)["blocks"], 40);
    assert!(play.bytes("small.zst").len() < play.bytes("plain").len());
    let (named, piped) = (play.desk.text("named"), play.desk.text("piped"));
    assert_eq!(play.json(&["chain", "import", &small], Some(&named))["blocks"], 40);
    assert!(play.run(&["chain", "import", &small], Some(&named)).out().starts_with("0 new blocks"));
    assert!(play.piped(&play.desk.path("small.zst"), &piped).out().starts_with("40 new blocks"));
    for dir in [&named, &piped] {
        let again = play.desk.text("again");
        play.run(&["chain", "export", &again], Some(dir)).out();
        assert_eq!(play.bytes("again"), play.bytes("plain"));
        fs::remove_file(again).expect("it was written");
    }
    // The name is not asked when it comes in.
    fs::rename(&small, play.desk.path("renamed")).expect("it was written");
    let renamed = play.run(&["chain", "import", &play.desk.text("renamed")], Some(&named));
    assert!(renamed.out().starts_with("0 new blocks"));
}

#[test]
fn a_compressed_file_that_is_not_whole_is_told_and_its_beginning_stays() {
    let play = Play::new();
    let small = play.desk.text("small.zst");
    play.run(&["chain", "export", &small], None).out();
    let bytes = play.bytes("small.zst");
    let import = |name: &str, bytes: &[u8]| {
        let file = play.desk.write(&format!("{name}.zst"), bytes);
        play.run(&["chain", "import", &file], Some(&play.desk.text(name)))
    };
    let short = import("short", &bytes[..bytes.len() - 9]);
    assert!(short.failed(1).contains("cut short"), "{short:?}");
    let rest = play.json(&["chain", "import", &small], Some(&play.desk.text("short")));
    assert_eq!(rest["height"], 40);
    let mut flipped = bytes.clone();
    let middle = bytes.len() / 2;
    flipped[middle] ^= 0x55;
    let damaged = import("damaged", &flipped);
    assert!(damaged.failed(1).contains("damaged") || damaged.stderr.contains("block"), "{damaged:?}");
    let nothing = import("nothing", &bytes[..7]);
    assert!(nothing.failed(1).contains("cut short"), "{nothing:?}");
    assert!(!play.desk.path("nothing").exists(), "nothing was imported, and nothing is left");
}

#[test]
fn an_export_that_cannot_be_leaves_nothing() {
    let play = Play::new();
    let folder = play.desk.path("folder");
    fs::create_dir(&folder).expect("a folder in a home of our own");
    let other = play.run(&["chain", "export", &play.desk.text("blocks.gz")], None);
    assert!(other.failed(2).contains(".zst"), "{other:?}");
    let taken = play.run(&["chain", "export", &text(&folder)], None);
    assert!(taken.failed(1).contains("is left as it is"), "{taken:?}");
    let nowhere = play.run(&["chain", "export", &play.desk.text("none/blocks.zst")], None);
    assert!(nowhere.failed(1).contains("No such file"), "{nowhere:?}");
    let missing = play.desk.text("missing");
    let of_nothing = play.run(&["chain", "export", &play.desk.text("blocks.zst")], Some(&missing));
    assert!(of_nothing.failed(5).contains("there is no data"), "{of_nothing:?}");
    let left: Vec<_> =
        fs::read_dir(play.desk.path("")).expect("the home").map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [folder]);
}

#[test]
fn a_chain_is_verified_from_a_height_on() {
    let play = Play::new();
    for from in ["0", "1", "17", "40"] {
        let verified = play.json(&["chain", "verify", "--from", from], None);
        assert_eq!((&verified["ok"], &verified["height"]), (&true.into(), &40.into()));
    }
    assert!(
        play.run(&["chain", "verify", "--from", "17"], None).out().contains("from height 17 up to height 40")
    );
    let above = play.run(&["chain", "verify", "--from", "41"], None);
    assert!(above.failed(2).contains("ends at height 40"), "{above:?}");
}

#[test]
fn the_database_of_a_stopped_node_is_shown_checked_and_compacted() {
    let mut play = Play::new();
    let stats = play.json(&["db", "stats"], None);
    assert_eq!(
        (&stats["chain"], &stats["height"], &stats["lowest_undo"]),
        (&"lab".into(), &40.into(), &1.into())
    );
    assert!(stats["total_bytes"].as_u64() > stats["sst_bytes"].as_u64(), "{stats}");
    let checked = play.json(&["db", "check"], None);
    assert_eq!((&checked["ok"], &checked["damage_count"]), (&true.into(), &0.into()), "{checked}");
    assert_eq!((&checked["records"]["canonical"], &checked["records"]["tx_index"]), (&41.into(), &20.into()));
    let compacted = play.json(&["db", "compact"], None);
    assert_eq!(compacted["families"].as_array().map(Vec::len), Some(10), "{compacted}");
    for command in ["stats", "check", "compact"] {
        let ended = play.run(&["db", command], None);
        assert!(!ended.out().is_empty() && ended.stderr.is_empty(), "{ended:?}");
    }
    assert_eq!(play.json(&["chain", "verify"], None)["height"], 40);

    play.node.restart();
    assert_eq!(play.node.info().height, 40);
    for command in ["stats", "check", "compact"] {
        let ended = play.run(&["db", command], None);
        assert!(ended.failed(5).contains("in use by another starling"), "{ended:?}");
        let ended = play.run(&["db", command], Some(&play.desk.text("missing")));
        assert!(ended.failed(5).contains("there is no data of chain lab"), "{ended:?}");
    }
    assert!(!play.desk.path("missing").exists());
}

#[test]
fn a_damaged_database_is_listed_with_its_own_exit_code() {
    let play = Play::new();
    play.run(&["db", "compact"], None).out();
    let tables =
        fs::read_dir(play.node.data_dir().join("db")).expect("the database").map(|it| it.unwrap().path());
    let largest = tables.filter(|path| path.extension().is_some_and(|extension| extension == "sst"));
    let largest = largest.max_by_key(|path| fs::metadata(path).expect("a table").len()).expect("a table");
    let mut bytes = fs::read(&largest).expect("a table");
    bytes[100] ^= 1;
    fs::write(&largest, bytes).expect("a table of our own");
    let ended = play.run(&["db", "check", "--json"], None);
    assert!(ended.failed(5).contains("damaged"), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("a report");
    assert_eq!(report["ok"], false);
    assert!(report["damage"][0]["what"].as_str().is_some_and(|what| what.contains("orruption")), "{report}");
    let listed = play.run(&["db", "check"], None);
    assert!(listed.failed(5).contains("damaged") && listed.stdout.contains("orruption"), "{listed:?}");
}
