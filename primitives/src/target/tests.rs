//! Bits, targets and work against wide plain numbers.

use super::*;
use proptest::prelude::*;
use ruint::Uint;

/// Holds `mantissa * 256^252`.
type Wide = Uint<2112, 33>;

/// `mantissa * 256^(size - 3)`, rounded down.
fn expand(bits: u32) -> Wide {
    let (size, mantissa) = (usize::try_from(bits >> 24).unwrap(), Wide::from(bits & 0x007f_ffff));
    (mantissa << (8 * size)) >> 24
}

/// The compact form by its definition: from the bytes without leading zeros.
fn compact(target: U256) -> u32 {
    let bytes = target.to_be_bytes_trimmed_vec();
    let mut size = u32::try_from(bytes.len()).unwrap();
    let top = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
    let mut mantissa = top(0) << 16 | top(1) << 8 | top(2);
    if mantissa >= 0x0080_0000 {
        mantissa >>= 8;
        size += 1;
    }
    size << 24 | mantissa
}

fn reference(bits: u32) -> Result<U256, &'static str> {
    let target = expand(bits);
    if bits & 0x0080_0000 != 0 {
        return Err("target_negative");
    }
    if target >= Wide::ONE << 256 {
        return Err("target_overflow");
    }
    let target = U256::from_limbs_slice(&target.as_limbs()[..4]);
    if target.is_zero() {
        return Err("target_zero");
    }
    if compact(target) == bits { Ok(target) } else { Err("target_not_canonical") }
}

/// Numbers of every length.
fn numbers() -> impl Strategy<Value = U256> {
    (any::<[u8; 32]>(), 0usize..256).prop_map(|(bytes, shift)| U256::from_be_bytes(bytes) >> shift)
}

/// Bits of every kind: with sizes around those that fit, and any.
fn all_bits() -> impl Strategy<Value = u32> {
    let near = (0u32..=36, any::<u32>()).prop_map(|(size, low)| size << 24 | low >> 8);
    let short = (0u32..=36, any::<u32>(), 0u32..24).prop_map(|(size, low, cut)| size << 24 | low >> 8 >> cut);
    prop_oneof![near, short, any::<u32>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn bits_name_the_target_of_their_definition(bits in all_bits()) {
        let target = Bits::new(bits).target();
        prop_assert_eq!(target.map(Target::value).map_err(|error| error.code()), reference(bits));
    }

    #[test]
    fn targets_round_down_to_bits(number in numbers()) {
        let target = Target::new(number);
        let bits = target.bits();
        prop_assert_eq!(bits.to_u32(), compact(target.value()));
        let rounded = bits.target().unwrap();
        prop_assert!(rounded <= target);
        prop_assert_eq!(rounded.bits(), bits);
        // At most the digits below the mantissa's 15 to 23 bits are lost.
        prop_assert!(target.value() - rounded.value() <= target.value() >> 15);
    }

    #[test]
    fn work_is_the_quotient_of_two_to_the_256(number in numbers()) {
        let target = Target::new(number);
        let quotient = (Wide::ONE << 256) / (Wide::from(target.value()) + Wide::ONE);
        prop_assert_eq!(Wide::from(target.work().0), quotient);
    }

    #[test]
    fn an_easier_target_is_no_more_work(a in numbers(), b in numbers()) {
        let (a, b) = (Target::new(a.min(b)), Target::new(a.max(b)));
        prop_assert!(a.work() >= b.work());
        prop_assert!(b.is_met_by(&a.value().to_le_bytes()));
        prop_assert!(a == b || !a.is_met_by(&b.value().to_le_bytes()));
    }

    #[test]
    fn sums_of_work_saturate(a in numbers(), b in numbers(), times: u32) {
        let exact = |number: Wide| Work(U256::saturating_from(number));
        prop_assert_eq!(Work(a) + Work(b), exact(Wide::from(a) + Wide::from(b)));
        prop_assert_eq!(Work(a).saturating_sub(Work(b)).0, if a > b { a - b } else { U256::ZERO });
        prop_assert_eq!(Work(a).saturating_mul(times), exact(Wide::from(a) * Wide::from(times)));
        prop_assert_eq!(Work::from_be_bytes(Work(a).to_be_bytes()), Work(a));
    }

    #[test]
    fn bits_print_and_read_back(bits: u32, text in ".{0,9}") {
        let bits = Bits::new(bits);
        prop_assert_eq!(bits.to_string().parse::<Bits>().unwrap(), bits);
        match text.parse::<Bits>() {
            Ok(bits) => prop_assert_eq!(bits.to_string(), text),
            Err(error) => prop_assert_eq!(error.code(), "bits_syntax"),
        }
    }
}

#[test]
fn the_ends_of_the_scale() {
    assert_eq!(Target::new(U256::ZERO).value(), U256::ONE);
    assert_eq!(Target::MAX.work().0, U256::ONE);
    assert_eq!(Target::new(U256::ONE).work().0, U256::ONE << 255);
    assert_eq!(Target::power_of_two(236).bits().to_string(), "1e100000");
    for wrong in ["", "1e10000", "1e1000000", "1E100000", "+e100000", "0x100000"] {
        assert_eq!(wrong.parse::<Bits>().unwrap_err().code(), "bits_syntax", "{wrong}");
    }
}

#[test]
fn the_approximate_number_is_near() {
    let work = Work(U256::ONE << 200);
    assert!((work.to_f64() / 2f64.powi(200) - 1.0).abs() < 1e-12);
    assert!((Work(U256::from(12_345)).to_f64() - 12_345.0).abs() < 1e-9);
    assert!(Work::ZERO.to_f64().abs() < 1e-9);
}
