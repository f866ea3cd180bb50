//! A glucose sensor.

use xinglin_sdk::{
    follow_up::{Role, Series, Severity},
    types::{Codings as _, LocalizedText, system, zh_en},
};

use super::{DAY, Step, THREE_DAYS, answer::join};
use crate::{
    measure::{GLUCOSE_CODES, NotUnderstood, SENSOR_CODES},
    numbers::LIVE_MINUTES,
    sensor::{Points, Summary},
    sources::Source,
};

impl Step<'_> {
    /// What it says of now is judged as any value; the rest is summed up, and episodes of very low values are told.
    pub(super) fn streamed(&mut self, series: &Series) {
        let code = std::slice::from_ref(&series.code);
        if !SENSOR_CODES.iter().chain(&GLUCOSE_CODES).any(|known| code.has(system::LOINC, known)) {
            return;
        }
        let points = match Points::of(series) {
            Ok(points) => points,
            Err(NotUnderstood(what)) => return self.not_understood(&what),
        };
        if let Some(glucose) = points.live(self.now, LIVE_MINUTES.value) {
            self.judge_glucose(glucose);
        }
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
        self.memory.sensor.add(&points);
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
