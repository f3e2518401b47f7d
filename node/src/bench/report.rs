//! What a benchmark found: one table for people, one object for scripts.

use super::hardware::Hardware;
use crate::failure::Outcome;
use crate::output;
use serde_json::{Map, Value, json};

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// At least so many times the yardstick.
    Yardsticks(f64),
    /// At most this.
    AtMost(f64),
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Its name, for scripts.
    pub(super) name: &'static str,
    /// What it is, for people.
    pub(super) what: String,
    /// Accounts in the state, where there are several states.
    pub(super) accounts: Option<u64>,
    /// What was measured; none where this system does not tell.
    pub(super) value: Option<f64>,
    /// Its unit.
    pub(super) unit: &'static str,
    /// What it should be.
    pub(super) target: Option<Target>,
    /// Whether it was measured at the size that the target names.
    pub(super) at_size: bool,
}

impl Line {
    /// A figure without a target.
    pub(super) fn new(
        name: &'static str,
        what: impl Into<String>,
        value: Option<f64>,
        unit: &'static str,
    ) -> Self {
        Self { name, what: what.into(), accounts: None, value, unit, target: None, at_size: true }
    }

    /// With a target that was set for a size; `at_size` says whether this is that size.
    pub(super) fn target(self, target: Target, at_size: bool) -> Self {
        Self { target: Some(target), at_size, ..self }
    }

    /// How it compares: with the target where that is a bound, else with the yardstick where both are rates.
    fn ratio(&self, yardstick: f64) -> Option<f64> {
        let value = self.value?;
        match self.target {
            Some(Target::AtMost(most)) => Some(value / most),
            Some(Target::Yardsticks(_)) => Some(value / yardstick),
            None if self.unit == PAYMENTS_S || self.unit == SIGNATURES_S => Some(value / yardstick),
            None => None,
        }
    }

    fn is_met(&self, yardstick: f64) -> Option<bool> {
        let (ratio, target) = (self.ratio(yardstick)?, self.target?);
        Some(match target {
            Target::Yardsticks(least) => ratio >= least,
            Target::AtMost(_) => ratio <= 1.0,
        })
    }

    fn json(&self, yardstick: f64) -> Value {
        let target = self.target.map(|target| match target {
            Target::Yardsticks(least) => json!({"at_least": least, "unit": "R"}),
            Target::AtMost(most) => json!({"at_most": most, "unit": self.unit}),
        });
        json!({
            "name": self.name,
            "what": self.what,
            "accounts": self.accounts,
            "value": self.value,
            "unit": self.unit,
            "target": target,
            "ratio": self.ratio(yardstick),
            "met": self.is_met(yardstick),
            "at_target_size": self.target.map(|_| self.at_size),
        })
    }

    fn row(&self, yardstick: f64) -> Vec<String> {
        let value =
            self.value.map_or("unknown".to_owned(), |value| format!("{} {}", short(value), self.unit));
        let target = self.target.map_or(String::new(), |target| match target {
            Target::Yardsticks(least) => format!(">= {least} R"),
            Target::AtMost(most) => format!("<= {} {}", short(most), self.unit),
        });
        let ratio = self.ratio(yardstick).map_or(String::new(), |ratio| match self.target {
            Some(Target::AtMost(_)) => format!("{:.0} %", 100.0 * ratio),
            _ => format!("{ratio:.2} R"),
        });
        let verdict = self.is_met(yardstick).map_or("", |met| match (met, self.at_size) {
            (true, true) => "met",
            (false, true) => "MISSED",
            (true, false) => "met *",
            (false, false) => "missed *",
        });
        let what =
            self.accounts.map_or(self.what.clone(), |count| format!("{}, {count} accounts", self.what));
        vec![what, value.trim_end().to_owned(), target, ratio, verdict.to_owned()]
    }
}

/// Units that the yardstick is compared with.
pub(super) const PAYMENTS_S: &str = "payments/s";
pub(super) const SIGNATURES_S: &str = "signatures/s";

/// Everything that one run found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    /// Which benchmark.
    pub(super) bench: &'static str,
    /// Its seed.
    pub(super) seed: u64,
    /// What was measured on.
    pub(super) hardware: Hardware,
    /// How large it was.
    pub(super) sizes: Vec<(&'static str, u64)>,
    /// The last block of the chain that was made, where one was.
    pub(super) tip: Option<String>,
    /// Signatures per second.
    pub(super) yardstick: f64,
    /// The figures.
    pub(super) lines: Vec<Line>,
    /// How long the run took, in seconds.
    pub(super) seconds: f64,
}

impl Report {
    /// Prints it.
    ///
    /// # Errors
    /// Stdout takes nothing.
    pub(crate) fn print(&self, json: bool) -> Outcome<()> {
        if json { output::json(&self.json()) } else { self.table() }
    }

    fn json(&self) -> Value {
        let sizes: Map<String, Value> =
            self.sizes.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
        json!({
            "bench": self.bench,
            "version": env!("CARGO_PKG_VERSION"),
            "seed": self.seed,
            "hardware": self.hardware.json(),
            "sizes": sizes,
            "tip": self.tip,
            "yardstick": self.yardstick,
            "lines": self.lines.iter().map(|line| line.json(self.yardstick)).collect::<Vec<_>>(),
            "seconds": self.seconds,
        })
    }

    fn table(&self) -> Outcome<()> {
        let mut about = self.hardware.fields();
        let sizes = self.sizes.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>();
        about.push(("size", format!("{}; seed {}", sizes.join(", "), self.seed)));
        about.extend(self.tip.clone().map(|tip| ("tip", tip)));
        output::fields(&about)?;
        output::line("")?;
        let rows: Vec<_> = self.lines.iter().map(|line| line.row(self.yardstick)).collect();
        output::table(&["figure", "measured", "target", "ratio", ""], &rows)?;
        if self.lines.iter().any(|line| line.target.is_some() && !line.at_size) {
            output::line("* the target is set for another size: see --full")?;
        }
        output::line(&format!("done in {:.0} s", self.seconds))
    }
}

/// A number with as many digits as say something.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A count as a number that can be divided.
pub(super) fn float(count: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & 0xffff_ffff).expect("32 bits"));
    half(count >> 32) * 4_294_967_296.0 + half(count)
}

/// The middle one of some figures; none of none.
pub(super) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
mod tests;
