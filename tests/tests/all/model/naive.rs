//! The naive ledger: every block that was ever made, and the world after one of them, found by replaying its
//! branch from genesis with plain maps. It shares the formats with the product, and none of its ledger.

use ed25519_dalek::{Signature, VerifyingKey};
use starling_consensus::{Anchor, next_bits};
use starling_genesis::Chain;
use starling_ledger::{AddressEvent, TxLocation};
use starling_primitives::history::Leaf;
use starling_primitives::state::{self, Account, StateKey};
use starling_primitives::{
    Address, Amount, Bits, BlockId, Header, HistoryRoot, StateRoot, Transaction, TxId, TxRoot, Work, node,
    tx_root,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Position of a reward among the events of an address: behind every transaction of its block.
const REWARD: u32 = u32::MAX;
/// Most of what a sum may be.
const MAX_MOTES: u128 = 1 << 100;

/// An account; one without either does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) nonce: u64,
    pub(super) motes: u128,
}

/// What a branch leads to.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) accounts: BTreeMap<Address, Plain>,
    pub(super) burned: u128,
    /// Blocks by height.
    pub(super) blocks: Vec<usize>,
    pub(super) locations: BTreeMap<TxId, TxLocation>,
    /// Oldest first.
    pub(super) events: BTreeMap<Address, Vec<AddressEvent>>,
}

/// What a block is, whatever it stands upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// The header breaks this rule.
    Header(&'static str),
    /// No body can be the one that the header commits to.
    Unservable,
    /// The block breaks this rule, which shows without any state.
    Broken(&'static str),
    /// The block breaks this rule on the state below it.
    Fails(&'static str),
}

/// A block, and what is true of it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) header: Header,
    pub(super) txs: Vec<Arc<Transaction>>,
    pub(super) parent: usize,
    /// Cumulative; a header without a target adds nothing.
    pub(super) work: Work,
    pub(super) verdict: Verdict,
}

impl Made {
    pub(super) fn id(&self) -> BlockId {
        self.header.id()
    }

    pub(super) fn height(&self) -> u32 {
        self.header.height()
    }
}

/// All blocks, genesis first, parents before children.
pub(super) struct Naive {
    pub(super) chain: Arc<Chain>,
    pub(super) blocks: Vec<Made>,
    /// Every transaction that was ever made, in order.
    pub(super) txs: Vec<Arc<Transaction>>,
}

impl Naive {
    pub(super) fn new(chain: Arc<Chain>) -> Self {
        let header = chain.genesis.clone();
        let work = header.work().bits.target().expect("genesis has a target").work();
        let genesis = Made { header, txs: vec![], parent: 0, work, verdict: Verdict::Good };
        Self { chain, blocks: vec![genesis], txs: vec![] }
    }

    /// Judges a block and keeps it, whatever it is.
    pub(super) fn add(&mut self, parent: usize, header: Header, txs: Vec<Arc<Transaction>>) -> usize {
        let above = self.blocks[parent].work;
        let own = header.work().bits.target().ok().map(starling_primitives::Target::work);
        let work = own.map_or(above, |own| above + own);
        let verdict = self.judge(parent, &header, &txs);
        let known = self.find(&header.id());
        assert!(known.is_none(), "each block is made once");
        for tx in &txs {
            self.note(tx);
        }
        self.blocks.push(Made { header, txs, parent, work, verdict });
        self.blocks.len() - 1
    }

    /// Remembers a transaction.
    pub(super) fn note(&mut self, tx: &Arc<Transaction>) {
        if self.txs.iter().all(|known| known.wtxid() != tx.wtxid()) {
            self.txs.push(tx.clone());
        }
    }

    pub(super) fn find(&self, id: &BlockId) -> Option<usize> {
        self.blocks.iter().position(|block| block.id() == *id)
    }

    /// From genesis to the block.
    pub(super) fn path(&self, mut at: usize) -> Vec<usize> {
        let mut path = vec![at];
        while at != 0 {
            at = self.blocks[at].parent;
            path.push(at);
        }
        path.reverse();
        path
    }

    /// The last block that two branches share.
    pub(super) fn fork(&self, a: usize, b: usize) -> usize {
        let (a, b) = (self.path(a), self.path(b));
        let shared = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        a[shared - 1]
    }

    /// Whether the block and all below it keep every rule.
    pub(super) fn is_valid(&self, at: usize) -> bool {
        self.path(at).iter().all(|at| self.blocks[*at].verdict == Verdict::Good)
    }

    /// The world after a valid block, replayed from genesis.
    pub(super) fn replay(&self, at: usize) -> World {
        let mut world = World::default();
        for (address, balance) in &self.chain.accounts {
            world.accounts.insert(*address, Plain { nonce: 0, motes: balance.motes() });
        }
        world.blocks.push(0);
        for at in self.path(at).into_iter().skip(1) {
            let block = &self.blocks[at];
            let done = world.connect(&self.chain, &block.header, &block.txs);
            assert_eq!(done, Ok(()), "only valid branches are replayed");
            world.blocks.push(at);
        }
        world
    }

    /// The world of the nearest valid block at or below this one.
    pub(super) fn world_below(&self, at: usize) -> World {
        let path = self.path(at);
        let good = path.iter().take_while(|at| self.blocks[**at].verdict == Verdict::Good).count();
        self.replay(path[good - 1])
    }

    /// What a header upon this block must state as its bits.
    pub(super) fn next_bits(&self, parent: usize) -> Bits {
        let params = &self.chain.params;
        let path = self.path(parent);
        let is_anchor = |at: &&usize| {
            let block = &self.blocks[**at];
            block.height() == 1 || block.header.work().bits == params.easiest_bits
        };
        let Some(anchor) = path.iter().skip(1).rev().find(is_anchor) else { return params.genesis_bits };
        let (block, above) = (&self.blocks[*anchor], &self.blocks[self.blocks[*anchor].parent]);
        let parent_time = match block.height() {
            1 => i64::from(block.header.work().time) - i64::from(params.interval),
            _ => i64::from(above.header.work().time),
        };
        let anchor = Anchor { height: block.height(), parent_time, bits: block.header.work().bits };
        let last = &self.blocks[parent];
        next_bits(last.height(), last.header.work().time, &anchor, params)
    }

    /// What a header upon this block must state as its history.
    pub(super) fn history_root(&self, parent: usize) -> HistoryRoot {
        let leaves: Vec<_> = self.path(parent).into_iter().map(|at| self.leaf(at).hash()).collect();
        let mut rest = leaves.as_slice();
        let mut peaks = Vec::new();
        while !rest.is_empty() {
            let (peak, behind) = rest.split_at(1 << rest.len().ilog2());
            peaks.push(perfect(peak));
            rest = behind;
        }
        HistoryRoot::new(peaks.into_iter().rev().reduce(|bag, peak| node(&peak, &bag)).unwrap_or_default())
    }

    /// What the history says of a block.
    pub(super) fn leaf(&self, at: usize) -> Leaf {
        let block = &self.blocks[at];
        let work = block.header.work();
        Leaf { id: block.id(), height: block.height(), time: work.time, bits: work.bits, work: block.work }
    }

    fn judge(&self, parent: usize, header: &Header, txs: &[Arc<Transaction>]) -> Verdict {
        if let Err(rule) = self.judge_header(parent, header) {
            return Verdict::Header(rule);
        }
        let content = header.content();
        let root = tx_root(txs.iter().map(|tx| tx.wtxid()));
        if u32::try_from(txs.len()) != Ok(content.tx_count) || root != content.tx_root {
            return Verdict::Unservable;
        }
        let bytes: usize = txs.iter().map(|tx| 2 + tx.size()).sum();
        if u32::try_from(bytes) != Ok(content.body_bytes) {
            return Verdict::Broken("body_bytes");
        }
        if let Err(rule) = self.judge_alone(header.height(), txs) {
            return Verdict::Broken(rule);
        }
        if self.is_valid(parent) {
            let mut world = self.replay(parent);
            if let Err(rule) = world.connect(&self.chain, header, txs) {
                return Verdict::Fails(rule);
            }
        }
        Verdict::Good
    }

    /// Header rules 1 to 8.
    fn judge_header(&self, parent: usize, header: &Header) -> Result<(), &'static str> {
        let (params, above) = (&self.chain.params, &self.blocks[parent]);
        let (content, work) = (header.content(), header.work());
        let (count, bytes) = (u64::from(content.tx_count), u64::from(content.body_bytes));
        let fits = bytes <= u64::from(params.max_body_bytes);
        let rootless = content.tx_root == TxRoot::ZERO;
        if !fits || 171 * count > bytes || bytes > 16_386 * count || rootless != (count == 0) {
            return Err("impossible_counts");
        }
        let target = work.bits.target().map_err(|error| error.code())?;
        if target > params.easiest_target {
            return Err("too_easy");
        }
        if !target.is_met_by(&work.pow_hash(params.pow)) {
            return Err("no_work");
        }
        if work.root != header.coinbase().root() {
            return Err("false_root");
        }
        if content.height != above.height() + 1 {
            return Err("height");
        }
        if work.time < above.header.work().time + params.step {
            return Err("time_too_early");
        }
        if work.bits != self.next_bits(parent) {
            return Err("wrong_bits");
        }
        if content.history_root != self.history_root(parent) {
            return Err("wrong_history");
        }
        Ok(())
    }

    /// Block rules 2 and 3.
    fn judge_alone(&self, height: u32, txs: &[Arc<Transaction>]) -> Result<(), &'static str> {
        for tx in txs {
            let unsigned = tx.unsigned();
            if unsigned.chain_id != self.chain.chain_id() {
                return Err("tx_chain_id");
            }
            if spent(tx) > MAX_MOTES {
                return Err("tx_sum");
            }
            if unsigned.valid_until != 0 && unsigned.valid_until < height {
                return Err("tx_expired");
            }
        }
        let signed = |tx: &Arc<Transaction>| {
            let message = tx.txid(&self.chain.genesis_id());
            tx.signatures().all(|(key, signature)| {
                let key = VerifyingKey::from_bytes(&key).expect("keys are made by signing keys");
                key.verify_strict(message.as_bytes(), &Signature::from_bytes(&signature)).is_ok()
            })
        };
        if txs.iter().all(signed) { Ok(()) } else { Err("tx_signature") }
    }
}

impl World {
    /// Applies a block, index and all, and compares the root.
    fn connect(
        &mut self,
        chain: &Chain,
        header: &Header,
        txs: &[Arc<Transaction>],
    ) -> Result<(), &'static str> {
        self.execute(chain, header.content().miner, header.height(), txs)?;
        if self.root() == header.content().state_root { Ok(()) } else { Err("state_root") }
    }

    /// Block rules 4 and 5, with what the indexes say of it.
    pub(super) fn execute(
        &mut self,
        chain: &Chain,
        miner: Address,
        height: u32,
        txs: &[Arc<Transaction>],
    ) -> Result<(), &'static str> {
        let mut fees = 0;
        for (tx, position) in txs.iter().zip(0..) {
            let charge = self.transfer(tx, chain.params.account_charge.motes())?;
            fees += tx.unsigned().fee.motes();
            let txid = tx.txid(&chain.genesis_id());
            self.locations.insert(txid, TxLocation { height, position });
            self.note_transfer(tx, &txid, charge, (height, position));
        }
        let halvings = height / chain.params.halving_interval;
        let subsidy = if halvings < 64 { chain.params.subsidy.motes() >> halvings } else { 0 };
        let reward = subsidy + fees;
        if reward > 0 {
            self.accounts.entry(miner).or_default().motes += reward;
        }
        let none = Amount::ZERO;
        let received = amount(reward);
        let event = AddressEvent { height, position: REWARD, txid: None, sent: none, fee: none, received };
        self.events.entry(miner).or_default().push(event);
        Ok(())
    }

    /// Block rule 4: returns the account charges.
    pub(super) fn transfer(&mut self, tx: &Transaction, charge: u128) -> Result<u128, &'static str> {
        let sender = tx.sender();
        let account = self.accounts.get(&sender).copied().unwrap_or_default();
        if tx.unsigned().nonce != account.nonce {
            return Err("tx_nonce");
        }
        let charges = charge * self.newcomers(tx);
        let left = account.motes.checked_sub(spent(tx) + charges).ok_or("tx_balance")?;
        self.accounts.insert(sender, Plain { nonce: account.nonce + 1, motes: left });
        for output in &tx.unsigned().outputs {
            self.accounts.entry(output.to).or_default().motes += output.amount.motes();
        }
        self.burned += charges;
        Ok(charges)
    }

    /// Distinct recipients that do not exist.
    pub(super) fn newcomers(&self, tx: &Transaction) -> u128 {
        let recipients: BTreeSet<Address> = tx.unsigned().outputs.iter().map(|output| output.to).collect();
        recipients.iter().map(|to| u128::from(!self.accounts.contains_key(to))).sum()
    }

    fn note_transfer(&mut self, tx: &Transaction, txid: &TxId, charge: u128, at: (u32, u32)) {
        let outputs = &tx.unsigned().outputs;
        let sender = tx.sender();
        let mut parties: BTreeMap<Address, u128> = BTreeMap::from([(sender, 0)]);
        for output in outputs {
            *parties.entry(output.to).or_default() += output.amount.motes();
        }
        let total = outputs.iter().map(|output| output.amount.motes()).sum();
        for (address, received) in parties {
            let (sent, fee) =
                if address == sender { (total, tx.unsigned().fee.motes() + charge) } else { (0, 0) };
            self.events.entry(address).or_default().push(AddressEvent {
                height: at.0,
                position: at.1,
                txid: Some(*txid),
                sent: amount(sent),
                fee: amount(fee),
                received: amount(received),
            });
        }
    }

    pub(super) fn account(&self, address: &Address) -> Account {
        let Plain { nonce, motes } = self.accounts.get(address).copied().unwrap_or_default();
        Account { nonce, balance: amount(motes) }
    }

    /// The entries of the state, ascending by key.
    pub(super) fn entries(&self) -> Vec<(StateKey, [u8; Account::BYTES])> {
        let entry = |address| (StateKey::account(address), self.account(address).encode());
        let entries: BTreeMap<_, _> = self.accounts.keys().map(entry).collect();
        entries.into_iter().collect()
    }

    pub(super) fn root(&self) -> StateRoot {
        state::root(&self.entries())
    }

    pub(super) fn supply(&self) -> u128 {
        self.accounts.values().map(|account| account.motes).sum()
    }
}

/// Fee and amounts.
pub(super) fn spent(tx: &Transaction) -> u128 {
    let amounts = tx.unsigned().outputs.iter().map(|output| output.amount.motes());
    amounts.sum::<u128>() + tx.unsigned().fee.motes()
}

/// Motes that exist, as an amount.
pub(super) fn amount(motes: u128) -> Amount {
    Amount::from_motes(motes).expect("less than can exist")
}

/// The root over a power of two of leaves.
fn perfect(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            node(&perfect(left), &perfect(right))
        }
    }
}
