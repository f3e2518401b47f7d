//! Each kernel that this processor has, lane by lane, against the `sha2` crate.

use super::*;
use proptest::prelude::*;
use sha2::block_api::compress256;

/// Enough for two full groups and every remainder between.
const MOST_BLOCKS: usize = 40;

fn expected(start: [u32; 8], blocks: &[[u8; BLOCK_BYTES]]) -> Vec<[u8; 32]> {
    let one = |block| {
        let mut state = start;
        compress256(&mut state, std::slice::from_ref(block));
        State(state).to_bytes()
    };
    blocks.iter().map(one).collect()
}

fn hashes(kernel: &Kernel, start: [u32; 8], blocks: &[[u8; BLOCK_BYTES]]) -> Vec<[u8; 32]> {
    // What lies behind the last hash must stay as it is.
    let mut out = vec![[0xee; 32]; blocks.len() + 1];
    kernel.after_many(&State(start), blocks, &mut out[..blocks.len()]);
    assert_eq!(out.pop(), Some([0xee; 32]), "{} writes behind the end", kernel.name());
    out
}

fn block() -> impl Strategy<Value = [u8; BLOCK_BYTES]> {
    prop_oneof![3 => any::<[u8; BLOCK_BYTES]>(), 1 => Just([0; BLOCK_BYTES]), 1 => Just([0xff; BLOCK_BYTES])]
}

fn start() -> impl Strategy<Value = [u32; 8]> {
    let edges = prop::sample::select(vec![State::INITIAL.0, [0; 8], [u32::MAX; 8]]);
    prop_oneof![any::<[u32; 8]>(), edges]
}

proptest! {
    #[test]
    fn every_kernel_agrees_with_the_oracle(
        start in start(), blocks in prop::collection::vec(block(), 0..=MOST_BLOCKS),
    ) {
        for kernel in Kernel::available() {
            prop_assert_eq!(hashes(kernel, start, &blocks), expected(start, &blocks), "{}", kernel.name());
        }
    }

    #[test]
    fn a_changed_block_changes_its_hash_alone(
        blocks in prop::collection::vec(block(), 1..=MOST_BLOCKS),
        which: prop::sample::Index, byte in 0..BLOCK_BYTES, bit in 0..8,
    ) {
        let which = which.index(blocks.len());
        let mut changed = blocks.clone();
        changed[which][byte] ^= 1_u8 << bit;
        for kernel in Kernel::available() {
            let before = hashes(kernel, State::INITIAL.0, &blocks);
            let after = hashes(kernel, State::INITIAL.0, &changed);
            let differ: Vec<_> = (0..blocks.len()).filter(|&i| before[i] != after[i]).collect();
            prop_assert_eq!(&differ, &[which], "{}", kernel.name());
        }
    }
}

#[test]
fn every_number_of_blocks_is_hashed() {
    let blocks: Vec<[u8; BLOCK_BYTES]> = (0..MOST_BLOCKS)
        .map(|i| std::array::from_fn(|j| u8::try_from((i * 71 + j * 13) % 251).unwrap()))
        .collect();
    for kernel in Kernel::available() {
        for count in 0..=MOST_BLOCKS {
            let blocks = &blocks[..count];
            let expected = expected(State::INITIAL.0, blocks);
            assert_eq!(hashes(kernel, State::INITIAL.0, blocks), expected, "{} of {count}", kernel.name());
        }
    }
}

/// Messages and hashes of FIPS 180-2, appendix B, and the empty message.
const PUBLISHED: &[(&str, &str)] = &[
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
];

#[test]
fn every_kernel_gives_the_published_hashes() {
    for (message, hash) in PUBLISHED {
        let mut padded = message.as_bytes().to_vec();
        padded.push(0x80);
        padded.resize((padded.len() + 8).next_multiple_of(BLOCK_BYTES) - 8, 0);
        padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
        for kernel in Kernel::available() {
            let (blocks, _) = padded.as_chunks::<BLOCK_BYTES>();
            let end = blocks.iter().fold(State::INITIAL.0, |start, block| {
                let hashes = hashes(kernel, start, &[*block; GROUP]);
                assert_eq!(hashes, [hashes[0]; GROUP], "{}", kernel.name());
                let (words, _) = hashes[0].as_chunks();
                std::array::from_fn(|i| u32::from_be_bytes(words[i]))
            });
            assert_eq!(hex::encode(State(end).to_bytes()), *hash, "{} of {message:?}", kernel.name());
        }
    }
}

/// Every set of kernels that a processor could have, as bits; all have the portable one.
fn processors() -> impl Iterator<Item = usize> {
    let portable = KERNELS.iter().position(|kernel| kernel.name == "portable").unwrap();
    (0..1 << KERNELS.len()).filter(move |set| set >> portable & 1 == 1)
}

fn has(set: usize, kernel: &Kernel) -> bool {
    let at = KERNELS.iter().position(|other| std::ptr::eq(other, kernel)).unwrap();
    set >> at & 1 == 1
}

#[test]
fn the_choice_never_falls_on_what_the_processor_lacks() {
    for set in processors() {
        for (blocks, kernel) in choose(|kernel| has(set, kernel)).into_iter().enumerate() {
            assert!(has(set, kernel), "{} for {blocks} blocks on {set:b}", kernel.name);
        }
    }
    let available: Vec<_> = Kernel::available().map(Kernel::name).collect();
    assert!(CHOICE.iter().all(|kernel| available.contains(&kernel.name())), "{available:?}");
    assert!(available.contains(&Kernel::fastest().name()));
}

#[test]
fn no_kernel_has_more_lanes_than_a_group() {
    assert!(KERNELS.iter().all(|kernel| kernel.lanes <= GROUP));
    assert_eq!(KERNELS.iter().map(|kernel| kernel.name).filter(|&name| name == "portable").count(), 1);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn wide_lanes_take_full_groups_and_narrow_ones_the_rest() {
    let names = |lacks: &[&str]| choose(|kernel| !lacks.contains(&kernel.name)).map(|kernel| kernel.name);
    let all = names(&[]);
    assert_eq!((all[1], all[8], all[14], all[16]), ("sha-ni", "sha-ni", "sha-ni", "avx512"));
    let no_sha = names(&["sha-ni"]);
    assert_eq!((no_sha[1], no_sha[2], no_sha[8], no_sha[16]), ("portable", "avx2", "avx2", "avx512"));
    assert_eq!(names(&["avx512"])[1..], ["sha-ni"; GROUP]);
    let avx2 = names(&["avx512", "sha-ni"]);
    assert_eq!((avx2[1], avx2[2], avx2[16]), ("portable", "avx2", "avx2"));
    assert_eq!(names(&["avx512", "sha-ni", "avx2"]), ["portable"; GROUP + 1]);
}

#[test]
#[should_panic(expected = "each block has a place for its hash")]
fn too_few_places_are_refused() {
    Kernel::fastest().after_many(&State::INITIAL, &[[0; BLOCK_BYTES]; 3], &mut [[0; 32]; 2]);
}
