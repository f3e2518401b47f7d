//! Chains and data directories as files: made, exported, imported, checked, refused.

use super::miner;
use serde_json::Value;
use starling_tests::{Desk, Ended, Lab, Node, Pace, Payer};
use std::fs;
use std::path::Path;
use std::process::Stdio;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A stopped node's chain: some payments, 30 blocks.
fn recorded(lab: &Lab, alice: &mut Payer) -> Node {
    let mut node = lab.node(&[]);
    for number in 0..10 {
        node.submit(&alice.pay(lab.chain(), Payer::new(100 + number).address(), "1"));
        node.generate(3, &miner(lab, 1));
    }
    node.stop();
    node
}

#[test]
fn a_chain_is_exported_imported_and_verified() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = recorded(&lab, &mut alice);
    let (desk, chain, from) = (Desk::new(), text(&lab.file()), text(&node.data_dir()));
    let (blocks, to) = (desk.text("blocks"), desk.text("copy"));
    let run = |args: &[&str]| -> Value { desk.run(&[args, &["--chain", &chain, "--json"]].concat()).json() };
    assert_eq!(run(&["chain", "export", &blocks, "--data-dir", &from])["blocks"], 30);
    let imported = run(&["chain", "import", &blocks, "--data-dir", &to]);
    assert_eq!(
        (&imported["blocks"], &imported["txs"], &imported["height"]),
        (&30.into(), &10.into(), &30.into())
    );
    let again = run(&["chain", "import", &blocks, "--data-dir", &to]);
    assert_eq!((&again["blocks"], &again["height"]), (&0.into(), &30.into()));
    let verified = run(&["chain", "verify", "--data-dir", &to]);
    assert_eq!((&verified["ok"], &verified["height"]), (&true.into(), &30.into()));
    let second = desk.text("second");
    run(&["chain", "export", &second, "--data-dir", &to]);
    assert_eq!(fs::read(&second).expect("it was written"), fs::read(&blocks).expect("it was written"));

    node.restart();
    let copy = Node::start(&lab.file(), &desk.path("node"), &[]);
    assert_eq!(copy.info().height, 0);
    drop(copy);
    fs::remove_dir_all(desk.path("node/data")).expect("a stopped node's folder");
    fs::rename(&to, desk.path("node/data")).expect("a stopped node's folder");
    let copy = Node::start(&lab.file(), &desk.path("node"), &[]);
    assert_eq!((copy.info().tip, copy.info().supply), (node.info().tip, node.info().supply));
}

#[test]
fn a_file_that_is_no_chain_is_refused_and_what_is_stored_stays() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = recorded(&lab, &mut alice);
    let (desk, chain, data) = (Desk::new(), text(&lab.file()), text(&node.data_dir()));
    let blocks = desk.text("blocks");
    let with = |args: &[&str]| desk.run(&[args, &["--chain", &chain, "--data-dir", &data]].concat());
    with(&["chain", "export", &blocks]).out();
    let bytes = fs::read(&blocks).expect("it was written");
    let mut flipped = bytes.clone();
    let middle = bytes.len() / 2;
    flipped[middle] ^= 0x10;
    let garbage: Vec<u8> =
        (0..5_000u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let files = [
        ("garbage", garbage),
        ("short", bytes[..bytes.len() - 3].to_vec()),
        ("flipped", flipped),
        ("empty-block", vec![0; 64]),
        ("huge", [&u32::MAX.to_le_bytes()[..], &bytes].concat()),
    ];
    let fresh = desk.text("fresh");
    for (name, bytes) in &files {
        let file = desk.write(name, bytes);
        let ended = desk.run(&["chain", "import", &file, "--chain", &chain, "--data-dir", &fresh]);
        assert!(!ended.failed(1).is_empty(), "{name}");
    }
    let verified = desk.run(&["chain", "verify", "--chain", &chain, "--data-dir", &fresh]);
    verified.out();
    assert!(with(&["chain", "verify"]).out().contains("30"));
    let ended = with(&["chain", "export", &blocks]);
    assert!(ended.failed(1).contains("blocks"), "{ended:?}");
    assert_eq!(fs::read(&blocks).expect("it was written"), bytes, "a file that exists stays");
}

#[test]
fn what_is_odd_about_a_file_of_blocks_is_told() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let other = Lab::new(Pace::Asked, &[(&Payer::new(1), "1")]);
    let node = recorded(&lab, &mut alice);
    let (desk, data) = (Desk::new(), text(&node.data_dir()));
    let blocks = desk.text("blocks");
    desk.run(&["chain", "export", &blocks, "--chain", &text(&lab.file()), "--data-dir", &data]).out();
    let bytes = fs::read(&blocks).expect("it was written");
    let import = |lab: &Lab, file: &str, to: &str| {
        let (chain, to) = (text(&lab.file()), desk.text(to));
        desk.run(&["chain", "import", file, "--chain", &chain, "--data-dir", &to])
    };
    let ended = import(&other, &blocks, "other");
    assert!(ended.failed(1).contains("of another chain") && !desk.path("other").exists(), "{ended:?}");
    let ended = import(&lab, &desk.write("short", &bytes[..bytes.len() - 3]), "short-data");
    assert!(ended.failed(1).contains("ends in the middle of block 30"), "{ended:?}");
    let rest = import(&lab, &blocks, "short-data");
    assert!(rest.out().starts_with("1 new blocks"), "{rest:?}");
    let ended = import(&lab, &desk.write("empty", ""), "empty-data");
    assert!(ended.out().starts_with("there is no block in"), "{ended:?}");
    let ended = import(&lab, &desk.text(""), "folder-data");
    assert!(ended.failed(2).contains("is a folder"), "{ended:?}");
}

#[test]
fn an_export_ends_quietly_when_nobody_reads_on() {
    let lab = Lab::new(Pace::Asked, &[]);
    let mut node = lab.node(&[]);
    node.generate(3, &miner(&lab, 1));
    node.stop();
    let (desk, chain, data) = (Desk::new(), text(&lab.file()), text(&node.data_dir()));
    let args = ["chain", "export", "-", "--chain", &chain, "--data-dir", &data];
    let (reader, stdout) = std::io::pipe().expect("the system gives a pipe");
    drop(reader);
    let child = desk.command(&args).stdout(stdout).stderr(Stdio::piped()).spawn();
    let ended = Ended::of(child.expect("the binary starts"), args.join(" "));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}

#[test]
fn a_start_that_fails_leaves_no_new_folder() {
    let lab = Lab::new(Pace::Asked, &[]);
    let (desk, chain) = (Desk::new(), text(&lab.file()));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let rpc = taken.local_addr().expect("it is bound").to_string();
    let data = desk.text("data");
    let args = ["run", "--chain", &chain, "--data-dir", &data, "--rpc", &rpc, "--no-mdns"];
    let ended = desk.run(&[&args[..], &["--listen", "/ip4/127.0.0.1/tcp/0"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!desk.path("data").exists());
}

/// Each command that opens a data directory, on one: how it ended. Nothing of theirs is left in the home.
fn each_command(lab: &Lab, data: &Path) -> Vec<Ended> {
    let (desk, chain, data) = (Desk::new(), text(&lab.file()), text(data));
    let blocks = desk.text("blocks");
    let run = ["run", "--rpc", "127.0.0.1:0", "--no-mdns", "--json", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let commands = [&run[..], &["chain", "import", "-"], &["chain", "export", &blocks], &["chain", "verify"]];
    let place = ["--chain", &chain, "--data-dir", &data];
    let ended = commands.map(|command| desk.run(&[command, &place].concat()));
    let left: Vec<_> = desk.path("").read_dir().expect("a home of ours").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    ended.into()
}

#[test]
fn a_data_directory_has_one_process_and_one_chain() {
    let lab = Lab::new(Pace::Asked, &[]);
    let other = Lab::new(Pace::Asked, &[(&Payer::new(1), "1")]);
    let mut node = lab.node(&[]);
    let data = text(&node.data_dir());
    for ended in each_command(&lab, &node.data_dir()) {
        let said = ended.failed(5);
        assert!(said.contains(&data) && said.contains("in use by another starling"), "{ended:?}");
    }
    assert_eq!(node.info().height, 0, "the first process is not disturbed");

    node.generate(3, &miner(&lab, 1));
    node.stop();
    for ended in each_command(&other, &node.data_dir()) {
        let said = ended.failed(5);
        assert!(said.contains("holds the chain") && said.contains("choose another --data-dir"), "{ended:?}");
    }
    node.restart();
    assert_eq!(node.info().height, 3, "nothing was overwritten");
}

/// Writes which layout a stopped node's database has.
fn write_schema(data: &Path, schema: u32) {
    let (options, path) = (rocksdb::Options::default(), data.join("db"));
    let families = rocksdb::DB::list_cf(&options, &path).expect("a database");
    let db = rocksdb::DB::open_cf(&options, path, families).expect("a database that nobody has open");
    let meta = db.cf_handle("meta").expect("every database has it");
    let known = db.get_cf(meta, "schema").expect("it can be read").expect("every database has one");
    assert_eq!(known.len(), size_of_val(&schema));
    db.put_cf(meta, "schema", schema.to_le_bytes()).expect("it can be written");
}

/// Which layout a stopped node's database has.
fn schema(data: &Path) -> u32 {
    let (options, path) = (rocksdb::Options::default(), data.join("db"));
    let families = rocksdb::DB::list_cf(&options, &path).expect("a database");
    let db = rocksdb::DB::open_cf_for_read_only(&options, path, families, false).expect("a database");
    let meta = db.cf_handle("meta").expect("every database has it");
    let bytes = db.get_cf(meta, "schema").expect("it can be read").expect("every database has one");
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

#[test]
fn a_directory_of_a_newer_program_is_refused_and_stays_as_it_is() {
    let lab = Lab::new(Pace::Asked, &[]);
    let mut node = lab.node(&[]);
    node.generate(3, &miner(&lab, 1));
    node.stop();
    let ours = schema(&node.data_dir());
    write_schema(&node.data_dir(), 99);
    for ended in each_command(&lab, &node.data_dir()) {
        let said = ended.failed(5);
        assert!(said.contains("layout 99") && said.contains("use a newer starling"), "{ended:?}");
    }
    assert_eq!(schema(&node.data_dir()), 99);
    write_schema(&node.data_dir(), ours);
    node.restart();
    assert_eq!(node.info().height, 3);
}

#[test]
fn a_directory_that_is_a_file_or_has_one_in_place_of_its_database_is_refused() {
    let lab = Lab::new(Pace::Asked, &[]);
    let desk = Desk::new();
    let data = desk.write("data", "a letter");
    for ended in each_command(&lab, Path::new(&data)) {
        assert!(ended.failed(5).contains(&data), "{ended:?}");
    }
    assert_eq!(fs::read_to_string(&data).expect("it was written"), "a letter");
    let db = desk.write("folder/db", "a letter");
    for ended in each_command(&lab, &desk.path("folder")) {
        assert!(ended.failed(5).contains(&db), "{ended:?}");
    }
    assert_eq!(fs::read_to_string(&db).expect("it was written"), "a letter");
}

#[test]
fn chain_new_writes_a_chain_that_runs() {
    let desk = Desk::new();
    let alice = Payer::new(1);
    let address = alice.text(&starling_genesis::Chain::dev());
    let file = desk.text("our-chain.toml");
    let prefund = format!("{address}=250.5");
    let args =
        ["chain", "new", &file, "--interval", "1", "--bits", "207fffff", "--prefund", &prefund, "--json"];
    let made: Value = desk.run(&args).json();
    assert_eq!(made["name"], "our-chain");
    let again = desk.run(&args);
    assert!(again.failed(1).contains("our-chain.toml"), "{again:?}");
    let shown: Value = desk.run(&["chain", "show", &file, "--json"]).json();
    assert_eq!(shown["genesis"], made["genesis"]);
    assert_eq!((&shown["interval"], &shown["bits"]), (&1.into(), &"207fffff".into()));

    let node = Node::start(Path::new(&file), &desk.path("node"), &[]);
    assert_eq!(node.info().genesis.to_string(), made["genesis"].as_str().expect("an id"));
    assert_eq!(node.ready().chain, "our-chain");
    assert_eq!(node.balance(alice.address()), super::star("250.5"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_node_with_little_memory_does_without_large_pages() {
    let lab = Lab::new(Pace::Asked, &[]);
    let pages = |flags: &[&str]| {
        let node = lab.node(flags);
        let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
        line.map(|value| value.trim().to_owned())
    };
    let (little, usual) = (pages(&["--memory", "192MiB"]), pages(&[]));
    // Old kernels do not tell.
    assert!(little.is_none() || (little.as_deref(), usual.as_deref()) == (Some("0"), Some("1")));
}
