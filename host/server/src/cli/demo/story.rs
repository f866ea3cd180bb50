//! Output of the demonstration.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::cli::demo::client::Client;

/// Prints the steps. Shows the input and output of plugins as an account that may read the tapes.
pub struct Story {
    steps: usize,
}

/// Maximum characters of a printed answer.
const WIDTH: usize = 150;

impl Story {
    /// Prints the title.
    pub fn new(title: &str) -> Self {
        println!("\n杏林 Xinglin: {title}, on a real server with sandboxed plugins");
        Self { steps: 0 }
    }

    /// Prints the heading of a step.
    pub fn step(&mut self, title: &str) {
        self.steps += 1;
        println!("\n{}. {title}", self.steps);
    }

    /// Prints a sentence. JSON strings in it are printed without quotes.
    pub fn say(&self, text: impl AsRef<str>) {
        println!("   {}", text.as_ref().replace('"', ""));
    }

    /// Prints a refusal with its reason.
    pub fn refused(&self, what: &str, problem: &Value) {
        let word = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        println!("   ✗ {what}: {} ({})", word("code"), word("title"));
        for finding in problem["findings"].as_array().into_iter().flatten() {
            self.finding(finding);
        }
    }

    /// Prints a finding with its citation.
    pub fn finding(&self, finding: &Value) {
        let citation = &finding["citation"];
        let place = citation["section"].as_str().map(|section| format!(", {section}")).unwrap_or_default();
        println!("     {}: {}", finding["code"].as_str().unwrap_or_default(), words(&finding["message"]));
        println!("       source: {}{place} ({})", citation["title"].as_str().unwrap_or_default(), citation["year"]);
    }

    /// Prints input and output of the calls of an answer.
    pub async fn calls(&self, auditor: &Client, answer: &Value) -> Result<()> {
        for call in answer["calls"].as_array().into_iter().flatten() {
            let word = |key: &str| call[key].as_str().unwrap_or_default();
            let hook = word("hook").rsplit_once('/').map_or(word("hook"), |(_, hook)| hook);
            let path = format!("/api/v1/calls/{}", word("id"));
            let tape = auditor.ask(Method::GET, &path, None).await?;
            println!("   ┌ {} {}, {hook}: {} µs", word("plugin"), word("version"), call["micros"]);
            if tape.status == StatusCode::NOT_FOUND {
                println!("   └ its tape is in a restricted part of the record, closed to the auditor");
                continue;
            }
            let tape = tape.done(&path)?;
            println!("   │ asked    {}", cut(&asked(&tape["tape"]["input"])));
            println!("   └ answered {}", cut(&answered(&tape["tape"]["output"])));
        }
        Ok(())
    }

    /// Prints a bill line by line, with the payers.
    pub fn money(&self, charge: &Value) {
        let fen = |value: &Value| value.as_i64().map(yuan).unwrap_or_default();
        let mut lines = Table::new();
        lines.load_style(UTF8_BORDERS_ONLY).set_header([
            "item",
            "×",
            "gross ¥",
            "self-funded",
            "over limit",
            "pre-self-pay",
            "in scope",
        ]);
        for line in charge["lines"].as_array().into_iter().flatten() {
            lines.add_row([
                line["title"].as_str().unwrap_or_default().to_owned(),
                line["quantity"].as_str().unwrap_or_default().to_owned(),
                fen(&line["gross_fen"]),
                fen(&line["self_funded_fen"]),
                fen(&line["over_limit_fen"]),
                fen(&line["pre_self_pay_fen"]),
                fen(&line["in_scope_fen"]),
            ]);
        }
        let mut parts = Table::new();
        parts.load_style(UTF8_BORDERS_ONLY).set_header(["who pays", "fen", "¥"]);
        for part in charge["parts"].as_array().into_iter().flatten() {
            let source = match part["source"].as_str().unwrap_or_default() {
                "basic_fund" => "basic insurance fund 统筹基金",
                "personal_account" => "personal account 个人账户",
                "cash" => "patient, cash 个人现金",
                other => other,
            };
            parts.add_row([source.to_owned(), part["fen"].to_string(), fen(&part["fen"])]);
        }
        parts.add_row(["bill 合计".to_owned(), charge["total_fen"].to_string(), fen(&charge["total_fen"])]);
        for table in [&mut lines, &mut parts] {
            for column in table.column_iter_mut().skip(1) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            for row in table.to_string().lines() {
                println!("   {row}");
            }
        }
    }

    /// Prints the trial balance.
    pub fn balance(&self, balance: &Value) {
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY).set_header(["account", "debit ¥", "credit ¥"]);
        for account in balance["accounts"].as_array().into_iter().flatten() {
            let fen = account["fen"].as_i64().unwrap_or_default();
            let side = |on: bool| if on { yuan(fen.abs()) } else { String::new() };
            table.add_row([account["account"].as_str().unwrap_or_default().to_owned(), side(fen > 0), side(fen < 0)]);
        }
        let total = |side: &str| balance[side].as_i64().map(yuan).unwrap_or_default();
        table.add_row(["sum".to_owned(), total("debit_fen"), total("credit_fen")]);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for row in table.to_string().lines() {
            println!("   {row}");
        }
    }
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen.abs() % 100)
}

/// The English text of a localised text, or the first one.
pub fn words(text: &Value) -> String {
    let texts = text.as_array().map(Vec::as_slice).unwrap_or_default();
    let english = texts.iter().find(|t| t["language"] == "en").or_else(|| texts.first());
    english.and_then(|t| t["text"].as_str()).unwrap_or_default().to_owned()
}

/// The main part of an input: the event, the order, the bill.
fn asked(input: &Value) -> String {
    if let Some(event) = input.get("event") {
        return format!("event {event}");
    }
    if let Some(lines) = input.pointer("/order/lines").and_then(Value::as_array) {
        let names: Vec<String> = lines.iter().map(medicine).collect();
        let allergies = input.pointer("/snapshot/allergies").and_then(Value::as_array).map_or(0, Vec::len);
        return format!("{} for a patient with {allergies} allergies on record", names.join(" + "));
    }
    if let Some(lines) = input.pointer("/bill/lines").and_then(Value::as_array) {
        let total: i64 = lines.iter().filter_map(|line| line["gross"].as_i64()).sum();
        return format!("a bill of {} lines and {total} fen; {}", lines.len(), input["coverage"]["accumulators"]);
    }
    if let Some(snapshot) = input.get("snapshot") {
        let count = |key: &str| snapshot[key].as_array().map_or(0, Vec::len);
        return format!("a snapshot of {} conditions, {} observations", count("conditions"), count("observations"));
    }
    input.to_string()
}

fn medicine(line: &Value) -> String {
    let codes = line["code"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = codes.iter().find(|code| code["system"] == "http://www.whocc.no/atc").or_else(|| codes.first());
    let named = named.and_then(|code| code["display"].as_str().or_else(|| code["code"].as_str())).unwrap_or("?");
    format!(
        "{named} {} {}",
        line["dose"]["value"].as_str().unwrap_or_default(),
        line["dose"]["unit"].as_str().unwrap_or_default()
    )
}

/// The main part of an output.
fn answered(output: &Value) -> String {
    let answer = &output["answered"];
    let answer = answer.get("Ok").or_else(|| answer.get("ok")).unwrap_or(answer);
    if let Some(directives) = answer["directives"].as_array() {
        return format!("stage {}: {}", answer["stage"].as_str().unwrap_or_default(), proposals(directives));
    }
    for kind in ["veto", "warn"] {
        if let Some(findings) = answer[kind].as_array() {
            let codes: Vec<&str> = findings.iter().filter_map(|finding| finding["code"].as_str()).collect();
            return format!("{kind}: {}", codes.join(", "));
        }
    }
    let adjudication = answer.get("covered").or_else(|| answer.pointer("/done/adjudication"));
    if let Some(parts) = adjudication.and_then(|adjudication| adjudication["parts"].as_array()) {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| format!("{} {}", part["source"].as_str().unwrap_or_default(), part["amount"]))
            .collect();
        return parts.join(", ");
    }
    if let Some(title) = answer.get("title") {
        let count = |key: &str| answer[key].as_array().map_or(0, Vec::len);
        return format!("{}: {} stages, {} questionnaires", words(title), count("stages"), count("questionnaires"));
    }
    answer.to_string().trim_matches('"').to_owned()
}

/// Directives grouped by kind, timers last, as there are many.
fn proposals(directives: &[Value]) -> String {
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for directive in directives {
        let Some((kind, body)) = directive.as_object().and_then(|fields| fields.iter().next()) else { continue };
        let code = body["code"].as_str().or_else(|| body.as_str()).or_else(|| body["template"].as_str());
        let code = code.map(str::to_owned);
        match kinds.iter_mut().find(|(known, _)| known == kind) {
            Some((_, codes)) => codes.extend(code),
            None => kinds.push((kind.clone(), code.into_iter().collect())),
        }
    }
    kinds.sort_by_key(|(kind, _)| kind == "schedule_task");
    let told = kinds
        .into_iter()
        .map(|(kind, codes)| if codes.is_empty() { kind } else { format!("{kind} {}", codes.join(", ")) });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "nothing to do".to_owned() } else { told.join("; ") }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH).chain(['…']).collect()
}
