//! Seeded mistakes: each is found by its name, at its place.

use proptest::prelude::*;
use xinglin_pathway_file::{
    check::{Name, check, to_review},
    manifest::manifest,
    read::{File, read},
    slot,
};

const GOOD: &str = include_str!("good.yaml");

fn file(text: &str) -> File {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The good file with one text in place of another one.
fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "`{old}` must be there once");
    GOOD.replace(old, new)
}

/// The page for newcomers: its file has no finding, and it lists every name.
#[test]
fn the_page_shows_a_good_file_and_all_names() {
    let page = include_str!("../../../docs/pathway-files.md");
    let (_, rest) = page.split_once("```yaml\n").expect("a file");
    let (yaml, _) = rest.split_once("```").expect("its end");
    assert_eq!(check(&file(yaml).pathway), []);
    for name in Name::ALL {
        let row = format!("| `{name}` | {} |", name.about());
        assert!(page.contains(&row), "the page lacks {row}");
    }
}

#[test]
fn the_good_file_has_no_finding() {
    assert_eq!(check(&file(GOOD).pathway), []);
    assert_eq!(to_review(&file(GOOD).pathway), []);
}

/// Name of the finding, part of its path, what is replaced by what.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("stage-unreachable", "stages[1]", "{to: steady, if: days_in_stage >= 28,", "{close: DONE, message: {zh-CN: 完, en: Done}, if: days_in_stage >= 28,"),
    ("stage-without-timer", "stages[0]", "if: days_in_stage >= 28", "if: \"answer('visit', 'chest-pain') = true\""),
    ("alert-without-owner", "stages[0].rules[0]", "        actor: health_manager\n", ""),
    ("alert-without-sla", "rules[0]", "    sla_min: 15\n", ""),
    ("alert-without-sla", "rules[0]", "    sla_min: 15\n", "    sla_min: 99999\n"),
    ("alert-without-escalation", "rules[0]", "escalate: hospital\n", ""),
    ("alert-without-escalation", "rules[0]", "escalate: hospital\n", "escalate: my-friend\n"),
    ("alert-without-severity", "stages[1].rules[0]", "        severity: info\n", ""),
    ("threshold-without-unit", "rules[0].if", "obs('8480-6') >= 180 'mm[Hg]'", "obs('8480-6') >= 180"),
    ("number-without-citation", "rules[0]", "    citation: {source: basic, section: 高血压}\n", ""),
    ("rules-overlap", "stages[0].rules[0].if", " and obs('8480-6') < 180 'mm[Hg]'", ""),
    ("rules-contradict", "stages[0].rules[0].if", " and obs('8480-6') < 180 'mm[Hg]'\n        severity: warning\n        action: [alert, note]", "\n        severity: warning\n        action: [resume_online]"),
    ("text-missing-language", "stages[0].title", "{zh-CN: 开始, en: Start}", "{zh-CN: 开始}"),
    ("text-missing-language", "stages[0].title", "{zh-CN: 开始, en: Start}", "{zh-CN: ' ', en: Start}"),
    ("text-with-markup", "rules[0].patient", "en: Please see a doctor soon.", "en: 'Please <b>see</b> a doctor.'"),
    ("text-with-markup", "rules[0].patient", "en: Please see a doctor soon.", "en: 'Blood pressure &gt; 180.'"),
    ("text-restricted", "questionnaires[0].title", "questionnaires:\n  - code: visit\n    title: {zh-CN: 随访问卷, en: Follow-up}", "compartment: mental-health\nquestionnaires:\n  - code: visit\n    title: {zh-CN: 情绪问卷, en: Questions}"),
    ("stage-unknown", "stages[0].exit[0].to", "to: steady", "to: stedy"),
    ("stage-unknown", "stages[0].exit[0]", "to: steady, ", ""),
    ("task-unknown", "stages[1].rules[0].if", "missed('kidney')", "missed('kidneys')"),
    ("questionnaire-unknown", "stages[0].tasks[0].ask", "        ask: visit\n", "        ask: visits\n"),
    ("questionnaire-unknown", "stages[1].rules[1].if", "answer('visit', 'mood')", "answer('visits', 'mood')"),
    ("item-unknown", "stages[1].rules[1].if", "answer('visit', 'falls')", "answer('visit', 'fall')"),
    ("item-unknown", "stages[1].rules[1].if", "= 'unwell'", "= 'bad'"),
    ("measure-unknown", "rules[0].if", "obs('8480-6') >= 180 'mm[Hg]'", "obs('8462-4') >= 110 'mm[Hg]'"),
    ("source-unknown", "rules[0].citation", "source: basic, section", "source: basics, section"),
    ("action-unknown", "rules[0].action", "[alert, stop_online, refer_offline, message_patient]", "[alert, stop_online, refer_offline, message_patient, reffer]"),
    ("action-prescribes", "rules[0].action", "[alert, stop_online, refer_offline, message_patient]", "[alert, stop_online, refer_offline, message_patient, prescribe]"),
    ("action-incomplete", "rules[0]", "    patient: {zh-CN: 请尽快就诊。, en: Please see a doctor soon.}\n", ""),
    ("unit-does-not-fit", "rules[0].if", ">= 180 'mm[Hg]'", ">= 180 'mmHg'"),
    ("unit-does-not-fit", "measures[2].unit", "unit: umol/L", "unit: mg/dL"),
    ("unit-does-not-fit", "measures[1].code", "code: 98979-8, title", "code: 2160-0, title"),
    ("unit-does-not-fit", "questionnaires[0].questions[3].unit", "kind: quantity, unit: 'mm[Hg]'", "kind: quantity, unit: kPa"),
    ("value-does-not-fit", "stages[1].rules[1].if", "answer('visit', 'falls') >= 2", "answer('visit', 'falls') = true"),
    ("value-does-not-fit", "stages[0].exit[0].if", "days_in_stage >= 28", "days_in_stage >= 27.5"),
    ("task-without-window", "stages[1].tasks[0]", "        window_days: 30\n", ""),
    ("task-without-actor", "stages[0].tasks[0]", "        actor: patient\n", ""),
    ("task-without-day", "stages[1].tasks[0]", "        every_days: 180\n", "        every_days: 180\n        at_days: [3]\n"),
    ("task-without-day", "stages[0].tasks[0]", "at_days: [0, 14]", "at_days: [14, 0]"),
    ("task-after-stage", "stages[0].tasks[0]", "at_days: [0, 14]", "at_days: [0, 28]"),
    ("task-windows-overlap", "stages[1].tasks[0].window_days", "window_days: 30", "window_days: 180"),
    ("rule-never-true", "stages[0].rules[0].if", "< 180 'mm[Hg]'", "< 140 'mm[Hg]'"),
    ("rule-always-true", "rules[0].if", ">= 180 'mm[Hg]'", ">= 0 'mm[Hg]'"),
    ("exit-never", "stages[0].exit[1].if", "      - {to: steady, if: days_in_stage >= 28, citation: {source: basic}}\n", "      - {to: steady, if: days_in_stage >= 28, citation: {source: basic}}\n      - {close: OLD, message: {zh-CN: 完, en: Old}, if: days_in_stage >= 60, citation: {source: basic}}\n"),
    ("exits-overlap", "stages[0].exit[1].if", "      - {to: steady, if: days_in_stage >= 28, citation: {source: basic}}\n", "      - {to: steady, if: days_in_stage >= 28, citation: {source: basic}}\n      - {close: OLD, message: {zh-CN: 完, en: Old}, if: days_in_stage >= 20, citation: {source: basic}}\n"),
    ("code-duplicate", "rules[0].code", "code: PRESSURE_HIGH", "code: PRESSURE_CRITICAL"),
    ("code-duplicate", "questionnaires[0].questions[1]", "{code: falls,", "{code: chest-pain,"),
    ("code-malformed", "rules[0].code", "code: PRESSURE_CRITICAL", "code: pressure-critical"),
    ("code-malformed", "id", "id: acme.pressure", "id: Pressure"),
    ("code-malformed", "version", "version: 1.0.0", "version: one"),
    ("code-malformed", "compartment", "escalate: hospital", "escalate: hospital\ncompartment: secret"),
    ("code-malformed", "rules[0].code", "id: acme.pressure", "id: acme.pressure-of-the-blood-in-the-vessels.of-people-here.and-there"),
    ("critical-without-stop", "rules[0]", "    action: [alert, stop_online, refer_offline, message_patient]\n    actor: doctor\n    sla_min: 15\n    recontact_days: 14\n", "    action: [alert, message_patient]\n    actor: doctor\n    sla_min: 15\n"),
    ("critical-too-slow", "rules[0].sla_min", "sla_min: 15", "sla_min: 1441"),
    ("not-used", "questionnaires[0]", "        ask: visit\n", ""),
    ("not-used", "sources.old", "sources:\n", "sources:\n  old: {title: Old, year: 1999}\n"),
    ("condition-too-large", "rules[0].if", "obs('8480-6') >= 180 'mm[Hg]'\n    severity: critical", "(obs('8480-6') >= 180 'mm[Hg]' or obs('98979-8') < 5 'mL/min/{1.73_m2}' or obs('14933-6') > 900 'umol/L' or answer('visit', 'falls') > 9 or days_in_stage > 900 or age_years > 110 or sex = 'other' or days_enrolled > 900 or held)\n    severity: critical"),
];

#[test]
fn each_mistake_is_found_by_its_name_and_place() {
    for (name, path, old, new) in MISTAKES {
        let file = file(&with(old, new));
        let findings = check(&file.pathway);
        let found = findings.iter().find(|finding| finding.name.as_str() == *name && finding.path.ends_with(path));
        let found = found.unwrap_or_else(|| panic!("{name} at {path} is not among {findings:#?}"));
        assert!(file.places.of(&found.path).is_some(), "{name} has no place");
        assert!(!found.what.is_empty());
    }
}

#[test]
fn a_stage_that_only_begins_is_a_dead_end() {
    let text = with("        every_days: 180\n", "        at_days: [180]\n");
    let (before, _) = text.rsplit_once("    exit:\n").expect("the last exit");
    let findings = check(&file(before).pathway);
    assert_eq!(findings.iter().map(|finding| finding.name).collect::<Vec<_>>(), [Name::DeadEnd], "{findings:?}");
    assert_eq!(findings[0].path, "stages[1]");
}

#[test]
fn a_stage_of_too_many_tasks_is_found() {
    let mut pathway = file(GOOD).pathway;
    for number in 0..20 {
        let mut task = pathway.stages[1].tasks[0].clone();
        task.code = format!("kidney-{number}");
        pathway.stages[1].tasks.push(task);
    }
    let findings = check(&pathway);
    assert_eq!(findings.iter().map(|finding| finding.name).collect::<Vec<_>>(), [Name::StageTooLarge], "{findings:?}");
}

#[test]
fn every_name_has_a_mistake() {
    let made_otherwise = [Name::DeadEnd, Name::StageTooLarge];
    for name in Name::ALL.iter().filter(|name| !made_otherwise.contains(name)) {
        assert!(MISTAKES.iter().any(|(known, ..)| *known == name.as_str()), "no mistake for `{name}`");
    }
}

#[test]
fn an_example_patient_comes_with_what_conditions_do() {
    let overlap = check(&file(&with(" and obs('8480-6') < 180 'mm[Hg]'", "")).pathway);
    let example = overlap.iter().find_map(|finding| finding.example.as_deref());
    assert_eq!(example, Some("obs('8480-6') = 180 mm[Hg]"));
    let contradiction = check(&file(&with("action: [alert, note]", "action: [alert, resume_online]")).pathway);
    assert_eq!(contradiction.len(), 0, "the two exclude each other: {contradiction:?}");
}

#[test]
fn what_is_no_pathway_file_says_where_and_what_to_do() {
    #[rustfmt::skip]
    let cases = [
        (String::new(), "1:1", "begin with `id:"),
        ("id: [".to_owned(), "1:", "no YAML"),
        (with("id: acme.pressure", "ident: acme.pressure"), "2:", "unknown field `ident`"),
        (with("id: acme.pressure\n", ""), "2:1", "missing field `id`: add it"),
        (with("obs('8480-6') >= 180 'mm[Hg]'", "obs('8480-6') >= 'mm[Hg"), "48:26", "does not end"),
        (with("obs('8480-6') >= 180 'mm[Hg]'", "weight > 5"), "48:9", "there is no `weight`"),
        (with("actor: health_manager", "actor: manager"), "73:16", "unknown variant `manager`"),
        (with("version: 1.0.0", "version: 1"), "3:10", "put it in quotes"),
        (with("sla_min: 15", "sla_min: soon"), "52:14", "invalid type"),
        (with("sla_min: 15", "sla_min: 15\n    sla_min: 16"), "53:5", "is there twice"),
        (with("escalate: hospital", "escalate: &x hospital"), "9:", "anchors"),
        (with("factor: '1000'", "factor: 'x'"), "32:", "no decimal number"),
        (format!("{GOOD}---\nid: another\n"), "1", "one pathway"),
        ("a: ".repeat(40), "1:", ""),
        ("[".repeat(4_000), "1:", ""),
        ("x".repeat(300_000), "", "at most 262144"),
    ];
    for (text, place, hint) in cases {
        let error = read(&text).expect_err(hint);
        let shown = error.to_string();
        assert!(shown.starts_with(place) && shown.contains(hint), "{place} {hint}: {shown}");
    }
}

#[test]
fn what_yaml_guesses_elsewhere_is_text_here() {
    let text = with("publisher: Acme", "publisher: no");
    assert_eq!(file(&text).pathway.publisher, "no");
    let exact = file(&with("factor: '1000'", "factor: 59.4800000000001")).pathway;
    assert_eq!(exact.measures[2].convert[0].factor.to_string(), "59.4800000000001");
}

#[test]
fn the_manifest_asks_for_what_the_file_measures_and_for_no_capability() {
    let manifest = manifest(&file(GOOD).pathway);
    for line in ["id = \"acme.pressure\"", "version = \"1.0.0\"", "zh-CN = \"血压随访\"", "code = \"98979-8\""] {
        assert!(manifest.contains(line), "{manifest}");
    }
    assert!(!manifest.contains("capabilities") && !manifest.contains("medications"), "{manifest}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever somebody does to a file: an answer, not a panic.
    #[test]
    fn no_mutation_panics_the_reader_or_the_checker(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[ -~\n痛\u{0}]{0,12}"), 1..4),
    ) {
        let mut chars: Vec<char> = GOOD.chars().collect();
        for (at, length, text) in cuts {
            let at = at.index(chars.len().max(1)).min(chars.len());
            let end = (at + length).min(chars.len());
            chars.splice(at..end, text.chars());
        }
        let text: String = chars.into_iter().collect();
        if let Ok(file) = read(&text) {
            for finding in check(&file.pathway) {
                file.places.of(&finding.path);
            }
            let _ = manifest(&file.pathway);
        }
    }

    /// Lines moved, removed and repeated: more of these can still be read.
    #[test]
    fn no_mutation_of_lines_panics(cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6)) {
        let mut lines: Vec<&str> = GOOD.lines().collect();
        for (from, to) in cuts {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            match from % 3 {
                0 => { lines.remove(from); }
                1 => { let line = lines[from]; lines.insert(to, line); }
                _ => lines.swap(from, to),
            }
        }
        if let Ok(file) = read(&lines.join("\n")) {
            check(&file.pathway);
        }
    }

    #[test]
    fn any_slot_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = slot::read(&bytes);
        let mut whole = slot::empty().to_vec();
        whole.splice(32..32 + bytes.len(), bytes);
        let _ = slot::read(&whole);
    }
}
