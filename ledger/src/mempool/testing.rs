//! What the pool's tests share: a small settled world, payments in it, and what must always hold of a pool.

use super::order::FeeRate;
use super::sender::{Chain, Entry};
use super::*;
use ed25519_dalek::{Signer, SigningKey};
use starling_consensus::{Accounts, Transition};
use starling_genesis::Chain as Spec;
use starling_primitives::state::Account;
use starling_primitives::{
    Address, Amount, Auth, BlockId, Memo, Output, Policy, Transaction, UnsignedTransaction,
};
use std::cell::Cell;

/// The least fee of the dev chain, in motes per byte.
pub(super) const FLOOR: u64 = 100_000_000_000;
/// Bytes of a payment to one recipient without a memo.
pub(super) const PAYMENT_BYTES: usize = 169;
/// Bytes of the pool's space that it takes.
pub(super) const PAYMENT_MEMORY: usize = 2 * PAYMENT_BYTES + 1_024;
pub(super) const HOUR: u64 = 3_600;

pub(super) fn star(text: &str) -> Amount {
    Amount::from_star(text).unwrap()
}

fn key(who: u8) -> SigningKey {
    SigningKey::from_bytes(&[who; 32])
}

pub(super) fn policy(who: u8) -> Policy {
    Policy::Single(key(who).verifying_key().to_bytes())
}

pub(super) fn address(who: u8) -> Address {
    policy(who).address()
}

/// An address that nobody has used.
pub(super) fn stranger(index: u8) -> Address {
    Address::new([index; 20])
}

/// A payment from `who` that can be varied before it is signed. `rate` is its fee in tenths of the floor.
#[derive(Clone)]
pub(super) struct Pay {
    pub(super) who: u8,
    pub(super) nonce: u64,
    pub(super) rate: u64,
    pub(super) outputs: Vec<Output>,
    pub(super) valid_until: u32,
    pub(super) memo: usize,
    pub(super) extra_fee: i128,
}

pub(super) fn pay(who: u8, nonce: u64, rate: u64) -> Pay {
    let outputs = vec![Output { to: address(who), amount: star("1") }];
    Pay { who, nonce, rate, outputs, valid_until: 0, memo: 0, extra_fee: 0 }
}

impl Pay {
    pub(super) fn to(mut self, to: Address, amount: &str) -> Self {
        self.outputs = vec![Output { to, amount: star(amount) }];
        self
    }

    pub(super) fn valid_until(mut self, height: u32) -> Self {
        self.valid_until = height;
        self
    }

    pub(super) fn unsigned(&self, world: &World) -> UnsignedTransaction {
        let mut unsigned = UnsignedTransaction {
            chain_id: world.genesis.chain_id(),
            nonce: self.nonce,
            fee: Amount::ZERO,
            valid_until: self.valid_until,
            outputs: self.outputs.clone(),
            memo: Memo::new(&vec![7; self.memo]).unwrap(),
            policy: policy(self.who),
        };
        let fee = u128::from(self.rate) * u128::from(FLOOR / 10) * order::wide(unsigned.finished_size());
        unsigned.fee = Amount::from_motes(fee.checked_add_signed(self.extra_fee).unwrap()).unwrap();
        unsigned
    }

    pub(super) fn sign(&self, world: &World) -> Arc<Transaction> {
        let unsigned = self.unsigned(world);
        let signature = key(self.who).sign(unsigned.txid(&world.genesis).as_bytes());
        Arc::new(unsigned.with_auth(&Auth::Single(signature.to_bytes())).unwrap())
    }
}

/// Signs a message with a key of the fixture.
pub(super) fn sign(who: u8, message: &[u8]) -> [u8; 64] {
    key(who).sign(message).to_bytes()
}

/// A block of the world, and the accounts before it.
pub(super) struct Mined {
    pub(super) id: BlockId,
    pub(super) height: u32,
    pub(super) txs: Vec<Arc<Transaction>>,
    before: BTreeMap<Address, Account>,
}

impl Mined {
    pub(super) fn tip(&self) -> TipBlock<'_> {
        TipBlock { id: self.id, height: self.height, miner: MINER, txs: &self.txs }
    }
}

/// Who gets the rewards.
pub(super) const MINER: Address = Address::new([0xee; 20]);

/// A settled state at a tip. Accounts 1 to 8 have 1,000 STAR each.
pub(super) struct World {
    pub(super) params: Arc<Params>,
    pub(super) genesis: GenesisId,
    pub(super) accounts: BTreeMap<Address, Account>,
    pub(super) height: u32,
    pub(super) now: u64,
    /// Reading accounts fails.
    pub(super) broken: Cell<bool>,
    blocks: u8,
}

impl Accounts for World {
    type Error = &'static str;

    fn account(&self, address: &Address) -> Result<Account, Self::Error> {
        if self.broken.get() {
            return Err("broken");
        }
        Ok(self.accounts.get(address).copied().unwrap_or_default())
    }
}

impl World {
    pub(super) fn new() -> Self {
        let spec = Spec::dev();
        let rich = |who| (address(who), Account { nonce: 0, balance: star("1000") });
        Self {
            genesis: spec.genesis_id(),
            params: Arc::new(spec.params),
            accounts: (1..=8).map(rich).collect(),
            height: 100,
            now: 1_800_000_000,
            broken: Cell::new(false),
            blocks: 0,
        }
    }

    pub(super) fn settled(&self) -> Settled<'_, Self> {
        Settled { accounts: self, next_height: self.height + 1, now: self.now }
    }

    pub(super) fn pool(&self) -> Mempool {
        self.pool_of(10_000_000)
    }

    /// A pool with this many bytes for transactions.
    pub(super) fn pool_of(&self, max_bytes: usize) -> Mempool {
        let limits = PoolLimits { max_bytes, trails: 1_000, verified_bytes: 1 << 18 };
        Mempool::new(Arc::clone(&self.params), self.genesis, limits)
    }

    /// A pool with place for this many executable payments.
    pub(super) fn pool_for(&self, payments: usize) -> Mempool {
        let mut pool = self.pool_of(0);
        while pool.limits.executable_bytes() < payments * PAYMENT_MEMORY {
            pool.limits.max_bytes += 1;
        }
        pool
    }

    /// Settles a block of these transactions.
    pub(super) fn mine(&mut self, txs: &[Arc<Transaction>]) -> Mined {
        let before = self.accounts.clone();
        let mut transition = Transition::new(&*self, &self.params);
        for tx in txs {
            transition.apply(tx).unwrap();
        }
        let changes = transition.finish(MINER, self.height + 1).unwrap();
        self.accounts.extend(changes.accounts.iter().map(|(address, change)| (*address, change.after)));
        self.height += 1;
        self.blocks += 1;
        Mined { id: BlockId::new([self.blocks; 32]), height: self.height, txs: txs.to_vec(), before }
    }

    /// Takes the tip back.
    pub(super) fn undo(&mut self, block: &Mined) {
        self.accounts = block.before.clone();
        self.height -= 1;
    }
}

impl Mempool {
    /// Adds a payment that was submitted here.
    pub(super) fn submit(&mut self, world: &World, pay: &Pay) -> Result<Admitted, PoolError> {
        self.offer(world, &pay.sign(world), Source::Local)
    }

    pub(super) fn offer(
        &mut self,
        world: &World,
        tx: &Arc<Transaction>,
        source: Source,
    ) -> Result<Admitted, PoolError> {
        let before = self.info();
        match self.add(Arc::clone(tx), source, &world.settled()) {
            Ok(admitted) => {
                self.check_invariants(world);
                Ok(admitted)
            }
            Err(AddError::Refused(error)) => {
                assert_eq!(before, self.info(), "a refusal changes nothing");
                Err(error)
            }
            Err(AddError::Read(error)) => panic!("{error}"),
        }
    }

    pub(super) fn nonces(&self, who: u8) -> (Vec<u64>, Vec<u64>) {
        let nonces = |entries: &[Entry]| entries.iter().map(Entry::nonce).collect();
        let chain = self.senders.get(&address(who));
        chain.map_or((Vec::new(), Vec::new()), |chain| (nonces(chain.executable()), nonces(chain.waiting())))
    }

    /// The names of what happened to a transaction.
    pub(super) fn story(&self, txid: &TxId) -> Vec<&'static str> {
        self.events(txid).iter().map(|event| event.what.code()).collect()
    }

    /// Everything that holds of a pool between two calls.
    pub(super) fn check_invariants(&self, world: &World) {
        let mut executable = Space::default();
        let mut waiting = Space::default();
        let mut peers: HashMap<u64, usize> = HashMap::new();
        let mut last_heights = 0;
        for (sender, chain) in &self.senders {
            assert!(!chain.is_empty());
            self.check_chain(world, sender, chain);
            executable.add(chain.executable());
            waiting.add(chain.waiting());
            last_heights +=
                chain.entries().iter().filter(|entry| entry.tx.unsigned().valid_until != 0).count();
            for entry in chain.waiting() {
                if let Source::Peer(peer) = entry.source {
                    *peers.entry(peer).or_default() += entry.memory();
                }
            }
        }
        for (space, sums, limit) in [
            (&self.executable, &executable, self.limits.executable_bytes()),
            (&self.waiting, &waiting, self.limits.waiting_bytes()),
        ] {
            assert_eq!((space.count, space.bytes, space.encoded), (sums.count, sums.bytes, sums.encoded));
            assert_eq!(space.order.values().map(|chunk| chunk.count).sum::<usize>(), space.count);
            assert!(space.bytes <= limit, "{} of {limit} bytes", space.bytes);
        }
        assert_eq!(self.waiting.order.len(), self.waiting.count);
        let count = executable.count + waiting.count;
        assert_eq!((self.by_wtxid.len(), self.by_txid.len()), (count, count));
        assert_eq!(self.by_last_height.len(), last_heights);
        assert_eq!(self.peer_bytes, peers);
        let classes = self.histogram.classes();
        assert_eq!(classes.iter().map(|class| class.count).sum::<usize>(), executable.count);
        assert_eq!(classes.iter().map(|class| class.bytes).sum::<usize>(), executable.encoded);
        assert!(self.floor.current() >= self.params.min_fee_per_byte);
        self.events.check();
        let all = self.select(u32::MAX, &world.settled()).unwrap();
        let mut transition = Transition::new(world, &world.params);
        assert!(all.iter().all(|tx| transition.apply(tx).is_ok()), "every selected transaction applies");
        assert_eq!(all.len(), executable.count, "and that is every executable one");
        let listed = self.list(&Wtxid::ZERO, usize::MAX).unwrap();
        assert_eq!((listed.txs.len(), listed.next), (count, Wtxid::ZERO));
    }

    fn check_chain(&self, world: &World, sender: &Address, chain: &Chain) {
        let account = world.account(sender).unwrap();
        assert_eq!(chain.base(), account.nonce);
        assert!(chain.need().unwrap() <= account.balance);
        assert!(chain.executable().len() <= MAX_EXECUTABLE && chain.waiting().len() <= MAX_WAITING);
        assert!(chain.entries().is_sorted_by(|a, b| a.nonce() < b.nonce()));
        for (entry, nonce) in chain.executable().iter().zip(account.nonce..) {
            assert_eq!((entry.nonce(), entry.waiting_since), (nonce, None));
        }
        assert!(chain.waiting().iter().all(|entry| entry.waiting_since.is_some()));
        let full = chain.executable().len() == MAX_EXECUTABLE;
        assert!(full || chain.waiting().first().is_none_or(|entry| entry.nonce() > chain.next_nonce()));
        for entry in chain.entries() {
            let place = Place { sender: *sender, nonce: entry.nonce() };
            assert_eq!(self.by_wtxid[&entry.tx.wtxid()], place);
            assert_eq!(self.by_txid[&entry.txid], place);
            let need = sender::need(&entry.tx, &self.params, world).unwrap().unwrap();
            assert!(need <= entry.need, "what a transaction can cost is never above what was counted");
        }
        let mut rates: Vec<FeeRate> = Vec::new();
        for chunk in chain.chunks() {
            assert!(self.executable.order.contains_key(&chunk.key));
            rates.push(chunk.key.rate);
        }
        assert!(rates.is_sorted_by(|a, b| a >= b));
    }
}
