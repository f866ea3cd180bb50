//! What `xinglin pathway check` finds in a file.
//!
//! Conditions are judged by plain search, not by a solver: their atoms compare one variable with
//! constants, so a handful of values for each variable, just below, at and just above each of its
//! constants, stand for all values there are. Whoever reads a finding gets the patient that was found.
//! A solver would give the same answers and be one more thing to trust.

mod patient;
mod references;
mod rules;
mod stages;
mod texts;

use std::fmt;

use crate::model::Pathway;

macro_rules! names {
    ($($name:ident $text:literal $about:literal;)*) => {
        /// What can be found; the name is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = $about] $name,)*
        }

        impl Name {
            /// All.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What it means.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about),* }
            }
        }
    };
}

names! {
    DeadEnd "dead-end" "A stage without exit and without a task that repeats: nobody comes back to the patient.";
    StageUnreachable "stage-unreachable" "A stage that no exit leads to.";
    StageWithoutTimer "stage-without-timer" "A stage that can go on after its last task, and no timer ends it.";
    StageTooLarge "stage-too-large" "A stage with more tasks than the host takes in one step.";
    AlertWithoutOwner "alert-without-owner" "An alert without `actor`: nobody has to look.";
    AlertWithoutSla "alert-without-sla" "An alert without `sla_min`, or beyond thirty days.";
    AlertWithoutEscalation "alert-without-escalation" "An alert without `escalate: hospital`: nobody is next.";
    AlertWithoutSeverity "alert-without-severity" "An alert without `severity`.";
    ThresholdWithoutUnit "threshold-without-unit" "A measurement is compared with a number without unit.";
    NumberWithoutCitation "number-without-citation" "A rule, task, exit or exclusion without a source.";
    RulesOverlap "rules-overlap" "Two alerts about the same values at once, for one patient.";
    RulesContradict "rules-contradict" "Two rules ask for opposite things at once, for one patient.";
    ExitsOverlap "exits-overlap" "Two exits to different places are open at once, for one patient.";
    TextMissingLanguage "text-missing-language" "A text that is not there in zh-CN and en.";
    TextWithMarkup "text-with-markup" "A text with HTML or control characters.";
    TextRestricted "text-restricted" "A text to the patient names what the compartment protects.";
    StageUnknown "stage-unknown" "An exit to a stage that is not there.";
    TaskUnknown "task-unknown" "A condition about a task that is not there.";
    QuestionnaireUnknown "questionnaire-unknown" "A questionnaire that is not there.";
    ItemUnknown "item-unknown" "A question or choice that is not there.";
    MeasureUnknown "measure-unknown" "A measurement that `measures` does not declare.";
    SourceUnknown "source-unknown" "A citation of a source that is not there.";
    ActionUnknown "action-unknown" "An action that does not exist.";
    ActionPrescribes "action-prescribes" "An action that would prescribe: no pathway may.";
    ActionIncomplete "action-incomplete" "An action without what it needs.";
    UnitDoesNotFit "unit-does-not-fit" "A unit that is not one of the measurement or its code.";
    ValueDoesNotFit "value-does-not-fit" "A comparison that can have no answer.";
    TaskWithoutWindow "task-without-window" "A task without `window_days`: nobody learns that it was missed.";
    TaskWithoutActor "task-without-actor" "A task without `actor`.";
    TaskWithoutDay "task-without-day" "A task with neither or both of `every_days` and `at_days`, or days that do not rise.";
    TaskAfterStage "task-after-stage" "A task that is due when its stage is over.";
    TaskWindowsOverlap "task-windows-overlap" "A task that is due again before its window is over.";
    RuleNeverTrue "rule-never-true" "A condition that no patient fulfils.";
    RuleAlwaysTrue "rule-always-true" "A condition that every patient fulfils.";
    ExitNever "exit-never" "An exit behind another one that is always taken before it.";
    CodeDuplicate "code-duplicate" "A code that is there twice.";
    CodeMalformed "code-malformed" "A code, id or version in another form than it must have.";
    CriticalWithoutStop "critical-without-stop" "A critical alert that neither stops online care nor refers.";
    CriticalTooSlow "critical-too-slow" "A critical alert that may wait for more than a day.";
    NotUsed "not-used" "A questionnaire that is never asked, or a source, that nothing uses.";
    ConditionTooLarge "condition-too-large" "Too many values to search: split the rule.";
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub name: Name,
    /// Where: `stages[0].rules[2].if`.
    pub path: String,
    /// What is wrong, and what to do.
    pub what: String,
    /// A patient of whom it is true.
    pub example: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, name: Name, path: impl Into<String>, what: impl Into<String>) {
        self.0.push(Finding { name, path: path.into(), what: what.into(), example: None });
    }

    fn with(&mut self, name: Name, path: impl Into<String>, what: impl Into<String>, example: String) {
        self.0.push(Finding { name, path: path.into(), what: what.into(), example: Some(example) });
    }
}

/// All findings, in the order of the checks. A pathway with none may be built.
pub fn check(pathway: &Pathway) -> Vec<Finding> {
    let mut found = Found::default();
    references::check(pathway, &mut found);
    texts::check(pathway, &mut found);
    rules::check(pathway, &mut found);
    stages::check(pathway, &mut found);
    found.0
}

/// What rests on a source that a specialist must still review: paths and sources.
pub fn to_review(pathway: &Pathway) -> Vec<(String, String)> {
    let open = |source: &str| pathway.sources.get(source).is_some_and(|source| source.review);
    let mut all: Vec<_> = references::citations(pathway)
        .into_iter()
        .filter_map(|(path, citation)| citation.filter(|citation| open(&citation.source)).map(|c| (path, c)))
        .map(|(path, citation)| (path, citation.source.clone()))
        .collect();
    all.dedup();
    all
}
