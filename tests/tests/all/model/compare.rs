//! Everything that the ledger, the tree and the pool answer, against the naive ledger.

use super::forge::{PAYERS, address, stranger};
use super::naive::{Naive, Verdict, World};
use super::pool::{NaivePool, Settled};
use starling_consensus::{Accounts, HeaderTree, Status};
use starling_ledger::{AccountProof, AddressEvent, Ledger, View};
use starling_node::Core;
use starling_primitives::state::{Account, StateKey, prove};
use starling_primitives::{Address, Wtxid, encode_body};
use std::collections::BTreeMap;

/// Blocks before the tip at which accounts can be proven.
const PROVEN_BLOCKS: u32 = 128;
/// Sizes of the pages in which histories are read.
const PAGES: [usize; 4] = [1, 2, 3, 7];

/// Those who pay, those who are only paid, and one who never is.
pub(super) fn everybody() -> Vec<Address> {
    let payers = (0..PAYERS).map(address);
    payers.chain([PAYERS, PAYERS + 1, 0xfe, 0xff].map(stranger)).collect()
}

/// Who holds a ledger: proofs of earlier blocks are learnt when they are asked for.
pub(super) trait Holder {
    fn ledger(&self) -> &Ledger;
    fn prove(&mut self, address: &Address, height: u32) -> Option<AccountProof>;
}

impl Holder for Ledger {
    fn ledger(&self) -> &Ledger {
        self
    }

    fn prove(&mut self, address: &Address, height: u32) -> Option<AccountProof> {
        self.prove_account(address, height).expect("readable")
    }
}

impl Holder for Core {
    fn ledger(&self) -> &Ledger {
        self.ledger()
    }

    fn prove(&mut self, address: &Address, height: u32) -> Option<AccountProof> {
        self.prove_account(address, height).expect("readable")
    }
}

/// The ledger at the block `tip`; `turn` chooses what is too much to ask each time.
pub(super) fn ledger(naive: &Naive, holder: &mut impl Holder, tip: usize, turn: usize) {
    let ledger = holder.ledger();
    let world = naive.replay(tip);
    let block = &naive.blocks[tip];
    let found = ledger.tip();
    assert_eq!((found.id, found.height), (block.id(), block.height()), "tip");
    assert_eq!(found.burned.motes(), world.burned, "burned");
    assert_eq!(ledger.state_root(), block.header.content().state_root, "state root");
    assert_eq!(ledger.state_root(), world.root(), "state root");
    assert_eq!(ledger.supply().motes(), world.supply(), "supply");
    let reader = ledger.reader();
    let view = reader.view().expect("the database can be read");
    assert_eq!((view.tip(), view.supply()), (found, ledger.supply()), "a view's tip");
    for address in everybody() {
        let account = world.account(&address);
        assert_eq!(ledger.account(&address).expect("readable"), account, "account {address:?}");
        assert_eq!(view.account(&address).expect("readable"), account, "a view's account {address:?}");
    }
    chain_index(naive, &view, &world);
    histories(&view, &world, turn);
    history_proofs(naive, &view, &world);
    drop(view);
    proofs(naive, holder, &world, turn);
}

/// Canonical ids, and where each transaction that was ever made is.
fn chain_index(naive: &Naive, view: &View<'_>, world: &World) {
    for height in 0..=world.blocks.len() + 2 {
        let expected = world.blocks.get(height).map(|at| naive.blocks[*at].id());
        let height = u32::try_from(height).expect("a short chain");
        assert_eq!(view.canonical(height).expect("readable"), expected, "canonical at {height}");
    }
    for tx in &naive.txs {
        let txid = tx.txid(&naive.chain.genesis_id());
        let expected = world.locations.get(&txid).copied();
        assert_eq!(view.tx_location(&txid).expect("readable"), expected, "location of {txid:?}");
        let mined = view.mined(&txid).expect("readable");
        let proof = view.prove_tx(&txid).expect("readable");
        let Some(location) = expected else {
            assert!(mined.is_none() && proof.is_none(), "{txid:?} is not mined");
            continue;
        };
        let at = world.blocks[usize::try_from(location.height).expect("a short chain")];
        let block = &naive.blocks[at];
        // Others may carry the same name, with signatures that are not right.
        let tx = &block.txs[usize::try_from(location.position).expect("a small number")];
        assert_eq!(mined, Some((Some(tx.clone()), block.id(), location)), "{txid:?} as it was mined");
        let (header, wtxid, proof) = proof.expect("its body is stored");
        assert_eq!((&header, wtxid), (&block.header, tx.wtxid()), "what is proven of {txid:?}");
        assert!(proof.verify(&wtxid, &header.content().tx_root), "the proof of {txid:?}");
    }
}

/// All that happened to every address, and one address page by page.
fn histories(view: &View<'_>, world: &World, turn: usize) {
    let everybody = everybody();
    for (number, address) in everybody.iter().enumerate() {
        let mut expected = world.events.get(address).cloned().unwrap_or_default();
        expected.sort_by_key(|event| std::cmp::Reverse((event.height, event.position)));
        let all = view.history(address, None, usize::MAX).expect("readable");
        assert_eq!(all, expected, "history of {address:?}");
        if number == turn % everybody.len() {
            let size = PAGES[turn / everybody.len() % PAGES.len()];
            assert_eq!(pages(view, address, size), expected, "history of {address:?} by pages of {size}");
        }
    }
}

fn pages(view: &View<'_>, address: &Address, size: usize) -> Vec<AddressEvent> {
    let (mut all, mut before): (Vec<AddressEvent>, _) = (vec![], None);
    loop {
        let page = view.history(address, before, size).expect("readable");
        assert!(page.len() <= size, "a page of {size}");
        let ends = |events: &[AddressEvent]| events.last().map(|last| (last.height, last.position));
        let Some(end) = ends(&page) else { return all };
        assert!(before.is_none_or(|before| end < before), "a page goes on from {before:?}");
        before = Some(end);
        all.extend(page);
    }
}

/// Proofs of all accounts at the tip, and at one block before it.
fn proofs(naive: &Naive, holder: &mut impl Holder, world: &World, turn: usize) {
    let (tip, lowest) = (holder.ledger().tip().height, holder.ledger().deepest_fork());
    let deepest = lowest.max(tip.saturating_sub(PROVEN_BLOCKS));
    let turned = u32::try_from(turn % 1_000).expect("a small number");
    let back = deepest + turned % (tip - deepest + 1);
    for height in [tip, back] {
        let at = world.blocks[usize::try_from(height).expect("a short chain")];
        let (then, header) = (naive.replay(at), &naive.blocks[at].header);
        let entries = then.entries();
        for address in everybody() {
            let proof = holder.prove(&address, height);
            let proof = proof.unwrap_or_else(|| panic!("{address:?} at {height}, the tip being {tip}"));
            let key = StateKey::account(&address);
            assert_eq!((&proof.header, proof.key), (header, key), "what is proven of {address:?}");
            let value = proof.proof.verify(&key, &header.content().state_root).expect("a proof that holds");
            let account = value.map_or(Account::default(), |value| Account::decode(value).expect("decodes"));
            assert_eq!(account, then.account(&address), "{address:?} at {height}");
            assert_eq!(proof.proof, prove(&entries, &key), "the proof of {address:?} at {height}");
        }
    }
    let nobody = stranger(0xff);
    assert_eq!(holder.prove(&nobody, tip + 1), None, "above the tip");
    if let Some(below) = lowest.checked_sub(1) {
        assert_eq!(holder.prove(&nobody, below), None, "below what can be undone");
    }
}

/// Every ancestor of the tip.
fn history_proofs(naive: &Naive, view: &View<'_>, world: &World) {
    for (at, height) in world.blocks.iter().zip(0..view.tip().height) {
        // While the best header chain is another, there may be none.
        if let Some((header, leaf, proof)) = view.prove_history(height).expect("readable") {
            assert_eq!((header.id(), leaf), (view.tip().id, naive.leaf(*at)), "what is proven of {height}");
            assert!(proof.verify(&leaf.hash(), &header.content().history_root), "history at {height}");
        }
    }
    assert_eq!(view.prove_history(view.tip().height).expect("readable"), None, "the tip is no ancestor");
}

/// What is known of each block, on whichever branch; returns those whose bodies are stored.
pub(super) fn tree(naive: &Naive, ledger: &Ledger, tree: &HeaderTree) -> Vec<usize> {
    let reader = ledger.reader();
    let view = reader.view().expect("the database can be read");
    let mut stored = vec![0];
    let mut most = naive.blocks[0].work;
    for (at, block) in naive.blocks.iter().enumerate().skip(1) {
        let record = view.header(&block.id()).expect("readable");
        let Some(info) = tree.get(&block.id()) else {
            assert!(record.is_none(), "block {at} is in the database alone");
            continue;
        };
        let record = record.unwrap_or_else(|| panic!("block {at} is not in the database"));
        let (work, above) = (block.header.work(), &naive.blocks[block.parent]);
        let rule = matches!(block.verdict, Verdict::Header(_));
        assert!(!rule, "block {at} is in the tree: {:?}", block.verdict);
        assert_eq!((record.header, record.work), (block.header.clone(), block.work), "record of block {at}");
        assert_eq!((info.parent, info.height), (above.id(), block.height()), "place of block {at}");
        assert_eq!((info.time, info.bits, info.work), (work.time, work.bits, block.work), "work of {at}");
        let parent = tree.get(&above.id()).unwrap_or_else(|| panic!("block {at} without its parent"));
        assert!(parent.status != Status::Invalid || info.status == Status::Invalid, "{at} upon an invalid");
        let broken = tree.broken_rule(&block.id());
        assert_eq!(broken.is_some(), info.status == Status::Invalid, "rule of block {at}");
        if let Some(broken) = broken {
            let breaks = |at: &usize| match naive.blocks[*at].verdict {
                Verdict::Broken(rule) | Verdict::Fails(rule) => rule == broken,
                _ => false,
            };
            assert!(naive.path(at).iter().any(breaks), "block {at} is said to break {broken}");
            continue;
        }
        most = most.max(info.work);
        assert!(info.status != Status::Connected || naive.is_valid(at), "block {at} was connected");
        if info.status == Status::Header {
            assert!(block.header.content().tx_count > 0, "the body of block {at} is its header");
            continue;
        }
        assert!(matches!(block.verdict, Verdict::Good | Verdict::Fails(_)), "body of {at} is stored");
        let body = view.body(block.height(), &block.id()).expect("readable");
        assert_eq!(body, Some(encode_body(&block.txs)), "body of block {at}");
        stored.push(at);
    }
    assert_eq!(tree.best().work, most, "the best header");
    let on_best = tree.fork_height(&tree.best().id, &view.tip().id) == Some(view.tip().height);
    if on_best && let Some(below) = view.tip().height.checked_sub(1) {
        assert!(view.prove_history(below).expect("readable").is_some(), "the best chain can be proven");
    }
    stored
}

/// The pool, its pages, what it would put into a block, and what it tells each payer.
pub(super) fn pool(core: &Core, expected: &NaivePool, settled: &Settled<'_>) {
    let pool = core.pool();
    let all = pool.list(&Wtxid::ZERO, usize::MAX).expect("the beginning is always there");
    assert_eq!(all.next, Wtxid::ZERO, "one page");
    let found: BTreeMap<_, _> =
        all.txs.iter().map(|entry| (entry.tx.wtxid(), (entry.executable, entry.added))).collect();
    assert_eq!(found, expected.content(), "pool");
    assert_eq!((pool.info().count, found.len()), (all.txs.len(), all.txs.len()), "counted once");
    let executable = all.txs.iter().filter(|entry| entry.executable).count();
    assert_eq!(pool.info().executable, executable, "executable ones");
    let (mut pages, mut cursor) = (vec![], Wtxid::ZERO);
    while pages.len() < all.txs.len() {
        let page = pool.list(&cursor, 3).expect("nothing leaves meanwhile");
        (pages, cursor) = ([pages, page.txs].concat(), page.next);
    }
    assert_eq!(pages, all.txs, "the pool by pages");
    let next_height = core.ledger().tip().height + 1;
    let state = starling_ledger::Settled { accounts: core.ledger(), next_height, now: settled.now };
    let chosen = pool.select(u32::MAX, &state).expect("readable");
    assert_eq!(chosen.len(), executable, "a block takes all that are executable");
    let (mut world, charge) = (settled.world.clone(), core.chain().params.account_charge.motes());
    for tx in chosen {
        assert!(world.transfer(&tx, charge).is_ok(), "{tx:?} does not apply in its turn");
    }
    for address in (0..PAYERS).map(address) {
        let account = core.pending_account(&address).expect("readable");
        let expected = expected.pending_account(&address, settled);
        assert_eq!((account.nonce, account.balance.motes()), expected, "pending account {address:?}");
    }
}
