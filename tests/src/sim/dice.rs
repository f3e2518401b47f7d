//! Randomness that a seed decides.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::time::Duration;

/// A stream of random choices.
#[derive(Clone, Debug)]
pub(super) struct Dice(Pcg64);

impl Dice {
    /// The stream of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// Another stream, for something that should not disturb this one.
    pub(super) fn split(&mut self) -> Self {
        Self::new(self.0.next_u64())
    }

    /// A number for others to make something of.
    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below the limit, which is not zero.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit)
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability.clamp(0.0, 1.0))
    }

    /// A time between two, the second of which is not less than the first.
    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        self.0.random_range(from..=to)
    }

    /// How long until something happens that happens this often on average.
    pub(super) fn wait(&mut self, mean: Duration) -> Duration {
        let uniform: f64 = self.0.random_range(f64::EPSILON..1.0);
        mean.mul_f64(-uniform.ln())
    }

    /// One of a list.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.choose(&mut self.0)
    }

    /// Puts a list into any order.
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        list.shuffle(&mut self.0);
    }

    /// Some of a list, at most so many, in any order.
    pub(super) fn some<T>(&mut self, mut list: Vec<T>, most: usize) -> Vec<T> {
        self.shuffle(&mut list);
        list.truncate(most);
        list
    }
}
