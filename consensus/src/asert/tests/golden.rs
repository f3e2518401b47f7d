//! `asert.json`: whole chains with anchors that move, single steps, exponents.

use super::*;
use serde_json::Value;

const FILE: &str = include_str!("../../../../primitives/tests/golden/asert.json");

fn section(name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(FILE).unwrap();
    file[name].as_array().unwrap().clone()
}

fn number(value: &Value) -> i128 {
    let number = value.as_i64().map(i128::from).or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.unwrap_or_else(|| panic!("{value} is no number"))
}

fn small(value: &Value) -> u32 {
    u32::try_from(number(value)).unwrap()
}

fn named_bits(value: &Value) -> Bits {
    bits(value.as_str().unwrap())
}

fn case_params(case: &Value, genesis_bits: Bits) -> Params {
    let easiest = case["easiest_bits"].as_str().unwrap();
    let half_life = case["half_life"].as_u64().map(|seconds| u32::try_from(seconds).unwrap());
    let params = params(small(&case["interval"]), half_life.unwrap_or(1), easiest);
    let difficulty = half_life.map_or(Difficulty::Fixed, |half_life| Difficulty::Asert { half_life });
    Params { difficulty, genesis_bits, ..params }
}

#[test]
fn chains_have_their_bits_and_anchors() {
    for case in section("cases") {
        let all_bits: Vec<_> = case["bits"].as_array().unwrap().iter().map(named_bits).collect();
        let params = case_params(&case, all_bits[0]);
        let times: Vec<_> = case["times"].as_array().unwrap().iter().map(small).collect();
        let mut parent = None;
        for height in 0..times.len() - 1 {
            let (time, bits) = (times[height], all_bits[height]);
            let stamp = Stamp { height: u32::try_from(height).unwrap(), time, bits };
            let anchor = anchor_of(stamp, parent, &params);
            let name = format!("{} after {height}", case["name"]);
            assert_eq!(next_bits(stamp.height, time, &anchor, &params), all_bits[height + 1], "{name}");
            // None where the anchor does not matter.
            if let Some(expected) = case["anchors"][height + 1].as_u64() {
                assert_eq!(u64::from(anchor.height), expected, "{name}");
            }
            parent = Some((time, anchor));
        }
    }
}

#[test]
fn single_steps_scale_as_the_cubic_does() {
    for case in section("functions") {
        let easiest = named_bits(&case["easiest_bits"]).target().unwrap();
        let reference = named_bits(&case["reference_bits"]).target().unwrap();
        let scaled = scale(reference, number(&case["exponent"])).min(easiest);
        assert_eq!(scaled.bits(), named_bits(&case["bits"]), "{case}");
    }
}

#[test]
fn exponents_truncate_towards_zero() {
    for case in section("exponents") {
        let blocks = number(&case["height_diff"]) + 1;
        let ahead = number(&case["time_diff"]) - number(&case["interval"]) * blocks;
        assert_eq!(exponent(ahead, small(&case["half_life"])), number(&case["exponent"]), "{case}");
    }
}
