//! Kernels: ways to hash many independent blocks, of which a processor has several. Which one a batch is
//! given to is decided once, at the first batch.

#[cfg(target_arch = "aarch64")]
mod armv8;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
mod rounds;
#[cfg(target_arch = "x86_64")]
mod shani;

use crate::compress::{BLOCK_BYTES, State};
use std::sync::LazyLock;

/// The blocks of a batch are counted in groups of so many: as many as the widest kernel has lanes.
pub(crate) const GROUP: usize = 16;

/// A way to hash many blocks from one start. One that the processor lacks cannot be got hold of.
#[derive(Debug)]
pub struct Kernel {
    name: &'static str,
    /// Blocks that one pass takes; fewer cost the same.
    lanes: usize,
    /// What a pass takes, in nanoseconds on one core of a Zen 4 at 3.7 GHz. Only the ratios matter, and
    /// they decide in one place only: whether the last blocks of a batch are worth a wide, half-empty pass.
    pass_ns: usize,
    is_supported: fn() -> bool,
    hash: Hash,
}

/// The hashes of blocks after one more block each, all from one start, into as many places. To be called only
/// where the processor has the kernel's instructions.
type Hash = unsafe fn(&[u32; 8], &[[u8; BLOCK_BYTES]], &mut [[u8; 32]]);

macro_rules! kernel {
    ($name:literal, $module:ident, $pass_ns:literal) => {
        Kernel {
            name: $name,
            lanes: $module::LANES,
            pass_ns: $pass_ns,
            is_supported: $module::is_supported,
            hash: $module::hash,
        }
    };
}

/// Every kernel of this architecture, and why a batch is given to which, by measurement:
///
/// - The SHA instructions with two blocks in flight hash as fast as sixteen lanes of AVX-512 on Zen 4, which
///   splits 512-bit vectors in two, and slower than these on processors that do not. So full groups go to the
///   lanes, and up to 14 blocks to the SHA instructions, which do not pay for lanes that are empty.
/// - Eight lanes of AVX2 reach half of that; they serve processors without SHA instructions.
/// - `armv8` carries the figure of its like on x86-64: it has the portable one alone to beat.
static KERNELS: &[Kernel] = &[
    #[cfg(target_arch = "x86_64")]
    kernel!("avx512", avx512, 290),
    #[cfg(target_arch = "x86_64")]
    kernel!("sha-ni", shani, 37),
    #[cfg(target_arch = "x86_64")]
    kernel!("avx2", avx2, 275),
    #[cfg(target_arch = "aarch64")]
    kernel!("armv8", armv8, 37),
    kernel!("portable", portable, 175),
];

/// The kernel for each size of a group, from none to [`GROUP`] blocks.
type Choice = [&'static Kernel; GROUP + 1];

static CHOICE: LazyLock<Choice> = LazyLock::new(|| choose(|kernel| (kernel.is_supported)()));

impl Kernel {
    /// The kernels that this processor can run.
    pub fn available() -> impl Iterator<Item = &'static Self> {
        KERNELS.iter().filter(|kernel| (kernel.is_supported)())
    }

    /// The kernel that full groups of a large batch are given to.
    #[must_use]
    pub fn fastest() -> &'static Self {
        CHOICE[GROUP]
    }

    /// Its name, for people: `avx512`, `sha-ni`, `avx2`, `armv8` or `portable`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// [`State::after_many`] by this kernel alone: for comparing kernels.
    ///
    /// # Panics
    /// When there are not as many hashes as blocks.
    pub fn after_many(&self, start: &State, blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
        assert_eq!(blocks.len(), out.len(), "each block has a place for its hash");
        self.hash(start, blocks, out);
    }

    #[allow(unsafe_code, reason = "a kernel may run only where the processor has its instructions")]
    fn hash(&self, start: &State, blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
        // SAFETY: a kernel comes from `available` or `CHOICE` alone, which ask the processor for its
        // instructions first; that is all that its `hash` requires.
        unsafe { (self.hash)(&start.0, blocks, out) }
    }

    /// What a group of so many blocks takes.
    fn cost(&self, blocks: usize) -> usize {
        blocks.div_ceil(self.lanes) * self.pass_ns
    }
}

/// Hashes each block after `start`: what fills groups by the best kernel for those, the rest by the best for
/// so many.
pub(crate) fn hash(start: &State, blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
    assert_eq!(blocks.len(), out.len(), "each block has a place for its hash");
    let full = blocks.len() - blocks.len() % GROUP;
    let (groups, rest) = blocks.split_at(full);
    let (groups_out, rest_out) = out.split_at_mut(full);
    CHOICE[GROUP].hash(start, groups, groups_out);
    CHOICE[rest.len()].hash(start, rest, rest_out);
}

/// For each size of a group the cheapest of the kernels that the processor `has`.
fn choose(has: impl Fn(&Kernel) -> bool) -> Choice {
    std::array::from_fn(|blocks| {
        let had = KERNELS.iter().filter(|kernel| has(kernel));
        had.min_by_key(|kernel| kernel.cost(blocks)).expect("every processor has the portable kernel")
    })
}

#[cfg(test)]
mod tests;
