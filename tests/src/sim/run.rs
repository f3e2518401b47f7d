//! A scenario under way: who mines, who pays, and what goes wrong.

use super::check::{Failure, agree, verify};
use super::dice::Dice;
use super::fill::{OF_ONE, fill};
use super::report::{Report, Told};
use super::scenario::Scenario;
use super::world::{HostId, World};
use crate::Payer;
use starling_genesis::{Chain, NewChain};
use starling_node::Core;
use starling_primitives::{Address, Header, Work, WorkHeader};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Genesis time of every simulated chain: it does not matter, as long as it is always the same.
const GENESIS_TIME: u32 = 1_000_000;
/// What a payer has, in STAR.
const FUNDS: &str = "1000000";
/// When blocks and payments begin, and when blocks do whose way is timed: after the first report of who is in
/// whose mesh, which nodes of a network that has run for long have.
const BEGINS: Duration = Duration::from_secs(5);
const TIMED_FROM: Duration = Duration::from_secs(15);
/// Nodes that each begins with, and finds others by; and nodes it is connected to where it finds none.
const FIRST: usize = 2;
const OUTBOUND: usize = 8;
/// How long a node that crashed is down, at most.
const DOWN_FOR: Duration = Duration::from_secs(60);
/// Time for all to agree once nothing happens any more.
const CALM: Duration = Duration::from_secs(60);
/// How long after a division all may take to have one tip (network design: Targets).
const HEALED_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked whether they do.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be done, and when.
#[derive(Clone, Copy, Debug)]
enum Act {
    Mine,
    Pay,
    /// Whether it is the power that fails.
    Crash(HostId, bool),
    /// For good.
    Die(HostId),
    Start(HostId),
    Break,
    Divide,
    Unite,
}

/// A scenario under way.
pub struct Run {
    scenario: Scenario,
    seed: u64,
    nodes: u16,
    world: World,
    dice: Dice,
    acts: BTreeMap<(Duration, u64), Act>,
    planned: u64,
    payers: Vec<Payer>,
    paid: u64,
    refused: u64,
    crashed: u64,
    /// Nodes without their share of peers when the first one died, or at the end.
    unfilled: usize,
    united: Option<Duration>,
    agreed: Option<Duration>,
    _told: Told,
}

impl Run {
    /// Begins a scenario; what the seed decides is everything else.
    ///
    /// # Panics
    /// Never: the chain is a right one.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64, nodes: u16) -> Self {
        let told = Told::new(scenario.name, seed, nodes);
        let mut dice = Dice::new(seed ^ 0x5eed);
        let fillers = u16::try_from(scenario.filled.div_ceil(OF_ONE)).expect("few payers");
        let payers: Vec<Payer> = (0..nodes.max(8).max(fillers)).map(|n| Payer::new(10_000 + n)).collect();
        let chain = Arc::new(chain(scenario.interval, &payers));
        let mut world = World::new(chain, nodes, scenario.settings, seed);
        for id in world.ids() {
            let skew = i64::from(scenario.skew);
            let range = usize::try_from(2 * scenario.skew + 1).unwrap_or(1);
            let off = i64::try_from(dice.below(range)).unwrap_or(0) - skew;
            world.hosts[id.index()].skew = off;
        }
        let mut run = Self {
            scenario,
            seed,
            nodes,
            world,
            dice,
            acts: BTreeMap::new(),
            planned: 0,
            payers,
            paid: 0,
            refused: 0,
            crashed: 0,
            unfilled: 0,
            united: None,
            agreed: None,
            _told: told,
        };
        for id in run.world.ids() {
            run.name(id);
            run.world.start(id);
        }
        run.plan();
        run
    }

    /// Tells a node of some others: of all that it is to be connected to, unless it looks for them itself.
    fn name(&mut self, id: HostId) {
        if self.scenario.first_dies.is_some() {
            return self.world.name(id, HostId(0));
        }
        let others: Vec<HostId> = self.world.ids().filter(|other| *other != id).collect();
        let outbound = if self.scenario.settings.discovery { FIRST } else { OUTBOUND };
        let most = outbound.min(usize::from(self.nodes / 2).max(1));
        for to in self.dice.some(others, most) {
            self.world.name(id, to);
        }
    }

    fn plan(&mut self) {
        let is_timed = self.scenario.filled > 0;
        self.plan_in(if is_timed { TIMED_FROM } else { BEGINS }, Act::Mine);
        if self.scenario.payments.is_some() {
            self.plan_in(BEGINS, Act::Pay);
        }
        self.plan_crash();
        self.plan_break();
        if let Some(wait) = self.scenario.first_dies {
            self.plan_in(wait, Act::Die(HostId(0)));
        }
        if let Some((from, time)) = self.scenario.division {
            self.plan_in(from, Act::Divide);
            self.plan_in(from + time, Act::Unite);
        }
    }

    fn plan_crash(&mut self) {
        let Some(mean) = self.scenario.crashes else { return };
        let all: Vec<HostId> = self.world.ids().collect();
        let Some(id) = self.dice.pick(&all).copied() else { return };
        let (wait, power) = (self.dice.wait(mean), self.dice.chance(0.5));
        if power {
            self.world.make_fragile(id);
        }
        self.plan_in(wait, Act::Crash(id, power));
    }

    fn plan_break(&mut self) {
        if let Some(mean) = self.scenario.breaks {
            let wait = self.dice.wait(mean);
            self.plan_in(wait, Act::Break);
        }
    }

    fn plan_in(&mut self, wait: Duration, act: Act) {
        self.planned += 1;
        self.acts.insert((self.world.now + wait, self.planned), act);
    }

    /// Lets all of it happen, waits until all agree, and looks at everything once more.
    #[must_use]
    pub fn finish(mut self) -> Report {
        while let Some(((at, _), act)) = self.acts.pop_first() {
            if at > self.scenario.lasts || self.has_failed() {
                break;
            }
            self.world.run_until(at);
            self.act(act);
        }
        self.world.run_until(self.scenario.lasts.max(self.world.now));
        self.unfilled = self.unfilled.max(self.world.unfilled());
        self.calm_down();
        self.report()
    }

    fn has_failed(&self) -> bool {
        !self.world.checks.failures().is_empty()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Mine => {
                let interval = Duration::from_secs(self.scenario.interval.into());
                let filled = self.scenario.filled;
                if filled > 0 {
                    fill(&mut self.world, &mut self.payers, filled);
                }
                self.mine();
                let wait = if filled > 0 { interval } else { self.dice.wait(interval) };
                self.plan_in(wait, Act::Mine);
            }
            Act::Pay => {
                self.pay();
                let wait = self.dice.wait(self.scenario.payments.unwrap_or(Duration::MAX));
                self.plan_in(wait, Act::Pay);
            }
            Act::Crash(id, power) => {
                // Somebody keeps the chain.
                let many = self.world.up().count() > usize::from(self.nodes / 2);
                if many && self.world.hosts[id.index()].core.is_some() {
                    self.crashed += 1;
                    self.world.crash(id, power);
                    let down = self.dice.between(Duration::from_millis(100), DOWN_FOR);
                    self.plan_in(down, Act::Start(id));
                }
                self.plan_crash();
            }
            Act::Start(id) => self.world.start(id),
            Act::Die(id) => {
                self.unfilled = self.world.unfilled();
                self.crashed += 1;
                self.world.crash(id, false);
            }
            Act::Break => {
                self.world.break_any();
                self.plan_break();
            }
            Act::Divide => {
                let parts = self.world.ids().map(|_| u8::from(self.dice.chance(0.5))).collect();
                self.world.divide(parts);
            }
            Act::Unite => {
                self.world.unite();
                self.united = Some(self.world.now);
                self.watch_meeting();
            }
        }
    }

    /// How long it takes after a division until all have one tip again, or tips of equal work: the next block
    /// decides between them.
    fn watch_meeting(&mut self) {
        let united = self.world.now;
        while self.world.now < united + CALM && !self.has_failed() {
            let next = self.world.now + LOOK;
            self.world.run_until(next);
            let work = |core: &Core| core.tree().get(&core.ledger().tip().id).map(|info| info.work);
            let works: BTreeSet<Option<Work>> =
                self.world.up().filter_map(|host| host.core()).map(work).collect();
            if works.len() == 1 {
                self.agreed = Some(self.world.now - united);
                return;
            }
        }
    }

    fn mine(&mut self) {
        let up: Vec<HostId> = self.world.up().map(|host| host.id).collect();
        if let Some(id) = self.dice.pick(&up).copied() {
            mine(&mut self.world, id);
        }
    }

    fn pay(&mut self) {
        let number = self.dice.below(self.payers.len());
        // Each has a node of its own, and another one while that is down.
        let ids: Vec<HostId> = self.world.up().map(|host| host.id).collect();
        let Some(id) = ids.get(number % ids.len().max(1)).copied() else { return };
        let payer = &mut self.payers[number];
        let address = payer.address();
        let next =
            self.world.call(id, move |core| core.pending_account(&address).map(|account| account.nonce).ok());
        let Some(Some(next)) = next else { return };
        payer.go_on_from(next);
        let to =
            Address::new(*self.dice.number().to_le_bytes().repeat(3).first_chunk().expect("20 of 24 bytes"));
        let tx = Arc::new(payer.pay(self.world.chain(), to, "0.1"));
        match self.world.call(id, move |core| core.submit_tx(tx).is_ok()) {
            Some(true) => self.paid += 1,
            _ => self.refused += 1,
        }
    }

    /// Nothing is done any more but to start who is down: after a while all must agree.
    fn calm_down(&mut self) {
        self.world.unite();
        let down: Vec<HostId> =
            self.world.ids().filter(|id| self.world.hosts[id.index()].core.is_none()).collect();
        for id in down {
            self.world.start(id);
        }
        let until = self.world.now + CALM;
        let mut last = Ok(());
        while self.world.now < until && !self.has_failed() {
            let next = self.world.now + LOOK;
            self.world.run_until(next);
            last = agree(self.world.hosts.iter());
            if last.is_ok() {
                break;
            }
        }
        let now = self.world.now;
        if let Err(what) = last {
            self.world.checks.fail(now, HostId(0), &what);
        }
        let core = self.world.hosts.first().and_then(|host| host.core());
        if let Some(Err(what)) = core.map(verify) {
            self.world.checks.fail(now, HostId(0), &what);
        }
        let late = self.united.is_some() && self.agreed.is_none_or(|after| after > HEALED_WITHIN);
        let few = self.scenario.first_dies.is_some() && self.unfilled > 0;
        let banned = !self.world.watch.bans().is_empty();
        self.world.checks.broken(now, late, "the world was not one again in time");
        self.world.checks.broken(now, few, "nodes did not find peers enough");
        self.world.checks.broken(now, banned, "somebody was banned who did no wrong");
    }

    fn report(&self) -> Report {
        let failures: Vec<Failure> = self.world.checks.failures().to_vec();
        Report::of(&self.world, self.scenario.name, self.seed, failures).with(
            (self.paid, self.refused),
            self.crashed,
            self.agreed,
            self.unfilled,
        )
    }
}

/// Makes a block at a node, if that hands out work.
pub(super) fn mine(world: &mut World, id: HostId) {
    let payout = Payer::new(20_000 + id.0).address();
    let made = world.call(id, move |core| {
        let template = core.template(payout, &[], false).ok()?;
        let header = solve(&template.header, core.chain());
        Some((header.id(), header))
    });
    if let Some(Some((block, header))) = made {
        let now = world.now;
        world.watch.born(block, now);
        world.hosts[id.index()].made = Some(block);
        world.call(id, move |core| core.submit_block(header).is_ok());
    }
}

/// A chain on which two hashes make a block, and these payers have what they need.
pub(super) fn chain(interval: u32, payers: &[Payer]) -> Chain {
    let prefix = Chain::dev().params.prefix;
    let prefund = payers.iter().map(|payer| (payer.address().to_text(&prefix), FUNDS.to_owned())).collect();
    let new = NewChain {
        name: "simulated".to_owned(),
        interval,
        bits: Some("207fffff".to_owned()),
        pow: "sha256d".to_owned(),
        time: GENESIS_TIME,
        prefund,
    };
    Chain::create(new).expect("a chain can be made of this").1
}

fn solve(template: &Header, chain: &Chain) -> Header {
    let target = template.work().bits.target().expect("a template's target");
    let mut nonces = (0..u32::MAX).map(|nonce| {
        let work = WorkHeader { nonce, ..*template.work() };
        Header::new(work, template.extra().as_bytes(), *template.content()).expect("a template's header")
    });
    nonces
        .find(|header| target.is_met_by(&header.work().pow_hash(chain.params.pow)))
        .expect("two hashes are enough")
}
