//! Disks that are full or read-only, and files that may not grow: the node says what to do and ends, and
//! nothing that was stored is lost.

use super::crashes::{lab_of, paid_blocks, payers};
use super::miner;
use starling_rpc::types::TxStatus;
use starling_rpc::{ClientError, ErrorKind};
use starling_tests::{Desk, Ended, Lab, Node, NotStarted, Pace, SmallDisk, starling, wait};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Size of a disk on which a node of few blocks has space.
const DISK_MIB: u32 = 32;
/// Blocks of one call.
const BLOCKS: u32 = 20;
/// Payments of a block that is written by another thread.
const LARGE_BLOCK: u16 = 120;
/// Such blocks.
const LARGE_BLOCKS: u32 = 20;
/// Bytes to which a file may grow, in blocks of 512: what a start writes fits.
const FILE_BLOCKS: u32 = 400;

/// A disk of our own, or none, with the reason told, where the system does not permit it.
fn small_disk() -> Option<SmallDisk> {
    let why = match SmallDisk::mount(DISK_MIB) {
        Ok(disk) => return Some(disk),
        Err(why) => why,
    };
    // Not by a macro, whose output a test that passes keeps to itself.
    let told = writeln!(std::io::stderr(), "skipped, for no disk can be mounted here: {why}");
    told.expect("somebody listens");
    None
}

/// Makes blocks until the node refuses; the highest that it said it had.
fn until_refused(lab: &Lab, node: &Node) -> u32 {
    let payout = miner(lab, 1);
    let mut height = node.info().height;
    loop {
        match wait(node.rpc().mining_generate(BLOCKS, Some(&payout))) {
            Ok(made) => height += u32::try_from(made.blocks.len()).expect("few"),
            Err(ClientError::Unreachable { .. } | ClientError::Bad { .. }) => return height,
            Err(ClientError::Refused(error)) if error.kind() == ErrorKind::Internal => {
                assert!(error.to_string().contains("check space"), "{error}");
                return height;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// What a node says that has no space.
fn says_what_to_do(code: Option<i32>, said: &str, why: &str) {
    assert_eq!(code, Some(5), "{said}");
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    let [line] = lines[..] else { panic!("one line says what is wrong: {said}") };
    assert!(line.contains(why) && line.contains("space"), "{line}");
    assert!(!said.contains("panicked"), "{said}");
}

/// A command on a chain and a directory.
fn chain(lab: &Lab, args: &[&str], data: &Path) -> Ended {
    let (file, data) = (lab.file(), data.to_string_lossy());
    Desk::new().run(&[args, &["--chain", &file.to_string_lossy(), "--data-dir", &data]].concat())
}

#[test]
fn a_full_disk_ends_the_node_and_space_brings_it_back() {
    let Some(disk) = small_disk() else { return };
    let lab = Lab::new(Pace::Asked, &[]);
    let mut node = Node::start(&lab.file(), &disk.path().join("node"), &[]);
    node.generate(BLOCKS, &miner(&lab, 1));
    disk.fill(100_000);
    let reached = until_refused(&lab, &node);
    says_what_to_do(node.ended().code(), &node.log(), "No space left on device");

    // What the process had kept free for itself is filled as well.
    disk.relieve();
    disk.fill(0);
    let Err(NotStarted { code, said }) = node.try_restart() else { panic!("there is no space to start") };
    says_what_to_do(code, &said, "No space left on device");
    disk.relieve();
    assert!(lab.verified_height(&node.data_dir()) >= u64::from(reached));
    node.restart();
    let height = node.info().height;
    assert!(height >= reached, "{height} of {reached}");
    node.generate(BLOCKS, &miner(&lab, 1));
    node.stop();
    assert_eq!(lab.verified_height(&node.data_dir()), u64::from(height + BLOCKS));
}

#[test]
fn an_import_and_an_export_on_a_full_disk_leave_what_was_there() {
    let Some(disk) = small_disk() else { return };
    let (lab, desk) = (Lab::new(Pace::Asked, &[]), Desk::new());
    let mut node = lab.node(&[]);
    for _ in 0..30 {
        node.generate(BLOCKS, &miner(&lab, 1));
    }
    let tip = node.info();
    node.stop();
    let (blocks, data) = (desk.text("blocks"), disk.path().join("data"));
    chain(&lab, &["chain", "export", &blocks], &node.data_dir()).out();

    disk.fill(500_000);
    let ended = chain(&lab, &["chain", "import", &blocks], &data);
    assert!(!ended.failed(5).is_empty());
    says_what_to_do(ended.code, &ended.stderr, "No space left on device");
    let copy = disk.path().join("blocks").to_string_lossy().into_owned();
    let ended = chain(&lab, &["chain", "export", &copy], &node.data_dir());
    assert!(ended.failed(1).contains(&copy) && ended.stderr.contains("No space left on device"), "{ended:?}");
    let left: Vec<_> = disk.path().read_dir().expect("a disk of ours").flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("blocks")), "{left:?}");

    disk.relieve();
    let so_far = lab.verified_height(&data);
    let imported = chain(&lab, &["chain", "import", &blocks], &data);
    assert!(imported.out().contains("new blocks"), "{imported:?} after {so_far}");
    assert_eq!(lab.verified_height(&data), u64::from(tip.height));
}

/// Large batches are written by a thread of their own, while the next block is worked on.
#[test]
fn large_blocks_on_a_disk_that_fills_are_told_and_what_was_stored_stays() {
    let Some(disk) = small_disk() else { return };
    let mut payers = payers(LARGE_BLOCK);
    let (lab, desk) = (lab_of(Pace::Asked, &payers), Desk::new());
    let mut node = lab.node(&[]);
    let paid = paid_blocks(&lab, &node, LARGE_BLOCKS, &mut payers, 1);
    let tip = node.info();
    node.stop();
    let (blocks, data) = (desk.text("blocks"), disk.path().join("data"));
    chain(&lab, &["chain", "export", &blocks], &node.data_dir()).out();

    // The same blocks again and again, each time with a little more space: the disk is full at another
    // moment.
    let mut heights = Vec::new();
    for left in (0..12).map(|step| 400_000 + step * 60_000) {
        disk.fill(left);
        let ended = chain(&lab, &["chain", "import", &blocks], &data);
        says_what_to_do(ended.code, &ended.stderr, "No space left on device");
        disk.relieve();
        if data.join("db").exists() {
            heights.push(lab.verified_height(&data));
            fs::remove_dir_all(&data).expect("a folder of ours");
        }
    }
    assert!(heights.iter().any(|height| *height > 0), "{heights:?}");
    assert!(heights.iter().all(|height| *height < u64::from(tip.height)), "{heights:?}");

    disk.fill(600_000);
    let ended = chain(&lab, &["chain", "import", &blocks], &data);
    says_what_to_do(ended.code, &ended.stderr, "No space left on device");
    disk.relieve();
    chain(&lab, &["chain", "import", &blocks], &data).out();
    assert_eq!(lab.verified_height(&data), u64::from(tip.height));
    let node = Node::start(&lab.file(), disk.path(), &[]);
    assert_eq!(node.info(), tip);
    for txid in paid {
        let report = wait(node.rpc().tx_get(txid)).expect("a running node answers");
        assert_eq!(report.status, TxStatus::Mined, "{report:?}");
    }
}

#[test]
fn a_file_that_may_not_grow_ends_the_node_and_more_room_brings_it_back() {
    let (lab, desk) = (Lab::new(Pace::Asked, &[]), Desk::new());
    let mut node = lab.node(&[]);
    for _ in 0..30 {
        node.generate(BLOCKS, &miner(&lab, 1));
    }
    let height = u64::from(node.info().height);
    node.stop();
    let (file, blocks, data) = (lab.file(), desk.text("blocks"), desk.path("data"));
    chain(&lab, &["chain", "export", &blocks], &node.data_dir()).out();
    // The shell ignores the signal, and so does what it becomes: the write itself fails then.
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$@\"");
    let (file, data_dir) = (file.to_string_lossy(), data.to_string_lossy());
    let args = ["chain", "import", &blocks, "--chain", &file, "--data-dir", &data_dir];
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(starling()).args(args).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = Ended::of(command.spawn().expect("every system has a shell"), args.join(" "));
    says_what_to_do(ended.code, &ended.stderr, "File too large");

    let so_far = lab.verified_height(&data);
    assert!(so_far > 0 && so_far < height, "{so_far} of {height}");
    chain(&lab, &["chain", "import", &blocks], &data).out();
    assert_eq!(lab.verified_height(&data), height);
}

#[test]
fn a_read_only_disk_is_refused_and_stays_as_it_is() {
    let Some(disk) = small_disk() else { return };
    let lab = Lab::new(Pace::Asked, &[]);
    let mut node = Node::start(&lab.file(), &disk.path().join("node"), &[]);
    node.generate(BLOCKS, &miner(&lab, 1));
    node.stop();
    disk.set_read_only(true);
    each_command_refuses(&lab, &node.data_dir(), "Read-only file system");
    disk.set_read_only(false);
    node.restart();
    assert_eq!(node.info().height, BLOCKS);
}

#[test]
fn a_directory_that_may_not_be_written_is_refused_and_stays_as_it_is() {
    let lab = Lab::new(Pace::Asked, &[]);
    let mut node = lab.node(&[]);
    node.generate(BLOCKS, &miner(&lab, 1));
    node.stop();
    let folders = [node.data_dir().join("db"), node.data_dir()];
    let set_mode = |mode| {
        for folder in &folders {
            fs::set_permissions(folder, Permissions::from_mode(mode)).expect("a folder of ours");
        }
    };
    set_mode(0o500);
    if File::create(node.data_dir().join("new")).is_err() {
        each_command_refuses(&lab, &node.data_dir(), "Permission denied");
    }
    // The system's administrator may write everywhere.
    set_mode(0o700);
    node.restart();
    assert_eq!(node.info().height, BLOCKS);
}

/// A node and commands that cannot write to a data directory.
fn each_command_refuses(lab: &Lab, data: &Path, why: &str) {
    let run = ["run", "--rpc", "127.0.0.1:0", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    for args in [&run[..], &["chain", "verify"], &["chain", "import", "-"]] {
        let ended = chain(lab, args, data);
        says_what_to_do(ended.code, &ended.stderr, why);
    }
}
