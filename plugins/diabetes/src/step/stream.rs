//! Glucose that a device sends in series: a sensor, or the memory of a meter.

use xinglin_sdk::{
    follow_up::{Role, Series, Severity},
    time::{Instant, MINUTE},
    types::{Codings as _, LocalizedText, system, zh_en},
};

use super::{DAY, HOUR, Step, THREE_DAYS, answer::join};
use crate::{
    measure::{GLUCOSE_CODES, NotUnderstood, SENSOR_CODES},
    numbers::{BACK_HOURS, LIVE_MINUTES},
    sensor::{Points, Summary},
    sources::Source,
};

impl Step<'_> {
    /// Values of a meter are few, and each was measured for a reason: the worst of a series are judged as any value. A sensor is
    /// summed up besides.
    pub(super) fn streamed(&mut self, series: &Series) {
        let code = std::slice::from_ref(&series.code);
        let is = |known: &[&str]| known.iter().any(|known| code.has(system::LOINC, known));
        if !is(&SENSOR_CODES) && !is(&GLUCOSE_CODES) {
            return;
        }
        let points = match Points::of(series) {
            Ok(points) => points,
            Err(NotUnderstood(what)) => return self.not_understood(&what),
        };
        if is(&GLUCOSE_CODES) { self.meter_streamed(&points) } else { self.sensor_streamed(&points) }
    }

    /// The last says whether a low glucose is over.
    fn meter_streamed(&mut self, points: &Points) {
        for (_, glucose) in points.extremes(Instant::MIN).into_iter().flatten() {
            self.judge_critical_glucose(glucose);
        }
        if let Some((at, glucose)) = points.last() {
            self.judge_recheck(glucose, *at);
        }
    }

    /// What it says of now is judged as any value. Of all that it has told since it sent last, critical values are told to
    /// a doctor; that they are of now, and stop online care, nobody can say. Episodes of very low values are told too.
    fn sensor_streamed(&mut self, points: &Points) {
        let back = self.now.saturating_sub(BACK_HOURS.value.saturating_mul(i64::from(HOUR) * MINUTE));
        for (_, glucose) in points.extremes(self.memory.judged.unwrap_or(back)).into_iter().flatten() {
            self.tell_critical_glucose(glucose);
        }
        if let Some((at, glucose)) = points.live(self.now, LIVE_MINUTES.value) {
            self.judge_glucose(glucose, *at);
        }
        self.memory.judged = self.memory.judged.max(points.last().map(|(at, _)| *at));
        let episodes = points.episodes();
        if episodes > 0 {
            self.alert(
                ("SENSOR_VERY_LOW", Severity::Warning, Role::Doctor, DAY),
                zh_en(
                    format!("动态血糖:{episodes}次<3.0 mmol/L持续15分钟以上。"),
                    format!("Glucose sensor: below 3.0 mmol/L for 15 minutes or more, {episodes} times."),
                ),
                Source::Sensor,
            );
        }
        self.memory.sensor.add(points);
        if let Some(summary) = self.memory.sensor.news() {
            self.summed_up(&summary);
        }
    }

    fn summed_up(&mut self, summary: &Summary) {
        let shown = summary.shown();
        let text =
            |of: &LocalizedText, language: usize| of.get(language).map_or_else(String::new, |one| one.text.clone());
        self.note(zh_en(
            format!("近14天动态血糖:{}。", text(&shown, 0)),
            format!("Glucose sensor, last 14 days: {}.", text(&shown, 1)),
        ));
        let off = summary.off_target(self.goals.relaxed);
        if !off.is_empty() {
            self.alert(
                ("SENSOR_OFF_TARGET", Severity::Warning, Role::HealthManager, THREE_DAYS),
                zh_en(
                    format!("近14天动态血糖未达标:{}。", join(&off, 0, "、")),
                    format!("Glucose sensor off target in the last 14 days: {}.", join(&off, 1, ", ")),
                ),
                Source::Sensor,
            );
        }
    }
}
