//! Makes blocks and payments: right ones, and ones that break exactly the rule that is asked for.

use super::naive::{Naive, Plain, Verdict, World, amount, spent};
use ed25519_dalek::{Signer, SigningKey};
use starling_genesis::{Chain, NewChain};
use starling_primitives::{
    Address, Auth, Bits, Content, Header, Memo, Output, Policy, Prefix, StateRoot, Transaction, TxRoot,
    UnsignedTransaction, WorkHeader, tx_root,
};
use starling_tests::finish;
use std::sync::Arc;

/// Those who pay; the last of them needs two of three signatures.
pub(super) const PAYERS: u8 = 10;
const TWO_OF_THREE: u8 = PAYERS - 1;
pub(super) const GENESIS_TIME: u32 = 1_000_000;
const STAR: u128 = 1_000_000_000_000_000_000;

/// The rule that a block breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    // Header rules.
    TooLarge,
    Counts,
    RootOfNothing,
    FalseRoot,
    ZeroTarget,
    NegativeTarget,
    TargetOverflow,
    OtherFormOfTarget,
    TooEasy,
    NoWork,
    Height,
    TooEarly,
    WrongBits,
    WrongHistory,
    /// No rule for ever: its time comes.
    FromTheFuture,
    // Block rules.
    TxCount,
    OtherTxRoot,
    BodyBytes,
    ChainId,
    Sum,
    Signature,
    Expired,
    NonceLow,
    NonceHigh,
    Balance,
    Charge,
    Twice,
    StateRoot,
    /// The root of a world in which the miner got nothing.
    RootUnpaid,
}

/// Each of them, and what a block with it is.
pub(super) const FAULTS: [(Fault, Verdict); 30] = [
    (Fault::None, Verdict::Good),
    (Fault::TooLarge, Verdict::Header("impossible_counts")),
    (Fault::Counts, Verdict::Header("impossible_counts")),
    (Fault::RootOfNothing, Verdict::Header("impossible_counts")),
    (Fault::FalseRoot, Verdict::Header("false_root")),
    (Fault::ZeroTarget, Verdict::Header("target_zero")),
    (Fault::NegativeTarget, Verdict::Header("target_negative")),
    (Fault::TargetOverflow, Verdict::Header("target_overflow")),
    (Fault::OtherFormOfTarget, Verdict::Header("target_not_canonical")),
    (Fault::TooEasy, Verdict::Header("too_easy")),
    (Fault::NoWork, Verdict::Header("no_work")),
    (Fault::Height, Verdict::Header("height")),
    (Fault::TooEarly, Verdict::Header("time_too_early")),
    (Fault::WrongBits, Verdict::Header("wrong_bits")),
    (Fault::WrongHistory, Verdict::Header("wrong_history")),
    (Fault::FromTheFuture, Verdict::Good),
    (Fault::TxCount, Verdict::Unservable),
    (Fault::OtherTxRoot, Verdict::Unservable),
    (Fault::BodyBytes, Verdict::Broken("body_bytes")),
    (Fault::ChainId, Verdict::Broken("tx_chain_id")),
    (Fault::Sum, Verdict::Broken("tx_sum")),
    (Fault::Signature, Verdict::Broken("tx_signature")),
    (Fault::Expired, Verdict::Broken("tx_expired")),
    (Fault::NonceLow, Verdict::Fails("tx_nonce")),
    (Fault::NonceHigh, Verdict::Fails("tx_nonce")),
    (Fault::Twice, Verdict::Fails("tx_nonce")),
    (Fault::Balance, Verdict::Fails("tx_balance")),
    (Fault::Charge, Verdict::Fails("tx_balance")),
    (Fault::StateRoot, Verdict::Fails("state_root")),
    (Fault::RootUnpaid, Verdict::Fails("state_root")),
];

/// A payment to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pay {
    pub(super) from: u8,
    pub(super) to: u8,
    /// A second recipient, which may be the first again.
    pub(super) also: Option<u8>,
    /// 0 one mote, 1 a quarter, 2 three, 3 a hundred STAR, 4 all there is.
    pub(super) much: u8,
    /// 0 nothing, 1 the floor, 2 twice that, 3 a hundred times, 4 one STAR.
    pub(super) fee: u8,
    /// Blocks that it is valid for, if there is a limit.
    pub(super) valid_for: Option<u8>,
    /// One of those made before instead, if it applies.
    pub(super) again: Option<u16>,
}

/// A block to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) parent: usize,
    /// Seconds after the least time that is allowed; none for the present.
    pub(super) age: Option<u8>,
    pub(super) miner: u8,
    pub(super) pays: &'a [Pay],
    pub(super) fault: Fault,
}

/// A chain on which everything happens early: halvings, clamped targets, branches whose work is not their
/// length. About 256 hashes make a block.
pub(super) fn chain(undo_blocks: u32) -> Chain {
    let prefix = Prefix::new("dstar").expect("the prefix of private chains");
    let funds = ["1000", "1000", "200", "5", "0.5", "0.02"];
    let prefund = (0..).zip(funds).map(|(who, star)| (address(who).to_text(&prefix), star.to_owned()));
    let new = NewChain {
        name: "model".into(),
        interval: 4,
        bits: Some("2000ffff".into()),
        pow: "sha256d-tagged".into(),
        time: GENESIS_TIME,
        prefund: prefund.chain([(address(TWO_OF_THREE).to_text(&prefix), "50".to_owned())]).collect(),
    };
    let (mut file, _) = Chain::create(new).expect("a chain can be made of this");
    file.half_life = Some(40);
    file.step = 1;
    file.future_limit = Some(100);
    file.easiest_bits = "2001ffff".into();
    file.max_body_bytes = 16_386;
    file.halving_interval = 5;
    file.undo_blocks = undo_blocks;
    finish(file).1
}

fn keys(who: u8) -> Vec<SigningKey> {
    let count = if who == TWO_OF_THREE { 3 } else { 1 };
    let mut keys: Vec<_> = (0..count).map(|n| SigningKey::from_bytes(&[who + 100 * n + 1; 32])).collect();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    keys
}

fn policy(who: u8) -> Policy {
    let keys: Vec<_> = keys(who).iter().map(|key| key.verifying_key().to_bytes()).collect();
    match keys.as_slice() {
        [one] => Policy::Single(*one),
        _ => Policy::multi(2, keys).expect("keys in order"),
    }
}

pub(super) fn address(who: u8) -> Address {
    policy(who).address()
}

/// An address of nobody.
pub(super) fn stranger(number: u8) -> Address {
    Address::new([number; 20])
}

fn sign(who: u8, unsigned: &UnsignedTransaction, chain: &Chain) -> Arc<Transaction> {
    let message = unsigned.txid(&chain.genesis_id());
    let signatures: Vec<_> =
        keys(who).iter().map(|key| key.sign(message.as_bytes()).to_bytes()).take(2).collect();
    let auth = match signatures.as_slice() {
        [one] => Auth::Single(*one),
        _ => Auth::Multi { bitmap: 0b011, signatures },
    };
    Arc::new(unsigned.with_auth(&auth).expect("signed by its payer"))
}

/// A payment as told, with this nonce, on this world.
pub(super) fn pay(pay: &Pay, nonce: u64, world: &World, chain: &Chain) -> Arc<Transaction> {
    let next_height = u32::try_from(world.blocks.len()).expect("a short chain");
    let recipient = |number: u8| match number {
        number if number < PAYERS => address(number),
        number => stranger(number),
    };
    let outputs = [Some(pay.to), pay.also].into_iter().flatten();
    let mut unsigned = UnsignedTransaction {
        chain_id: chain.chain_id(),
        nonce,
        fee: amount(0),
        valid_until: pay.valid_for.map_or(0, |blocks| next_height + u32::from(blocks)),
        outputs: outputs.map(|to| Output { to: recipient(to), amount: amount(1) }).collect(),
        memo: Memo::default(),
        policy: policy(pay.from),
    };
    let size = u128::try_from(unsigned.finished_size()).expect("a small number");
    let floor = u128::from(chain.params.min_fee_per_byte) * size;
    let fee = [0, floor, 2 * floor, 100 * floor, STAR][usize::from(pay.fee)];
    unsigned.fee = amount(fee);
    let trial = sign(pay.from, &unsigned, chain);
    let charges = chain.params.account_charge.motes() * world.newcomers(&trial);
    let rest = world.account(&address(pay.from)).balance.motes().saturating_sub(fee + charges);
    let share = rest / u128::try_from(unsigned.outputs.len()).expect("one or two");
    let much = [1, STAR / 4, 3 * STAR, 100 * STAR, share.max(1)][usize::from(pay.much)];
    unsigned.outputs.iter_mut().for_each(|output| output.amount = amount(much));
    sign(pay.from, &unsigned, chain)
}

/// Of the payments, those that apply in order; each uses its sender's next nonce.
fn payments(naive: &Naive, draft: &Draft<'_>, world: &World) -> Vec<Arc<Transaction>> {
    let (mut world, chain) = (world.clone(), &naive.chain);
    let height = naive.blocks[draft.parent].height() + 1;
    let charge = chain.params.account_charge.motes();
    let mut txs = Vec::new();
    for asked in draft.pays {
        let nonce = world.account(&address(asked.from)).nonce;
        let old = asked.again.filter(|_| !naive.txs.is_empty()).map(|at| {
            let from = usize::from(at) % naive.txs.len();
            naive.txs[from..].iter().chain(&naive.txs[..from])
        });
        let fits = |tx: &Arc<Transaction>, world: &World| {
            let last = tx.unsigned().valid_until;
            let own = tx.unsigned().chain_id == chain.chain_id() && (last == 0 || last >= height);
            own && is_signed(tx, naive) && world.clone().transfer(tx, charge).is_ok()
        };
        let old = old.and_then(|mut old| old.find(|tx| fits(tx, &world)).cloned());
        let tx = old.unwrap_or_else(|| pay(asked, nonce, &world, chain));
        if fits(&tx, &world) {
            world.transfer(&tx, charge).expect("it was tried");
            txs.push(tx);
        }
    }
    txs
}

fn is_signed(tx: &Arc<Transaction>, naive: &Naive) -> bool {
    spent(tx) <= 1 << 100 && starling_consensus::check_transaction(tx, &naive.chain.genesis_id()).is_ok()
}

/// A transaction that breaks a rule behind those of the block; none when nobody could send it.
fn faulty(naive: &Naive, world: &World, fault: Fault) -> Option<Arc<Transaction>> {
    let (chain, rich) = (&naive.chain, |account: &Plain| account.motes > STAR / 10);
    let who = (0..PAYERS).find(|who| world.accounts.get(&address(*who)).is_some_and(rich))?;
    let Plain { nonce, motes } = world.accounts[&address(who)];
    let plain = Pay { from: who, to: who, also: None, much: 0, fee: 2, valid_for: None, again: None };
    let right = pay(&plain, nonce, world, chain);
    let mut unsigned = right.unsigned().clone();
    match fault {
        Fault::ChainId => unsigned.chain_id ^= 1,
        Fault::Sum => unsigned.outputs = vec![Output { to: address(who), amount: amount(1 << 100) }; 2],
        Fault::Signature => {
            let other = sign((who + 1) % TWO_OF_THREE, &unsigned, chain);
            let forged = match (right.auth(), other.auth()) {
                (Auth::Single(_), auth) => auth.clone(),
                (Auth::Multi { bitmap, signatures }, _) => {
                    let signatures = signatures.iter().rev().copied().collect();
                    Auth::Multi { bitmap: *bitmap, signatures }
                }
            };
            return Some(Arc::new(unsigned.with_auth(&forged).expect("well formed")));
        }
        Fault::Expired => {
            let height = u32::try_from(world.blocks.len()).expect("a short chain");
            unsigned.valid_until = height.checked_sub(1).filter(|last| *last > 0)?;
        }
        Fault::NonceLow => unsigned.nonce = nonce.checked_sub(1)?,
        Fault::NonceHigh => unsigned.nonce += 1,
        Fault::Balance => unsigned.outputs[0].amount = amount(motes),
        Fault::Charge => {
            let left = motes - unsigned.fee.motes();
            unsigned.outputs[0] = Output { to: stranger(0xfe), amount: amount(left) };
        }
        Fault::Twice => {}
        _ => return None,
    }
    Some(sign(who, &unsigned, chain))
}

/// Makes a block, keeps it in the tree of all blocks, and tells its place.
pub(super) fn forge(naive: &mut Naive, draft: &Draft<'_>, unix: u64) -> usize {
    let chain = naive.chain.clone();
    let (below, height) = (naive.world_below(draft.parent), naive.blocks[draft.parent].height() + 1);
    let miner = address(draft.miner);
    let mut txs = payments(naive, draft, &below);
    let mut world = below.clone();
    world.blocks.resize(usize::try_from(height).expect("a short chain"), 0);
    let fault = draft.fault;
    let mut unpaid = world.clone();
    for tx in &txs {
        let charge = chain.params.account_charge.motes();
        unpaid.transfer(tx, charge).expect("payments were chosen to apply");
    }
    if let Some(tx) = faulty(naive, &unpaid, fault) {
        txs.extend(if fault == Fault::Twice { vec![tx.clone(), tx] } else { vec![tx] });
    }
    // Where a transaction fails, the root is that of the world without the block.
    let state_root = match world.execute(&chain, miner, height, &txs) {
        _ if fault == Fault::StateRoot => StateRoot::new([7; 32]),
        Ok(()) if fault == Fault::RootUnpaid => unpaid.root(),
        Ok(()) => world.root(),
        Err(_) => below.root(),
    };
    let bytes: usize = txs.iter().map(|tx| 2 + tx.size()).sum();
    let mut content = Content {
        height,
        miner,
        tx_count: u32::try_from(txs.len()).expect("a few"),
        body_bytes: u32::try_from(bytes).expect("a few"),
        tx_root: tx_root(txs.iter().map(|tx| tx.wtxid())),
        state_root,
        history_root: naive.history_root(draft.parent),
    };
    spoil_content(&mut content, fault, &chain);
    let header = solve(naive, draft, content, unix);
    naive.add(draft.parent, header, txs)
}

fn spoil_content(content: &mut Content, fault: Fault, chain: &Chain) {
    match fault {
        Fault::TooLarge => {
            (content.tx_count, content.tx_root) = (1, TxRoot::new([1; 32]));
            content.body_bytes = chain.params.max_body_bytes + 1;
        }
        Fault::Counts => content.tx_count += 100,
        Fault::RootOfNothing if content.tx_count == 0 => content.tx_root = TxRoot::new([1; 32]),
        Fault::RootOfNothing => content.tx_root = TxRoot::ZERO,
        Fault::Height => content.height += 1,
        Fault::WrongHistory => content.history_root = starling_primitives::HistoryRoot::new([1; 32]),
        // As many more bytes as another transaction would take.
        Fault::TxCount => {
            content.tx_count += 1;
            content.body_bytes += 171;
            if content.tx_root == TxRoot::ZERO {
                content.tx_root = TxRoot::new([1; 32]);
            }
        }
        Fault::OtherTxRoot if content.tx_count > 0 => content.tx_root = TxRoot::new([1; 32]),
        Fault::BodyBytes if content.tx_count > 0 => content.body_bytes += 1,
        _ => {}
    }
}

/// Finds the work, or sees to it that there is none.
fn solve(naive: &Naive, draft: &Draft<'_>, content: Content, unix: u64) -> Header {
    let (params, above) = (&naive.chain.params, &naive.blocks[draft.parent].header);
    let (fault, least) = (draft.fault, above.work().time + params.step);
    let now = u32::try_from(unix).expect("before 2106");
    let right = naive.next_bits(draft.parent);
    let time = match (fault, draft.age) {
        (Fault::TooEarly, _) => least - 1,
        (Fault::FromTheFuture, age) => least.max(now + params.future_limit + 1 + u32::from(age.unwrap_or(9))),
        (_, None) => least.max(now),
        (_, Some(age)) => least + u32::from(age),
    };
    let bits = match fault {
        Fault::ZeroTarget => Bits::new(0x0100_0000),
        Fault::NegativeTarget => Bits::new(right.to_u32() | 0x0080_0000),
        Fault::TargetOverflow => Bits::new(0x2300_ffff),
        Fault::OtherFormOfTarget => Bits::new(0x2100_00ff),
        Fault::TooEasy => Bits::new(0x207f_ffff),
        Fault::WrongBits => Bits::new(right.to_u32() - 1),
        _ => right,
    };
    // No two blocks are the same, whatever else they share.
    let extra = u32::try_from(naive.blocks.len()).expect("a few").to_le_bytes();
    let mut work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent: above.id(),
        root: [0; 32],
        time,
        bits,
        nonce: 0,
    };
    let rootless = Header::new(work, &extra, content).expect("well formed");
    work.root = rootless.coinbase().root();
    work.root[0] ^= u8::from(fault == Fault::FalseRoot);
    if let Ok(target) = bits.target() {
        let is_met = |work: &WorkHeader| target.is_met_by(&work.pow_hash(params.pow));
        while is_met(&work) == (fault == Fault::NoWork) {
            work.nonce += 1;
        }
    }
    Header::new(work, &extra, content).expect("well formed")
}
