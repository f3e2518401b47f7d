//! Tests.

use super::super::testing::*;
use super::super::*;
use super::*;

fn filled(world: &World) -> Mempool {
    let mut pool = world.pool();
    for (who, nonce) in [(1, 0), (2, 3), (1, 1), (3, 0), (1, 4)] {
        pool.submit(world, &pay(who, nonce, 10 + nonce)).unwrap();
    }
    pool
}

/// Puts the right checksum behind changed bytes.
fn sealed(bytes: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut content = bytes[..bytes.len() - CHECKSUM_BYTES].to_vec();
    change(&mut content);
    let checksum = CHECKSUM.hash(&[&content]);
    content.extend_from_slice(&checksum);
    content
}

#[test]
fn a_pool_survives_a_restart() {
    let mut world = World::new();
    let before = filled(&world);
    let bytes = before.encode();
    let came = world.now;
    world.now += HOUR;
    let mut after = world.pool();
    let loaded = after.load(&bytes, &world.settled()).unwrap();
    assert_eq!(loaded, Loaded { added: 5, refused: 0 });
    after.check_invariants(&world);
    for who in 1..=3 {
        assert_eq!(after.nonces(who), before.nonces(who));
    }
    let all = after.list(&Wtxid::ZERO, 10).unwrap().txs;
    assert!(all.iter().all(|tx| tx.added == came), "the age goes on");
    assert_eq!(after.story(&all[0].txid), ["received", "accepted"]);
    assert_eq!(after.encode(), bytes);
}

#[test]
fn the_layout_is_as_documented() {
    let world = World::new();
    let mut pool = world.pool();
    let tx = pay(1, 0, 10).sign(&world);
    pool.offer(&world, &tx, Source::Local).unwrap();
    let mut expected = b"STRLPOOL\x01\0\0\0".to_vec();
    expected.extend_from_slice(world.genesis.as_bytes());
    expected.extend_from_slice(&[1, 0, 0, 0]);
    expected.extend_from_slice(&world.now.to_le_bytes());
    expected.extend_from_slice(&[169, 0]);
    expected.extend_from_slice(tx.bytes());
    let checksum = starling_primitives::tagged("starling/pool-file", &[&expected]);
    expected.extend_from_slice(&checksum);
    assert_eq!(pool.encode(), expected);
}

#[test]
fn what_no_longer_keeps_the_rules_is_left_out() {
    let mut world = World::new();
    let bytes = filled(&world).encode();
    let mined = pay(1, 0, 10).sign(&world);
    world.mine(std::slice::from_ref(&mined));
    let mut pool = world.pool();
    assert_eq!(pool.load(&bytes, &world.settled()), Ok(Loaded { added: 4, refused: 1 }));
    assert_eq!(pool.story(&mined.txid(&world.genesis)), ["dropped"]);
    world.now += 14 * 24 * HOUR;
    let mut pool = world.pool();
    assert_eq!(pool.load(&bytes, &world.settled()), Ok(Loaded { added: 0, refused: 5 }));
}

#[test]
fn a_short_rest_of_life_does_not_end_with_a_restart() {
    let mut world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 0, 10).valid_until(world.height + 21)).unwrap();
    let bytes = pool.encode();
    world.height += 20;
    assert_eq!(world.pool().load(&bytes, &world.settled()), Ok(Loaded { added: 1, refused: 0 }));
    world.height += 1;
    assert_eq!(world.pool().load(&bytes, &world.settled()), Ok(Loaded { added: 0, refused: 1 }));
}

#[test]
fn a_wrong_signature_in_the_file_is_found() {
    let world = World::new();
    let bytes = filled(&world).encode();
    let at = bytes.len() - CHECKSUM_BYTES - 1;
    let bytes = sealed(&bytes, |content| content[at - 10] ^= 1);
    let mut pool = world.pool();
    assert_eq!(pool.load(&bytes, &world.settled()), Ok(Loaded { added: 4, refused: 1 }));
    pool.check_invariants(&world);
}

#[test]
fn a_damaged_file_is_refused_whole() {
    let world = World::new();
    let bytes = filled(&world).encode();
    let refused = |bytes: &[u8]| {
        let mut pool = world.pool();
        let Err(LoadError::File(error)) = pool.load(bytes, &world.settled()) else { panic!("taken") };
        assert_eq!(pool.info().count, 0);
        error
    };
    assert_eq!(refused(b""), FileError::Magic);
    assert_eq!(refused(b"STRLPOOL"), FileError::Checksum);
    for at in (12..bytes.len()).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert_eq!(refused(&flipped), FileError::Checksum);
        assert_eq!(refused(&bytes[..at]), FileError::Checksum);
    }
    assert_eq!(refused(&sealed(&bytes, |content| content[8] = 2)), FileError::Version(2));
    let other = sealed(&bytes, |content| content[12] ^= 1);
    assert!(matches!(refused(&other), FileError::OtherChain(_)));
    let many = sealed(&bytes, |content| content[44..48].copy_from_slice(&[255; 4]));
    assert!(matches!(refused(&many), FileError::Content(DecodeError::Truncated { .. })));
    let few = sealed(&bytes, |content| content[44] = 4);
    assert!(matches!(refused(&few), FileError::Content(DecodeError::TrailingBytes(_))));
    let bad = sealed(&bytes, |content| content[58] = 9);
    assert_eq!(refused(&bad), FileError::Content(DecodeError::BadVersion(9)));
    assert_eq!(refused(&vec![0; MAX_POOL_BYTES + 1]), FileError::TooLarge(MAX_POOL_BYTES + 1));
}

#[test]
fn a_store_that_fails_is_told() {
    let world = World::new();
    let bytes = filled(&world).encode();
    world.broken.set(true);
    assert_eq!(world.pool().load(&bytes, &world.settled()), Err(LoadError::Read("broken")));
}
