//! A glucose sensor, summed up over its last days: time in range, low, very low and very high, and how much it varies.
//!
//! Of each day only counts and sums are kept. How many points a day ought to have is told by the distance of most of them:
//! every 15 minutes, 5, or one. With too few of them nothing is said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    follow_up::Series,
    time::{DAY, Instant, MINUTE, china},
    types::{LocalizedText, Quantity, zh_en},
};

use crate::{
    measure::{Glucose, NotUnderstood},
    numbers::{
        EPISODE_MINUTES, IN_RANGE, IN_RANGE_FRAIL, LOW_SHARE, LOW_SHARE_FRAIL, Number, RANGE_LEAST, RANGE_MOST,
        SENSOR_DAYS, SENSOR_SHARE, VARIATION, VERY_HIGH, VERY_HIGH_SHARE, VERY_HIGH_SHARE_FRAIL, VERY_LOW,
        VERY_LOW_SHARE, decimal,
    },
};

/// The distance of points of which there is only one.
const USUAL_GAP: Instant = 15 * MINUTE;

/// What is kept of a sensor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensor {
    /// By day in Asia/Shanghai.
    days: BTreeMap<i64, Day>,
    /// The last day of the summary that was told last.
    told: Option<i64>,
}

/// Counts of a day, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    points: u32,
    /// How many there ought to be.
    expected: u32,
    /// Below the range, also very low.
    low: u32,
    very_low: u32,
    in_range: u32,
    very_high: u32,
    /// Of thousandths of mmol/L.
    sum: i64,
    squares: i64,
}

impl Day {
    fn add(&mut self, glucose: &Glucose) {
        let count = |of: &mut u32, is: bool| *of = of.saturating_add(u32::from(is));
        let low = glucose.is_below(decimal(RANGE_LEAST, 1));
        count(&mut self.points, true);
        count(&mut self.low, low);
        count(&mut self.very_low, glucose.is_below(decimal(VERY_LOW, 1)));
        count(&mut self.in_range, !low && !glucose.is_above(decimal(RANGE_MOST, 1)));
        count(&mut self.very_high, glucose.is_above(decimal(VERY_HIGH, 1)));
        let value = glucose.thousandths();
        self.sum = self.sum.saturating_add(value);
        self.squares = self.squares.saturating_add(value.saturating_mul(value));
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            points: self.points.saturating_add(other.points),
            expected: if self.expected > other.expected { self.expected } else { other.expected },
            low: self.low.saturating_add(other.low),
            very_low: self.very_low.saturating_add(other.very_low),
            in_range: self.in_range.saturating_add(other.in_range),
            very_high: self.very_high.saturating_add(other.very_high),
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
        }
    }
}

/// Points of a series, understood.
#[derive(Debug)]
pub struct Points {
    points: Vec<(Instant, Glucose)>,
    gap: Instant,
}

impl Points {
    /// # Errors
    /// If the unit is unknown, or a value impossible.
    pub fn of(series: &Series) -> Result<Self, NotUnderstood> {
        let glucose = |value| Glucose::of(&Quantity { value, unit: series.unit.clone() }, false);
        let points: Vec<(Instant, Glucose)> =
            series.points.iter().map(|point| Ok((point.at, glucose(point.value)?))).collect::<Result<_, _>>()?;
        let mut gaps: Vec<Instant> = points.windows(2).map(|two| two[1].0.saturating_sub(two[0].0)).collect();
        gaps.sort_unstable();
        let gap = gaps.get(gaps.len() / 2).copied().unwrap_or(USUAL_GAP).clamp(MINUTE, DAY);
        Ok(Self { points, gap })
    }

    /// The last, if it was taken not longer ago than that.
    pub fn live(&self, now: Instant, minutes: i64) -> Option<&(Instant, Glucose)> {
        let last = self.points.last()?;
        (0..=minutes.saturating_mul(MINUTE)).contains(&now.saturating_sub(last.0)).then_some(last)
    }

    /// The last.
    pub fn last(&self) -> Option<&(Instant, Glucose)> {
        self.points.last()
    }

    /// The lowest and the highest of those taken after `from`; of equal ones the last.
    pub fn extremes(&self, from: Instant) -> Option<[&(Instant, Glucose); 2]> {
        let later = || self.points.iter().filter(|(at, _)| *at > from);
        let lowest = later().rev().min_by(|(_, one), (_, other)| one.compare(other))?;
        let highest = later().max_by(|(_, one), (_, other)| one.compare(other))?;
        Some([lowest, highest])
    }

    /// How often it was very low for long enough.
    pub fn episodes(&self) -> usize {
        let mut runs: Vec<(Instant, Instant)> = Vec::new();
        let mut last_low = None;
        for (at, glucose) in &self.points {
            if !glucose.is_below(decimal(VERY_LOW, 1)) {
                last_low = None;
                continue;
            }
            match runs.last_mut() {
                // A hole in the data is the end of one.
                Some((_, until)) if last_low.is_some_and(|last| at.saturating_sub(last) <= 2 * self.gap) => {
                    *until = *at
                }
                _ => runs.push((*at, *at)),
            }
            last_low = Some(*at);
        }
        let lasts = |(from, until): &&(Instant, Instant)| {
            until.saturating_sub(*from).saturating_add(self.gap) >= EPISODE_MINUTES.value.saturating_mul(MINUTE)
        };
        runs.iter().filter(lasts).count()
    }
}

impl Sensor {
    /// Adds a series; days that are too old are left out.
    pub fn add(&mut self, Points { points, gap }: &Points) {
        let expected = u32::try_from(DAY / gap).unwrap_or(1);
        for (at, glucose) in points {
            let day = self.days.entry(china::day(*at)).or_default();
            day.expected = day.expected.max(expected);
            day.add(glucose);
        }
        if let Some(newest) = self.newest() {
            self.days.retain(|day, _| *day > newest - SENSOR_DAYS.value);
        }
    }

    fn newest(&self) -> Option<i64> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// Of the last days, if enough of the data is there.
    pub fn summary(&self) -> Option<Summary> {
        let all = self.days.values().copied().fold(Day::default(), Day::plus);
        let expected = i64::from(all.expected).saturating_mul(SENSOR_DAYS.value);
        let enough = i64::from(all.points) * 100 >= expected.saturating_mul(SENSOR_SHARE.value);
        (all.points > 0 && enough).then_some(Summary(all))
    }

    /// The summary, once in its number of days.
    pub fn news(&mut self) -> Option<Summary> {
        let (summary, newest) = (self.summary()?, self.newest()?);
        if self.told.is_some_and(|told| newest - told < SENSOR_DAYS.value) {
            return None;
        }
        self.told = Some(newest);
        Some(summary)
    }
}

/// A summary of several days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary(Day);

impl Summary {
    /// Per thousand of the points that are in range, rounded.
    pub fn in_range(&self) -> i64 {
        self.share(self.0.in_range)
    }

    fn share(&self, count: u32) -> i64 {
        let points = i64::from(self.0.points.max(1));
        (i64::from(count) * 2000 + points) / (2 * points)
    }

    fn is_above(&self, count: u32, percent: Number) -> bool {
        i64::from(count) * 100 > percent.value * i64::from(self.0.points)
    }

    fn is_below(&self, count: u32, percent: Number) -> bool {
        i64::from(count) * 100 < percent.value * i64::from(self.0.points)
    }

    /// Square of the coefficient of variation, as a fraction: the variance over the square of the mean.
    fn variation(&self) -> (i128, i128) {
        let (n, sum) = (i128::from(self.0.points), i128::from(self.0.sum));
        (n * i128::from(self.0.squares) - sum * sum, (sum * sum).max(1))
    }

    fn varies_too_much(&self) -> bool {
        let (above, below) = self.variation();
        let most = i128::from(VARIATION.value);
        above * 10_000 > most * most * below
    }

    /// What is off target, in both languages; for the frail by their own limits.
    pub fn off_target(&self, frail: bool) -> Vec<LocalizedText> {
        let (range, low, high) = match frail {
            true => (IN_RANGE_FRAIL, LOW_SHARE_FRAIL, VERY_HIGH_SHARE_FRAIL),
            false => (IN_RANGE, LOW_SHARE, VERY_HIGH_SHARE),
        };
        let day = self.0;
        let shown = |count| tenths(self.share(count));
        let text =
            |zh: &str, en: &str, count| zh_en(format!("{zh}{}%", shown(count)), format!("{en} {} %", shown(count)));
        let mut off = Vec::new();
        if !self.is_above(day.in_range, range) {
            off.push(text("目标范围内时间", "time in range", day.in_range));
        }
        if !self.is_below(day.low, low) {
            off.push(text("低于3.9 mmol/L的时间", "below 3.9 mmol/L", day.low));
        }
        if !self.is_below(day.very_low, VERY_LOW_SHARE) {
            off.push(text("低于3.0 mmol/L的时间", "below 3.0 mmol/L", day.very_low));
        }
        if !self.is_below(day.very_high, high) {
            off.push(text("高于13.9 mmol/L的时间", "above 13.9 mmol/L", day.very_high));
        }
        if self.varies_too_much() {
            let shown = tenths(self.coefficient());
            off.push(zh_en(format!("变异系数{shown}%"), format!("coefficient of variation {shown} %")));
        }
        off
    }

    /// Coefficient of variation, per thousand, rounded down.
    fn coefficient(&self) -> i64 {
        let (above, below) = self.variation();
        let square = u128::try_from(above.max(0) * 1_000_000 / below).unwrap_or(0);
        i64::try_from(square.isqrt()).unwrap_or(i64::MAX)
    }

    /// All of it, for staff.
    pub fn shown(&self) -> LocalizedText {
        let day = self.0;
        let [range, low, very_low, very_high] =
            [day.in_range, day.low, day.very_low, day.very_high].map(|count| tenths(self.share(count)));
        let varies = tenths(self.coefficient());
        let mean = tenths(day.sum / (100 * i64::from(day.points.max(1))));
        zh_en(
            format!(
                "目标范围内{range}%,<3.9 mmol/L {low}%,<3.0 mmol/L {very_low}%,>13.9 mmol/L {very_high}%,变异系数{varies}%,平均{mean} mmol/L"
            ),
            format!(
                "in range {range} %, <3.9 mmol/L {low} %, <3.0 mmol/L {very_low} %, >13.9 mmol/L {very_high} %, \
                 coefficient of variation {varies} %, mean {mean} mmol/L"
            ),
        )
    }
}

/// A number of tenths: 725 is 72.5.
fn tenths(value: i64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

#[cfg(test)]
mod tests {
    use xinglin_sdk::{
        follow_up::Point,
        testing::START,
        types::{Coding, Decimal},
    };

    use super::*;

    const QUARTER: Instant = 15 * MINUTE;

    /// Values in tenths of mmol/L, so many minutes apart.
    fn series(from: Instant, gap: Instant, tenths: &[i64]) -> Points {
        let points = tenths.iter().enumerate().map(|(number, value)| Point {
            at: from + gap * i64::try_from(number).expect("few"),
            value: Decimal::new(*value, 1),
        });
        let series = Series {
            code: Coding::loinc("105272-9"),
            unit: "mmol/L".to_owned(),
            points: points.collect(),
            duplicates: 0,
            implausible: 0,
        };
        Points::of(&series).expect("understood")
    }

    /// So many of a thousand points are of each value; the sensor has one point every 15 minutes, in days that are full.
    fn of(values: &[(usize, i64)]) -> Summary {
        let all: Vec<i64> = values.iter().flat_map(|(count, value)| vec![*value; *count]).collect();
        let mut sensor = Sensor::default();
        // 1,000 points are enough: 940.8 are needed.
        for (number, day) in all.chunks(72).enumerate() {
            let from = china::midnight(china::day(START) + i64::try_from(number).expect("few"));
            sensor.add(&series(from, QUARTER, day));
        }
        sensor.summary().expect("enough")
    }

    fn off(summary: &Summary, frail: bool) -> Vec<String> {
        let words = |text: &LocalizedText| text[1].text.clone();
        summary.off_target(frail).iter().map(words).collect()
    }

    #[test]
    fn edges_of_the_range() {
        for (value, low, very_low, in_range, very_high) in [
            (29, 1, 1, 0, 0),
            (30, 1, 0, 0, 0),
            (31, 1, 0, 0, 0),
            (38, 1, 0, 0, 0),
            (39, 0, 0, 1, 0),
            (40, 0, 0, 1, 0),
            (99, 0, 0, 1, 0),
            (100, 0, 0, 1, 0),
            (101, 0, 0, 0, 0),
            (138, 0, 0, 0, 0),
            (139, 0, 0, 0, 0),
            (140, 0, 0, 0, 1),
        ] {
            let mut day = Day::default();
            day.add(&Glucose::of(&Quantity::new(Decimal::new(value, 1), "mmol/L"), false).expect("a glucose"));
            assert_eq!(
                (day.low, day.very_low, day.in_range, day.very_high),
                (low, very_low, in_range, very_high),
                "{value}"
            );
        }
    }

    #[test]
    fn enough_of_the_sensor() {
        let filled = |days: i64, points: usize| {
            let mut sensor = Sensor::default();
            for day in 0..days {
                let from = china::midnight(china::day(START) + day);
                sensor.add(&series(from, QUARTER, &vec![60; points]));
            }
            sensor
        };
        // 14 days of 96 points: 940.8 are 70 %.
        for (days, points, enough) in
            [(14, 67, false), (14, 68, true), (14, 69, true), (9, 96, false), (10, 96, true), (14, 96, true)]
        {
            assert_eq!(filled(days, points).summary().is_some(), enough, "{days} days of {points}");
        }
        let mut sensor = filled(15, 96);
        assert_eq!(sensor.days.len(), 14, "older days are left out");
        assert!(sensor.news().is_some());
        assert!(sensor.news().is_none(), "once");
        for (ahead, news) in [(13, false), (14, true), (15, true)] {
            let mut later = sensor.clone();
            for day in 0..=ahead {
                let from = china::midnight(china::day(START) + 14 + day);
                later.add(&series(from, QUARTER, &[60; 96]));
            }
            assert_eq!(later.news().is_some(), news, "{ahead} days later");
        }
    }

    #[test]
    fn a_gap_of_another_sensor_is_seen() {
        for (minutes, points, enough) in [(5, 201, false), (5, 202, true), (1, 1007, false), (1, 1008, true)] {
            let mut sensor = Sensor::default();
            for day in 0..14 {
                let from = china::midnight(china::day(START) + day);
                sensor.add(&series(from, minutes * MINUTE, &vec![60; points]));
            }
            assert_eq!(sensor.summary().is_some(), enough, "every {minutes} minutes, {points}");
        }
    }

    #[test]
    fn goals_of_the_sensor() {
        // Tenths of mmol/L: 12.0 is high and not very high.
        for (values, frail, expected) in [
            (&[(699, 60), (301, 120)][..], false, vec!["time in range 69.9 %"]),
            (&[(700, 60), (300, 120)], false, vec!["time in range 70.0 %"]),
            (&[(701, 60), (299, 120)], false, vec![]),
            (&[(499, 80), (501, 110)], true, vec!["time in range 49.9 %"]),
            (&[(500, 80), (500, 110)], true, vec!["time in range 50.0 %"]),
            (&[(501, 80), (499, 110)], true, vec![]),
            (&[(961, 60), (39, 35)], false, vec![]),
            (&[(960, 60), (40, 35)], false, vec!["below 3.9 mmol/L 4.0 %"]),
            (&[(959, 60), (41, 35)], false, vec!["below 3.9 mmol/L 4.1 %"]),
            (&[(991, 60), (9, 35)], true, vec![]),
            (&[(990, 60), (10, 35)], true, vec!["below 3.9 mmol/L 1.0 %"]),
            (&[(989, 60), (11, 35)], true, vec!["below 3.9 mmol/L 1.1 %"]),
            (&[(991, 60), (9, 25)], false, vec![]),
            (&[(990, 60), (10, 25)], false, vec!["below 3.0 mmol/L 1.0 %"]),
            (&[(989, 60), (11, 25)], false, vec!["below 3.0 mmol/L 1.1 %"]),
            (&[(951, 80), (49, 150)], false, vec![]),
            (&[(950, 80), (50, 150)], false, vec!["above 13.9 mmol/L 5.0 %"]),
            (&[(949, 80), (51, 150)], false, vec!["above 13.9 mmol/L 5.1 %"]),
            (&[(901, 80), (99, 150)], true, vec![]),
            (&[(900, 80), (100, 150)], true, vec!["above 13.9 mmol/L 10.0 %"]),
            (&[(899, 80), (101, 150)], true, vec!["above 13.9 mmol/L 10.1 %"]),
        ] {
            assert_eq!(off(&of(values), frail), expected, "{values:?}, frail: {frail}");
        }
        // Half 6.4 and half 13.6: mean 10.0, deviation 3.6; a tenth to either side.
        for (low, high, varies) in [(65, 135, false), (64, 136, false), (63, 137, true)] {
            let found = off(&of(&[(500, low), (500, high)]), true);
            assert_eq!(found.iter().any(|text| text.contains("variation")), varies, "{low} and {high}: {found:?}");
        }
    }

    #[test]
    fn episodes_of_the_sensor() {
        let five = 5 * MINUTE;
        for (gap, values, episodes) in [
            (five, &[60, 29, 29, 60, 60][..], 0),
            (five, &[60, 29, 29, 29, 60], 1),
            (five, &[60, 29, 29, 29, 29, 60], 1),
            (five, &[60, 30, 30, 30, 30, 60], 0),
            (five, &[29, 29, 29, 60, 29, 29, 29], 2),
            (QUARTER, &[60, 29, 60], 1),
        ] {
            assert_eq!(series(START, gap, values).episodes(), episodes, "{values:?}");
        }
        let points = series(START, five, &[60, 60, 29]);
        for (minutes, live) in [(9, false), (10, true), (39, true), (40, true), (41, false)] {
            let now = START + minutes * MINUTE;
            assert_eq!(points.live(now, 30).is_some(), live, "{minutes} minutes after the first, the last at 10");
        }
    }

    #[test]
    fn a_series_in_an_unknown_unit_is_not_judged() {
        let mut series = Series {
            code: Coding::loinc("105272-9"),
            unit: "g/L".to_owned(),
            points: vec![Point { at: START, value: Decimal::whole(1) }],
            duplicates: 0,
            implausible: 0,
        };
        assert_eq!(Points::of(&series).err(), Some(NotUnderstood("glucose in `g/L`".to_owned())));
        series.unit = "mg/dL".to_owned();
        series.points[0].value = Decimal::whole(180);
        let mut day = Day::default();
        day.add(&Points::of(&series).expect("understood").points[0].1);
        assert_eq!((day.in_range, day.sum), (1, 9990), "180 mg/dL are 9.990 mmol/L");
    }
}
