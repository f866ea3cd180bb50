//! 2204 uploads the fees of a visit, 2205 withdraws them.

use serde_json::{Value, json};

use super::{
    Message, Outcome,
    adjudicate::{self, Line, LineShare},
    fen, refuse,
    register::Visit,
    text, too_large,
};
use crate::{
    money::{Factor, yuan},
    parameters::Nhsa,
    store::Tx,
};

/// Names of the fields of a fee, of 2204 or of 6201.
pub struct Names {
    pub number: &'static str,
    pub item: &'static str,
    pub gross: &'static str,
    pub count: &'static str,
}

const NAMES: Names =
    Names { number: "feedetl_sn", item: "medins_list_codg", gross: "det_item_fee_sumamt", count: "cnt" };

/// The fees as the scheme sees them.
pub fn read(nhsa: &Nhsa, rows: &[Value], names: &Names) -> Outcome<Vec<LineShare>> {
    let mut lines: Vec<LineShare> = Vec::new();
    for row in rows {
        let gross = fen(row, names.gross)?;
        let Some(count) = Factor::of(&row[names.count]).filter(|count| count.is_positive()) else {
            return refuse(format!("{} 不是数量", names.count));
        };
        let number = text(row, names.number)?.to_owned();
        if gross < 0 || lines.iter().any(|line| line.number == number) {
            return refuse("费用明细流水号重复,或金额为负");
        }
        let line = Line { number, item: text(row, names.item)?.to_owned(), count, gross };
        let Some(line) = adjudicate::line(nhsa, &line) else { return too_large() };
        lines.push(line);
    }
    if lines.is_empty() { refuse("没有费用明细") } else { Ok(lines) }
}

/// As 2204 answers them.
pub fn written(lines: &[LineShare]) -> Value {
    lines
        .iter()
        .map(|line| {
            json!({
                "feedetl_sn": line.number,
                "det_item_fee_sumamt": yuan(line.gross),
                "fulamt_ownpay_amt": yuan(line.self_funded),
                "overlmt_amt": yuan(line.over_limit),
                "preselfpay_amt": yuan(line.pre_self_pay),
                "inscp_scp_amt": yuan(line.in_scope),
                "chrgitm_lv": line.level,
            })
        })
        .collect()
}

/// 2204
pub async fn upload(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let rows = message.input["feedetail"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = rows.first() else { return refuse("没有费用明细") };
    let mut visit = Visit::of(tx, first).await?;
    visit.open()?;
    if !visit.is_diagnosed {
        return refuse("请先上传就诊信息");
    }
    if !visit.batch.is_empty() {
        return refuse("费用明细已上传");
    }
    let batch = text(first, "chrg_bchno")?;
    if rows.iter().any(|row| row["mdtrt_id"] != visit.id.as_str() || row["chrg_bchno"] != batch) {
        return refuse("费用明细不属于同一就诊或批次");
    }
    visit.lines = read(message.nhsa, rows, &NAMES)?;
    visit.batch = batch.to_owned();
    visit.save(tx).await?;
    Ok(json!({ "result": written(&visit.lines) }))
}

/// 2205; `0000` is every batch.
pub async fn withdraw(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut visit = Visit::of(tx, message.data()).await?;
    visit.open()?;
    let batch = message.text("chrg_bchno")?;
    if batch != "0000" && batch != visit.batch {
        return refuse("没有该批次");
    }
    visit.batch.clear();
    visit.lines.clear();
    visit.save(tx).await?;
    Ok(json!({}))
}
