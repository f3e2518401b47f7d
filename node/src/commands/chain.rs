//! `starling chain`.

mod blocks;
mod compress;
mod new;
mod show;
mod stream;

use crate::cli::ChainCommand;
use crate::failure::Outcome;

/// Makes, shows, moves and checks chains.
pub(super) fn chain(command: ChainCommand) -> Outcome<()> {
    match command {
        ChainCommand::New(args) => new::new(args),
        ChainCommand::Show(args) => show::show(args),
        ChainCommand::Export(args) => blocks::export(args),
        ChainCommand::Import(args) => blocks::import(args),
        ChainCommand::Verify(args) => blocks::verify(args),
    }
}
