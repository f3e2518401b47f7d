//! Figures against targets.

use super::*;

fn line(value: f64, target: Target) -> Line {
    Line::new("name", "what", Some(value), PAYMENTS_S).target(target, true)
}

#[test]
fn targets_are_met_up_to_their_bounds() {
    let of = |value, target| line(value, target).is_met(100.0);
    assert_eq!(of(80.0, Target::Yardsticks(0.8)), Some(true));
    assert_eq!(of(79.9, Target::Yardsticks(0.8)), Some(false));
    assert_eq!(of(0.5, Target::AtMost(0.5)), Some(true));
    assert_eq!(of(0.51, Target::AtMost(0.5)), Some(false));
    assert_eq!(Line::new("name", "what", None, "s").target(Target::AtMost(1.0), true).is_met(1.0), None);
}

#[test]
fn rates_are_compared_with_the_yardstick_and_nothing_else_is() {
    assert_eq!(Line::new("a", "a", Some(50.0), PAYMENTS_S).ratio(100.0), Some(0.5));
    assert_eq!(Line::new("a", "a", Some(50.0), SIGNATURES_S).ratio(100.0), Some(0.5));
    assert_eq!(Line::new("a", "a", Some(50.0), "blocks/s").ratio(100.0), None);
    assert_eq!(line(50.0, Target::AtMost(200.0)).ratio(100.0), Some(0.25));
}

#[test]
fn a_line_says_the_same_to_scripts_and_people() {
    let line = line(60.0, Target::Yardsticks(0.8));
    let json = line.json(100.0);
    assert_eq!((&json["value"], &json["ratio"], &json["met"]), (&60.0.into(), &0.6.into(), &false.into()));
    assert_eq!(json["target"], json!({"at_least": 0.8, "unit": "R"}));
    assert_eq!(line.row(100.0), ["what", "60.0 payments/s", ">= 0.8 R", "0.60 R", "MISSED"]);
    let smaller = Line { at_size: false, ..line };
    assert_eq!(smaller.row(100.0)[4], "missed *");
    assert_eq!(smaller.json(100.0)["at_target_size"], false);
    let plain = Line::new("a", "a", Some(1.5), "s").json(100.0);
    assert_eq!((&plain["target"], &plain["met"]), (&Value::Null, &Value::Null));
}

#[test]
fn counts_and_medians_are_exact() {
    assert_eq!(float(0), 0.0);
    assert_eq!(float(1 << 40), 1_099_511_627_776.0);
    assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![]), None);
}
