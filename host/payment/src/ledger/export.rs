use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format as CellFormat, Workbook, XlsxError};
use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    ledger::{Line, statement},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, blocking, boxed};

use super::{
    Statement, StatementAsk,
    statement::{MOST, page},
};

/// Most lines of a file.
const MOST_LINES: usize = 50_000;

/// The columns after the key.
const COLUMNS: [&str; 8] =
    ["opening", "settled", "reversed", "refunded", "remitted", "written_off", "adjusted", "balance"];

/// The form of an exported statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As the statement itself, in fen, without pages.
    Json,
    /// UTF-8, in yuan.
    Csv,
    /// Office Open XML, in yuan.
    Xlsx,
}

/// An exported statement.
pub struct StatementFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A statement of the caller's hospital as a file, whole. Texts in it are never formulas.
///
/// # Errors
/// `BODY_INVALID` if it ends before it begins, or has too many lines for a file.
#[boxed]
pub async fn export(
    platform: &Platform,
    caller: &Caller,
    ask: StatementAsk,
    format: Format,
) -> AppResult<StatementFile> {
    caller.may(Action::ReadLedger)?;
    let records = platform.records(caller);
    let mut lines = Vec::new();
    let mut ask = StatementAsk { after: None, limit: MOST, ..ask };
    loop {
        let (more, next) = page(&records, &ask).await?;
        lines.extend(more);
        if lines.len() > MOST_LINES {
            return Err(AppError::new(Code::BodyInvalid, format!("more than {MOST_LINES} lines: ask for fewer days")));
        }
        ask.after = next;
        if ask.after.is_none() {
            break;
        }
    }
    let StatementAsk { by, from, to, .. } = ask;
    let total = statement::total(by, &lines);
    let name = format!("statement-by-{}-{from}-{to}", by.as_str());
    let (extension, content_type, bytes) = match format {
        Format::Json => {
            let lines = lines.into_iter().map(Into::into).collect();
            let whole = Statement { by: by.as_str(), from, to, lines, total: total.into(), next: None };
            ("json", "application/json", serde_json::to_vec(&whole).map_err(AppError::internal)?)
        }
        Format::Csv => {
            let written = blocking(move || csv(by.as_str(), &lines, &total)).await?;
            ("csv", "text/csv; charset=utf-8", written.map_err(AppError::internal)?)
        }
        Format::Xlsx => {
            let now = caller.now;
            let written = blocking(move || xlsx(by.as_str(), &lines, &total, now)).await?;
            let content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            ("xlsx", content_type, written.map_err(AppError::internal)?)
        }
    };
    Ok(StatementFile { name: format!("{name}.{extension}"), content_type, bytes })
}

fn figures(line: &Line) -> [i128; 8] {
    [
        line.opening,
        line.settled,
        line.reversed,
        line.refunded,
        line.remitted,
        line.written_off,
        line.adjusted,
        line.balance,
    ]
}

/// An amount in yuan, exactly.
fn yuan(fen: i128) -> String {
    let (sign, amount) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    format!("{sign}{}.{:02}", amount / 100, amount % 100)
}

/// A text that no spreadsheet takes for a formula: such a one gets an apostrophe in front.
fn text(text: &str) -> String {
    let is_formula = text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn csv(by: &str, lines: &[Line], total: &Line) -> Result<Vec<u8>, csv::Error> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record([by].into_iter().chain(COLUMNS))?;
    let keys = lines.iter().map(|line| text(&line.key)).chain(["total".to_owned()]);
    for (key, line) in keys.zip(lines.iter().chain([total])) {
        file.write_record([key].into_iter().chain(figures(line).map(yuan)))?;
    }
    file.into_inner().map_err(|error| error.into_error().into())
}

fn xlsx(by: &str, lines: &[Line], total: &Line, now: Instant) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(now.micros().div_euclid(1_000_000))?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let (head, amount) = (CellFormat::new().set_bold(), CellFormat::new().set_num_format("#,##0.00"));
    let sheet = book.add_worksheet().set_name("statement")?;
    for (column, title) in (0..).zip([by].into_iter().chain(COLUMNS)) {
        sheet.write_string_with_format(0, column, title, &head)?;
    }
    let keys = lines.iter().map(|line| line.key.as_str()).chain(["total"]);
    for (row, (key, line)) in (1..).zip(keys.zip(lines.iter().chain([total]))) {
        sheet.write_string(row, 0, key)?;
        for (column, fen) in (1..).zip(figures(line)) {
            let yuan = yuan(fen);
            // A cell has about fifteen digits; what has more stays a text, exactly.
            match yuan.parse::<f64>() {
                Ok(number) if yuan.len() <= 16 => sheet.write_number_with_format(row, column, number, &amount)?,
                _ => sheet.write_string(row, column, yuan)?,
            };
        }
    }
    sheet.set_column_width(0, 32)?.set_column_range_width(1, 8, 16)?.set_freeze_panes(1, 1)?;
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader as _, Xlsx};

    use super::*;

    fn line(key: &str, settled: i128, balance: i128) -> Line {
        Line { key: key.into(), settled, balance, ..Line::default() }
    }

    #[test]
    fn amounts_are_exact() {
        for (fen, expected) in [
            (0, "0.00"),
            (5, "0.05"),
            (-5, "-0.05"),
            (-1_83_00, "-183.00"),
            (i128::from(i64::MAX) * 3, "276701161105643274.21"),
        ] {
            assert_eq!(yuan(fen), expected);
        }
    }

    #[test]
    fn no_text_is_a_formula() {
        for (given, expected) in [
            ("xinglin.basic-insurance", "xinglin.basic-insurance"),
            ("-", "-"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
        ] {
            assert_eq!(text(given), expected);
        }
        let file = csv("payer", &[line("=cmd|' /C calc'!A0", 1, 1), line("a,b\"", -250, 0)], &line("", -249, 1));
        let file = String::from_utf8(file.expect("a file")).expect("UTF-8");
        let zeros = "0.00,0.00,0.00,0.00,0.00";
        assert_eq!(
            file,
            format!(
                "payer,opening,settled,reversed,refunded,remitted,written_off,adjusted,balance\n\
                 '=cmd|' /C calc'!A0,0.00,0.01,{zeros},0.01\n\
                 \"a,b\"\"\",0.00,-2.50,{zeros},0.00\n\
                 total,0.00,-2.49,{zeros},0.01\n"
            )
        );
    }

    #[test]
    fn a_sheet_opens() {
        let huge = i128::from(i64::MAX);
        let now = Instant::parse("2026-11-21").expect("a day");
        let lines = [line("=1+1", 18_300, -5), line("huge", huge, huge)];
        let file = xlsx("payer", &lines, &line("", huge, huge), now).expect("a file");
        let mut book = Xlsx::new(Cursor::new(file)).expect("a workbook");
        let sheet = book.worksheet_range("statement").expect("a sheet");
        let cell = |row, column| sheet.get_value((row, column)).cloned().unwrap_or(Data::Empty);
        assert_eq!(cell(0, 0), Data::String("payer".into()));
        assert_eq!(cell(0, 8), Data::String("balance".into()));
        assert_eq!(cell(1, 0), Data::String("=1+1".into()));
        assert_eq!(cell(1, 2), Data::Float(183.0));
        assert_eq!(cell(1, 8), Data::Float(-0.05));
        assert_eq!(cell(2, 2), Data::String("92233720368547758.07".into()));
        assert_eq!(cell(3, 0), Data::String("total".into()));
        let formulas = book.worksheet_formula("statement").expect("a sheet");
        assert!(formulas.used_cells().next().is_none());
    }
}
