//! The calendar that money limits go by: days and months of UTC.

/// What a money limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Day,
    Month,
}

impl Period {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Seconds until the period of this moment is over.
    #[must_use]
    pub fn left_s(self, unix_s: u64) -> u64 {
        let today = day_of(unix_s);
        let end = match self {
            Self::Day => today + 1,
            Self::Month => (today + 1..=today + 31).find(|&day| date(day).2 == 1).unwrap_or(today + 31),
        };
        end * 86_400 - unix_s
    }
}

/// Whole days since 1970.
#[must_use]
pub const fn day_of(unix_s: u64) -> u64 {
    unix_s / 86_400
}

/// A number for the month: consecutive months have consecutive numbers.
#[must_use]
pub fn month_of(unix_s: u64) -> u64 {
    let (year, month, _) = date(day_of(unix_s));
    year * 12 + month - 1
}

/// Year, month and day of a day since 1970. Howard Hinnant, "chrono-compatible low-level date algorithms".
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_end_where_the_calendar_says() {
        let noon = 1_795_435_200; // 2026-11-23 12:00:00
        assert_eq!((Period::Day.left_s(noon), Period::Month.left_s(noon)), (43_200, 43_200 + 7 * 86_400));
        let leap = 951_825_600; // 2000-02-29 12:00:00
        assert_eq!(Period::Month.left_s(leap), 43_200);
        assert_eq!(month_of(leap) + 1, month_of(leap + 43_200));
        assert_eq!(month_of(0), 1970 * 12);
    }

    #[test]
    fn every_month_of_two_centuries_has_28_to_31_days() {
        let (mut month, mut days) = (month_of(0), 0);
        for day in 0..73_000 {
            let next = month_of(day * 86_400);
            if next == month {
                days += 1;
            } else {
                assert!((28..=31).contains(&days) && next == month + 1, "day {day}");
                (month, days) = (next, 1);
            }
        }
    }
}
