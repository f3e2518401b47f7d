//! What is told of branches.

use super::{MAX_TIPS, tips};
use crate::core::{Core, CoreConfig, Now};
use starling_genesis::{Chain, NewChain};
use starling_ledger::Ledger;
use starling_primitives::{Address, Header, WorkHeader};
use starling_rpc::types::TipStatus;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A core on a chain where two hashes are work enough.
fn core(dir: &TempDir) -> Core {
    let new = NewChain {
        name: "tips".into(),
        interval: 1,
        bits: Some("207fffff".into()),
        pow: "sha256d".into(),
        time: 1_000_000,
        prefund: vec![],
    };
    let chain = Arc::new(Chain::create(new).unwrap().1);
    let (ledger, tree) = Ledger::open(dir.path(), chain).unwrap();
    let now = Now { mono: Duration::ZERO, unix: 1_010_000 };
    Core::new(
        ledger,
        tree,
        CoreConfig {
            seed: 1,
            pool_bytes: 1 << 20,
            body_bytes: 1 << 20,
            key_bytes: 1 << 20,
            mine_alone: false,
            sync_blocks: false,
            pipelined: false,
            peers: Default::default(),
        },
        now,
    )
}

/// The headers of one template that have work enough.
fn blocks(core: &mut Core) -> impl Iterator<Item = Header> + use<> {
    let template = core.template(Address::new([1; 20]), &[], false).unwrap().header;
    let (target, pow) = (template.work().bits.target().unwrap(), core.chain().params.pow);
    let block = move |nonce| {
        let work = WorkHeader { nonce, ..*template.work() };
        Header::new(work, template.extra().as_bytes(), *template.content()).unwrap()
    };
    (0..).map(block).filter(move |header| target.is_met_by(&header.work().pow_hash(pow)))
}

#[test]
fn the_tip_comes_first_and_the_branches_are_bounded() {
    let dir = TempDir::new().unwrap();
    let mut core = core(&dir);
    let alone = tips(&mut core).tips;
    assert_eq!((alone.len(), alone[0].height, alone[0].status), (1, 0, TipStatus::Active));

    let first = blocks(&mut core).next().unwrap();
    core.submit_block(first.clone()).unwrap();
    for header in blocks(&mut core).take(MAX_TIPS + 5) {
        core.submit_block(header).unwrap();
    }
    let told = tips(&mut core).tips;
    assert_eq!(
        (told.len(), told[0].status, told[0].id),
        (MAX_TIPS, TipStatus::Active, core.ledger().tip().id)
    );
    assert!(told[1..].iter().all(|tip| (tip.height, tip.fork_height) == (2, 1)));
    assert!(told[1..].iter().all(|tip| tip.status == TipStatus::Fork && tip.id != told[0].id));
}
