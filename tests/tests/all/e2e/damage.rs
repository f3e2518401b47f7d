//! Files of a data directory that were cut short, emptied, changed or removed: the node starts with the right
//! state, or refuses with an error that names what is damaged and what to do. It never panics, and it never
//! gives a wrong answer.

use super::miner;
use starling_primitives::{Address, TxId};
use starling_rpc::types::{BlockPart, BlockRef, ChainInfo, TxStatus};
use starling_rpc::{ApiError, ClientError};
use starling_tests::{
    Desk, Ended, Lab, Node, NotStarted, Pace, Payer, agree, connect, copy_folder, until, wait,
};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Files whose content nobody reads again: RocksDB's own log, and what each start writes anew.
const UNREAD: [&str; 4] = ["LOG", "LOG.old", "LOCK", "rpc.addr"];
/// What an error says that tells what to do.
const HINTS: [&str; 2] = ["move it away", "put a copy of it back"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// One bit in the middle is another.
    Flipped,
    /// The second half is gone.
    Halved,
    Emptied,
    Removed,
}

impl Damage {
    fn of(self, path: &Path) {
        let size = fs::metadata(path).expect("a file of the copy").len();
        match self {
            Self::Flipped => {
                let mut file = OpenOptions::new().read(true).write(true).open(path).expect("our file");
                let mut byte = [0];
                file.seek(SeekFrom::Start(size / 2)).expect("within the file");
                file.read_exact(&mut byte).expect("within the file");
                file.seek(SeekFrom::Start(size / 2)).expect("within the file");
                file.write_all(&[byte[0] ^ 0x10]).expect("our file");
            }
            Self::Halved => {
                let file = OpenOptions::new().write(true).open(path).expect("our file");
                file.set_len(size / 2).expect("our file");
            }
            Self::Emptied => drop(File::create(path).expect("our file")),
            Self::Removed => fs::remove_file(path).expect("our file"),
        }
    }
}

/// A data directory with files of every kind, and a peer that has the same chain and a few blocks more.
struct Original {
    lab: Lab,
    peer: Node,
    data: PathBuf,
    /// Height of the tip on disk.
    height: u32,
    /// Each payment and the height of its block.
    paid: Vec<(TxId, u32)>,
    accounts: Vec<Address>,
}

/// So many blocks of some payments each; what is written lies in the log until the next start.
fn pay(original: &mut Original, node: &Node, payers: &mut [Payer], blocks: u32) {
    for _ in 0..blocks {
        let height = node.info().height + 1;
        let to = Payer::new(u16::try_from(1_000 + height).expect("a small height")).address();
        original.accounts.push(to);
        for payer in &mut *payers {
            original.paid.push((node.submit(&payer.pay(original.lab.chain(), to, "0.5")), height));
        }
        node.generate(1, &miner(&original.lab, 1));
    }
}

fn original() -> Original {
    let mut payers: Vec<Payer> = (1..=4).map(Payer::new).collect();
    let lab = Lab::new(Pace::Asked, &payers.iter().map(|payer| (payer, "1000")).collect::<Vec<_>>());
    let (mut node, peer) = (lab.node(&[]), lab.node(&[]));
    let (data, accounts) = (node.data_dir(), payers.iter().map(Payer::address).collect());
    let mut original = Original { lab, peer, data, height: 0, paid: Vec::new(), accounts };
    // Each start flushes what it finds in the log into tables and blobs.
    for blocks in [8, 4] {
        pay(&mut original, &node, &mut payers, blocks);
        connect(&node, &original.peer);
        original.height = agree(&[&node, &original.peer]).height;
        node.stop();
        node.restart();
    }
    pay(&mut original, &node, &mut payers, 6);
    connect(&node, &original.peer);
    original.height = agree(&[&node, &original.peer]).height;
    node.submit(&payers[0].pay(original.lab.chain(), Payer::new(2).address(), "0.1"));
    until("the pool is saved", || match fs::metadata(original.data.join("mempool.dat")) {
        Ok(file) if file.len() > 100 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    node.kill();
    let settings = "log_level = \"info\"\nlog_format = \"human\"\nno_mdns = true\n";
    fs::write(original.data.join("starling.toml"), settings).expect("a folder of ours");
    // Nobody's tip is the copies' own.
    original.peer.generate(2, &miner(&original.lab, 2));
    original
}

/// The files that hold something, as paths in the data directory.
fn files(data: &Path) -> Vec<PathBuf> {
    let names = |folder: &Path| -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder of ours").map(|entry| entry.expect("an entry"));
        let entries = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        entries.map(|path| path.strip_prefix(data).expect("it lies there").to_owned()).collect()
    };
    let read = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).expect("plain names");
        let kind = if name.starts_with("LOG.old") { "LOG.old" } else { name };
        !UNREAD.contains(&kind) && fs::metadata(data.join(path)).is_ok_and(|file| file.len() > 0)
    };
    [names(data), names(&data.join("db"))].into_iter().flatten().filter(read).collect()
}

/// What a refusal says: one line that names the file or the database, and what to do.
fn is_a_good_refusal(case: &str, code: Option<i32>, said: &str, file: &Path, data: &Path) {
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    let [line] = lines[..] else { panic!("{case}: one line says what is wrong: {said}") };
    let named = line.contains(&*data.join(file).to_string_lossy())
        || file.starts_with("db") && line.contains(&*data.join("db").to_string_lossy());
    assert!(named, "{case}: {line}");
    let is_config = file == Path::new("starling.toml");
    assert_eq!(code, Some(if is_config { 2 } else { 5 }), "{case}: {line}");
    assert!(is_config || HINTS.iter().any(|hint| line.contains(hint)), "{case}: {line}");
    assert!(!said.contains("panicked"), "{case}: {said}");
}

/// An answer, or none when the node said that its database failed, or has ended.
fn answer<T>(case: &str, answer: Result<T, ClientError>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(ClientError::Refused(error)) if is_of_the_database(&error) => None,
        Err(ClientError::Unreachable { .. }) => None,
        Err(error) => panic!("{case}: {error}"),
    }
}

fn is_of_the_database(error: &ApiError) -> bool {
    error.code() == "database"
}

/// Every block, payment and balance is the peer's, as far as the node's tip goes, or is not told at all.
fn answers_are_right(case: &str, node: &Node, tip: &ChainInfo, original: &Original) {
    let peer = original.peer.rpc();
    for height in 0..=tip.height {
        let raw =
            |rpc: &starling_rpc::Client| wait(rpc.chain_get_raw(BlockRef::Height(height), BlockPart::Block));
        if let Some(found) = answer(case, raw(node.rpc())) {
            assert_eq!(found, raw(peer).expect("the peer answers"), "{case}: block {height}");
        }
    }
    for (tx, height) in &original.paid {
        if let Some(found) = answer(case, wait(node.rpc().tx_get(*tx))) {
            let expected = *height <= tip.height;
            assert_eq!(found.status == TxStatus::Mined, expected, "{case}: {found:?} at {height}");
            assert!(!expected || found.height == Some(*height), "{case}: {found:?}");
        }
    }
    if tip.tip == original.peer.info().tip {
        for account in &original.accounts {
            let text = original.lab.text(*account);
            if let Some(found) = answer(case, wait(node.rpc().account_get(&text))) {
                let expected = wait(peer.account_get(&text)).expect("the peer answers");
                assert_eq!((found.balance, found.nonce), (expected.balance, expected.nonce), "{case}");
            }
        }
    }
}

/// Connects the node to the peer; true when it came to the peer's tip, false when it ended meanwhile.
fn follows(node: &mut Node, peer: &Node) -> bool {
    // It may end in this very moment.
    drop(wait(node.rpc().net_add(peer.address())));
    let tip = peer.info().tip;
    until("the node follows its peer, or refuses", || {
        if !node.is_running() {
            return Ok(false);
        }
        let info = wait(node.rpc().chain_info()).map_err(|error| error.to_string())?;
        if info.tip == tip { Ok(true) } else { Err(format!("{info:?}")) }
    })
}

/// One file, one damage.
fn survives(original: &Original, folder: &Path, file: &Path, damage: Damage) {
    let (data, case) = (folder.join("data"), format!("{} {damage:?}", file.display()));
    copy_folder(&original.data, &data);
    if file != Path::new("peer.key") {
        // One peer that came so often would be asked to wait.
        fs::remove_file(data.join("peer.key")).expect("each node has a key");
    }
    damage.of(&data.join(file));
    let mut node = match Node::attempt(&original.lab.file(), folder, &[]) {
        Ok(node) => node,
        Err(NotStarted { code, said }) => return is_a_good_refusal(&case, code, &said, file, &data),
    };
    let Some(tip) = answer(&case, wait(node.rpc().chain_info())) else { panic!("{case}: no answer") };
    let known = wait(original.peer.rpc().chain_get_header(BlockRef::Height(tip.height)));
    assert_eq!(known.expect("the peer is ahead").id, tip.tip, "{case}");
    let is_log = file.extension().is_some_and(|extension| extension == "log");
    assert!(is_log || tip.height == original.height, "{case}: height {}", tip.height);
    answers_are_right(&case, &node, &tip, original);
    if follows(&mut node, &original.peer) {
        let tip = original.peer.info();
        answers_are_right(&case, &node, &tip, original);
        let (status, _) = node.end(nix::sys::signal::Signal::SIGTERM);
        assert!(status.success() || status.code() == Some(5), "{case}: {status}");
        assert!(!node.log().contains("panicked"), "{case}: {}", node.log());
    } else {
        is_a_good_refusal(&case, node.ended().code(), &node.log(), file, &data);
    }
    let chain = original.lab.file();
    let args =
        ["chain", "verify", "--chain", &chain.to_string_lossy(), "--data-dir", &data.to_string_lossy()];
    let Ended { code, stderr, .. } = Desk::new().run(&args);
    if code != Some(0) {
        is_a_good_refusal(&case, code, &stderr, file, &data);
    }
}

/// Every file that is read, damaged in this way.
fn all_files_survive(damage: Damage) {
    let original = original();
    let files = files(&original.data);
    for kind in ["CURRENT", "MANIFEST", ".sst", ".blob", ".log", "OPTIONS", "mempool.dat", "peer.key"] {
        let there = files.iter().any(|file| file.to_string_lossy().contains(kind));
        assert!(there, "{kind} is not among {files:?}");
    }
    for file in files {
        let folder = original.lab.folder().join("copy");
        survives(&original, &folder, &file, damage);
        fs::remove_dir_all(folder).expect("a folder of ours");
    }
}

#[test]
fn a_flipped_bit_is_found_or_does_no_harm() {
    all_files_survive(Damage::Flipped);
}

#[test]
fn half_a_file_is_found_or_does_no_harm() {
    all_files_survive(Damage::Halved);
}

#[test]
fn an_empty_file_is_found_or_does_no_harm() {
    all_files_survive(Damage::Emptied);
}

#[test]
fn a_missing_file_is_found_or_does_no_harm() {
    all_files_survive(Damage::Removed);
}
