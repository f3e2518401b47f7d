//! Nodes that are killed at random moments, whatever they do: each starts again by itself, on a block that an
//! undisturbed peer knows, and nothing that was in a block is lost. `STARLING_KILLS` says how many kills.

use super::{miner, settle, star};
use nix::sys::signal::Signal;
use starling_genesis::Chain;
use starling_primitives::{BlockId, TxId, Work};
use starling_rpc::types::{BlockRef, TxStatus, TxSubmission};
use starling_rpc::{ApiError, Client, ClientError, ErrorKind, to_hex};
use starling_tests::{
    Desk, Kills, Lab, Node, Pace, Payer, Phase, Running, agree, connect, copy_folder, until, wait,
};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Kills that one node survives before another takes its place.
const KILLS_OF_ONE: u32 = 3;
/// Transactions that are asked for after each kill at the most: the last ones.
const MAX_ASKED: usize = 100;
/// Transactions of one block under load.
const LOAD: usize = 40;

/// What a node said before it was killed.
struct Seen {
    work: Work,
    mined: Vec<TxId>,
}

fn status(node: &Node, txid: TxId) -> TxStatus {
    wait(node.rpc().tx_get(txid)).expect("a running node answers").status
}

/// Those of these transactions that the node has in blocks, and how far it is.
fn see(node: &Node, txs: &[TxId]) -> Seen {
    let last = &txs[txs.len().saturating_sub(MAX_ASKED)..];
    let mined = last.iter().copied().filter(|tx| status(node, *tx) == TxStatus::Mined).collect();
    Seen { work: node.info().work, mined }
}

/// After a start: nothing that was seen is lost.
fn nothing_is_lost(kills: &mut Kills, node: &Node, seen: &Seen) {
    until("the node is as far as before", || {
        let info = node.info();
        if info.work >= seen.work { Ok(()) } else { Err(format!("{info:?}")) }
    });
    for tx in &seen.mined {
        let report = wait(node.rpc().tx_get(*tx)).expect("a running node answers");
        assert!(matches!(report.status, TxStatus::Mined | TxStatus::Pending), "{report:?}");
    }
    kills.found(seen.mined.len());
}

/// The node's tip is a block of the peer's chain.
fn is_on_the_chain_of(node: &Node, peer: &Node) {
    let tip = node.info();
    let there = wait(peer.rpc().chain_get_header(BlockRef::Height(tip.height)));
    assert_eq!(there.expect("the peer has as many blocks").id, tip.tip);
}

/// Every root of a stopped node's chain, once more.
fn verify(kills: &mut Kills, lab: &Lab, data_dir: &Path) -> u64 {
    let height = lab.verified_height(data_dir);
    kills.verified(height);
    height
}

/// Verifies a running node, which is stopped meanwhile.
fn verify_between(kills: &mut Kills, lab: &Lab, node: &mut Node) {
    node.stop();
    verify(kills, lab, &node.data_dir());
    node.restart();
}

/// So many blocks with a payment of each payer.
pub(super) fn paid_blocks(lab: &Lab, node: &Node, count: u32, from: &mut [Payer], payout: u16) -> Vec<TxId> {
    let mut paid = Vec::new();
    for block in 0..count {
        let to = Payer::new(1_000 + payout + u16::try_from(block % 500).expect("less than 500")).address();
        let txs: Vec<_> =
            from.iter_mut().map(|payer| to_hex(payer.pay(lab.chain(), to, "0.1").bytes())).collect();
        submit(node.rpc(), txs).expect("a running node answers");
        let [block] = node.generate(1, &miner(lab, payout))[..] else { panic!("one block was asked for") };
        paid.extend(transactions(node.rpc(), block));
        assert_eq!(paid.len() % from.len(), 0, "a block takes all that is pending");
    }
    paid
}

/// Submits payments, no faster than the node permits it.
fn submit(rpc: &Client, mut txs: Vec<String>) -> Result<(), ClientError> {
    while !txs.is_empty() {
        let results = patiently(|| wait(rpc.tx_submit_many(&txs)))?;
        let mut again = Vec::new();
        for (result, tx) in results.into_iter().zip(txs) {
            match result {
                TxSubmission::Accepted(_) => {}
                TxSubmission::Refused { error } if error.kind() == ErrorKind::RateLimited => {
                    heed(&error);
                    again.push(tx);
                }
                TxSubmission::Refused { error } => panic!("a right payment: {error}"),
            }
        }
        txs = again;
    }
    Ok(())
}

/// Asks again for as long as the node says that this was too often.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, ClientError>) -> Result<T, ClientError> {
    loop {
        match ask() {
            Err(ClientError::Refused(error)) if error.kind() == ErrorKind::RateLimited => heed(&error),
            answer => return answer,
        }
    }
}

/// What a client does that is told to wait: it waits as long as it is told.
fn heed(error: &ApiError) {
    let wait = error.values().get("retry_after_ms").and_then(serde_json::Value::as_u64);
    std::thread::sleep(Duration::from_millis(wait.expect("an error of this sort says how long")));
}

/// The transactions of a block; none when the node is gone.
fn transactions(rpc: &Client, block: BlockId) -> Vec<TxId> {
    let block = wait(rpc.chain_get_block(BlockRef::Id(block)));
    block.map_or_else(|_| Vec::new(), |block| block.txs.into_iter().map(|tx| tx.txid).collect())
}

pub(super) fn payers(count: u16) -> Vec<Payer> {
    (1..=count).map(Payer::new).collect()
}

pub(super) fn lab_of(pace: Pace, payers: &[Payer]) -> Lab {
    Lab::new(pace, &payers.iter().map(|payer| (payer, "10000")).collect::<Vec<_>>())
}

#[test]
fn mining_survives_kills() {
    let mut kills = Kills::of(Phase::Mining);
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Mined, &[(&alice, "1000")]);
    let peer = lab.node(&[]);
    let [bootstrap, address] = peer.as_bootstrap();
    let mut miners = [1, 2].map(|number| {
        let payout = miner(&lab, number);
        lab.node(&["--mine", "--payout", &payout, bootstrap, address])
    });
    connect(&miners[0], &miners[1]);

    let mut paid: Vec<TxId> = Vec::new();
    while kills.left() > 0 {
        let victim = &mut miners[usize::try_from(kills.below(2)).expect("0 or 1")];
        let before = victim.info().height;
        // A payment that a killed node alone knew may be lost with it.
        paid.push(peer.submit(&alice.pay(lab.chain(), bob.address(), "1")));
        victim.until_height(before + 1);
        kills.let_pass(Duration::from_millis(500));
        let seen = see(victim, &paid);
        victim.kill();
        kills.killed();
        kills.restart(victim);
        nothing_is_lost(&mut kills, victim, &seen);
        verify_between(&mut kills, &lab, victim);
    }
    for payment in &paid {
        peer.until_mined(*payment);
    }
    miners.iter().for_each(Node::rest);
    let tip = settle(&lab, &[&peer, &miners[0], &miners[1]]);
    let amount = star(&paid.len().to_string());
    for node in &mut miners {
        assert_eq!(node.balance(bob.address()), amount);
        assert_eq!(node.info().supply, lab.supply(tip.height, 1));
        node.stop();
        assert_eq!(verify(&mut kills, &lab, &node.data_dir()), u64::from(tip.height));
    }
}

#[test]
fn syncing_survives_kills() {
    let mut kills = Kills::of(Phase::Syncing);
    let mut payers = payers(10);
    let lab = lab_of(Pace::Asked, &payers);
    let peer = lab.node(&[]);
    let paid = paid_blocks(&lab, &peer, kills.size(300, 1_500), &mut payers, 1);
    let tip = peer.info();
    // One that nobody disturbs shows how long it takes.
    let (calm, begun) = (lab.node(&[]), Instant::now());
    calm.add(&peer);
    agree(&[&calm, &peer]);
    let whole = begun.elapsed();
    drop(calm);
    while kills.left() > 0 {
        let mut victim = lab.node(&[]);
        for _ in 0..KILLS_OF_ONE.min(kills.left()) {
            victim.add(&peer);
            kills.let_pass(whole);
            let reached = usize::try_from(victim.info().height).expect("a small height") * payers.len();
            let seen = see(&victim, &paid[..reached.min(paid.len())]);
            victim.kill();
            kills.killed();
            kills.restart(&mut victim);
            nothing_is_lost(&mut kills, &victim, &seen);
            is_on_the_chain_of(&victim, &peer);
            verify_between(&mut kills, &lab, &mut victim);
        }
        victim.add(&peer);
        assert_eq!(agree(&[&victim, &peer]).tip, tip.tip);
        nothing_is_lost(&mut kills, &victim, &see(&peer, &paid));
        victim.stop();
        assert_eq!(verify(&mut kills, &lab, &victim.data_dir()), u64::from(tip.height));
    }
}

#[test]
fn importing_survives_kills() {
    let mut kills = Kills::of(Phase::Importing);
    // So many that another thread writes each block (LARGE_ENTRIES in ledger/src/ledger/writing.rs).
    let mut payers = payers(100);
    let lab = lab_of(Pace::Asked, &payers);
    let mut peer = lab.node(&[]);
    let paid = paid_blocks(&lab, &peer, kills.size(100, 300), &mut payers, 1);
    let (desk, chain) = (Desk::new(), lab.file().to_string_lossy().into_owned());
    let blocks = desk.text("blocks");
    peer.stop();
    let on = |command: &str, data: &Path| {
        let data = data.to_string_lossy();
        desk.command(&["chain", command, &blocks, "--chain", &chain, "--data-dir", &data, "--json"])
    };
    assert!(on("export", &peer.data_dir()).output().expect("the binary starts").status.success());
    let begun = Instant::now();
    assert!(on("import", &desk.path("calm")).output().expect("the binary starts").status.success());
    let mut whole = begun.elapsed();
    peer.restart();

    let tip = peer.info().height;
    let (mut number, mut reached) = (0, 0);
    while kills.left() > 0 {
        let folder = lab.folder().join(format!("import{number}"));
        let data = folder.join("data");
        let mut import = Running::start(on("import", &data).stdout(Stdio::null()));
        kills.let_pass(whole * (tip - reached) / tip);
        if !import.kill() {
            // It was done before: the next one begins anew, and has less time.
            assert_eq!(verify(&mut kills, &lab, &data), u64::from(tip));
            (number, reached, whole) = (number + 1, 0, whole * 3 / 4);
            continue;
        }
        kills.killed();
        let mut node = kills.timed(|| Node::start(&lab.file(), &folder, &[]));
        is_on_the_chain_of(&node, &peer);
        reached = node.info().height;
        let there = usize::try_from(reached).expect("a small height") * payers.len();
        let seen = see(&node, &paid[..there]);
        assert_eq!(seen.mined.len(), there.min(MAX_ASKED));
        kills.found(seen.mined.len());
        node.stop();
        verify(&mut kills, &lab, &data);
        if reached > tip / 2 {
            (number, reached) = (number + 1, 0);
        }
    }
    let folder = lab.folder().join(format!("import{number}"));
    let ended = on("import", &folder.join("data")).output().expect("the binary starts");
    assert!(ended.status.success(), "{ended:?}");
    let node = Node::start(&lab.file(), &folder, &[]);
    assert_eq!(agree(&[&node, &peer]).height, tip);
    nothing_is_lost(&mut kills, &node, &see(&peer, &paid));
}

/// Pays and makes blocks until the node is gone; the transactions of all blocks that it said it had made.
fn load(chain: &Chain, rpc: &Client, payout: &str, payers: &mut [Payer]) -> Vec<TxId> {
    let (mut mined, mut round) = (Vec::new(), 0u16);
    loop {
        round = (round + 1) % 2_000;
        let to = Payer::new(2_000 + round).address();
        let mut txs = Vec::new();
        for at in 0..LOAD {
            let count = payers.len();
            txs.push(to_hex(payers[at % count].pay(chain, to, "0.02").bytes()));
        }
        if submit(rpc, txs).is_err() {
            return mined;
        }
        match patiently(|| wait(rpc.mining_generate(1, Some(payout)))) {
            Ok(made) => mined.extend(made.blocks.into_iter().flat_map(|block| transactions(rpc, block))),
            Err(_) => return mined,
        }
    }
}

#[test]
fn flushing_survives_kills() {
    let mut kills = Kills::of(Phase::Flushing);
    let mut payers = payers(10);
    let lab = lab_of(Pace::Asked, &payers);
    let (mut victim, peer) = (lab.node(&[]), lab.node(&[]));
    let (chain, payout, mut paid) = (lab.chain(), miner(&lab, 1), Vec::new());
    let most = Duration::from_millis(u64::from(kills.size(1_000, 4_000)));
    while kills.left() > 0 {
        connect(&victim, &peer);
        for payer in &mut payers {
            payer.go_on_from(victim.account(payer.address()).pending_nonce);
        }
        let rpc = victim.rpc().clone();
        let mined = std::thread::scope(|scope| {
            let load = scope.spawn(|| load(chain, &rpc, &payout, &mut payers));
            kills.let_pass(most);
            victim.kill();
            load.join().expect("payments were right")
        });
        kills.killed();
        paid.extend(mined);
        kills.restart(&mut victim);
        let seen =
            Seen { work: victim.info().work, mined: paid[paid.len().saturating_sub(1_000)..].to_vec() };
        nothing_is_lost(&mut kills, &victim, &seen);
        verify_between(&mut kills, &lab, &mut victim);
        connect(&victim, &peer);
        agree(&[&victim, &peer]);
    }
    let tip = settle(&lab, &[&victim, &peer]);
    assert_eq!(tip.supply, peer.info().supply);
    let mined = see(&peer, &paid);
    nothing_is_lost(&mut kills, &victim, &mined);
    victim.stop();
    assert_eq!(verify(&mut kills, &lab, &victim.data_dir()), u64::from(tip.height));
}

#[test]
fn starting_survives_kills() {
    let mut kills = Kills::of(Phase::Starting);
    let mut payers = payers(10);
    let lab = lab_of(Pace::Asked, &payers);
    let mut victim = lab.node(&[]);
    let begun = Instant::now();
    victim.kill();
    victim.restart();
    let mut whole = begun.elapsed();
    while kills.left() > 0 {
        // What a start has to read back and to write.
        let paid = paid_blocks(&lab, &victim, 50, &mut payers, 1);
        let tip = victim.info();
        victim.kill();
        for _ in 0..KILLS_OF_ONE.min(kills.left()) {
            let after = whole * kills.below(1_000) / 1_000;
            assert!(victim.start_and_kill(after), "the node ended by itself:\n{}", victim.log());
            kills.killed();
        }
        let begun = Instant::now();
        kills.restart(&mut victim);
        whole = begun.elapsed();
        assert_eq!(victim.info().tip, tip.tip);
        nothing_is_lost(&mut kills, &victim, &Seen { work: tip.work, mined: paid });
        verify_between(&mut kills, &lab, &mut victim);
    }
}

#[test]
fn reorganising_survives_kills() {
    let mut kills = Kills::of(Phase::Reorganising);
    let mut payers = payers(10);
    let lab = lab_of(Pace::Asked, &payers);
    let (alices, carols) = payers.split_at_mut(5);
    let (mut short, long) = (lab.node(&[]), lab.node(&[]));
    // A pool takes fewer payments of one sender than there are blocks.
    let pay = |block: usize| paid_blocks(&lab, &short, 1, &mut alices[block % 5..=block % 5], 1);
    let left: Vec<TxId> = (0..100).flat_map(pay).collect();
    paid_blocks(&lab, &long, 130, carols, 2);
    let mut copies = 0;
    short.stop();
    let mut copy = || {
        let folder = lab.folder().join(format!("copy{copies}"));
        copies += 1;
        copy_folder(&short.data_dir(), &folder.join("data"));
        // One peer that came so often would be asked to wait.
        fs::remove_file(folder.join("data/peer.key")).expect("each node has a key");
        Node::start(&lab.file(), &folder, &[])
    };
    let all_pending = |node: &Node| {
        until("the payments of the branch that was left are pending", || {
            let count = wait(node.rpc().mempool_info()).expect("a running node answers").count;
            if count == 100 { Ok(()) } else { Err(count.to_string()) }
        });
    };

    // One that nobody disturbs shows how long it takes.
    let calm = copy();
    let begun = Instant::now();
    connect(&calm, &long);
    assert_eq!(agree(&[&calm, &long]).height, 130);
    let whole = begun.elapsed();
    all_pending(&calm);
    drop(calm);

    while kills.left() > 0 {
        let mut victim = copy();
        let seen = see(&victim, &left);
        for _ in 0..KILLS_OF_ONE.min(kills.left()) {
            victim.add(&long);
            kills.let_pass(whole);
            victim.kill();
            kills.killed();
            kills.restart(&mut victim);
            nothing_is_lost(&mut kills, &victim, &seen);
        }
        victim.add(&long);
        agree(&[&victim, &long]);
        all_pending(&victim);
        victim.stop();
        assert_eq!(verify(&mut kills, &lab, &victim.data_dir()), 130);
    }
}

#[test]
fn a_signal_ends_a_node_cleanly_and_pending_payments_stay() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = lab.node(&[]);
    node.generate(2, &miner(&lab, 1));
    let payments: Vec<TxId> =
        (0..3).map(|_| node.submit(&alice.pay(lab.chain(), bob.address(), "1"))).collect();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (status, took) = node.end(signal);
        assert!(status.success(), "{signal}: {status}");
        assert!(took < Duration::from_secs(5), "{signal}: {took:?}");
        for name in ["rpc.cookie", "rpc.addr"] {
            assert!(!node.data_dir().join(name).exists(), "{name} is of a running node");
        }
        node.restart();
        for payment in &payments {
            let report = wait(node.rpc().tx_get(*payment)).expect("a running node answers");
            assert_eq!(report.status, TxStatus::Pending, "{report:?}");
        }
        assert_eq!(node.account(alice.address()).pending_nonce, 3);
    }
    node.generate(1, &miner(&lab, 1));
    assert_eq!(node.balance(bob.address()), star("3"));
}
