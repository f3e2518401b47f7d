//! What is settled (RocksDB, state, undo) and what is pending (mempool, block templates)
