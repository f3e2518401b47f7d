//! The database: one RocksDB with a column family for each kind of thing (ledger: RocksDB).
//!
//! Keys are big-endian, so that key order is chain order. Everything goes through [`Store::commit`]: one
//! atomic batch a block, and one for the accounts of many blocks.
//!
//! | family | key | value |
//! |---|---|---|
//! | `meta` | `schema`, `genesis` | layout version `u32`; genesis id |
//! | `meta` | `tip`, `state_tip`, `best_header` | [`Tip`]; [`StateTip`]; id |
//! | `meta` | `oldest_body` | lowest height whose body is kept `u32`, in a pruned database |
//! | `meta` | `no_address_index` | nothing; there while that index is not kept |
//! | `meta` | `tree` | of which state `tree` is |
//! | `headers` | block id | [`HeaderRecord`](crate::HeaderRecord) |
//! | `canonical` | height | id of the connected block there |
//! | `bodies` | height, block id | body as in the formats |
//! | `undo` | height, block id | what the block's accounts were before it |
//! | `state` | state key | account as in the formats, after the block of `state_tip` |
//! | `tree` | part | nodes of 1,024 buckets of the state tree and their leaf bits, when last settled |
//! | `history` | position `u64` | node of the best header chain's history |
//! | `tx_index` | txid | [`TxLocation`](crate::TxLocation) |
//! | `address_index` | address, height, position | [`AddressEvent`](crate::AddressEvent) |
//!
//! Heights and positions are 32 bits, those in keys big-endian; numbers in values are little-endian, but for
//! [`TxLocation`](crate::TxLocation) and cumulative work. `records` has each record's bytes, and a golden
//! test holds all of it: another layout is another [`SCHEMA`], with a way from the old one.

mod batch;
mod open;
mod schema;
mod upkeep;

pub(crate) use batch::{Batch, Writes};
pub(crate) use open::CURRENT;
pub use open::{MemoryDisk, wait_until_closed};

use crate::records::{Damaged, StateTip, Tip, TreeMark};
use crate::state_tree::{Bucket, Entry, Value};
use open::{Counted, check_current, check_families, refwithinto_open};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::statistics::StatsLevel;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, ErrorKind,
    IteratorMode, Options, ReadOptions, WriteBufferManager, WriteOptions,
};
use starling_consensus::HistoryNodes;
use starling_primitives::GenesisId;
use starling_primitives::state::StateKey;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use thiserror::Error;

/// Version of the layout: an older one is brought up to it ([`schema`]), a newer one is refused.
const SCHEMA: u32 = 3;
/// Bytes of a table: its filter is built in memory, which takes a quarter of that where entries are small.
const FILE_BYTES: u64 = 32 << 20;
/// Files that the database keeps open.
const MAX_OPEN_FILES: i32 = 512;
/// The family that every RocksDB has; nothing is in ours.
const DEFAULT_FAMILY: &str = "default";
/// Values from this size on go to blob files, in the families that have them.
const MIN_BLOB_BYTES: u64 = 512;

/// The column families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Schema version, genesis id, tip, best header.
    Meta,
    /// Block id -> header, status, work.
    Headers,
    /// Height -> block id of the connected chain.
    Canonical,
    /// Height, id -> body.
    Bodies,
    /// Height, id -> previous values of the touched keys.
    Undo,
    /// State key -> value.
    State,
    /// Part -> nodes of the state tree.
    Tree,
    /// Position -> node of the best header chain's history.
    History,
    /// Transaction id -> height, position.
    TxIndex,
    /// Address, height, position -> what happened to it.
    AddressIndex,
}

impl Family {
    pub(crate) const ALL: [Self; 10] = [
        Self::Meta,
        Self::Headers,
        Self::Canonical,
        Self::Bodies,
        Self::Undo,
        Self::State,
        Self::Tree,
        Self::History,
        Self::TxIndex,
        Self::AddressIndex,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Headers => "headers",
            Self::Canonical => "canonical",
            Self::Bodies => "bodies",
            Self::Undo => "undo",
            Self::State => "state",
            Self::Tree => "tree",
            Self::History => "history",
            Self::TxIndex => "tx_index",
            Self::AddressIndex => "address_index",
        }
    }

    fn options(self, cache: &Cache) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(cache);
        // Elsewhere what is asked for is there, or a range is read.
        if matches!(self, Self::Headers | Self::State | Self::TxIndex) {
            table.set_hybrid_ribbon_filter(10.0, 1);
        }
        // Else they are kept beside the cache, for each open file, however many there are.
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_level_compaction_dynamic_level_bytes(true);
        // Hashes do not compress; everything else has some structure.
        let compression = match self {
            Self::State | Self::Tree | Self::History | Self::TxIndex => DBCompressionType::None,
            _ => DBCompressionType::Lz4,
        };
        options.set_compression_type(compression);
        options.set_target_file_size_base(FILE_BYTES);
        if matches!(self, Self::Bodies | Self::Undo) {
            options.set_enable_blob_files(true);
            options.set_min_blob_size(MIN_BLOB_BYTES);
            options.set_blob_compression_type(DBCompressionType::Lz4);
        }
        options
    }
}

pub(crate) mod meta {
    //! Names in the `meta` family.
    pub(crate) const SCHEMA: &[u8] = b"schema";
    pub(crate) const GENESIS: &[u8] = b"genesis";
    pub(crate) const TIP: &[u8] = b"tip";
    pub(crate) const STATE_TIP: &[u8] = b"state_tip";
    pub(crate) const TREE: &[u8] = b"tree";
    pub(crate) const NO_ADDRESS_INDEX: &[u8] = b"no_address_index";
    pub(crate) const OLDEST_BODY: &[u8] = b"oldest_body";
    pub(crate) const BEST_HEADER: &[u8] = b"best_header";
}

/// Why the database does not open or answer.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the database {0} is in use by another process; stop that one, or choose another --data-dir")]
    Locked(PathBuf),
    /// It belongs to another chain.
    #[error(
        "the database {path} holds the chain with genesis {found}, not {expected}; choose another --data-dir"
    )]
    OtherChain {
        /// Where.
        path: PathBuf,
        /// The genesis id that it holds.
        found: GenesisId,
        /// The genesis id that was asked for.
        expected: GenesisId,
    },
    /// A newer program wrote it.
    #[error(
        "the database {path} has layout {found}, and this program reads up to {SCHEMA}; use a newer starling"
    )]
    NewerSchema {
        /// Where.
        path: PathBuf,
        /// Its layout.
        found: u32,
    },
    /// A newer program wrote it: it has a family that this one does not know.
    #[error(
        "the database {path} has a part \"{name}\" that this program does not know; use a newer starling"
    )]
    UnknownFamily {
        /// Where.
        path: PathBuf,
        /// The family.
        name: String,
    },
    /// It was made without an index of addresses, which is wanted now.
    #[error(
        "the database {0} was filled without an address index; start with --no-address-index, or sync anew \
         into another --data-dir"
    )]
    NoAddressIndex(PathBuf),
    /// Something in it is not what was written.
    #[error("the database {path} is damaged: {what}; move it away and sync again")]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What.
        what: String,
    },
    /// The operating system refused: disk full, permissions, a failing disk.
    #[error("the database {path} cannot be read or written: {what}; check space, permissions and the disk")]
    Io {
        /// Where.
        path: PathBuf,
        /// What RocksDB said.
        what: String,
    },
}

pub(crate) type KeyValue = (Box<[u8]>, Box<[u8]>);

/// The open database.
pub struct Store {
    db: DB,
    path: PathBuf,
    /// The first write that failed, or history node that could not be read. Whoever asked for that was told
    /// that there is none, and may have drawn conclusions: nothing is written any more.
    failed: OnceLock<StoreError>,
    /// What the database was opened with: it holds the counters.
    options: Options,
    /// Gone when the database is closed.
    _open: Counted,
}

/// What the database may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreOptions {
    /// Bytes for blocks of files, and what stands for them in the cache.
    pub(crate) cache_bytes: usize,
    /// Of these, bytes of writes that are in no file yet, over all families.
    pub(crate) write_bytes: usize,
}

impl Store {
    /// Opens the database, or makes an empty one; the caller sees by [`Store::tip`] whether it is empty.
    pub(crate) fn open(path: &Path, genesis: &GenesisId, within: &StoreOptions) -> Result<Self, StoreError> {
        check_current(path)?;
        check_families(path)?;
        Self::open_as(Options::default(), path, genesis, within)
    }

    /// The same on a disk in memory.
    pub(crate) fn open_on(
        disk: &MemoryDisk,
        path: &Path,
        genesis: &GenesisId,
        within: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let mut options = Options::default();
        options.set_env(disk.env());
        Self::open_as(options, path, genesis, within)
    }

    fn open_as(
        mut options: Options,
        path: &Path,
        genesis: &GenesisId,
        within: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let cache = Cache::new_hyper_clock_cache(within.cache_bytes, 0);
        let writes =
            WriteBufferManager::new_write_buffer_manager_with_cache(within.write_bytes, false, cache.clone());
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_open_files(MAX_OPEN_FILES);
        options.set_write_buffer_manager(&writes);
        options.set_max_total_wal_size(u64::try_from(2 * within.write_bytes).unwrap_or(u64::MAX));
        options.set_bytes_per_sync(1 << 20);
        options.set_keep_log_file_num(4);
        options.enable_statistics();
        options.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
        let families = Family::ALL.map(|f| ColumnFamilyDescriptor::new(f.name(), f.options(&cache)));
        let open = Counted::new();
        let db = DB::open_cf_descriptors(&options, path, families);
        let db = db.map_err(|error| refwithinto_open(path, &error))?;
        let store = Self { db, path: path.to_owned(), failed: OnceLock::new(), options, _open: open };
        store.check_meta(genesis)?;
        Ok(store)
    }

    fn check_meta(&self, genesis: &GenesisId) -> Result<(), StoreError> {
        let Some(schema) = self.get(Family::Meta, meta::SCHEMA)? else { return Ok(()) };
        let schema = <[u8; 4]>::try_from(schema.as_slice()).map_err(|_| self.damaged("schema"))?;
        let schema = u32::from_le_bytes(schema);
        if schema > SCHEMA {
            return Err(StoreError::NewerSchema { path: self.path.clone(), found: schema });
        }
        let found = self.get(Family::Meta, meta::GENESIS)?.and_then(|bytes| bytes.try_into().ok());
        let found = GenesisId::new(found.ok_or_else(|| self.damaged("genesis id"))?);
        if found != *genesis {
            let path = self.path.clone();
            return Err(StoreError::OtherChain { path, found, expected: *genesis });
        }
        schema::upgrade(self, schema)
    }

    /// Adds what marks the database as this chain's to the first batch.
    pub(crate) fn put_identity(&self, batch: &mut Batch<'_>, genesis: &GenesisId) {
        batch.put(Family::Meta, meta::SCHEMA, &SCHEMA.to_le_bytes());
        batch.put(Family::Meta, meta::GENESIS, genesis.as_bytes());
    }

    /// The last connected block; none in an empty database.
    pub(crate) fn tip(&self) -> Result<Option<Tip>, StoreError> {
        let bytes = self.get(Family::Meta, meta::TIP)?;
        bytes.map(|bytes| Tip::decode(&bytes).map_err(|error| self.record_damaged("tip", &error))).transpose()
    }

    /// The block after which the state is; none in an empty database.
    pub(crate) fn state_tip(&self) -> Result<Option<StateTip>, StoreError> {
        let bytes = self.get(Family::Meta, meta::STATE_TIP)?;
        let decode = |bytes: Vec<u8>| StateTip::decode(&bytes);
        bytes.map(decode).transpose().map_err(|error| self.record_damaged("tip of the state", &error))
    }

    /// Of which state the tree is that is stored, if one is.
    pub(crate) fn tree_mark(&self) -> Result<Option<TreeMark>, StoreError> {
        let bytes = self.get(Family::Meta, meta::TREE)?;
        let decode = |bytes: Vec<u8>| TreeMark::decode(&bytes);
        bytes.map(decode).transpose().map_err(|error| self.record_damaged("mark of the tree", &error))
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_cf(self.family(family), key).map_err(|error| refuse(&self.path, &error))
    }

    /// All entries of a family, in key order. What is read once does not displace what is in the cache.
    pub(crate) fn scan(&self, family: Family) -> impl Iterator<Item = Result<KeyValue, StoreError>> + '_ {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let entries = self.db.iterator_cf_opt(self.family(family), options, IteratorMode::Start);
        entries.map(|entry| entry.map_err(|error| refuse(&self.path, &error)))
    }

    /// The value of a state key.
    pub(crate) fn state_value(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        let value = self.db.get_pinned_cf(self.family(Family::State), key.as_bytes());
        let value = value.map_err(|error| refuse(&self.path, &error))?;
        value
            .map(|value| self.entry(key.as_bytes(), &value))
            .transpose()
            .map(|entry| entry.map(|(_, value)| value))
    }

    /// All entries of the state, in key order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Result<Entry, StoreError>> + '_ {
        self.scan(Family::State).map(|entry| entry.and_then(|(key, value)| self.entry(&key, &value)))
    }

    /// The entries of some buckets, which ascend, each in key order.
    pub(crate) fn buckets(&self, buckets: &[Bucket]) -> Result<Vec<Vec<Entry>>, StoreError> {
        let mut cursor = self.db.raw_iterator_cf(self.family(Family::State));
        let read = |bucket: &Bucket| {
            let mut entries = Vec::new();
            // Behind the bucket before, it may be at the first key of this one.
            if cursor.key().is_none_or(|at| at < bucket.first().as_bytes().as_slice()) {
                cursor.seek(bucket.first().as_bytes());
            }
            while let Some((key, value)) = cursor.item() {
                let entry = self.entry(key, value)?;
                if !bucket.holds(&entry.0) {
                    break;
                }
                entries.push(entry);
                cursor.next();
            }
            cursor.status().map_err(|error| refuse(&self.path, &error))?;
            Ok(entries)
        };
        buckets.iter().map(read).collect()
    }

    pub(crate) fn entry(&self, key: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
        let (Ok(key), Ok(value)) = (key.try_into(), value.try_into()) else {
            return Err(self.damaged("an entry of the state has another size"));
        };
        Ok((StateKey::new(key), value))
    }

    /// About how many entries a family has.
    pub(crate) fn estimated_entries(&self, family: Family) -> Result<u64, StoreError> {
        let count = self.db.property_int_value_cf(self.family(family), "rocksdb.estimate-num-keys");
        Ok(count.map_err(|error| refuse(&self.path, &error))?.unwrap_or(0))
    }

    /// Writes a batch atomically; `sync` waits until it is on the disk. Refuses once a history node could not
    /// be read.
    pub(crate) fn commit(&self, batch: Batch<'_>, sync: bool) -> Result<(), StoreError> {
        self.write(batch.into_writes(), sync)
    }

    pub(crate) fn write(&self, writes: Writes, sync: bool) -> Result<(), StoreError> {
        if let Some(error) = self.failed.get() {
            return Err(error.clone());
        }
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        // Families are written in key order.
        options.set_memtable_insert_hint_per_batch(true);
        let written = self.db.write_opt(writes, &options).map_err(|error| refuse(&self.path, &error));
        // What is in memory may be ahead of it: nothing that follows may be written without it.
        written.inspect_err(|error| drop(self.failed.set(error.clone())))
    }

    /// Waits until everything committed is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush_wal(true).map_err(|error| refuse(&self.path, &error))
    }

    /// Copies all that is committed to another path of the same disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let copied = Checkpoint::new(&self.db).and_then(|state| state.create_checkpoint(path));
        copied.map_err(|error| refuse(path, &error))
    }

    /// Gives back the room of what was deleted between two keys.
    pub(crate) fn compact_range(&self, family: Family, from: &[u8], to: &[u8]) {
        self.db.compact_range_cf(self.family(family), Some(from), Some(to));
    }

    pub(crate) fn snapshot(&self) -> rocksdb::Snapshot<'_> {
        self.db.snapshot()
    }

    pub(crate) fn family(&self, family: Family) -> &ColumnFamily {
        self.db.cf_handle(family.name()).expect("every family is opened or created at the start")
    }

    pub(crate) fn refuse(&self, error: &rocksdb::Error) -> StoreError {
        refuse(&self.path, error)
    }

    pub(crate) fn io(&self, what: &str) -> StoreError {
        StoreError::Io { path: self.path.clone(), what: what.to_owned() }
    }

    pub(crate) fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: what.to_owned() }
    }

    pub(crate) fn no_address_index(&self) -> StoreError {
        StoreError::NoAddressIndex(self.path.clone())
    }

    pub(crate) fn record_damaged(&self, what: &str, error: &Damaged) -> StoreError {
        self.damaged(&format!("{what}: {error}"))
    }
}

impl HistoryNodes for Store {
    fn node(&self, position: u64) -> Option<[u8; 32]> {
        let damaged = |_| self.damaged(&format!("history node {position}"));
        let node = self.get(Family::History, &position.to_be_bytes());
        let node = node.and_then(|node| node.map(|node| node.try_into().map_err(damaged)).transpose());
        node.unwrap_or_else(|error| {
            tracing::error!(%error, "a history node cannot be read");
            self.failed.get_or_init(|| error);
            None
        })
    }
}

fn refuse(path: &Path, error: &rocksdb::Error) -> StoreError {
    let (path, what) = (path.to_owned(), error.to_string());
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::InvalidArgument => StoreError::Damaged { path, what },
        // Of its own files.
        _ if what.contains("No such file or directory") => StoreError::Damaged { path, what },
        _ => StoreError::Io { path, what },
    }
}

#[cfg(test)]
mod tests;
