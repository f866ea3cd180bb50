//! A medicine that is ordered again while there is enough of it.

use xinglin_sdk::{
    prescribing::{Finding, Severity},
    time::{DAY, Instant, days_between},
    types::{Citation, zh_en},
};

use crate::{Case, drug::Drug, finding};

/// Days before the end of a supply in which a refill is in time. A default of this project: an
/// ordinary prescription is for seven days (处方管理办法, art. 19), so nobody can have less in
/// hand without being near the next one.
const GRACE: i64 = 7;

/// Findings on lines that repeat a medicine whose supply lasts. Where the end of the supply is not
/// known, a repetition is a renewal.
pub fn check(case: &Case) -> Vec<Finding> {
    case.lines()
        .filter_map(|(line, drug)| {
            let (taken, end) = supply(case, drug)?;
            let date = date(end);
            Some(Finding {
                suggestion: zh_en("临近用完时再开。", "Order again shortly before it ends."),
                citation: Citation::new("《处方管理办法》(卫生部令第53号)", 2007).section("第十九条"),
                ..finding(
                    "REFILL_TOO_EARLY",
                    Severity::Warning,
                    zh_en(
                        format!("患者手中的“{}”可用至{date},尚不需续开。", taken.label),
                        format!("The patient has “{}” until {date}: a refill before the supply ends.", taken.label),
                    ),
                    vec![line.number],
                )
            })
        })
        .collect()
}

/// What the patient has of a medicine and when it ends, if that is not soon.
pub fn supply<'a>(case: &'a Case, drug: &Drug) -> Option<(&'a Drug, Instant)> {
    let same = case.taken.iter().filter(|taken| taken.is_product(drug) || taken.is_medicine(drug));
    same.filter_map(|taken| Some((taken, taken.supply_ends?)))
        .max_by_key(|(_, end)| *end)
        .filter(|(_, end)| end.saturating_sub(case.now) > GRACE * DAY)
}

/// As `2026-01-31`, of the day in China (UTC+8) (Hinnant, *chrono-compatible low-level date algorithms*).
fn date(at: Instant) -> String {
    let days = days_between(0, at.saturating_add(8 * DAY / 24)) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use xinglin_sdk::testing::START;

    use super::*;

    #[test]
    fn dates_are_of_the_calendar() {
        for (days, text) in [(0, "2026-01-01"), (58, "2026-02-28"), (59, "2026-03-01"), (365, "2027-01-01")] {
            assert_eq!(date(START + days * DAY), text);
        }
        assert_eq!(date(START - 9 * 3_600_000_000), "2025-12-31");
        assert_eq!(date(951_782_400_000_000), "2000-02-29");
    }
}
