//! `starling bench`.

use crate::bench;
use crate::cli::BenchCommand;
use crate::failure::Outcome;

/// Measures, and prints what was found.
pub(super) fn bench(command: BenchCommand) -> Outcome<()> {
    let (report, format) = match command {
        BenchCommand::Verify(args) => {
            (bench::verify(args.bench.seed, args.bench.full, args.payments)?, args.bench.format)
        }
        BenchCommand::Import(args) => {
            let (accounts, payments, empty) = (args.accounts, args.payments, args.empty_blocks);
            let choice = bench::Choice { accounts, payments, empty };
            let dir = args.place.dir.as_deref();
            (bench::import(args.bench.seed, args.bench.full, choice, dir)?, args.bench.format)
        }
        BenchCommand::State(args) => {
            let dir = args.place.dir.as_deref();
            (bench::state(args.bench.seed, args.bench.full, args.accounts, dir)?, args.bench.format)
        }
    };
    report.print(format.json)
}
