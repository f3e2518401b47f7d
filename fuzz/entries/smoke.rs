//! A fuzz target for a moment, on stable: its corpus, and that with bytes changed, the same way each time.

use std::fs;
use std::path::Path;

/// Longest input, in bytes.
const MAX_INPUT_BYTES: usize = 8_192;

/// Runs `entry` on the corpus of `target` and on `rounds` inputs made of it.
///
/// # Panics
/// When `entry` does, naming the input as hex, or when there is no corpus.
pub(crate) fn run(target: &str, rounds: u32, entry: fn(&[u8])) {
    let inputs = corpus(target);
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let made = (0..rounds).map(|_| chance.input(&inputs));
    for input in inputs.iter().cloned().chain(made.collect::<Vec<_>>()) {
        let told = Told(&input);
        entry(&input);
        drop(told);
    }
}

/// The files of a target's corpus, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))).collect()
}

/// Says which input it was, if it ends in a panic.
struct Told<'a>(&'a [u8]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("the input, as hex: {hex}");
        }
    }
}

/// Numbers that look like chance and are the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound.max(1)).expect("a length fits");
        usize::try_from(self.0 % bound).expect("below a length")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }

    /// One of these inputs, changed in one to six places.
    fn input(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(6) {
            let at = self.below(input.len());
            match self.below(6) {
                0 => input.truncate(at),
                1 => input.insert(at, self.byte()),
                // The tail of another one, from anywhere.
                2 => {
                    let other = &inputs[self.below(inputs.len())];
                    input.extend_from_slice(&other[self.below(other.len())..]);
                }
                3 => input.drain(at..(at + 1 + self.below(8)).min(input.len())).for_each(drop),
                change => {
                    let byte = if change == 4 { self.byte() } else { 1 << self.below(8) };
                    if let Some(place) = input.get_mut(at) {
                        *place ^= byte;
                    }
                }
            }
        }
        input.truncate(MAX_INPUT_BYTES);
        input
    }
}
