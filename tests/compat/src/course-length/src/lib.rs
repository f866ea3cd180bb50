//! A checker against `xinglin:prescribing@2.0.0`, the fixture: warns of a line
//! of more than two weeks, names the rule, and speaks the language it is asked in.

wit_bindgen::generate!({
    path: ["../../../../wit/types", "../../../../wit/clinical", "../../../../host/runtime/tests/wit/prescribing-2"],
    world: "xinglin:prescribing/prescribing-plugin",
    generate_all,
});

use exports::xinglin::prescribing::review::{Error, Finding, Guest, Request, Severity, Verdict};
use xinglin::types::types::{Citation, Translation};

const MOST_DAYS: u16 = 14;

struct CourseLength;

impl Guest for CourseLength {
    fn review(request: Request) -> Result<Verdict, Error> {
        let long: Vec<_> = request.order.lines.iter().filter(|line| line.days > MOST_DAYS).collect();
        if long.is_empty() {
            return Ok(Verdict::Allow);
        }
        let text = match request.locale.as_str() {
            "zh-CN" => format!("{} 项用药超过 {MOST_DAYS} 天", long.len()),
            "en" => format!("{} lines of more than {MOST_DAYS} days", long.len()),
            other => return Err(Error::NotUnderstood(format!("the language `{other}`"))),
        };
        Ok(Verdict::Warn(vec![Finding {
            code: "COURSE_LONG".into(),
            severity: Severity::Warning,
            message: vec![Translation { language: request.locale, text }],
            suggestion: Vec::new(),
            lines: long.iter().map(|line| line.number).collect(),
            citation: Citation { title: "Course length, a fixture".into(), section: None, year: 2026, url: None },
            rule: Some("course/14-days".into()),
            attributes: Vec::new(),
        }]))
    }
}

export!(CourseLength);
