//! Hostile peers against a whole node: whatever they do, the node follows the honest chain in bounded
//! memory, holds against them what it should, and holds nothing against the honest.

use super::metrics::metric;
use super::miner;
use starling_network::{
    Announcement, Answer, Compact, MAX_ANNOUNCED_TXS, Protocol, Question, Topic, signed_record,
};
use starling_primitives::{BlockId, Coinbase, Content, Header, StateRoot, Work, WorkHeader, Wtxid, tx_root};
use starling_rpc::types::{BlockPart, BlockRef};
use starling_tests::{
    Lab, Line, Node, Pace, Payer, Puppet, Said, Script, agree, at_genesis, connect, modest, raw_peer, until,
    wait,
};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What a node may have of memory, whatever is done to it: a quiet one has a quarter of it.
const MAX_RESIDENT_BYTES: u64 = 256 << 20;

/// A node under attack, and an honest peer of it that has the chain.
struct Siege {
    lab: Lab,
    victim: Node,
    honest: Node,
    alice: Payer,
    /// Who is funded as well.
    bob: Payer,
}

/// What has to come of an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Banned, with these words in the reason.
    Banned(&'static str),
    /// Sent away, and these words in the log, but not banned.
    LetGo(&'static str),
    /// Disconnected or not, but not banned.
    Free,
}

impl Siege {
    fn new() -> Self {
        let (alice, bob) = (Payer::new(1), Payer::new(2));
        let lab = Lab::new(Pace::Asked, &[(&alice, "1000"), (&bob, "1000")]);
        let (victim, honest) = (lab.node(&["--metrics", "127.0.0.1:0"]), lab.node(&[]));
        honest.generate(5, &miner(&lab, 1));
        // As a peer of its choice, and not one that is spared because it was named by hand.
        let siege = Self { lab, victim, honest, alice, bob };
        let honest = &siege.honest;
        drop(wait(honest.rpc().net_add(siege.victim.address())));
        agree(&[&siege.victim, honest]);
        siege
    }

    fn puppet(&self, script: Script) -> Puppet {
        Puppet::new(self.lab.chain(), &self.victim, script)
    }

    /// A puppet that only says where it stands.
    fn modest(&self) -> Puppet {
        self.puppet(modest(at_genesis(self.lab.chain())))
    }

    /// The node goes on, is not bloated, and judged everybody rightly.
    fn is_unharmed(&mut self, attackers: &[(&Puppet, Fate)]) {
        for (attacker, fate) in attackers {
            match fate {
                Fate::Banned(why) => self.has_banned(&attacker.id(), why),
                Fate::LetGo(why) => until("the attacker is sent away", || {
                    let (id, log) = (attacker.id(), self.victim.log());
                    let told = |line: &str| {
                        line.contains("peer dropped") && line.contains(&id) && line.contains(why)
                    };
                    let gone = log.lines().any(told) && !attacker.is_connected();
                    if gone { Ok(()) } else { Err(log) }
                }),
                Fate::Free => {}
            }
        }
        let banned = attackers.iter().filter(|(_, fate)| matches!(fate, Fate::Banned(_))).count();
        self.goes_on(banned);
    }

    /// This peer is banned, with these words in the reason.
    fn has_banned(&self, id: &str, why: &str) {
        until("the attacker is banned", || {
            let bans = wait(self.victim.rpc().net_bans()).expect("a running node answers");
            match bans.iter().find(|ban| ban.peer_id == id) {
                Some(ban) if ban.reason.contains(why) => Ok(()),
                _ => Err(format!("{bans:?}")),
            }
        });
    }

    /// The tip advances, memory stays bounded, nobody is banned but so many, and nobody honest is blamed.
    fn goes_on(&mut self, banned: usize) {
        let to = Payer::new(77).address();
        let before = self.victim.balance(to);
        let payment = self.victim.submit(&self.alice.pay(self.lab.chain(), to, "1"));
        self.honest.until_pending(payment);
        self.honest.generate(1, &miner(&self.lab, 1));
        self.victim.until_mined(payment);
        assert_ne!(self.victim.balance(to), before, "the tip advances");
        agree(&[&self.victim, &self.honest]);
        keeps_its_size(&self.victim);
        let bans = wait(self.victim.rpc().net_bans()).expect("a running node answers");
        assert_eq!(bans.len(), banned, "nobody else is banned: {bans:?}");
        let bans = wait(self.honest.rpc().net_bans()).expect("a running node answers");
        assert!(bans.is_empty(), "the victim passed nothing on that it should not have: {bans:?}");
        let peers = wait(self.victim.rpc().net_peers()).expect("a running node answers");
        let honest = peers.iter().find(|peer| peer.peer_id == self.honest.ready().peer_id);
        assert!(honest.is_some_and(|honest| honest.score >= 0.0), "{honest:?}");
    }

    fn header(&self, of: &Node, height: u32) -> Header {
        let raw = wait(of.rpc().chain_get_raw(BlockRef::Height(height), BlockPart::Header));
        let bytes = hex::decode(raw.expect("a block of the node")).expect("hex");
        Header::decode(&bytes).expect("a header")
    }

    fn body(&self, of: &Node, height: u32) -> Vec<u8> {
        let raw = wait(of.rpc().chain_get_raw(BlockRef::Height(height), BlockPart::Body));
        hex::decode(raw.expect("a block of the node")).expect("hex")
    }
}

/// What a node has of memory, and has ever had where the system tells, is bounded.
fn keeps_its_size(node: &Node) {
    let status = wait(node.rpc().node_status()).expect("a running node answers");
    let resident = status.resident_bytes.expect("the system tells");
    assert!(resident < MAX_RESIDENT_BYTES, "{} MiB", resident >> 20);
    let told = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap_or_default();
    let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u64 = peak.map_or(0, |kib| kib.parse().expect("a number"));
    assert!(peak << 10 < MAX_RESIDENT_BYTES, "{} MiB at most", peak >> 10);
}

/// The same header with another content and the work for it: two hashes are enough.
fn mined(header: &Header, content: Content, siege: &Siege) -> Header {
    let target = header.work().bits.target().expect("a target");
    let root = Coinbase::new(&content, header.extra()).root();
    let mut nonces = (0..u32::MAX).map(|nonce| {
        let work = WorkHeader { nonce, root, ..*header.work() };
        Header::new(work, header.extra().as_bytes(), content).expect("well formed")
    });
    let pow = siege.lab.chain().params.pow;
    nonces.find(|header| target.is_met_by(&header.work().pow_hash(pow))).expect("two hashes are enough")
}

#[test]
fn undecodable_messages_and_questions_ban() {
    let mut siege = Siege::new();
    let [tx, block, question, announcement] = [0; 4].map(|_| siege.modest());
    until("the messages are heard", || {
        tx.publish(Topic::Tx, vec![7; 99]);
        block.publish(Topic::Block, vec![7; 99]);
        let gone = !tx.is_connected() && !block.is_connected();
        if gone { Ok(()) } else { Err("still connected".to_owned()) }
    });
    let answer = question.ask(Protocol::Headers, vec![0xff; 40]);
    assert!(answer.is_err() || answer == Ok(Answer::BadRequest.encode()), "{answer:?}");
    // A copy of a true announcement with the ids of other transactions.
    let txs: Vec<Wtxid> = vec![Wtxid::new([9; 32])];
    let header = siege.header(&siege.honest, 5);
    let content = Content {
        tx_count: 1,
        body_bytes: 200,
        tx_root: tx_root([Wtxid::new([8; 32])]),
        ..*header.content()
    };
    let data = Announcement::new(mined(&header, content, &siege), &txs).encode();
    drop(announcement.ask(Protocol::Push, Question::Push { topic: Topic::Block, data }.encode()));
    let fates = [
        (&tx, Fate::Banned("undecodable transaction")),
        (&block, Fate::Banned("undecodable")),
        (&question, Fate::Banned("undecodable question")),
        (&announcement, Fate::Banned("ids")),
    ];
    siege.is_unharmed(&fates);
}

#[test]
fn a_peer_of_another_chain_is_refused() {
    let mut siege = Siege::new();
    let mut status = at_genesis(siege.lab.chain());
    status.genesis = starling_primitives::GenesisId::new([3; 32]);
    let liar = siege.puppet(modest(status));
    let other = Lab::new(Pace::Asked, &[]);
    let stranger = Puppet::of_chain(
        other.chain().chain_id(),
        siege.lab.chain(),
        &siege.victim,
        modest(at_genesis(other.chain())),
    );
    until("the stranger is sent away", || {
        if stranger.is_connected() { Err("connected".to_owned()) } else { Ok(()) }
    });
    siege.is_unharmed(&[(&liar, Fate::Banned("another chain")), (&stranger, Fate::Free)]);
}

/// Serves the chain of a node, and claims more work than anybody has.
fn pretender(
    chain: Vec<Header>,
    bodies: impl Fn(&BlockId) -> Said + Send + Sync + 'static,
    siege: &Siege,
) -> Script {
    let genesis = BlockId::from(siege.lab.chain().genesis_id());
    let mut status = at_genesis(siege.lab.chain());
    if let Some(last) = chain.last() {
        (status.tip, status.height, status.work) = (last.id(), last.height(), Work::MAX);
    }
    let rest = modest(status);
    Box::new(move |protocol, data| match Question::decode(protocol, data) {
        Ok(Question::Headers { max, locator }) => {
            let known = |id: &BlockId| match chain.iter().position(|header| header.id() == *id) {
                Some(at) => Some(at + 1),
                None => (*id == genesis).then_some(0),
            };
            let from = locator.iter().find_map(known).unwrap_or(chain.len());
            let headers = chain[from..].iter().take(max.into()).cloned().collect();
            Said::Bytes(Answer::Headers(headers).encode())
        }
        Ok(Question::Bodies(ids)) => ids.first().map_or(Said::Nothing, &bodies),
        _ => rest(protocol, data),
    })
}

#[test]
fn a_branch_of_less_work_is_neither_followed_nor_blamed() {
    let mut siege = Siege::new();
    siege.honest.generate(300, &miner(&siege.lab, 1));
    agree(&[&siege.victim, &siege.honest]);
    let rival = siege.lab.node(&[]);
    rival.generate(100, &miner(&siege.lab, 2));
    let chain: Vec<Header> = (1..=100).map(|height| siege.header(&rival, height)).collect();
    let liar = siege.puppet(pretender(chain, |_| Said::Nothing, &siege));
    until("the liar was asked", || {
        if liar.was_asked(Protocol::Headers) { Ok(()) } else { Err("not yet".to_owned()) }
    });
    siege.is_unharmed(&[(&liar, Fate::Free)]);
    assert_eq!(siege.victim.info().height, 306, "it stays with the chain of more work");
}

#[test]
fn headers_without_work_ban() {
    let mut siege = Siege::new();
    let header = siege.header(&siege.honest, 1);
    let target = header.work().bits.target().expect("a target");
    let pow = siege.lab.chain().params.pow;
    let mut nonces = (0..u32::MAX).map(|nonce| {
        let work = WorkHeader { nonce, time: header.work().time + 1, ..*header.work() };
        Header::new(work, header.extra().as_bytes(), *header.content()).expect("well formed")
    });
    let idle = nonces.find(|header| !target.is_met_by(&header.work().pow_hash(pow))).expect("a false one");
    let liar = siege.puppet(pretender(vec![idle], |_| Said::Nothing, &siege));
    siege.is_unharmed(&[(&liar, Fate::Banned("header"))]);
}

#[test]
fn false_bodies_are_held_against_who_served_them_and_invalid_blocks_are_given_up() {
    let mut siege = Siege::new();
    // A longer branch, and the last block of it has a state that is not what it says.
    let rival = siege.lab.node(&[]);
    rival.generate(6, &miner(&siege.lab, 2));
    for _ in 0..2 {
        rival.submit(&siege.bob.pay(siege.lab.chain(), Payer::new(5).address(), "1"));
        rival.generate(1, &miner(&siege.lab, 2));
    }
    let mut chain: Vec<Header> = (1..=8).map(|height| siege.header(&rival, height)).collect();
    let bodies: Vec<Vec<u8>> = (1..=8).map(|height| siege.body(&rival, height)).collect();
    let content = Content { state_root: StateRoot::new([5; 32]), ..*chain[7].content() };
    chain[7] = mined(&chain[7], content, &siege);
    let served = |chain: &[Header], bodies: Vec<Vec<u8>>| {
        let ids: Vec<BlockId> = chain.iter().map(Header::id).collect();
        let script = pretender(
            chain.to_vec(),
            move |id| match ids.iter().position(|known| known == id) {
                Some(at) => Said::Bytes(Answer::Bodies(vec![Some(bodies[at].clone())]).encode()),
                None => Said::Nothing,
            },
            &siege,
        );
        let liar = siege.puppet(script);
        until("the liar was asked, and is sent away", || {
            let peers = wait(siege.victim.rpc().net_peers()).expect("a running node answers");
            let gone = liar.was_asked(Protocol::Bodies) && !liar.is_connected();
            if gone { Ok(()) } else { Err(format!("{peers:?}")) }
        });
        liar
    };
    let mut torn = bodies.clone();
    *torn[6].last_mut().expect("a payment") ^= 1;
    let liar = served(&chain[..7], torn);
    let reached = |height: usize| {
        let info = siege.victim.info();
        assert_eq!((usize::try_from(info.height), info.tip), (Ok(height), chain[height - 1].id()));
    };
    reached(6);
    let invalid = served(&chain, bodies);
    reached(7);
    siege.honest.generate(4, &miner(&siege.lab, 1));
    let false_body = Fate::LetGo("served a body that is not the header's");
    siege.is_unharmed(&[(&invalid, Fate::LetGo("served an invalid block")), (&liar, false_body)]);
}

#[test]
fn peers_that_claim_much_and_answer_nothing_hold_nobody_up() {
    let mut siege = Siege::new();
    let mut status = at_genesis(siege.lab.chain());
    (status.height, status.work) = (1_000_000, Work::MAX);
    let silent = |protocol| protocol != Protocol::Status;
    let stallers: Vec<Puppet> = (0..8)
        .map(|_| {
            let rest = modest(status);
            siege.puppet(Box::new(
                move |protocol, data| {
                    if silent(protocol) { Said::Nothing } else { rest(protocol, data) }
                },
            ))
        })
        .collect();
    until("somebody was asked for headers", || {
        let asked = stallers.iter().filter(|puppet| puppet.was_asked(Protocol::Headers)).count();
        if asked > 0 { Ok(()) } else { Err("nobody".to_owned()) }
    });
    let fates: Vec<_> = stallers.iter().map(|puppet| (puppet, Fate::Free)).collect();
    siege.is_unharmed(&fates);
}

#[test]
fn a_flood_of_worthless_transactions_costs_the_flooder_its_place() {
    let mut siege = Siege::new();
    let (flooder, mut poor) = (siege.modest(), Payer::new(30_000));
    let to = Payer::new(9).address();
    until("the flooder is sent away", || {
        // More than it may, again and again; once would be no more than rank.
        for _ in 0..200 {
            flooder.publish(Topic::Tx, poor.pay(siege.lab.chain(), to, "1").bytes().to_vec());
        }
        if flooder.is_connected() { Err("connected".to_owned()) } else { Ok(()) }
    });
    siege.is_unharmed(&[(&flooder, Fate::LetGo("floods gossip"))]);
    // Signatures that are none are a fault each.
    let forger = siege.modest();
    until("the forger is sent away", || {
        for n in 1..=6 {
            siege.bob.go_on_from(0);
            let (amount, to) = (format!("0.{n}"), Payer::new(9).address());
            let mut forged = siege.bob.pay(siege.lab.chain(), to, &amount).bytes().to_vec();
            let last = forged.len() - 1;
            forged[last] ^= 1;
            let push = Question::Push { topic: Topic::Tx, data: forged };
            // By the last of them it is gone.
            drop(forger.ask(Protocol::Push, push.encode()));
        }
        if forger.is_connected() { Err("connected".to_owned()) } else { Ok(()) }
    });
    siege.is_unharmed(&[(&flooder, Fate::Free), (&forger, Fate::LetGo("sent an invalid transaction"))]);
}

/// A peer that writes what no node writes, until this is dropped.
struct RawPeer(Child, String);

impl RawPeer {
    fn new(siege: &Siege, what: &str) -> Self {
        let (address, chain) = (siege.victim.address(), siege.lab.chain().chain_id().to_string());
        let mut command = Command::new(raw_peer());
        command.args([address, &chain, what]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the example starts");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut peer = Self(child, String::new());
        loop {
            match said.next().expect("it begins").expect("text") {
                begun if begun == "begun" => return peer,
                id => peer.1 = id,
            }
        }
    }
}

impl Drop for RawPeer {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Siege {
    /// Three such peers.
    fn besieged(&self, what: &str) -> Vec<RawPeer> {
        (0..3).map(|_| RawPeer::new(self, what)).collect()
    }

    /// A few blocks under attack.
    fn stands(&mut self) {
        for _ in 0..5 {
            self.goes_on(0);
        }
    }
}

#[test]
fn floods_of_control_messages_harm_nobody_and_cost_their_senders_their_standing() {
    let mut siege = Siege::new();
    let _peers = siege.besieged("controls");
    // Of each peer gossip takes the first flood; what comes after its standing is lost is not looked at.
    until("the floods have come", || {
        let of = |name: &str| metric(&siege.victim, &format!("libp2p_gossipsub_{name}"));
        let grafts = of("scoring_penalties_total{penalty=\"GraftBackoff\"");
        let (asked, unwanted) = (of("topic_iwant_msgs_total"), of("idontwant_msgs_ids_total"));
        let come = grafts >= 2.0 * 500.0 && asked > 0.0 && unwanted >= 5_000.0;
        if come { Ok(()) } else { Err(format!("{grafts} GRAFTs, {asked} asked for, {unwanted} not wanted")) }
    });
    siege.stands();
}

#[test]
fn questions_at_a_byte_a_second_hold_nobody_up() {
    let mut siege = Siege::new();
    let _peers = siege.besieged("drip");
    siege.stands();
}

#[test]
fn a_message_over_its_cap_bans() {
    let mut siege = Siege::new();
    let peer = RawPeer::new(&siege, "oversize");
    siege.has_banned(&peer.1, "16385");
    siege.goes_on(1);
}

#[test]
fn thousands_of_idle_sockets_keep_nobody_out() {
    let mut siege = Siege::new();
    let _peers = siege.besieged("sockets");
    let late = siege.lab.node(&siege.victim.as_bootstrap());
    agree(&[&late, &siege.victim, &siege.honest]);
    siege.stands();
}

#[test]
fn answers_at_a_byte_a_second_hold_nobody_up() {
    const BLOCKS: u32 = 20;
    let mut siege = Siege::new();
    let rival = siege.lab.node(&[]);
    for _ in 0..BLOCKS {
        rival.submit(&siege.bob.pay(siege.lab.chain(), Payer::new(5).address(), "1"));
        rival.generate(1, &miner(&siege.lab, 2));
    }
    let chain: Vec<Header> = (1..=BLOCKS).map(|height| siege.header(&rival, height)).collect();
    let bodies: Vec<Vec<u8>> = (1..=BLOCKS).map(|height| siege.body(&rival, height)).collect();
    let ids: Vec<BlockId> = chain.iter().map(Header::id).collect();
    let line = Line::to(&siege.victim);
    let slow = line.drips();
    let script = pretender(
        chain,
        move |id| {
            slow.store(true, Ordering::Relaxed);
            let at = ids.iter().position(|known| known == id);
            let body = at.and_then(|at| bodies.get(at).cloned());
            Said::Bytes(Answer::Bodies(vec![body]).encode())
        },
        &siege,
    );
    let liar = Puppet::over(&line, siege.lab.chain(), &siege.victim, script);
    until("the liar was asked for bodies", || {
        if liar.was_asked(Protocol::Bodies) { Ok(()) } else { Err("not yet".to_owned()) }
    });
    assert!(siege.victim.info().height < BLOCKS, "a byte a second brings nobody anywhere");
    connect(&siege.honest, &rival);
    agree(&[&siege.victim, &siege.honest, &rival]);
    siege.is_unharmed(&[(&liar, Fate::Free)]);
}

#[test]
fn false_ids_of_the_transactions_of_a_block_are_held_against_who_served_them() {
    let mut siege = Siege::new();
    let rival = siege.lab.node(&[]);
    rival.generate(7, &miner(&siege.lab, 2));
    let mut chain: Vec<Header> = (1..=7).map(|height| siege.header(&rival, height)).collect();
    let many = |n: u8| -> Vec<Wtxid> {
        let id = |at: u32| [&[n; 28][..], &at.to_le_bytes()].concat().try_into().expect("32 bytes");
        (0..=MAX_ANNOUNCED_TXS).map(|at| Wtxid::new(id(at))).collect()
    };
    let (lies, tx_count) = (many(u8::MAX), MAX_ANNOUNCED_TXS + 1);
    let last = chain.pop().expect("seven headers");
    let before = chain[5].id();
    // Those before it are empty: there is nothing to ask for.
    let rest = pretender(chain, |_| Said::Nothing, &siege);
    let script: Script = Box::new(move |protocol, data| match protocol {
        Protocol::BlockIds => Said::Bytes(Answer::BlockIds(lies.clone()).encode()),
        _ => rest(protocol, data),
    });
    let liar = siege.puppet(script);
    until("the blocks before are connected", || {
        let info = siege.victim.info();
        if info.tip == before { Ok(()) } else { Err(format!("at {}", info.height)) }
    });
    let (mut tried, mut next) = (0, Instant::now());
    until("the liar is sent away", || {
        // A block is rebuilt within two seconds or not at all: where the machine is slow, another one may be.
        if Instant::now() >= next {
            (tried, next) = (tried + 1, Instant::now() + Duration::from_secs(3));
            let truth = many(tried);
            let tx_root = tx_root(truth.iter().copied());
            let content = Content { tx_count, body_bytes: 200 * tx_count, tx_root, ..*last.content() };
            let data = Announcement::new(mined(&last, content, &siege), &truth).encode();
            drop(liar.ask(Protocol::Push, Question::Push { topic: Topic::Block, data }.encode()));
        }
        if liar.is_connected() { Err(format!("after {tried} blocks")) } else { Ok(()) }
    });
    siege.honest.generate(3, &miner(&siege.lab, 1));
    siege.is_unharmed(&[(&liar, Fate::LetGo("served ids that are not the header's"))]);
}

#[test]
fn blocks_announced_in_short_whose_transactions_nobody_has_hold_nobody_up() {
    let mut siege = Siege::new();
    let last = siege.header(&siege.honest, 5);
    let liar = siege.modest();
    for n in 0..20 {
        let ids: Vec<Wtxid> =
            (0..100).map(|at| Wtxid::new([[n, at]; 16].concat().try_into().unwrap())).collect();
        let (tx_count, tx_root) = (100, tx_root(ids.iter().copied()));
        let content = Content { tx_count, body_bytes: 200 * tx_count, tx_root, ..*last.content() };
        let full = Announcement::new(mined(&last, content, &siege), &ids);
        let short = Box::new(Compact::of(&full).expect("long enough"));
        drop(liar.ask(Protocol::Compact, Question::Compact(short).encode()));
    }
    until("the liar was asked for transactions", || {
        if liar.was_asked(Protocol::BlockTxs) { Ok(()) } else { Err("not yet".to_owned()) }
    });
    siege.is_unharmed(&[(&liar, Fate::Free)]);
}

#[test]
fn a_thousand_made_up_identities_do_not_keep_a_node_from_its_peers() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (mut victim, honest) = (lab.seeker(&["--metrics", "127.0.0.1:0"]), lab.seeker(&[]));
    honest.generate(5, &miner(&lab, 1));
    let other = lab.seeker(&honest.as_bootstrap());
    connect(&victim, &honest);
    agree(&[&victim, &honest, &other]);
    // Sixteen peers tell of 64 others each, whom nobody can reach.
    let told: Vec<Arc<[u8]>> = (0..1_024_u16)
        .map(|n| {
            let mut seed = [9; 32];
            seed[..2].copy_from_slice(&n.to_le_bytes());
            let key = starling_network::Keypair::ed25519_from_bytes(seed).expect("any bytes are a key");
            let [high, low] = n.to_be_bytes();
            let address = format!("/ip4/127.200.{high}.{low}/tcp/1").parse().expect("an address");
            signed_record(&key, &[address], 1_000_000).expect("short").into()
        })
        .collect();
    let liars: Vec<Puppet> = told
        .chunks(64)
        .map(|part| {
            let (answer, rest) = (Answer::Peers(part.to_vec()).encode(), modest(at_genesis(lab.chain())));
            let script: Script = Box::new(move |protocol, data| match protocol {
                Protocol::Peers => Said::Bytes(answer.clone()),
                _ => rest(protocol, data),
            });
            let liar = Puppet::waiting(lab.chain().chain_id(), lab.chain(), &victim, script);
            wait(victim.rpc().net_add(&liar.address())).expect("an address");
            liar
        })
        .collect();
    until("the node has believed what it was told", || {
        let known = metric(&victim, "starling_peers_known{table=\"new\"");
        let asked = liars.iter().filter(|liar| liar.was_asked(Protocol::Peers)).count();
        if known >= 700.0 { Ok(()) } else { Err(format!("{known} peers of {asked} liars")) }
    });
    honest.generate(1, &miner(&lab, 1));
    agree(&[&victim, &honest]);
    assert!(liars.iter().any(Puppet::is_connected));
    // Nobody but the book knows of the honest ones after a restart.
    victim.stop();
    victim.restart();
    honest.generate(1, &miner(&lab, 1));
    until("the node finds an honest peer again", || {
        let (ours, theirs) = (victim.info(), honest.info());
        if ours.tip == theirs.tip { Ok(()) } else { Err(format!("at {} of {}", ours.height, theirs.height)) }
    });
    for node in [&victim, &honest] {
        let bans = wait(node.rpc().net_bans()).expect("a running node answers");
        assert!(bans.is_empty(), "{bans:?}");
    }
    keeps_its_size(&victim);
}
