//! Chain files: the carried ones, new ones, and what is refused.

use super::*;

fn new_chain() -> NewChain {
    NewChain {
        name: "lab".into(),
        interval: 12,
        bits: None,
        pow: "sha256d".into(),
        time: 1_700_000_000,
        prefund: vec![(address(1), "1000.5".into())],
    }
}

fn address(byte: u8) -> String {
    Address::new([byte; 20]).to_text(&Prefix::new("dstar").unwrap())
}

fn text(new: NewChain) -> String {
    toml::to_string(&Chain::create(new).unwrap().0).unwrap()
}

#[test]
fn the_carried_chains_are_what_their_files_state() {
    for (chain, name) in [(Chain::dev(), "dev"), (Chain::testnet(), "testnet")] {
        assert_eq!(chain.name, name);
        assert_eq!(chain.genesis.height(), 0);
        assert_eq!(chain.genesis.extra().as_bytes(), chain.params.commitment());
    }
    let testnet = Chain::testnet().params;
    assert_eq!(testnet.pow, PowKind::Sha256dTagged);
    assert_eq!(testnet.difficulty, Difficulty::Asert { half_life: 3_456 });
    assert_eq!((testnet.step, testnet.future_limit), (3, 120));
    assert_eq!(testnet.easiest_target, starling_primitives::Target::power_of_two(236));
    let dev = Chain::dev().params;
    assert_eq!((dev.difficulty, dev.step, dev.future_limit), (Difficulty::Fixed, 0, u32::MAX));
}

#[test]
fn a_new_chain_is_the_lab_and_reads_back() {
    let chain = Chain::from_toml(&text(new_chain())).unwrap();
    assert_eq!(chain.params.step, 3);
    assert_eq!(chain.params.difficulty, Difficulty::Asert { half_life: 3_456 });
    assert_eq!(chain.prefunded(), Amount::from_star("1000.5").unwrap());
    let quick = Chain::create(NewChain { interval: 3, ..new_chain() }).unwrap().1;
    assert_eq!(quick.params.step, 0);
    let easy = Chain::create(NewChain { bits: Some("207fffff".into()), ..new_chain() }).unwrap().1;
    assert_eq!(easy.params.easiest_bits.to_string(), "207fffff");
}

#[test]
fn a_changed_parameter_is_another_chain() {
    for (from, to) in [("interval = 12", "interval = 13"), ("step = 3", "step = 2"), ("\"12\"", "\"11\"")] {
        let changed = text(new_chain()).replacen(from, to, 1);
        assert!(matches!(Chain::from_toml(&changed), Err(ChainError::WrongId { .. })), "{from}");
    }
    let policy = text(new_chain()).replacen("undo_blocks = 10000", "undo_blocks = 20", 1);
    assert_eq!(Chain::from_toml(&policy).unwrap().params.undo_blocks, 20);
}

#[test]
fn each_wrong_value_has_its_own_error() {
    let refused = |from: &str, to: &str| {
        let text = text(new_chain());
        assert!(text.contains(from), "{from} is not in {text}");
        Chain::from_toml(&text.replacen(from, to, 1)).unwrap_err()
    };
    assert!(matches!(refused("interval", "intervall"), ChainError::Syntax(_)));
    assert!(matches!(refused("name = \"lab\"", "name = \"../lab\""), ChainError::Name(_)));
    assert!(matches!(refused("\"dstar\"", "\"D-star\""), ChainError::Prefix(_)));
    assert!(matches!(refused("\"sha256d\"", "\"scrypt\""), ChainError::Pow(_)));
    assert!(matches!(refused("interval = 12", "interval = 0"), ChainError::Range { key: "interval", .. }));
    assert!(matches!(refused("half_life = 3456", "half_life = 0"), ChainError::Range { .. }));
    assert!(matches!(refused("max_body_bytes = 4194304", "max_body_bytes = 5"), ChainError::Range { .. }));
    assert!(matches!(
        refused("halving_interval = 10519200", "halving_interval = 0"),
        ChainError::Range { .. }
    ));
    assert!(matches!(refused("\"1e100000\"", "\"1e900000\""), ChainError::Bits { .. }));
    assert!(matches!(refused("subsidy = \"12\"", "subsidy = \"x\""), ChainError::Amount { .. }));
    assert!(matches!(refused("subsidy = \"12\"", "subsidy = \"1267650600228\""), ChainError::TooMuchMoney));
    assert!(matches!(refused("minimum_work = \"0\"", "minimum_work = \"g\""), ChainError::MinimumWork(_)));
    assert!(matches!(refused("\"1000.5\"", "\"0\""), ChainError::EmptyAccount(_)));
    assert!(matches!(refused("dstar1", "dstarr1"), ChainError::Account { .. }));
    let twice = NewChain { prefund: vec![(address(1), "1".into()), (address(1), "2".into())], ..new_chain() };
    assert!(matches!(Chain::create(twice), Err(ChainError::RepeatedAccount(_))));
    let id = Chain::create(new_chain()).unwrap().1.genesis_id().to_string();
    assert!(matches!(refused(&id, "00"), ChainError::Id(_)));
}

#[test]
fn subsidies_halve_and_add_up() {
    let params = Chain::create(new_chain()).unwrap().1.params;
    let era = params.halving_interval;
    assert_eq!(params.subsidy_at(0), Amount::ZERO);
    assert_eq!(params.subsidy_at(1), params.subsidy);
    assert_eq!(params.subsidy_at(era - 1), params.subsidy);
    assert_eq!(params.subsidy_at(era).motes(), params.subsidy.motes() / 2);
    let short = Params { halving_interval: 3, ..params };
    for height in [0, 1, 2, 3, 5, 6, 200, 300] {
        let one_by_one = Amount::sum((0..=height).map(|h| short.subsidy_at(h)));
        assert_eq!(short.issued_by(height), one_by_one, "{height}");
    }
    assert_eq!(short.subsidy_at(3 * 64), Amount::ZERO);
}
