//! Values of devices that come many at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::{Event, Point, Provenance, Reading, Series};
use crate::{
    clinical::ObservationValue,
    coding::{Coding, Decimal},
    time::Instant,
};

/// From how many values of one code in one write on, those of a device are one event: a project default. A cuff that
/// sends what it measured on a day does not reach it; an hour of a sensor that measures every five minutes does.
const TOGETHER: usize = 12;

/// Maximum number of points of one series.
pub const MOST_POINTS: usize = 2000;

/// What one write says to a pathway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// An event.
    Event(Event),
    /// A value of a device that the record held before.
    Known(Coding),
    /// A value of a device that cannot be true.
    Implausible(Coding),
}

/// The events of a write. If one device sent many values of a code, they are one [`Series`] instead of so many events,
/// in the place of the first.
pub fn together(said: Vec<Said>) -> Vec<Event> {
    let key = |code: &Coding, unit: &str| (code.system.clone(), code.code.clone(), unit.to_owned());
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for one in &said {
        if let Some((code, unit, _)) = sensed(one) {
            *counts.entry(key(code, unit)).or_default() += 1;
        }
    }
    counts.retain(|_, count| *count >= TOGETHER);
    let left_out = |wanted: &Coding| {
        let of = |one: &&Said| matches!(one, Said::Known(code) if code.same(wanted));
        let implausible = |one: &&Said| matches!(one, Said::Implausible(code) if code.same(wanted));
        (count(said.iter().filter(of).count()), count(said.iter().filter(implausible).count()))
    };
    let mut series: BTreeMap<_, Series> = BTreeMap::new();
    for one in &said {
        let Some((code, unit, point)) = sensed(one) else { continue };
        if counts.contains_key(&key(code, unit)) {
            let of_code = series.entry(key(code, unit)).or_insert_with(|| {
                let (duplicates, implausible) = left_out(code);
                Series { code: code.clone(), unit: unit.to_owned(), points: Vec::new(), duplicates, implausible }
            });
            of_code.points.push(point);
        }
    }
    let mut events = Vec::new();
    for one in said {
        let whole = sensed(&one).map(|(code, unit, _)| key(code, unit)).filter(|key| counts.contains_key(key));
        match (whole, one) {
            // The first of them brings all.
            (Some(key), _) => events.extend(series.remove(&key).into_iter().flat_map(in_order).map(Event::Streamed)),
            (None, Said::Event(event)) => events.push(event),
            (None, Said::Known(_) | Said::Implausible(_)) => {}
        }
    }
    events
}

/// The events of a write to a pathway that has no word for a series.
pub fn one_by_one(said: Vec<Said>) -> Vec<Event> {
    let event = |one| match one {
        Said::Event(event) => Some(event),
        Said::Known(_) | Said::Implausible(_) => None,
    };
    said.into_iter().filter_map(event).collect()
}

/// Oldest first, each moment once, at most [`MOST_POINTS`] in one; none without a point. What was left out is counted in
/// the first.
pub fn in_order(mut series: Series) -> Vec<Series> {
    series.points.sort_by_key(|point| point.at);
    let sent = series.points.len();
    series.points.dedup_by_key(|point| point.at);
    series.duplicates = series.duplicates.saturating_add(count(sent - series.points.len()));
    let part = |(place, points): (usize, &[Point])| {
        let (duplicates, implausible) = if place == 0 { (series.duplicates, series.implausible) } else { (0, 0) };
        Series { points: points.to_vec(), duplicates, implausible, ..series.clone() }
    };
    series.points.chunks(MOST_POINTS).enumerate().map(part).collect()
}

/// Without what was known before: the same values of the same moments.
#[must_use]
pub fn without(mut series: Series, known: &BTreeSet<(Instant, Decimal)>) -> Series {
    let sent = series.points.len();
    series.points.retain(|point| !known.contains(&(point.at, point.value)));
    series.duplicates = series.duplicates.saturating_add(count(sent - series.points.len()));
    series
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A single number of a device at a known moment.
fn sensed(said: &Said) -> Option<(&Coding, &str, Point)> {
    let Said::Event(Event::Observed(Reading { observation, provenance: Provenance::Device })) = said else {
        return None;
    };
    let (ObservationValue::Quantity(quantity), Some(at), []) =
        (&observation.value, observation.effective, observation.components.as_slice())
    else {
        return None;
    };
    Some((observation.code.first()?, quantity.unit.as_str(), Point { at, value: quantity.value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clinical::Observation, coding::Quantity, fixture::NOW};

    fn glucose() -> Coding {
        Coding::new("http://loinc.org", "105272-9")
    }

    fn sensed_at(minute: i64, provenance: Provenance) -> Said {
        let value = ObservationValue::Quantity(Quantity { value: Decimal::whole(minute), unit: "mmol/L".into() });
        let (components, attributes) = (Vec::new(), Vec::new());
        let effective = Some(NOW.plus_minutes(minute));
        let observation = Observation { code: vec![glucose()], value, components, effective, attributes };
        Said::Event(Event::Observed(Reading { observation, provenance }))
    }

    fn series(minutes: impl IntoIterator<Item = i64>, (duplicates, implausible): (u32, u32)) -> Series {
        let point = |minute| Point { at: NOW.plus_minutes(minute), value: Decimal::whole(minute) };
        let points = minutes.into_iter().map(point).collect();
        Series { code: glucose(), unit: "mmol/L".into(), points, duplicates, implausible }
    }

    #[test]
    fn twelve_of_a_device_are_one_event_and_fewer_are_not() {
        let of = |count: i64, provenance| together((0..count).map(|at| sensed_at(at, provenance)).collect());
        assert_eq!(of(11, Provenance::Device).len(), 11);
        assert_eq!(of(12, Provenance::Device), [Event::Streamed(series(0..12, (0, 0)))]);
        assert_eq!(of(12, Provenance::Laboratory).len(), 12, "results are told one by one");
        assert_eq!(of(12, Provenance::SelfReported).len(), 12);
    }

    #[test]
    fn a_series_is_in_order_with_each_moment_once_and_says_what_is_left_out() {
        let mut said: Vec<Said> = (0..12).rev().map(|at| sensed_at(at, Provenance::Device)).collect();
        said.insert(0, Said::Event(Event::Enrolled));
        said.extend([sensed_at(3, Provenance::Device), Said::Known(glucose()), Said::Implausible(glucose())]);
        said.push(Said::Event(Event::HoldReleased("h".into())));
        let expected = [Event::Enrolled, Event::Streamed(series(0..12, (2, 1))), Event::HoldReleased("h".into())];
        assert_eq!(together(said), expected);
    }

    #[test]
    fn what_was_known_is_left_out_and_a_long_series_is_parted() {
        let known =
            [(0, 0), (2, 2), (900, 900), (3, 7)].map(|(at, value)| (NOW.plus_minutes(at), Decimal::whole(value)));
        let known = BTreeSet::from(known);
        assert_eq!(without(series(0..4, (1, 0)), &known), series([1, 3], (3, 0)));
        let parts = in_order(series((0..4500).rev(), (5, 6)));
        assert_eq!(parts.iter().map(|part| part.points.len()).collect::<Vec<_>>(), [2000, 2000, 500]);
        assert_eq!(
            parts.iter().map(|part| (part.duplicates, part.implausible)).collect::<Vec<_>>(),
            [(5, 6), (0, 0), (0, 0)]
        );
        assert_eq!(parts[1].points[0].at, NOW.plus_minutes(2000));
        assert_eq!(in_order(series([], (1, 0))), []);
    }
}
