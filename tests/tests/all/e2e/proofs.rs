//! Proofs that a running node gives, verified by the binary without any node.

use super::{miner, star};
use serde::Serialize;
use serde_json::Value;
use starling_primitives::BlockId;
use starling_rpc::ClientError;
use starling_rpc::types::{AccountProof, BlockPart, BlockRef};
use starling_tests::{Desk, Ended, Lab, Node, Pace, Payer, agree, until, wait};
use std::io::Write;
use std::process::Stdio;

/// Bytes of each proof that are flipped, one at a time.
const FLIPS: usize = 16;

fn account(lab: &Lab, node: &Node, number: u16, block: BlockRef) -> AccountProof {
    let address = Payer::new(number).text(lab.chain());
    wait(node.rpc().account_get_proof(&address, block)).expect("the last blocks can be proven")
}

/// An account that does not exist and whose place is as asked for.
fn absent(lab: &Lab, node: &Node, beside_another: bool) -> AccountProof {
    let proofs = (1_000..).map(|number| account(lab, node, number, BlockRef::Tip));
    let mut found = proofs.filter(|proof| proof.value.is_none() && proof.other.is_some() == beside_another);
    found.next().expect("one of many numbers")
}

fn json<T: Serialize>(proof: &T) -> Vec<u8> {
    serde_json::to_vec(proof).expect("a proof has a JSON form")
}

fn code<T: std::fmt::Debug>(refused: Result<T, ClientError>) -> String {
    match refused {
        Err(ClientError::Refused(error)) => error.code().to_owned(),
        other => panic!("a refusal was asked for, not {other:?}"),
    }
}

/// The command, on these bytes.
fn verify(desk: &Desk, proof: &[u8], flags: &[&str]) -> Ended {
    let file = desk.write("proof.json", proof);
    desk.run(&[&["verify-proof", &file, "--json"], flags].concat())
}

/// It holds at the block, and at nothing else, and no other bytes do.
fn assert_proof(desk: &Desk, proof: &[u8], block: BlockId, header: &str) -> Value {
    let id = block.to_string();
    let verified: Value = verify(desk, proof, &["--block", &id]).json();
    assert_eq!((&verified["anchored"], &verified["block"]), (&true.into(), &id.as_str().into()));
    assert_eq!(verify(desk, proof, &["--header", header]).json::<Value>(), verified);
    let alone = verify(desk, proof, &[]);
    assert!(alone.failed(3).contains("--block"), "{alone:?}");
    assert!(alone.stdout.contains("\"anchored\":false"), "{alone:?}");
    let other = BlockId::ZERO.to_string();
    assert!(verify(desk, proof, &["--block", &other]).failed(1).contains(&id));
    for number in 0..FLIPS {
        let mut changed = proof.to_vec();
        let at = number * (changed.len() - 1) / (FLIPS - 1);
        changed[at] ^= 1;
        let ended = verify(desk, &changed, &["--block", &id]);
        assert!(ended.failed(1).contains("does not verify"), "byte {at}: {ended:?}");
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
    verified
}

#[test]
fn what_a_node_proves_is_verified_without_it() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = lab.node(&[]);
    let mut payments = Vec::new();
    for number in 0..12 {
        payments.push(node.submit(&alice.pay(lab.chain(), Payer::new(100 + number).address(), "2.5")));
        if number % 4 == 3 {
            node.generate(1, &miner(&lab, 1));
        }
    }
    node.generate(3, &miner(&lab, 1));
    let (tip, height) = (node.info().tip, node.info().height);
    let header = |id| wait(node.rpc().chain_get_raw(BlockRef::Id(id), BlockPart::Header)).expect("a header");

    let present = account(&lab, &node, 103, BlockRef::Tip);
    let before = account(&lab, &node, 111, BlockRef::Height(2));
    let (beside, nowhere) = (absent(&lab, &node, true), absent(&lab, &node, false));
    let txs = payments[3..6].iter().map(|txid| {
        let proof = wait(node.rpc().tx_get_proof(*txid)).expect("it is mined");
        (json(&proof), proof.block, header(proof.block))
    });
    let txs: Vec<_> = txs.collect();
    let history = [0, 3, height - 1].map(|height| {
        wait(node.rpc().history_get_proof(BlockRef::Height(height))).expect("it is below the tip")
    });
    let (tip_header, before_header) = (header(tip), header(before.block));
    node.stop();

    let desk = Desk::new();
    let at_tip = |proof: &AccountProof| assert_proof(&desk, &json(proof), tip, &tip_header);
    let shown = at_tip(&present);
    assert_eq!(
        (&shown["present"], &shown["balance"]),
        (&true.into(), &star("2.5").motes().to_string().into())
    );
    for proof in [&beside, &nowhere] {
        let shown = at_tip(proof);
        assert_eq!((&shown["present"], &shown["address"]), (&false.into(), &proof.address.as_str().into()));
    }
    let shown = assert_proof(&desk, &json(&before), before.block, &before_header);
    assert_eq!((&shown["present"], &shown["height"]), (&false.into(), &2.into()), "it was paid later");
    for (proof, block, header) in &txs {
        assert_eq!(assert_proof(&desk, proof, *block, header)["count"], 4);
    }
    for proof in &history {
        let shown = assert_proof(&desk, &json(proof), tip, &tip_header);
        assert_eq!(shown["ancestor"], proof.leaf.id.to_string());
    }
}

#[test]
fn an_account_that_a_reorganisation_took_away_is_proven_absent() {
    let (mut alice, bob) = (Payer::new(1), 2);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (paid, rival) = (lab.node(&[]), lab.node(&[]));
    let payment = paid.submit(&alice.pay(lab.chain(), Payer::new(bob).address(), "7"));
    let gone = paid.generate(2, &miner(&lab, 1));
    assert!(account(&lab, &paid, bob, BlockRef::Tip).value.is_some());
    rival.generate(6, &miner(&lab, 2));
    paid.add(&rival);
    let tip = until("the longer chain is followed", || {
        let info = agree(&[&paid, &rival]);
        if info.height == 6 { Ok(info.tip) } else { Err(format!("{info:?}")) }
    });
    paid.until_pending(payment);

    let proof = account(&lab, &paid, bob, BlockRef::Tip);
    assert_eq!((proof.value.as_ref(), proof.block), (None, tip));
    let header = wait(paid.rpc().chain_get_raw(BlockRef::Tip, BlockPart::Header)).expect("a header");
    let shown = assert_proof(&Desk::new(), &json(&proof), tip, &header);
    assert_eq!(shown["present"], false);

    let bob = Payer::new(bob).text(lab.chain());
    let gone = BlockRef::Id(gone[1]);
    assert_eq!(code(wait(paid.rpc().account_get_proof(&bob, gone))), "not_connected");
    assert_eq!(code(wait(paid.rpc().history_get_proof(gone))), "not_connected");
    assert_eq!(code(wait(paid.rpc().tx_get_proof(payment))), "not_mined");
    let history = wait(paid.rpc().history_get_proof(BlockRef::Height(1))).expect("it is below the tip");
    assert_proof(&Desk::new(), &json(&history), tip, &header);
}

#[test]
fn what_cannot_be_proven_says_why() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = lab.node(&[]);
    let (rpc, address) = (node.rpc(), alice.text(lab.chain()));
    let genesis = account(&lab, &node, 1, BlockRef::Height(0));
    assert_eq!(genesis.block, node.info().tip);
    assert_eq!(code(wait(rpc.history_get_proof(BlockRef::Tip))), "no_ancestor");
    node.generate(130, &miner(&lab, 1));
    assert_eq!(code(wait(rpc.account_get_proof(&address, BlockRef::Height(0)))), "too_deep");
    assert!(account(&lab, &node, 1, BlockRef::Height(2)).value.is_some());
    assert_eq!(code(wait(rpc.account_get_proof(&address, BlockRef::Height(131)))), "unknown_block");
    assert_eq!(code(wait(rpc.account_get_proof(&address, BlockRef::Id(BlockId::ZERO)))), "unknown_block");
}

#[test]
fn a_proof_is_read_from_a_pipe_and_a_wrong_command_line_is_told() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = lab.node(&[]);
    let proof = json(&account(&lab, &node, 1, BlockRef::Tip));
    let (desk, id) = (Desk::new(), node.info().tip.to_string());
    let args = ["verify-proof", "-", "--block", &id];
    let mut command = desk.command(&args);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(&proof).expect("the command reads");
    drop(stdin);
    let ended = Ended::of(child, args.join(" "));
    let address = alice.text(lab.chain());
    let said = format!("proven: account {address} has 1000 STAR and nonce 0 after block 0, {id}\n");
    assert_eq!(ended.out(), said);

    let file = desk.write("proof.json", &proof);
    assert!(desk.run(&["verify-proof", &desk.text("none")]).failed(1).contains("none"));
    for wrong in [&["--block", "tip"][..], &["--header", "00"], &["--block", &id, "--header", "00"]] {
        let ended = desk.run(&[&["verify-proof", &file], wrong].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
    let large = desk.write("large", vec![b' '; 2 << 20]);
    assert!(desk.run(&["verify-proof", &large]).failed(1).contains("1 MiB"));
}
