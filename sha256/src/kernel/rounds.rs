//! The compression function in terms of a word, so that a word can be one number or a vector of lanes.

/// The round constants (FIPS 180-4, 4.2.2), sixteen a row.
pub(super) const K: [[u32; 16]; 4] = [
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    ],
    [
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    ],
    [
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    ],
    [
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ],
];

/// Writes `$step` out for each `$i` from 0 to 15: every index is a constant then, and the words can stay in
/// registers. The optimiser does not unroll that far by itself.
macro_rules! sixteen {
    ($i:ident, $step:expr) => { sixteen!($i, $step, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    ($i:ident, $step:expr, $($at:literal)*) => {
        $({
            const $i: usize = $at;
            $step;
        })*
    };
}

/// Defines `compress(start, words) -> state` over `$word`, with the attributes that every function of the
/// kernel carries. The module brings the operations on a word: `splat`, `add`, `xor3`, `choose`, `majority`,
/// `rotate::<N>` and `shift::<N>`, both to the right.
///
/// It is a macro and no generic function because a trait's method cannot carry `target_feature`. The start
/// is a word for each lane and the message is any sixteen words, so lanes need share neither.
macro_rules! compression {
    ($word:ty $(, #[$feature:meta])?) => {
        $(#[$feature])?
        #[inline]
        fn compress(start: &[$word; 8], mut w: [$word; 16]) -> [$word; 8] {
            let mut s = *start;
            let [first, later @ ..] = &K;
            sixteen!(I, round(&mut s, w[I], first[I]));
            for k in later {
                sixteen!(I, {
                    let early = add(w[I], small0(w[(I + 1) % 16]));
                    w[I] = add(early, add(w[(I + 9) % 16], small1(w[(I + 14) % 16])));
                    round(&mut s, w[I], k[I]);
                });
            }
            for (word, start) in s.iter_mut().zip(start) {
                *word = add(*word, *start);
            }
            s
        }

        $(#[$feature])?
        #[inline]
        fn round(s: &mut [$word; 8], w: $word, k: u32) {
            let [a, b, c, d, e, f, g, h] = *s;
            let sum = add(add(h, add(w, splat(k))), add(choose(e, f, g), big1(e)));
            *s = [add(sum, add(majority(a, b, c), big0(a))), a, b, c, add(d, sum), e, f, g];
        }

        $(#[$feature])?
        #[inline]
        fn big0(x: $word) -> $word {
            xor3(rotate::<2>(x), rotate::<13>(x), rotate::<22>(x))
        }

        $(#[$feature])?
        #[inline]
        fn big1(x: $word) -> $word {
            xor3(rotate::<6>(x), rotate::<11>(x), rotate::<25>(x))
        }

        $(#[$feature])?
        #[inline]
        fn small0(x: $word) -> $word {
            xor3(rotate::<7>(x), rotate::<18>(x), shift::<3>(x))
        }

        $(#[$feature])?
        #[inline]
        fn small1(x: $word) -> $word {
            xor3(rotate::<17>(x), rotate::<19>(x), shift::<10>(x))
        }
    };
}

pub(super) use {compression, sixteen};
