//! A sound database is found sound, each kind of damage is found where it is, and compaction loses nothing.

use super::*;
use crate::ledger::LedgerOptions;
use crate::records::{AddressEvent, HeaderRecord, TxLocation, block_key};
use crate::store::{Batch, Store, meta};
use crate::testing::{Fixture, address, pay};
use starling_consensus::Status;
use starling_primitives::state::{Account, StateKey};
use starling_primitives::{Amount, BlockId, TxId, Work};
use std::path::PathBuf;
use tempfile::TempDir;

const STAR: u128 = 1_000_000_000_000_000_000;
/// Height of the fixture's tip.
const TIP: u32 = 8;

/// A closed database: payments in each block, a block beside the chain, and one header above the tip.
struct Closed {
    dir: TempDir,
    chain: Arc<Chain>,
    ids: Vec<BlockId>,
    txids: Vec<TxId>,
    /// Stored, and not connected.
    rival: BlockId,
}

impl Closed {
    fn new() -> Self {
        let mut fixture = Fixture::new();
        let (mut ids, mut txids) = (vec![fixture.ledger.tip().id], Vec::new());
        for nonce in 0..TIP {
            let payments = [(0, 20), (1, 40)].map(|(from, to)| {
                let to = address(to + u8::try_from(nonce).unwrap());
                pay(&fixture.chain, from, nonce.into(), to, STAR)
            });
            txids.extend(payments.iter().map(|tx| tx.txid(&fixture.chain.genesis_id())));
            fixture.mine(payments.to_vec());
            ids.push(fixture.ledger.tip().id);
        }
        let above = pay(&fixture.chain, 2, 0, address(60), STAR);
        let rival = fixture.block(vec![above], 9, None).header().header().id();
        fixture.ledger.settle().unwrap();
        let Fixture { dir, chain, .. } = fixture;
        Self { dir, chain, ids, txids, rival }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("db")
    }

    /// The same in another folder.
    fn copy(&self) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("db")).unwrap();
        for entry in fs::read_dir(self.path()).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, dir.path().join("db").join(from.file_name().unwrap())).unwrap();
        }
        let Self { chain, ids, txids, rival, .. } = self;
        Self { dir, chain: chain.clone(), ids: ids.clone(), txids: txids.clone(), rival: *rival }
    }

    fn edit(&self, change: impl FnOnce(&Self, &Store, &mut Batch<'_>)) {
        let store =
            Store::open(&self.path(), &self.chain.genesis_id(), &LedgerOptions::USUAL.store()).unwrap();
        let mut batch = store.batch();
        change(self, &store, &mut batch);
        store.commit(batch, true).unwrap();
    }

    fn check(&self) -> CheckReport {
        check_db(&self.path(), &self.chain, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
    }

    fn key(&self, height: u32) -> Vec<u8> {
        block_key(height, &self.ids[usize::try_from(height).unwrap()])
    }

    fn record(&self, store: &Store, height: usize) -> HeaderRecord {
        HeaderRecord::decode(&store.get(Family::Headers, self.ids[height].as_bytes()).unwrap().unwrap())
            .unwrap()
    }
}

#[test]
fn a_sound_database_holds() {
    let closed = Closed::new();
    let report = closed.check();
    assert_eq!((report.damage_count, &report.damage), (0, &vec![]), "{report:?}");
    assert_eq!((report.height, report.bodies_from), (TIP, 1));
    let count = |name: &str| report.records.iter().find(|(family, _)| *family == name).unwrap().1;
    // Two payments a block, each an event of two addresses, and a reward.
    let expected = [("headers", 10), ("canonical", 9), ("bodies", 10), ("undo", 8), ("tx_index", 16)];
    assert_eq!(expected.map(|(name, _)| (name, count(name))), expected);
    assert_eq!((count("address_index"), count("state")), (8 * 5, 10 + 16));
    assert_eq!(count("history"), starling_primitives::history::size(TIP + 2));
    assert_eq!(report.records.len(), Family::ALL.len());
}

#[test]
fn a_new_database_and_one_whose_best_header_is_on_another_branch_hold() {
    let fixture = Fixture::new();
    let (path, chain) = (fixture.dir.path().join("db"), fixture.chain.clone());
    let Fixture { ledger, tree, dir: _dir, .. } = fixture;
    drop((ledger, tree));
    let check = |path: &Path, chain: &Arc<Chain>| {
        check_db(path, chain, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
    };
    let report = check(&path, &chain);
    assert_eq!((report.damage_count, report.height), (0, 0), "{report:?}");

    let mut fixture = Fixture::new();
    fixture.mine(vec![]);
    let payment = pay(&fixture.chain, 0, 0, address(20), STAR);
    let rival = fixture.block(vec![payment], 8, None).header().header().id();
    fixture.mine(vec![]);
    assert_eq!((fixture.tree.best().id, fixture.ledger.tip().height), (rival, 2));
    let (path, chain) = (fixture.dir.path().join("db"), fixture.chain.clone());
    let Fixture { ledger, tree, dir: _dir, .. } = fixture;
    drop((ledger, tree));
    let report = check(&path, &chain);
    assert_eq!((report.damage_count, report.height), (0, 2), "{report:?}");
}

/// What is done to a database, and where which words tell of it.
type Case = (&'static str, fn(&Closed, &Store, &mut Batch<'_>), &'static str, &'static str);

const CASES: [Case; 25] = [
    (
        "header of another id",
        |c, s, b| {
            let other = c.record(s, 3).encode();
            b.put(Family::Headers, c.ids[4].as_bytes(), &other);
        },
        "headers",
        "this is the header of",
    ),
    (
        "header that does not decode",
        |c, _, b| b.put(Family::Headers, c.rival.as_bytes(), &[9]),
        "headers",
        "",
    ),
    (
        "connected block that is not marked",
        |c, s, b| {
            let record = HeaderRecord { status: Status::Body, ..c.record(s, 5) };
            b.put(Family::Headers, c.ids[5].as_bytes(), &record.encode());
        },
        "headers",
        "denies that",
    ),
    (
        "another work",
        |c, s, b| {
            let record = HeaderRecord { work: Work::ZERO, ..c.record(s, 5) };
            b.put(Family::Headers, c.ids[5].as_bytes(), &record.encode());
        },
        "headers",
        "states work",
    ),
    ("height without id", |_, _, b| b.delete(Family::Canonical, &3u32.to_be_bytes()), "canonical", "missing"),
    (
        "other id at the tip",
        |c, _, b| {
            b.put(Family::Canonical, &TIP.to_be_bytes(), c.rival.as_bytes());
        },
        "canonical",
        "and the tip is",
    ),
    (
        "id of another branch",
        |c, _, b| {
            b.put(Family::Canonical, &5u32.to_be_bytes(), c.ids[6].as_bytes());
        },
        "headers",
        "is unknown",
    ),
    (
        "id above the tip",
        |c, _, b| {
            b.put(Family::Canonical, &(TIP + 1).to_be_bytes(), c.rival.as_bytes());
        },
        "canonical",
        "above the tip",
    ),
    ("body is missing", |c, _, b| b.delete(Family::Bodies, &c.key(4)), "bodies", "it is missing"),
    (
        "body beside the chain is missing",
        |c, _, b| {
            b.delete(Family::Bodies, &block_key(TIP + 1, &c.rival));
        },
        "bodies",
        "1 bodies",
    ),
    (
        "body of another block",
        |c, s, b| {
            let other = s.get(Family::Bodies, &c.key(3)).unwrap().unwrap();
            b.put(Family::Bodies, &c.key(4), &other);
        },
        "bodies",
        "tx_root",
    ),
    ("body of another size", |c, _, b| b.put(Family::Bodies, &c.key(4), &[0; 70]), "bodies", "70 bytes"),
    (
        "body without header",
        |_, _, b| {
            b.put(Family::Bodies, &block_key(4, &BlockId::new([7; 32])), &[]);
        },
        "headers",
        "missing",
    ),
    ("undo is missing", |c, _, b| b.delete(Family::Undo, &c.key(4)), "undo", "one before it is missing"),
    ("undo of the tip is missing", |c, _, b| b.delete(Family::Undo, &c.key(TIP)), "undo", "cannot be undone"),
    (
        "undo of no block",
        |c, _, b| b.put(Family::Undo, &block_key(4, &c.rival), &[0; 16]),
        "undo",
        "not connected",
    ),
    ("undo that does not decode", |c, _, b| b.put(Family::Undo, &c.key(4), &[0; 17]), "undo", ""),
    (
        "transaction not in the index",
        |c, _, b| b.delete(Family::TxIndex, c.txids[3].as_bytes()),
        "tx_index",
        "asks for it",
    ),
    (
        "transaction elsewhere",
        |c, _, b| {
            let at = TxLocation { height: 3, position: 0 };
            b.put(Family::TxIndex, c.txids[3].as_bytes(), &at.encode());
        },
        "tx_index",
        "another place",
    ),
    (
        "transaction that is nowhere",
        |_, _, b| {
            b.put(Family::TxIndex, &[5; 32], &TxLocation { height: 3, position: 2 }.encode());
        },
        "tx_index",
        "has no transaction 2",
    ),
    (
        "one transaction too many",
        |_, _, b| {
            b.put(Family::TxIndex, &[5; 32], &TxLocation { height: 3, position: 1 }.encode());
        },
        "tx_index",
        "17 entries for 16",
    ),
    (
        "event of another amount",
        |_, s, b| {
            let key = AddressEvent::key_at(&address(22), 3, 0);
            let event =
                AddressEvent::decode(&key, &s.get(Family::AddressIndex, &key).unwrap().unwrap()).unwrap();
            let event = AddressEvent { received: Amount::ZERO, ..event };
            b.put(Family::AddressIndex, &key, &event.encode());
        },
        "address_index",
        "not what the block did",
    ),
    (
        "reward is missing",
        |_, _, b| {
            b.delete(Family::AddressIndex, &AddressEvent::reward(3, Amount::ZERO).key(&address(9)));
        },
        "address_index",
        "asks for it",
    ),
    (
        "one event too many",
        |_, _, b| {
            let event = AddressEvent::reward(3, Amount::ZERO);
            b.put(Family::AddressIndex, &event.key(&address(70)), &event.encode());
        },
        "address_index",
        "41 entries for 40",
    ),
    (
        "another history",
        |_, _, b| b.put(Family::History, &3u64.to_be_bytes(), &[1; 32]),
        "history",
        "headers make",
    ),
];

#[test]
fn each_kind_of_damage_is_found_where_it_is() {
    let sound = Closed::new();
    let not_found = CASES.into_iter().filter_map(|(name, change, family, words)| {
        let closed = sound.copy();
        closed.edit(change);
        let report = closed.check();
        let mut damage = report.damage.iter();
        let found = damage.any(|damage| damage.family == family && damage.what.contains(words));
        // One cause, few words.
        (!found || report.damage_count > 6).then(|| format!("{name}: {report:?}"))
    });
    assert_eq!(not_found.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_state_that_the_node_refuses_is_checked_all_the_same() {
    let sound = Closed::new();
    let closed = sound.copy();
    let rich = Account { nonce: 0, balance: Amount::MAX };
    closed.edit(|_, _, b| b.put(Family::State, StateKey::account(&address(20)).as_bytes(), &rich.encode()));
    assert!(matches!(open_settled(&closed.path(), &closed.chain), Err(StoreError::Damaged { .. })));
    let report = closed.check();
    let words: Vec<_> = report.damage.iter().map(|damage| (damage.family, damage.what.as_str())).collect();
    let [("meta", refused), ("state", root), ("state", sum)] = words[..] else { panic!("{words:?}") };
    assert!(refused.contains("the state has root") && root.contains("all accounts have root"), "{words:?}");
    assert!(sum.contains("exist"), "{words:?}");

    let closed = sound.copy();
    closed.edit(|_, _, b| b.put(Family::State, &[3; 32], &[0; 22]));
    let report = closed.check();
    assert!(report.damage.iter().any(|it| it.family == "state" && it.key == "03".repeat(32)), "{report:?}");

    let closed = sound.copy();
    closed.edit(|_, _, b| b.delete(Family::Meta, meta::BEST_HEADER));
    assert!(closed.check().damage.iter().any(|it| it.family == "meta" && it.what == "it is missing"));
}

#[test]
fn damage_beyond_what_is_listed_is_counted() {
    let closed = Closed::new();
    closed.edit(|closed, store, batch| {
        for txid in &closed.txids {
            batch.delete(Family::TxIndex, txid.as_bytes());
        }
        for entry in store.scan(Family::AddressIndex).take(10) {
            batch.delete(Family::AddressIndex, &entry.unwrap().0);
        }
    });
    let report = closed.check();
    assert_eq!((report.damage.len(), report.damage_count), (MAX_LISTED, 26), "{report:?}");
}

#[test]
fn pruned_bodies_are_no_damage_and_a_gap_above_them_is() {
    let closed = Closed::new();
    closed
        .edit(|closed, _, batch| (1..4).for_each(|height| batch.delete(Family::Bodies, &closed.key(height))));
    let report = closed.check();
    assert_eq!((report.damage_count, report.bodies_from), (0, 4), "{report:?}");
    closed.edit(|closed, _, batch| batch.delete(Family::Bodies, &closed.key(6)));
    let report = closed.check();
    assert_eq!((report.damage_count, report.damage[0].family), (1, "bodies"), "{report:?}");
}

#[test]
fn bytes_that_the_disk_changed_are_found() {
    let closed = Closed::new();
    compact_db(&closed.path(), &closed.chain, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    let files = fs::read_dir(closed.path()).unwrap().map(|entry| entry.unwrap().path());
    let tables: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|it| it == "sst")).collect();
    // All but that of the tree, which so few accounts do not need.
    assert!(tables.len() >= Family::ALL.len() - 1);
    let mut found = 0;
    for table in tables {
        let sound = fs::read(&table).unwrap();
        let mut flipped = sound.clone();
        flipped[20] ^= 1;
        fs::write(&table, flipped).unwrap();
        match check_db(&closed.path(), &closed.chain, &mut |_| ControlFlow::Continue(())) {
            Ok(report) => {
                let report = report.unwrap();
                let told = report.damage.iter().any(|damage| damage.what.contains("can be read: Corruption"));
                assert!(told || report.damage[0].family == "meta", "{report:?}");
                found += 1;
            }
            // What is needed to open it at all.
            Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error}"),
        }
        fs::write(&table, sound).unwrap();
    }
    assert!(found >= 6, "{found}");
    assert_eq!(closed.check().damage_count, 0);
}

#[test]
fn stats_count_what_is_there() {
    let closed = Closed::new();
    let stats = db_stats(&closed.path(), &closed.chain).unwrap();
    assert_eq!((stats.schema, stats.tip.height, stats.lowest_undo), (3, TIP, Some(1)));
    let family = |name: &str| stats.families.iter().find(|family| family.name == name).unwrap();
    assert_eq!((family("canonical").keys, family("tx_index").keys), (9, 16));
    assert!(family("headers").sst_bytes > 0 && stats.left_log_bytes > 0, "{stats:?}");
    let sum = |of: fn(&FamilyStats) -> u64| stats.families.iter().map(of).sum::<u64>();
    assert!(sum(|family| family.sst_bytes) <= stats.disk.sst, "{stats:?}");
    assert!(sum(|family| family.blob_bytes) <= stats.disk.blob, "{stats:?}");
    assert!(stats.disk.total() > stats.disk.sst + stats.disk.blob);
}

#[test]
fn compaction_loses_nothing_but_what_is_gone() {
    let closed = Closed::new();
    closed.edit(|_, store, batch| {
        for entry in store.scan(Family::History) {
            let (key, value) = entry.unwrap();
            batch.put(Family::History, &key, &value);
        }
        for number in 0..20_000u32 {
            let key = [&[0xff; 28][..], &number.to_be_bytes()].concat();
            batch.put(Family::TxIndex, &key, &[0; 8]);
        }
    });
    closed.edit(|_, store, batch| {
        let surplus = store.scan(Family::TxIndex).map(|entry| entry.unwrap().0);
        surplus
            .filter(|key| key.starts_with(&[0xff; 28]))
            .for_each(|key| batch.delete(Family::TxIndex, &key));
    });
    let mut told = Vec::new();
    let compacted = compact_db(&closed.path(), &closed.chain, &mut |step| {
        told.push((step.family, step.done, step.total));
        ControlFlow::Continue(())
    });
    let compacted = compacted.unwrap().unwrap();
    assert_eq!((told.len(), told[0]), (Family::ALL.len(), ("meta", 0, 10)));
    let index = compacted.iter().find(|family| family.name == "tx_index").unwrap();
    assert!(index.after * 10 < index.before, "{index:?}");
    assert_eq!(closed.check().damage_count, 0);
}

#[test]
fn progress_may_end_a_check_and_a_compaction() {
    let closed = Closed::new();
    closed.edit(|_, _, batch| {
        for number in 0..600u32 {
            batch.put(Family::Meta, &number.to_be_bytes(), &[]);
        }
    });
    let stop = &mut |_: UpkeepStep| ControlFlow::Break(());
    assert!(check_db(&closed.path(), &closed.chain, stop).unwrap().is_none());
    assert!(compact_db(&closed.path(), &closed.chain, stop).unwrap().is_none());
}

#[test]
fn an_open_database_is_left_alone_and_a_missing_one_is_not_made() {
    let closed = Closed::new();
    let open = open_settled(&closed.path(), &closed.chain).unwrap();
    assert!(matches!(db_stats(&closed.path(), &closed.chain), Err(StoreError::Locked(_))));
    let checked = check_db(&closed.path(), &closed.chain, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(checked, Err(StoreError::Locked(_))));
    drop(open);
    assert!(has_database(&closed.path()).unwrap());
    fs::remove_file(closed.path().join(CURRENT)).unwrap();
    assert!(matches!(has_database(&closed.path()), Err(StoreError::Damaged { .. })));
    assert!(!has_database(&closed.dir.path().join("none")).unwrap());
    assert!(matches!(has_database(&closed.path().join("LOCK")), Err(StoreError::Io { .. })));
}
