//! Times and durations for people.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_S: u64 = 86_400;
const HOUR_S: u64 = 3_600;
const MINUTE_S: u64 = 60;

/// Unix seconds of this machine's clock.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Unix seconds as `2026-01-31 23:59:59 UTC`.
pub(crate) fn utc(unix: u64) -> String {
    let (year, month, day) = date(unix / DAY_S);
    let (hour, minute, second) = (unix % DAY_S / HOUR_S, unix % HOUR_S / MINUTE_S, unix % MINUTE_S);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// How long ago `unix` was at `now`, or how far ahead it is.
pub(crate) fn ago(unix: u64, now: u64) -> String {
    if unix > now {
        format!("{} ahead", duration(unix - now))
    } else {
        format!("{} ago", duration(now - unix))
    }
}

/// Seconds as the two largest units, like `3 h 5 min`.
pub(crate) fn duration(seconds: u64) -> String {
    let pair = |large: u64, a: &str, small: u64, b: &str| {
        let rest = seconds % large / small;
        if rest == 0 {
            format!("{} {a}", seconds / large)
        } else {
            format!("{} {a} {rest} {b}", seconds / large)
        }
    };
    match seconds {
        0..MINUTE_S => format!("{seconds} s"),
        MINUTE_S..HOUR_S => pair(MINUTE_S, "min", 1, "s"),
        HOUR_S..DAY_S => pair(HOUR_S, "h", MINUTE_S, "min"),
        _ => pair(DAY_S, "d", HOUR_S, "h"),
    }
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar (H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`). Years begin in March there, so that the leap day is the
/// last.
fn date(day: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;
    let day = day.saturating_add(DAYS_BEFORE_1970);
    let (era, of_era) = (day / DAYS_PER_ERA, day % DAYS_PER_ERA);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}
