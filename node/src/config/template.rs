//! The file that `config init` writes: every key, commented out.

use super::{KEYS, keys};

/// The text of a `starling.toml` that changes nothing until a line is uncommented.
pub(crate) fn commented() -> String {
    let mut text = String::from(
        "# Settings of a Starling node. Environment (STARLING_<KEY>) and flags go before this file.\n\
         # `starling config check` tells whether it is right, `config show --effective` what holds.\n",
    );
    for key in KEYS.into_iter().filter(|key| key.name != keys::DATA_DIR.name) {
        let lines = [
            String::new(),
            format!("# {}", key.about),
            format!("# Default: {}", key.default),
            format!("# {} = {}", key.name, key.example),
        ];
        text.extend(lines.into_iter().map(|line| line + "\n"));
    }
    text
}
