//! BIP 39's vectors, and each refusal.

use super::*;
use proptest::prelude::*;

const ABANDON: &str = "abandon abandon abandon abandon abandon abandon \
                       abandon abandon abandon abandon abandon about";

fn refusal(text: &str) -> MnemonicError {
    Mnemonic::parse(text).err().expect("these words are no mnemonic")
}

#[test]
fn the_seed_is_the_one_that_other_wallets_compute() {
    let seed = "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1\
                9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4";
    assert_eq!(hex::encode(*Mnemonic::parse(ABANDON).unwrap().seed()), seed);
    let long = format!("{} art", ["abandon"; 23].join(" "));
    let seed = "408b285c123836004f4b8842c89324c1f01382450c0d439af345ba7fc49acf70\
                5489c6fc77dbd4e3dc1dd8cc6bc9f043db8ada1e243c4a0eafb290d399480840";
    assert_eq!(hex::encode(*Mnemonic::parse(&long).unwrap().seed()), seed);
}

#[test]
fn case_and_spacing_do_not_matter() {
    let text = format!("  {}\n", ABANDON.to_uppercase().replace(' ', " \t "));
    assert_eq!(*Mnemonic::parse(&text).unwrap().phrase(), ABANDON);
}

#[test]
fn new_ones_have_the_words_that_were_asked_for_and_differ() {
    for words in [Words::Twelve, Words::TwentyFour] {
        let (one, two) = (Mnemonic::generate(words).unwrap(), Mnemonic::generate(words).unwrap());
        assert_eq!(one.phrase().split(' ').count(), words.count());
        assert_ne!(*one.phrase(), *two.phrase());
        assert_eq!(*Mnemonic::parse(&one.phrase()).unwrap().phrase(), *one.phrase());
    }
}

#[test]
fn only_twelve_and_twenty_four_are_counts() {
    let counts: Vec<usize> = (0..40).filter(|&n| Words::from_count(n).is_some()).collect();
    assert_eq!(counts, [12, 24]);
}

#[test]
fn each_way_to_be_wrong_has_its_name() {
    assert_eq!(refusal(""), MnemonicError::WordCount(0));
    assert_eq!(refusal("abandon about"), MnemonicError::WordCount(2));
    // Fifteen words are BIP 39, but not ours.
    assert_eq!(refusal(&["abandon"; 15].join(" ")), MnemonicError::WordCount(15));
    assert_eq!(refusal(&ABANDON.replacen("abandon", "abandom", 1)), MnemonicError::UnknownWord(1));
    assert_eq!(refusal(&ABANDON.replace("about", "äbout")), MnemonicError::UnknownWord(12));
    assert_eq!(refusal(&ABANDON.replace("about", "abandon")), MnemonicError::Checksum);
    assert_eq!(refusal(&"a".repeat(1_025)), MnemonicError::TooLong(1_025));
    assert_eq!(Mnemonic::from_entropy(&[0; 20]).err(), Some(MnemonicError::Entropy(20)));
}

#[test]
fn a_refusal_repeats_no_word() {
    let text = ABANDON.replace("about", "secretword");
    assert!(!refusal(&text).to_string().contains("secretword"));
}

proptest! {
    #[test]
    fn entropy_and_words_are_the_same(long in any::<bool>(), bytes in any::<[u8; 32]>()) {
        let entropy = if long { &bytes[..] } else { &bytes[..16] };
        let mnemonic = Mnemonic::from_entropy(entropy).unwrap();
        prop_assert!(mnemonic.entropy().as_slice() == entropy);
        prop_assert_eq!(Mnemonic::parse(&mnemonic.phrase()).unwrap().entropy(), mnemonic.entropy());
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = Mnemonic::parse(&text);
    }
}
