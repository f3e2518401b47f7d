//! Templates for tests.

use super::*;
use starling_primitives::{Address, BlockId, HistoryRoot, StateRoot, TxRoot};

/// Work and content of a template at a height, which one hash in `2^zero_bits` meets.
pub(crate) fn template(height: u32, zero_bits: u8) -> (WorkHeader, Content) {
    let content = Content {
        height,
        miner: Address::new([7; 20]),
        tx_count: 0,
        body_bytes: 0,
        tx_root: TxRoot::ZERO,
        state_root: StateRoot::new([1; 32]),
        history_root: HistoryRoot::new([2; 32]),
    };
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent: BlockId::new([3; 32]),
        root: [0; 32],
        time: 1_800_000_000,
        bits: Target::power_of_two(u8::MAX - zero_bits + 1).bits(),
        nonce: 0,
    };
    (work, content)
}

/// A job at a height that takes about `2^zero_bits` hashes.
pub(crate) fn job(height: u32, zero_bits: u8, pow: PowKind) -> Job {
    let (work, content) = template(height, zero_bits);
    Job::new(work, b"test", content, pow).unwrap()
}

/// A job that ends after about 256 hashes.
pub(crate) fn easy(height: u32, pow: PowKind) -> Job {
    job(height, 8, pow)
}

/// A job that does not end: 2^255 hashes.
pub(crate) fn endless(height: u32) -> Job {
    job(height, 255, PowKind::Sha256d)
}

/// Asserts by the plain path that `header` is a block of the job.
pub(crate) fn assert_is_block(header: &Header, job: &Job) {
    assert!(job.target().is_met_by(&header.work().pow_hash(job.pow())));
    assert_eq!(header.work().root, header.coinbase().root());
    assert_eq!(header.work().bits, job.target().bits());
    assert_eq!(header.content(), &job.content);
    assert!(header.extra().as_bytes().starts_with(&job.prefix));
    assert_eq!(Header::decode(&header.encode()).as_ref(), Ok(header));
}
