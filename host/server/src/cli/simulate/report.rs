//! What a simulation counted, as a table, as JSON and as a picture.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::{CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use serde_json::{Value, json};
use xinglin_domain::pathway::Definition;
use xinglin_runtime::Package;

use super::course::{Counted, name};
use crate::svg::escaped;

/// Severities, the gravest first.
const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

#[derive(Debug, Default, Clone)]
struct Alerts {
    owner: &'static str,
    severity: &'static str,
    count: usize,
    in_time: usize,
    patients: usize,
}

/// The sum of all patients.
pub struct Report {
    title: String,
    days: u16,
    seed: u64,
    wanted: u32,
    patients: u32,
    refused: BTreeMap<String, usize>,
    ends: BTreeMap<String, usize>,
    alerts: BTreeMap<String, Alerts>,
    /// Alerts of each week, by severity.
    weeks: Vec<[usize; 3]>,
    referrals: BTreeMap<&'static str, usize>,
    questionnaires: BTreeMap<String, [usize; 2]>,
    tasks: BTreeMap<&'static str, [usize; 3]>,
    minutes: BTreeMap<&'static str, i64>,
    asked: BTreeMap<&'static str, usize>,
    steps: usize,
    undecided: usize,
    failed: Vec<String>,
}

impl Report {
    /// Of nobody yet.
    pub fn new(package: &Package, definition: &Definition, (wanted, days, seed): (u32, u16, u64)) -> Self {
        let manifest = package.manifest();
        Self {
            title: format!("{} {} ({})", manifest.id, manifest.version, definition.code),
            days,
            seed,
            wanted,
            patients: 0,
            refused: BTreeMap::new(),
            ends: BTreeMap::new(),
            alerts: BTreeMap::new(),
            weeks: vec![[0; 3]; usize::from(days).div_ceil(7).max(1)],
            referrals: BTreeMap::new(),
            questionnaires: BTreeMap::new(),
            tasks: BTreeMap::new(),
            minutes: BTreeMap::new(),
            asked: BTreeMap::new(),
            steps: 0,
            undecided: 0,
            failed: Vec::new(),
        }
    }

    /// Adds a patient.
    pub fn add(&mut self, of: Counted) {
        self.patients += 1;
        self.steps += of.steps;
        self.undecided += of.undecided;
        self.failed.extend(of.failed);
        match of.refused {
            Some(why) => *self.refused.entry(why).or_default() += 1,
            None => *self.ends.entry(of.end).or_default() += 1,
        }
        let mut of_patient: BTreeMap<&str, usize> = BTreeMap::new();
        for (code, severity, owner, day) in &of.alerts {
            let alerts = self.alerts.entry(code.clone()).or_default();
            (alerts.owner, alerts.severity) = (name(*owner), severity);
            alerts.count += 1;
            if *of_patient.entry(code).and_modify(|times| *times += 1).or_insert(1) == 1 {
                alerts.patients += 1;
            }
            let week = usize::try_from(day / 7).unwrap_or_default().min(self.weeks.len() - 1);
            if let Some(place) = SEVERITIES.iter().position(|known| known == severity) {
                self.weeks[week][place] += 1;
            }
        }
        for (code, times) in of.in_time {
            self.alerts.entry(code).or_default().in_time += times;
        }
        add(&mut self.referrals, of.referrals);
        add(&mut self.asked, of.asked);
        for (code, [asked, answered]) in of.questionnaires {
            let sum = self.questionnaires.entry(code).or_default();
            *sum = [sum[0] + asked, sum[1] + answered];
        }
        for (owner, [due, done, missed]) in of.tasks {
            let sum = self.tasks.entry(owner).or_default();
            *sum = [sum[0] + due, sum[1] + done, sum[2] + missed];
        }
        for (role, minutes) in of.minutes {
            *self.minutes.entry(role).or_default() += minutes;
        }
    }

    /// What makes the command fail: a step that failed.
    pub fn failure(&self) -> Option<String> {
        let first = self.failed.iter().min()?;
        Some(format!("{} patients met a step that failed, for example: {first}", self.failed.len()))
    }

    fn enrolled(&self) -> usize {
        self.ends.values().sum()
    }

    /// So many of a hundred enrolled patients, with one digit.
    fn per_hundred(&self, count: usize) -> String {
        let tenths = (count * 1000).checked_div(self.enrolled()).unwrap_or_default();
        format!("{}.{}", tenths / 10, tenths % 10)
    }

    /// All of it, for programs.
    pub fn document(&self) -> Value {
        let alerts = self.alerts.iter().map(|(code, of)| {
            let of = json!({ "severity": of.severity, "owner": of.owner, "count": of.count, "in_time": of.in_time,
                             "patients": of.patients });
            (code.clone(), of)
        });
        let pairs = |of: &BTreeMap<&'static str, usize>| -> Value { of.iter().map(|(k, v)| (*k, *v)).collect() };
        json!({
            "pathway": self.title, "patients": self.patients, "days": self.days, "seed": self.seed,
            "enrolled": self.enrolled(), "not_enrolled": self.refused, "at_the_end": self.ends,
            "alerts": alerts.collect::<serde_json::Map<_, _>>(),
            "alerts_by_week": self.weeks.iter().map(|week| json!(week)).collect::<Vec<_>>(),
            "referrals": pairs(&self.referrals), "asked": pairs(&self.asked),
            "questionnaires": self.questionnaires, "tasks": self.tasks, "staff_minutes": self.minutes,
            "steps": self.steps, "undecided": self.undecided, "failed": self.failed.len(),
        })
    }

    /// Prints the tables.
    pub fn print(&self) {
        println!(
            "{}: {} synthetic patients, {} days, seed {}; {} enrolled",
            self.title,
            self.wanted,
            self.days,
            self.seed,
            self.enrolled()
        );
        for (why, count) in &self.refused {
            println!("   not enrolled: {why} {count}");
        }
        let rows = self.ends.iter().map(|(end, count)| vec![end.clone(), count.to_string(), self.per_hundred(*count)]);
        table(&["at the end", "patients", "%"], rows);
        let rows = self.alerts.iter().map(|(code, of)| {
            let in_time = (of.in_time * 100).checked_div(of.count).unwrap_or_default();
            vec![
                code.clone(),
                of.severity.to_owned(),
                of.owner.to_owned(),
                of.count.to_string(),
                self.per_hundred(of.count),
                of.patients.to_string(),
                format!("{in_time} %"),
            ]
        });
        table(&["alert", "severity", "owner", "count", "per 100", "patients", "in time"], rows);
        let counts = self.referrals.iter().map(|(place, count)| (format!("referred: {place}"), count));
        let counts = counts.chain(self.asked.iter().map(|(what, count)| ((*what).to_owned(), count)));
        let rows = counts.map(|(what, count)| vec![what, count.to_string(), self.per_hundred(*count)]);
        table(&["visits and requests", "count", "per 100"], rows);
        let rows = self
            .questionnaires
            .iter()
            .map(|(code, [asked, answered])| vec![code.clone(), asked.to_string(), answered.to_string()]);
        table(&["questionnaire", "asked", "answered"], rows);
        let rows = self.tasks.iter().map(|(owner, counts)| {
            let mut row = vec![(*owner).to_owned()];
            row.extend(counts.iter().map(usize::to_string));
            row.push(self.minutes.get(owner).map_or_else(String::new, i64::to_string));
            row
        });
        let rest = self.minutes.iter().filter(|(role, _)| !self.tasks.contains_key(*role));
        let rest = rest.map(|(role, minutes)| {
            vec![(*role).to_owned(), String::new(), String::new(), String::new(), minutes.to_string()]
        });
        table(&["who", "tasks due", "done", "missed", "staff minutes"], rows.chain(rest));
        println!("{} calls, {} of them undecided for lack of data", self.steps, self.undecided);
    }

    /// Alerts of each week, stacked by severity.
    pub fn svg(&self) -> String {
        const COLOURS: [&str; 3] = ["#b3261e", "#e8a33d", "#8fa3b8"];
        const BAR: usize = 20;
        const HEIGHT: usize = 240;
        let most = self.weeks.iter().map(|week| week.iter().sum::<usize>()).max().unwrap_or_default().max(1);
        let width = 80 + self.weeks.len() * (BAR + 6);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" \
             font-size=\"11\">\n<title>{}: alerts of each week, {} patients, seed {}</title>\n",
            HEIGHT + 90,
            escaped(&self.title),
            self.patients,
            self.seed
        );
        let _ = writeln!(svg, "<text x=\"8\" y=\"16\">{}: alerts a week, by severity</text>", escaped(&self.title));
        for (place, severity) in SEVERITIES.iter().enumerate() {
            let x = 8 + place * 80;
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"24\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{}\" y=\"33\">{severity}</text>",
                COLOURS[place],
                x + 14
            );
        }
        let _ = writeln!(svg, "<text x=\"8\" y=\"60\">{most}</text><text x=\"8\" y=\"{}\">0</text>", HEIGHT + 52);
        for (number, week) in self.weeks.iter().enumerate() {
            let (x, mut bottom) = (48 + number * (BAR + 6), HEIGHT + 52);
            for (place, count) in week.iter().enumerate() {
                let height = count * HEIGHT / most;
                bottom -= height;
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{bottom}\" width=\"{BAR}\" height=\"{height}\" fill=\"{}\"><title>week {}: {count} \
                     {}</title></rect>",
                    COLOURS[place],
                    number + 1,
                    SEVERITIES[place]
                );
            }
            if number % 4 == 0 {
                let _ = writeln!(svg, "<text x=\"{x}\" y=\"{}\">{}</text>", HEIGHT + 68, number + 1);
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn add(sum: &mut BTreeMap<&'static str, usize>, more: BTreeMap<&'static str, usize>) {
    for (what, count) in more {
        *sum.entry(what).or_default() += count;
    }
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.iter().copied());
    let mut any = false;
    for row in rows {
        table.add_row(row);
        any = true;
    }
    if !any {
        return;
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in table.to_string().lines() {
        println!("   {row}");
    }
}

#[cfg(test)]
mod tests {
    use xinglin_domain::pathway::Role;

    use super::*;

    #[test]
    fn an_alert_of_each_severity_is_a_bar_of_its_week() {
        let mut report = Report {
            title: "a <b>".into(),
            days: 14,
            seed: 1,
            wanted: 1,
            patients: 0,
            refused: BTreeMap::new(),
            ends: BTreeMap::new(),
            alerts: BTreeMap::new(),
            weeks: vec![[0; 3]; 2],
            referrals: BTreeMap::new(),
            questionnaires: BTreeMap::new(),
            tasks: BTreeMap::new(),
            minutes: BTreeMap::new(),
            asked: BTreeMap::new(),
            steps: 0,
            undecided: 0,
            failed: Vec::new(),
        };
        let alert = |severity, day| ("CODE".to_owned(), severity, Role::Doctor, day);
        report.add(Counted {
            alerts: vec![alert("critical", 0), alert("warning", 8), alert("info", 13), alert("info", 99)],
            end: "in first".into(),
            ..Counted::default()
        });
        assert_eq!(report.weeks, [[1, 0, 0], [0, 1, 2]]);
        let svg = report.svg();
        assert!(svg.contains("week 2: 2 info") && svg.contains("a &lt;b&gt;") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!((report.alerts["CODE"].count, report.alerts["CODE"].patients), (4, 1));
        assert_eq!(report.per_hundred(1), "100.0");
    }
}
