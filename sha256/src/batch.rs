//! Many hashes at once: blocks that start from one state, and levels of a tree.

use crate::compress::{BLOCK_BYTES, NODE, State};
use crate::kernel::{GROUP, hash};

impl State {
    /// The hashes after one more block each, all from this state: `out[i]` is that of `blocks[i]`.
    ///
    /// # Panics
    /// When there are not as many hashes as blocks.
    pub fn after_many(&self, blocks: &[[u8; BLOCK_BYTES]], out: &mut [[u8; 32]]) {
        hash(self, blocks, out);
    }
}

/// [`node`](crate::node) of many pairs: `out[i]` is that of `pairs[i]`. A level of a tree is seen as pairs
/// by `as_chunks`, without copying.
///
/// # Panics
/// When there are not as many hashes as pairs.
pub fn nodes(pairs: &[[[u8; 32]; 2]], out: &mut [[u8; 32]]) {
    hash(&NODE, as_blocks(pairs.as_flattened()), out);
}

/// One level up, in place: the nodes over neighbours take the front of `level`, an odd last hash is promoted
/// unchanged behind them. Returns how many that makes; what follows is left over.
pub fn nodes_in_place(level: &mut [[u8; 32]]) -> usize {
    let count = level.len();
    let mut hashes = [[0; 32]; GROUP];
    for first in (0..count / 2).step_by(GROUP) {
        // A group is read whole before its nodes are written, and these lie before all that is still unread.
        let blocks = as_blocks(&level[2 * first..]);
        let blocks = &blocks[..blocks.len().min(GROUP)];
        let hashes = &mut hashes[..blocks.len()];
        hash(&NODE, blocks, hashes);
        level[first..first + hashes.len()].copy_from_slice(hashes);
    }
    if count % 2 == 1 {
        level[count / 2] = level[count - 1];
    }
    count.div_ceil(2)
}

/// One level up, at chosen places: for each `i` of `at`, `parents[i]` becomes the node over `children[2 * i]`
/// and `children[2 * i + 1]`; other parents stay.
///
/// # Panics
/// When a level has no such place.
pub fn nodes_at(children: &[[u8; 32]], at: impl IntoIterator<Item = usize>, parents: &mut [[u8; 32]]) {
    let children = as_blocks(children);
    let mut at = at.into_iter();
    let mut places = [0; GROUP];
    let mut blocks = [[0; BLOCK_BYTES]; GROUP];
    let mut hashes = [[0; 32]; GROUP];
    loop {
        let mut count = 0;
        for ((place, block), i) in places.iter_mut().zip(&mut blocks).zip(&mut at) {
            *place = i;
            *block = children[i];
            count += 1;
        }
        if count == 0 {
            return;
        }
        hash(&NODE, &blocks[..count], &mut hashes[..count]);
        for (&i, hash) in places.iter().zip(&hashes[..count]) {
            parents[i] = *hash;
        }
    }
}

/// The hashes as pairs side by side, an odd last one left out.
fn as_blocks(hashes: &[[u8; 32]]) -> &[[u8; BLOCK_BYTES]] {
    hashes.as_flattened().as_chunks().0
}

#[cfg(test)]
mod tests;
