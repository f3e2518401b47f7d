//! `starling-sim`: a named scenario of the simulator, from the command line.

use clap::Parser;
use starling_tests::sim::{MAX_OFF, Run, SCENARIOS, Scenario, calibrate};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// The scenario that compares the simulator with real nodes.
const CALIBRATE: &str = "calibrate";

/// Runs whole nodes against each other under virtual time, and prints what came of it as JSON
#[derive(Parser)]
#[command(name = "starling-sim", arg_required_else_help = true)]
struct Args {
    /// What happens to the nodes; without one, what there is to choose from
    scenario: Option<String>,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do it so many times, each with the next seed and a line of JSON; end with the first that fails
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    runs: u64,
    /// How many nodes, unless the scenario's own number
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=4_000))]
    nodes: Option<u16>,
    /// List the scenarios
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    // Whoever closes the pipe has seen enough.
    run(&Args::parse()).unwrap_or(ExitCode::SUCCESS)
}

fn run(args: &Args) -> io::Result<ExitCode> {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    if args.list {
        for Scenario { name, about, nodes, lasts, .. } in &SCENARIOS {
            writeln!(out, "{name:<13} {nodes:>5} nodes, {:>5} s  {about}", lasts.as_secs())?;
        }
        writeln!(
            out,
            "{CALIBRATE:<13}    20 nodes          the same twice: simulated, and with real processes"
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = args.scenario.as_deref().unwrap_or_default();
    if name == CALIBRATE {
        let found = calibrate(args.seed);
        writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        if found.off <= MAX_OFF {
            return Ok(ExitCode::SUCCESS);
        }
        let (off, most) = (100.0 * found.off, 100.0 * MAX_OFF);
        writeln!(err, "error: the simulator is {off:.0} % off from real nodes; {most:.0} % are allowed")?;
        return Ok(ExitCode::FAILURE);
    }
    let Some(scenario) = SCENARIOS.iter().find(|scenario| scenario.name == name) else {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        writeln!(err, "error: there is no scenario \"{name}\"; choose one of {}", names.join(", "))?;
        return Ok(ExitCode::from(2));
    };
    for (seed, _) in (args.seed..).zip(0..args.runs) {
        let begun = Instant::now();
        let report = Run::new(*scenario, seed, args.nodes.unwrap_or(scenario.nodes)).finish();
        let line = args.runs > 1;
        let text = if line { serde_json::to_string(&report) } else { serde_json::to_string_pretty(&report) };
        writeln!(out, "{}", text?)?;
        let took = begun.elapsed().as_secs_f64();
        writeln!(err, "seed {seed}: {:.0} s of virtual time in {took:.1} s", report.virtual_seconds)?;
        if let Some(failure) = report.failures.first() {
            writeln!(err, "error: {failure}; once more: {}", report.replay())?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
