//! Reviews of orders, as strict as the host's.

use super::Host;
use crate::{
    clinical::Snapshot,
    prescribing::{Error, Finding, Order, Review, Verdict},
    time::Instant,
};

/// Longest code of a finding, in bytes.
const LONGEST_CODE: usize = 64;

impl Host {
    /// One call of a checker. See [`Host::call`].
    ///
    /// # Panics
    /// If the host would refuse the answer as `PLUGIN_OUTPUT`: a warning or veto without a
    /// finding, or a finding without a code in upper snake case, a message, the title of a
    /// source, or with a line that the order does not have.
    #[track_caller]
    pub fn review<P: Review>(&mut self, order: Order, snapshot: Snapshot, now: Instant) -> Result<Verdict, Error> {
        let lines: Vec<u32> = order.lines.iter().map(|line| line.number).collect();
        let answer = self.call(|| P::review(order, snapshot, now));
        if let Ok(verdict) = &answer {
            check_all(verdict, &lines);
        }
        answer
    }
}

#[track_caller]
fn check_all(verdict: &Verdict, lines: &[u32]) {
    if let Verdict::Warn(findings) | Verdict::Veto(findings) = verdict {
        assert!(!findings.is_empty(), "a warning or veto without a finding; a prescriber must be told why");
        findings.iter().for_each(|finding| check(finding, lines));
    }
}

#[track_caller]
fn check(finding: &Finding, lines: &[u32]) {
    let Finding { code, message, citation, .. } = finding;
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    assert!(
        code.len() <= LONGEST_CODE && code.starts_with(|c: char| c.is_ascii_uppercase()) && code.chars().all(letters),
        "the code `{code}` of a finding is not in upper snake case"
    );
    assert!(message.iter().any(|one| !one.text.trim().is_empty()), "the finding {code} has no message");
    assert!(!citation.title.trim().is_empty(), "the finding {code} names no source");
    if let Some(strange) = finding.lines.iter().find(|line| !lines.contains(line)) {
        panic!("the finding {code} is about line {strange}, which the order does not have");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        prescribing::Severity,
        types::{Citation, zh_en},
    };

    fn finding() -> Finding {
        Finding {
            code: "DDI".into(),
            severity: Severity::Warning,
            message: zh_en("相互作用", "interaction"),
            suggestion: Vec::new(),
            lines: vec![1],
            citation: Citation::new("label", 2024),
            attributes: Vec::new(),
        }
    }

    fn judge(finding: &Finding) -> bool {
        std::panic::catch_unwind(|| check(finding, &[1])).is_ok()
    }

    #[test]
    fn it_refuses_what_the_host_refuses() {
        assert!(judge(&finding()));
        assert!(!judge(&Finding { code: "ddi".into(), ..finding() }));
        assert!(!judge(&Finding { message: Vec::new(), ..finding() }));
        assert!(!judge(&Finding { citation: Citation::new(" ", 2024), ..finding() }));
        assert!(!judge(&Finding { lines: vec![2], ..finding() }));
    }

    #[test]
    #[should_panic(expected = "without a finding")]
    fn a_warning_says_why() {
        check_all(&Verdict::Warn(Vec::new()), &[1]);
    }
}
