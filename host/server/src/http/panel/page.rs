//! A panel as a page: no scripts, nothing from elsewhere, no framing, no caching. Every text is escaped by
//! the template; the only markup that is not is the host's own picture of a curve.

use askama::Template;
use axum::{
    http::{
        HeaderName,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    response::{Html, IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use xinglin_care::panel::{PanelView, Shown};
use xinglin_domain::{
    coding::LocalizedText,
    panel::{Band, Metric, Series, Table, Text, TextStyle},
    pathway::{AnswerKind, ChoiceOption, Item, Questionnaire},
    safety::Help,
};
use xinglin_platform::AppError;

use super::{
    chart::chart,
    words::{amount, class, day, readable, source, tone},
};
use crate::http::{language::Language, problem::Refused};

const STYLE: &str = include_str!("../../../templates/panel/page.css");

#[derive(Template)]
#[template(path = "panel/page.html")]
struct Page<'a> {
    language: Language,
    enrolment: String,
    title: &'a str,
    /// Whose words these are.
    by: String,
    danger: Option<HelpLines>,
    reason: Option<&'a str>,
    parts: Vec<Part>,
}

/// A block in one language.
enum Part {
    Heading { text: String },
    Paragraph { class: &'static str, mark: &'static str, text: String },
    Notice { class: &'static str, mark: &'static str, text: String },
    Metric { title: String, value: String, when: String, class: &'static str, mark: &'static str, source: String },
    Curve { title: String, svg: Option<String>, legend: Vec<Legend>, values: Vec<(String, String)> },
    Table { title: String, columns: Vec<String>, rows: Vec<Vec<String>> },
    Form { code: String, title: String, fields: Vec<Field> },
    Task { task: String, title: String, due: String },
    Help { help: HelpLines },
}

/// One band, below its curve.
struct Legend {
    class: &'static str,
    mark: &'static str,
    title: String,
    range: String,
    source: String,
}

/// One question.
struct Field {
    link: String,
    text: String,
    required: bool,
    /// Whether it must be answered, in words.
    mark: &'static str,
    input: Input,
}

/// How it is answered.
enum Input {
    /// Not at all: it is a heading or an instruction.
    Words,
    Typed {
        kind: &'static str,
        step: &'static str,
        unit: String,
    },
    Choice {
        kind: &'static str,
        choices: Vec<Choice>,
    },
}

struct Choice {
    value: String,
    text: String,
}

/// The hospital's words and numbers.
struct HelpLines {
    text: String,
    lines: Vec<Line>,
}

struct Line {
    title: String,
    number: String,
    link: String,
}

/// The page; `danger` comes first.
pub fn page(view: &PanelView, danger: Option<&Help>, language: Language) -> Response {
    let tag = language.tag();
    let page = Page {
        language,
        enrolment: view.enrolment.to_string(),
        title: view.plugin.title.get(tag),
        by: made_by(view, language),
        danger: danger.map(|help| help_lines(help, tag)),
        reason: view.reason.as_ref().map(|reason| reason.text.get(tag)),
        parts: view.blocks.iter().zip(1..).map(|(block, number)| part(block, number, language)).collect(),
    };
    match page.render() {
        Ok(text) => (headers(), Html(text)).into_response(),
        Err(error) => Refused::from(AppError::internal(error)).into_response(),
    }
}

/// Whose words these are. On a discreet page the plugin is not named: its name says what it is for.
fn made_by(view: &PanelView, language: Language) -> String {
    let plugin = [Some(view.plugin.id.as_str()).filter(|_| !view.discreet), view.plugin.version.as_deref()];
    let plugin: Vec<&str> = plugin.into_iter().flatten().collect();
    let plugin = plugin.join(" ");
    match (language, plugin.as_str()) {
        (Language::Chinese, "") => "内容由该随访的插件提供，不能代替医生的判断。".to_owned(),
        (Language::Chinese, plugin) => format!("内容由该随访的插件（{plugin}）提供，不能代替医生的判断。"),
        (Language::English, "") => {
            "Made by the plugin of this follow-up; it does not replace a doctor's judgement.".to_owned()
        }
        (Language::English, plugin) => {
            format!("Made by the plugin of this follow-up ({plugin}); it does not replace a doctor's judgement.")
        }
    }
}

fn headers() -> [(HeaderName, String); 6] {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    [
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
        (VARY, "Accept, Accept-Language".to_owned()),
    ]
}

fn part(block: &Shown, number: usize, language: Language) -> Part {
    let say = |text: &LocalizedText| text.get(language.tag()).to_owned();
    match block {
        Shown::Text(Text { style, tone: meant, text }) => {
            let (class, mark, text) = (class(*meant), tone(*meant, language), say(text));
            match style {
                TextStyle::Heading => Part::Heading { text },
                TextStyle::Paragraph => Part::Paragraph { class, mark, text },
                TextStyle::Notice => Part::Notice { class, mark, text },
            }
        }
        Shown::Metric(metric) => metric_part(metric, language),
        Shown::Series(series) => curve(series, number, language),
        Shown::Table(Table { title, columns, rows }) => Part::Table {
            title: say(title),
            columns: columns.iter().map(say).collect(),
            rows: rows.iter().map(|row| row.iter().map(say).collect()).collect(),
        },
        Shown::Form { questionnaire } => form(questionnaire, language),
        Shown::Task { task, title, due } => Part::Task {
            task: task.to_string(),
            title: say(title),
            due: match language {
                Language::Chinese => format!("截止 {}", day(*due)),
                Language::English => format!("due {}", day(*due)),
            },
        },
        Shown::Help { help } => Part::Help { help: help_lines(help, language.tag()) },
    }
}

fn metric_part(metric: &Metric, language: Language) -> Part {
    let Metric { title, unit, value, tone: meant, citation } = metric;
    Part::Metric {
        title: title.get(language.tag()).to_owned(),
        value: value.as_ref().map_or_else(|| "–".to_owned(), |point| amount(point, unit)),
        when: value.as_ref().map(|point| day(point.at)).unwrap_or_default(),
        class: class(*meant),
        mark: tone(*meant, language),
        source: citation.as_ref().map(source).unwrap_or_default(),
    }
}

fn curve(series: &Series, number: usize, language: Language) -> Part {
    let unit = readable(&series.unit);
    let title = series.title.get(language.tag());
    Part::Curve {
        title: if unit.is_empty() { title.to_owned() } else { format!("{title} ({unit})") },
        svg: chart(series, number, language),
        legend: series.bands.iter().map(|band| legend(band, &unit, language)).collect(),
        values: series.points.iter().map(|point| (day(point.at), amount(point, &series.unit))).collect(),
    }
}

fn legend(band: &Band, unit: &str, language: Language) -> Legend {
    let range = match (band.low, band.high) {
        (Some(low), Some(high)) => format!("{low}–{high}"),
        // On which side an edge belongs is for the title to say.
        (Some(low), None) => format!("{low} …"),
        (None, Some(high)) => format!("… {high}"),
        (None, None) => String::new(),
    };
    Legend {
        class: class(band.tone),
        mark: tone(band.tone, language),
        title: band.title.get(language.tag()).to_owned(),
        range: format!("{range} {unit}").trim_end().to_owned(),
        source: band.citation.as_ref().map(source).unwrap_or_default(),
    }
}

fn form(questionnaire: &Questionnaire, language: Language) -> Part {
    let say = |text: &LocalizedText| text.get(language.tag()).to_owned();
    let field = |item: &Item| {
        let conditional = item.enabled_when.is_some();
        Field {
            link: item.link_id.clone(),
            text: say(&item.text),
            // The page cannot know whether it will be asked; the host does.
            required: item.required && !conditional,
            mark: match (conditional, item.required) {
                (true, _) => language.say("（如适用）", "(if it applies)"),
                (false, true) => language.say("（必答）", "(required)"),
                (false, false) => "",
            },
            input: match &item.kind {
                AnswerKind::Display => Input::Words,
                AnswerKind::Integer(_) => Input::Typed { kind: "number", step: "1", unit: String::new() },
                AnswerKind::Decimal(_) => Input::Typed { kind: "number", step: "any", unit: String::new() },
                AnswerKind::Quantity(unit, _) => Input::Typed { kind: "number", step: "any", unit: readable(unit) },
                AnswerKind::Date => Input::Typed { kind: "date", step: "", unit: String::new() },
                AnswerKind::Moment => Input::Typed { kind: "datetime-local", step: "", unit: String::new() },
                AnswerKind::Text => Input::Typed { kind: "text", step: "", unit: String::new() },
                AnswerKind::Boolean => Input::Choice {
                    kind: "radio",
                    choices: [("true", language.say("是", "Yes")), ("false", language.say("否", "No"))]
                        .map(|(value, text)| Choice { value: value.to_owned(), text: text.to_owned() })
                        .into(),
                },
                AnswerKind::Choice(options) => Input::Choice {
                    kind: if item.repeats { "checkbox" } else { "radio" },
                    choices: options.iter().map(|one| choice(one, language)).collect(),
                },
            },
        }
    };
    Part::Form {
        code: questionnaire.code.clone(),
        title: say(&questionnaire.title),
        fields: questionnaire.items.iter().map(field).collect(),
    }
}

fn choice(option: &ChoiceOption, language: Language) -> Choice {
    let text = match option.text.get(language.tag()) {
        "" => option.code.display.clone().unwrap_or_else(|| option.code.code.clone()),
        text => text.to_owned(),
    };
    Choice { value: format!("{}|{}", option.code.system, option.code.code), text }
}

/// The numbers are the hospital's, checked when they were set: digits, dashes, blanks and a plus sign.
fn help_lines(help: &Help, language: &str) -> HelpLines {
    let line = |line: &xinglin_domain::safety::Helpline| Line {
        title: line.title.get(language).to_owned(),
        link: format!("tel:{}", line.number.replace(' ', "")),
        number: line.number.clone(),
    };
    HelpLines { text: help.text.get(language).to_owned(), lines: help.lines.iter().map(line).collect() }
}

#[cfg(test)]
mod tests {
    use axum::body;
    use xinglin_care::panel::{Absence, PanelPlugin};
    use xinglin_domain::{
        coding::{Citation, Coding, Decimal},
        id::{EnrolmentId, PatientId, TaskId},
        panel::{Bound, Point, Scale, Tone, Viewer},
        pathway::Bounds,
        time::Instant,
    };

    use super::*;

    const HOSTILE: [&str; 3] =
        ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)' onmouseover='x"];
    /// 2026-03-01, noon in Shanghai.
    const NOON: Instant = Instant::from_micros(1_772_337_600_000_000);

    fn view(blocks: Vec<Shown>, title: &str) -> PanelView {
        PanelView {
            enrolment: EnrolmentId::from_u128(1),
            patient: PatientId::from_u128(2),
            viewer: Viewer::Patient,
            plugin: PanelPlugin {
                id: "test.panel".into(),
                version: Some("1.0.0".into()),
                title: LocalizedText::zh_en(title, title),
            },
            discreet: false,
            blocks,
            reason: None,
            calls: Vec::new(),
        }
    }

    /// One block of each kind; every text is this one.
    fn all(words: &str) -> Vec<Shown> {
        let text = || LocalizedText::zh_en(words, words);
        let citation =
            || Citation { title: words.into(), section: Some(words.into()), year: 2024, url: Some(words.into()) };
        let point = || Point { at: NOON, value: Decimal::whole(20), bound: Bound::Below };
        let says = |style, tone| Shown::Text(Text { style, tone, text: text() });
        let item = |link: &str, kind| Item {
            link_id: link.into(),
            text: text(),
            kind,
            required: true,
            repeats: link == "e",
            enabled_when: None,
            records_as: None,
        };
        let option = |text| ChoiceOption { code: Coding::new(words, words), text, weight: None };
        let items = vec![
            item("0", AnswerKind::Display),
            item(words, AnswerKind::Boolean),
            item("a", AnswerKind::Integer(Bounds::default())),
            item("b", AnswerKind::Text),
            item("c", AnswerKind::Quantity(words.into(), Bounds::default())),
            item("d", AnswerKind::Choice(vec![option(text())])),
            item("e", AnswerKind::Choice(vec![option(LocalizedText::default())])),
        ];
        vec![
            says(TextStyle::Heading, Tone::Neutral),
            says(TextStyle::Paragraph, Tone::Good),
            says(TextStyle::Notice, Tone::Danger),
            Shown::Metric(Metric {
                title: text(),
                unit: "%".into(),
                value: Some(point()),
                tone: Tone::Caution,
                citation: Some(citation()),
            }),
            Shown::Series(Series {
                title: text(),
                unit: "{copies}/mL".into(),
                scale: Scale::Logarithmic,
                points: vec![point()],
                bands: vec![Band {
                    title: text(),
                    tone: Tone::Good,
                    low: None,
                    high: Some(Decimal::whole(50)),
                    citation: Some(citation()),
                }],
            }),
            Shown::Table(Table { title: text(), columns: vec![text()], rows: vec![vec![text()]] }),
            Shown::Form {
                questionnaire: Questionnaire {
                    code: words.into(),
                    title: text(),
                    items,
                    scores: Vec::new(),
                    safeguards: Vec::new(),
                    citation: None,
                },
            },
            Shown::Task { task: TaskId::from_u128(3), title: text(), due: NOON },
            Shown::Help { help: Help::default() },
        ]
    }

    async fn text(response: Response) -> String {
        let bytes = body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8(bytes.into()).expect("text")
    }

    /// The elements of a page in order, each with the attributes that lead somewhere.
    fn structure(page: &str) -> Vec<String> {
        let mut found = Vec::new();
        for tag in page.split('<').skip(1).filter(|tag| !tag.starts_with(['/', '!'])) {
            let tag = tag.split('>').next().unwrap_or_default();
            let name = tag.split_whitespace().next().unwrap_or_default();
            let leads = tag.split_whitespace().filter(|part| part.starts_with("href=") || part.starts_with("action="));
            found.push([name].into_iter().chain(leads).collect::<Vec<_>>().join(" "));
        }
        found
    }

    #[tokio::test]
    async fn what_a_plugin_says_never_becomes_markup() {
        for language in [Language::Chinese, Language::English] {
            let plain = structure(&text(page(&view(all("plain"), "plain"), None, language)).await);
            for words in HOSTILE {
                let shown = text(page(&view(all(words), words), Some(&Help::default()), language)).await;
                let mut hostile = structure(&shown);
                // Only the host's own numbers come before the rest.
                let before = hostile.len() - plain.len();
                hostile.drain(8..8 + before);
                assert_eq!(hostile, plain, "{words}");
                let lower = shown.to_lowercase();
                assert!(!lower.contains("href=\"javascript") && !lower.contains("<script") && !lower.contains("<img"));
            }
        }
    }

    #[tokio::test]
    async fn a_page_has_this_structure() {
        let shown = text(page(&view(all("x"), "x"), None, Language::Chinese)).await;
        let found = structure(&shown);
        let expected = "html meta meta title style main h1 p h2 p strong p strong dl dt dd b strong small br small \
                        figure figcaption svg title desc rect text line text line text line text polyline path \
                        ul li strong span small details summary table thead tr th th tbody tr td td \
                        table caption thead tr th tbody tr td \
                        details summary form·action=\"/api/v1/enrolments/E/panel\" input \
                        p fieldset legend span label input label input fieldset legend span input \
                        fieldset legend span input fieldset legend span input fieldset legend span label input \
                        fieldset legend span label input button \
                        form·action=\"/api/v1/tasks/T/done\" span small button \
                        section p ul li a·href=\"tel:12356\" li a·href=\"tel:120\"";
        let expected = expected
            .replace("enrolments/E", &format!("enrolments/{}", EnrolmentId::from_u128(1)))
            .replace("tasks/T", &format!("tasks/{}", TaskId::from_u128(3)));
        let expected: Vec<String> = expected.split_whitespace().map(|tag| tag.replace('·', " ")).collect();
        // How many lines the picture has is a matter of its own tests.
        let folded = |tags: Vec<String>| {
            let mut tags: Vec<String> =
                tags.into_iter().filter(|tag| !["line", "text", "rect"].contains(&tag.as_str())).collect();
            tags.dedup();
            tags
        };
        assert_eq!(folded(found), folded(expected));
        assert!(shown.contains("&#60;20 copies/mL") && shown.contains("依据：x, x (2024)"), "{shown}");
        assert!(shown.contains("（test.panel 1.0.0）"), "{shown}");
        let discreet = PanelView { discreet: true, ..view(Vec::new(), "x") };
        assert!(!text(page(&discreet, None, Language::Chinese)).await.contains("test.panel"));
        assert!(shown.contains("<strong>警示</strong>") && shown.contains("截止 2026-03-01"), "{shown}");
    }

    #[tokio::test]
    async fn the_policy_admits_the_style_of_the_page_and_nothing_else() {
        let shown = page(&view(Vec::new(), "x"), None, Language::English);
        let policy = shown.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        let shown = text(shown).await;
        let style = shown.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style").0;
        let admitted = format!("style-src 'sha256-{}';", STANDARD.encode(Sha256::digest(style)));
        assert!(policy.starts_with("default-src 'none';") && policy.contains(&admitted), "{policy}");
        assert!(policy.contains("form-action 'self';") && !policy.contains("unsafe"), "{policy}");
        assert!(!shown.contains("style=") && shown.contains("lang=\"en\""), "{shown}");
    }

    #[tokio::test]
    async fn a_page_without_a_panel_says_so() {
        for absence in [
            Absence::disabled(),
            Absence::not_offered(),
            Absence::withheld(),
            Absence::missing_data(),
            Absence::failed(),
        ] {
            let without = PanelView { reason: Some(absence.clone()), ..view(Vec::new(), "x") };
            for language in [Language::Chinese, Language::English] {
                let shown = text(page(&without, None, language)).await;
                let said = absence.text.get(language.tag()).replace('\'', "&#39;");
                assert!(shown.contains(&format!("role=\"status\">{said}")), "{said}: {shown}");
            }
        }
    }
}
