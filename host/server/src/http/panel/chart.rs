//! A curve as SVG: bands behind it, days of Asia/Shanghai below, values at its left. Colours repeat
//! what words and shapes say.

use std::fmt::Write as _;

use xinglin_domain::{
    coding::Decimal,
    panel::{Bound, Point, Scale, Series, Tone},
    time::{Day, Instant},
};

use super::words::{amount, day};
use crate::{http::language::Language, svg::escaped};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;
/// Most ticks of an axis.
const TICKS: i64 = 6;
/// Points that are drawn large.
const FEW: usize = 120;
/// Longest title of a band in the picture; the whole is below it.
const SHORT: usize = 16;
const DAY: i64 = 86_400_000_000;
const SHANGHAI: i64 = 8 * 3_600_000_000;

/// The picture; `None` if there is nothing to draw. `number` makes its ids unique on the page.
pub fn chart(series: &Series, number: usize, language: Language) -> Option<String> {
    let (first, last) = (series.points.first()?, series.points.last()?);
    let axis = Axis::of(series);
    let days = Days::of(first.at, last.at);
    let title = escaped(series.title.get(language.tag())).into_owned();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"t{number} d{number}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title id=\"t{number}\">{title}</title>\n<desc id=\"d{number}\">{}</desc>\n",
        escaped(&described(series, language))
    );
    bands(&mut svg, series, &axis, language);
    for tick in axis.ticks() {
        let y = axis.y(tick);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            axis.label(tick)
        );
    }
    for at in days.ticks() {
        let x = days.x(at);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#555\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 5.0,
            HEIGHT - 14.0,
            Day::of(at)
        );
    }
    curve(&mut svg, series, &axis, &days);
    svg.push_str("</svg>\n");
    Some(svg)
}

/// What the picture shows, for who does not see it.
fn described(series: &Series, language: Language) -> String {
    let [Some(first), Some(last)] = [series.points.first(), series.points.last()] else { return String::new() };
    let (count, shown) = (series.points.len(), amount(last, &series.unit));
    let (from, to) = (day(first.at), day(last.at));
    match language {
        Language::Chinese => format!("{from} 至 {to} 共 {count} 个数值，最近一次为 {shown}；数值见图下表格。"),
        Language::English => {
            format!("{count} values from {from} to {to}, the last {shown}; all are in the table below.")
        }
    }
}

fn bands(svg: &mut String, series: &Series, axis: &Axis, language: Language) {
    for band in &series.bands {
        let edge = |value: Option<Decimal>, open: f64| value.map_or(open, |value| axis.y(number(value)));
        let (bottom, top) = (edge(band.low, HEIGHT - BOTTOM), edge(band.high, TOP));
        if bottom - top < 0.5 {
            continue;
        }
        let (colour, dashes) = tone(band.tone);
        let title: String = band.title.get(language.tag()).chars().take(SHORT + 1).collect();
        let short = match title.chars().count() > SHORT {
            true => format!("{}…", title.chars().take(SHORT).collect::<String>()),
            false => title,
        };
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\" fill-opacity=\"0.15\" \
             stroke=\"{colour}\" stroke-dasharray=\"{dashes}\"/>",
            WIDTH - RIGHT - LEFT,
            bottom - top
        );
        if bottom - top >= 14.0 {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333\">{}</text>",
                WIDTH - RIGHT - 4.0,
                top + 12.0,
                escaped(&short)
            );
        }
    }
}

/// Colour, and the dashes of its edge.
const fn tone(tone: Tone) -> (&'static str, &'static str) {
    match tone {
        Tone::Neutral => ("#666666", "1 3"),
        Tone::Good => ("#1b7f3b", "none"),
        Tone::Caution => ("#b36b00", "6 3"),
        Tone::Danger => ("#b3261e", "2 2"),
    }
}

fn curve(svg: &mut String, series: &Series, axis: &Axis, days: &Days) {
    let places: Vec<(f64, f64, Bound)> =
        series.points.iter().map(|point| (days.x(point.at), axis.y(number(point.value)), point.bound)).collect();
    let line: Vec<String> = places.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f4e8c\" stroke-width=\"1.5\"/>",
        line.join(" ")
    );
    let size = if places.len() <= FEW { 4.0 } else { 2.0 };
    for (x, y, bound) in places {
        // An open triangle points to where the true value is.
        let (class, towards) = match bound {
            Bound::Exact => ("", 0.0),
            Bound::Below => ("below", size),
            Bound::Above => ("above", -size),
        };
        let _ = match bound {
            Bound::Below | Bound::Above => writeln!(
                svg,
                "<path class=\"{class}\" d=\"M{:.1} {:.1}H{:.1}L{x:.1} {:.1}Z\" fill=\"#fff\" stroke=\"#1f4e8c\"/>",
                x - size - 1.0,
                y - towards,
                x + size + 1.0,
                y + towards
            ),
            Bound::Exact => writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size}\" fill=\"#1f4e8c\"/>"),
        };
    }
}

/// For drawing only: no rule reckons with it.
fn number(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(0.0)
}

/// The axis of values.
struct Axis {
    scale: Scale,
    /// Ends of the axis; of a logarithmic one, as exponents of ten.
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    fn of(series: &Series) -> Self {
        let edges = series.bands.iter().flat_map(|band| [band.low, band.high]).flatten();
        let all: Vec<f64> = series.points.iter().map(|point: &Point| point.value).chain(edges).map(number).collect();
        let least = |of: &mut dyn Iterator<Item = f64>| of.fold(f64::INFINITY, f64::min);
        let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match series.scale {
            Scale::Linear => {
                let low = least(&mut all.iter().copied());
                // One value, or several that are equal, are drawn in the middle.
                let (low, high) = if most - low < 1e-12 { (low - 1.0, most + 1.0) } else { (low, most) };
                let step = step((high - low) / 5.0);
                let floor = (low / step + 1e-9).floor() * step;
                let floor = if low >= 0.0 { floor.max(0.0) } else { floor };
                Self { scale: Scale::Linear, low: floor, high: (high / step - 1e-9).ceil() * step, step }
            }
            Scale::Logarithmic => {
                let positive = least(&mut all.iter().copied().filter(|value| *value > 0.0));
                let (low, high) = match positive.is_finite() {
                    true => ((positive.log10() + 1e-9).floor(), (most.log10() - 1e-9).ceil()),
                    false => (0.0, 1.0),
                };
                let high = if high - low < 1.0 { low + 1.0 } else { high };
                Self { scale: Scale::Logarithmic, low, high, step: ((high - low) / 6.0).ceil().max(1.0) }
            }
        }
    }

    /// Values outside, and those that have no logarithm, are at the edge.
    fn y(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic if value > 0.0 => value.log10(),
            Scale::Logarithmic => self.low,
        };
        let share = ((place - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        (HEIGHT - BOTTOM) - share * (HEIGHT - BOTTOM - TOP)
    }

    fn ticks(&self) -> Vec<f64> {
        let mut ticks = Vec::new();
        for count in 0_u32..=12 {
            let place = self.low + f64::from(count) * self.step;
            if place > self.high + self.step * 1e-6 {
                break;
            }
            ticks.push(match self.scale {
                Scale::Linear => place,
                Scale::Logarithmic => 10_f64.powf(place),
            });
        }
        ticks
    }

    fn label(&self, tick: f64) -> String {
        let power = match self.scale {
            Scale::Linear => self.step.log10().floor(),
            Scale::Logarithmic => tick.log10().round(),
        };
        // As many digits as the step has; 18 is the most that a decimal has.
        let digits = (0_u8..18).find(|digits| f64::from(*digits) >= -power).unwrap_or(18);
        format!("{tick:.*}", usize::from(digits))
    }
}

/// 1, 2 or 5 times a power of ten, not less than this.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(least)
}

/// The axis of days, from the beginning of the first to the end of the last.
struct Days {
    first: i64,
    count: i64,
}

impl Days {
    fn of(first: Instant, last: Instant) -> Self {
        let (first, last) = (first.china_day(), last.china_day());
        Self { first, count: last.saturating_sub(first).saturating_add(1).max(1) }
    }

    fn begin(&self) -> i64 {
        self.first.saturating_mul(DAY).saturating_sub(SHANGHAI)
    }

    fn x(&self, at: Instant) -> f64 {
        let (since, whole) = (at.micros().saturating_sub(self.begin()), self.count.saturating_mul(DAY));
        LEFT + ratio(since, whole) * (WIDTH - RIGHT - LEFT)
    }

    /// Beginnings of days.
    fn ticks(&self) -> Vec<Instant> {
        let step = (self.count + TICKS - 1) / TICKS;
        (0..TICKS)
            .map(|tick| tick * step)
            .filter(|day| *day < self.count)
            .map(|day| Instant::from_micros(self.begin().saturating_add(day * DAY)))
            .collect()
    }
}

/// To a hundred-thousandth, which is finer than a pixel.
fn ratio(part: i64, whole: i64) -> f64 {
    let share = i128::from(part) * 100_000 / i128::from(whole.max(1));
    f64::from(i32::try_from(share.clamp(0, 100_000)).unwrap_or_default()) / 100_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use xinglin_domain::{
        coding::{Citation, LocalizedText},
        panel::Band,
    };

    /// 2026-03-01T04:00:00Z, noon in Shanghai.
    const NOON: Instant = Instant::from_micros(1_772_337_600_000_000);

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    fn series(scale: Scale, values: &[(i64, &str, Bound)]) -> Series {
        let point = |(days, value, bound): &(i64, &str, Bound)| Point {
            at: NOON.plus_days(*days),
            value: decimal(value),
            bound: *bound,
        };
        Series {
            title: LocalizedText::zh_en("曲线", "Curve"),
            unit: "mmol/L".into(),
            scale,
            points: values.iter().map(point).collect(),
            bands: Vec::new(),
        }
    }

    fn band(title: &str, low: Option<&str>, high: Option<&str>) -> Band {
        let citation = Citation { title: "T".into(), section: None, year: 2024, url: None };
        let (low, high) = (low.map(decimal), high.map(decimal));
        Band { title: LocalizedText::zh_en(title, title), tone: Tone::Caution, low, high, citation: Some(citation) }
    }

    fn labels(series: &Series) -> Vec<String> {
        let axis = Axis::of(series);
        axis.ticks().into_iter().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_span_all_values() {
        for (scale, values, expected) in [
            (Scale::Linear, &["4.4", "16.7"][..], &["0", "5", "10", "15", "20"][..]),
            (Scale::Linear, &["6.9", "7.1"], &["6.90", "6.95", "7.00", "7.05", "7.10"]),
            (Scale::Linear, &["7"], &["6.0", "6.5", "7.0", "7.5", "8.0"]),
            (Scale::Linear, &["0", "27"], &["0", "10", "20", "30"]),
            (Scale::Linear, &["-3", "3"], &["-4", "-2", "0", "2", "4"]),
            (Scale::Logarithmic, &["20", "100000"], &["10", "100", "1000", "10000", "100000"]),
            (Scale::Logarithmic, &["50"], &["10", "100"]),
            (Scale::Logarithmic, &["0.02", "5"], &["0.01", "0.10", "1", "10"]),
            (Scale::Logarithmic, &["0", "-1"], &["1", "10"]),
        ] {
            let points: Vec<(i64, &str, Bound)> =
                values.iter().zip(0..).map(|(value, day)| (day, *value, Bound::Exact)).collect();
            let found = labels(&series(scale, &points));
            let short: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(found.len(), short.len(), "{scale:?} {values:?}: {found:?}");
            for (found, expected) in found.iter().zip(&short) {
                assert_eq!(
                    found.parse::<f64>().expect("a number"),
                    expected.parse::<f64>().expect("one"),
                    "{values:?}"
                );
            }
        }
    }

    #[test]
    fn days_are_those_of_shanghai() {
        // 23:59 and 00:01 in Shanghai.
        let (late, early) = (NOON.plus_minutes(12 * 60 - 1), NOON.plus_minutes(12 * 60 + 1));
        let days = Days::of(late, early);
        let shown: Vec<String> = days.ticks().into_iter().map(|at| Day::of(at).to_string()).collect();
        assert_eq!(shown, ["2026-03-01", "2026-03-02"]);
        let middle = LEFT + (WIDTH - RIGHT - LEFT) / 2.0;
        assert!(days.x(late) < middle && days.x(early) > middle, "{} {}", days.x(late), days.x(early));
        assert_eq!(Days::of(NOON, NOON.plus_days(179)).ticks().len(), 6);
        assert_eq!(Days::of(NOON, NOON).ticks().len(), 1);
    }

    #[test]
    fn below_the_limit_is_another_shape_at_the_limit() {
        let mut viral = series(
            Scale::Logarithmic,
            &[(0, "31000", Bound::Above), (30, "120", Bound::Exact), (90, "20", Bound::Below)],
        );
        viral.bands = vec![band("<50", None, Some("50")), band("50–200", Some("50"), Some("200"))];
        let svg = chart(&viral, 3, Language::Chinese).expect("a picture");
        assert_eq!(
            ["<circle", "class=\"below\"", "class=\"above\""].map(|what| svg.matches(what).count()),
            [1, 1, 1],
            "{svg}"
        );
        assert!(svg.contains("aria-labelledby=\"t3 d3\"") && svg.contains("<title id=\"t3\">曲线</title>"), "{svg}");
        assert!(svg.contains("最近一次为 &lt;20 mmol/L"), "{svg}");
        assert_eq!(svg.matches("stroke-dasharray=\"6 3\"").count(), 2, "{svg}");
        // Where 200 lies and where the band above 50 ends is the same height.
        let axis = Axis::of(&viral);
        assert!(axis.y(200.0) < axis.y(50.0) && axis.y(0.0) == axis.y(10.0), "not above zero is at the edge");
        assert_eq!(chart(&series(Scale::Linear, &[]), 1, Language::English), None);
    }

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let mut hostile = series(Scale::Linear, &[(0, "5", Bound::Exact)]);
        hostile.title = LocalizedText::zh_en("\"><img src=x>", "");
        hostile.unit = "<script>".into();
        hostile.bands = vec![band("\"><script>alert(1)</script>", Some("4"), Some("9"))];
        let svg = chart(&hostile, 1, Language::Chinese).expect("a picture");
        assert!(!svg.contains("<script") && !svg.contains("<img"), "{svg}");
    }
}
