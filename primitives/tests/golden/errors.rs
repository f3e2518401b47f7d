//! `docs/spec/errors.md` has every name that the code gives a refusal.

use starling_primitives::{AddressError, AmountError, Bits, DecodeError, Prefix, TargetError};

const SPEC: &str = include_str!("../../../docs/spec/errors.md");

/// Whether a row of a table begins with this name, alone or among others.
fn is_listed(code: &str) -> bool {
    let name = format!("`{code}`");
    SPEC.lines().filter_map(|line| line.strip_prefix('|')).any(|row| {
        let first = row.split('|').next().unwrap_or_default();
        first.split(',').any(|listed| listed.trim() == name)
    })
}

fn decode_errors() -> Vec<DecodeError> {
    let (m, n) = (1, 2);
    vec![
        DecodeError::Truncated { at: 0, missing: 1 },
        DecodeError::TrailingBytes(1),
        DecodeError::TooLarge { size: 2, limit: 1 },
        DecodeError::BadVersion(0),
        DecodeError::BadPayloadKind(1),
        DecodeError::NoOutputs,
        DecodeError::ZeroAmount(0),
        DecodeError::AmountTooLarge(u128::MAX),
        DecodeError::MemoTooLong(129),
        DecodeError::BadPolicyKind(2),
        DecodeError::BadThreshold { m, n },
        DecodeError::BadKeyCount(1),
        DecodeError::KeysNotAscending(1),
        DecodeError::BadBitmap { bitmap: 0, m, n },
        DecodeError::BadHeaderVersion(0),
        DecodeError::BadContentVersion(0),
        DecodeError::ExtraTooLong(100),
        DecodeError::ExtraTooShort(0),
        DecodeError::BadField { what: "count", value: 65 },
    ]
}

#[test]
fn each_name_is_in_the_specification() {
    let bits = Bits::new(0);
    let targets = [
        TargetError::Zero(bits),
        TargetError::Negative(bits),
        TargetError::Overflow(bits),
        TargetError::NotCanonical(bits, bits),
        TargetError::Syntax(String::new()),
    ];
    let prefix = Prefix::new("dstar").unwrap();
    let addresses = [
        AddressError::Checksum(prefix),
        AddressError::MixedCase,
        AddressError::Prefix { found: String::new(), expected: String::new() },
        AddressError::Version(1),
        AddressError::Length(1),
        AddressError::Padding,
    ];
    let amounts =
        [AmountError::Syntax(String::new()), AmountError::TooFine(String::new()), AmountError::TooLarge];
    let codes = (decode_errors().into_iter().map(|error| error.code()))
        .chain(targets.iter().map(TargetError::code))
        .chain(targets.iter().map(|error| DecodeError::from(error.clone()).code()))
        .chain(addresses.iter().map(AddressError::code))
        .chain(amounts.iter().map(AmountError::code));
    for code in codes {
        assert!(is_listed(code), "{code} is in no table of docs/spec/errors.md");
    }
    assert!(!is_listed("no_such_error"));
}
