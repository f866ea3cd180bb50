//! Both protocols from the first message to the books, in one process.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{Keys, Parameters, Plan, SHIPPED, Store, gateway, http};

const CERTIFICATE: &str = "11010519491231002X";
const PERSON: &str = "11000000000000000000000000001";

async fn open(plan: &str) -> Router {
    let plan: Plan = toml::from_str(plan).expect("a plan");
    let parameters = Parameters::read(&SHIPPED.replace("grants_appeals = false", "grants_appeals = true"));
    let store = Store::open(":memory:".as_ref()).await.expect("a database");
    let keys = Keys::read(None, None, None).expect("keys");
    let gateway = gateway(store, parameters.expect("sound"), plan, keys).await.expect("a gateway");
    http::router(Arc::new(gateway))
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, Option<Value>) {
    let answer = router.clone().oneshot(request).await.expect("infallible");
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.ok();
    (status, body.and_then(|body| serde_json::from_slice(&body).ok()))
}

fn envelope(infno: &str, msgid: &str, input: Value) -> Request<Body> {
    let body = json!({
        "infno": infno, "msgid": msgid, "mdtrtarea_admvs": "110000", "insuplc_admdvs": "110000", "recer_sys_code": "X",
        "infver": "V1.0", "opter": "1", "fixmedins_code": "H11000000001", "inf_time": "2026-07-01 10:00:00", "input": input,
    });
    Request::post(format!("/nhsa/{infno}")).body(body.to_string().into()).expect("a request")
}

/// Infcode, error and output; `None` if no answer came.
async fn send(router: &Router, infno: &str, msgid: &str, input: Value) -> Option<(i64, String, Value)> {
    let (_, answer) = ask(router, envelope(infno, msgid, input)).await;
    let answer = answer?;
    Some((answer["infcode"].as_i64()?, answer["err_msg"].as_str()?.to_owned(), answer["output"].clone()))
}

async fn done(router: &Router, infno: &str, msgid: &str, input: Value) -> Value {
    match send(router, infno, msgid, input).await {
        Some((0, _, output)) => output,
        other => panic!("{infno}: {other:?}"),
    }
}

async fn refused(router: &Router, infno: &str, msgid: &str, input: Value) -> String {
    match send(router, infno, msgid, input).await {
        Some((-1, why, Value::Null)) => why,
        other => panic!("{infno}: {other:?}"),
    }
}

async fn books(router: &Router) -> Value {
    ask(router, Request::get("/books").body(Body::empty()).expect("a request")).await.1.expect("books")
}

/// A visit with the fees of the worked example; its number.
async fn visit(router: &Router, n: u32) -> String {
    let registered = json!({ "data": { "psn_no": PERSON, "insutype": "310", "ipt_otp_no": format!("bill-{n}") } });
    let visit = done(router, "2201", &format!("r{n}"), registered).await["data"]["mdtrt_id"].clone();
    let diagnosis = json!({
        "mdtrtinfo": { "psn_no": PERSON, "mdtrt_id": visit }, "diseinfo": [{ "diag_code": "E11.9" }],
    });
    done(router, "2203A", &format!("d{n}"), diagnosis).await;
    let fee = |number: u32, item: &str, count: &str, gross: &str| {
        json!({
            "feedetl_sn": number.to_string(), "mdtrt_id": visit, "psn_no": PERSON, "chrg_bchno": "1",
            "medins_list_codg": item, "cnt": count, "det_item_fee_sumamt": gross,
        })
    };
    let fees = json!({ "feedetail": [
        fee(1, "follow-up-visit", "1", "20.00"), fee(2, "metformin-500mg-60", "2", "50.00"),
        fee(3, "dapagliflozin-10mg-30", "1", "68.00"), fee(4, "glucose-test-strips-50", "1", "45.00"),
    ] });
    done(router, "2204", &format!("f{n}"), fees).await;
    visit.as_str().expect("a number").to_owned()
}

fn asked(visit: &str) -> Value {
    json!({ "data": {
        "psn_no": PERSON, "mdtrt_id": visit, "chrg_bchno": "1", "medfee_sumamt": 183.00, "acct_used_flag": "1",
    } })
}

fn shares(setlinfo: &Value) -> [String; 3] {
    ["fund_pay_sumamt", "acct_pay", "psn_cash_pay"].map(|field| setlinfo[field].to_string())
}

const D1: [&str; 3] = ["55.50", "60.00", "67.50"];

#[tokio::test]
async fn the_worked_example_is_settled_once_and_taken_back_once() {
    let router = open("").await;
    let found = json!({ "data": { "mdtrt_cert_type": "02", "mdtrt_cert_no": CERTIFICATE } });
    assert_eq!(done(&router, "1101", "p", found).await["baseinfo"]["psn_no"], PERSON);
    let one = visit(&router, 1).await;
    let quoted = done(&router, "2206", "q", asked(&one)).await;
    assert_eq!(shares(&quoted["setlinfo"]), D1);
    let settled = done(&router, "2207", "s", asked(&one)).await;
    assert_eq!(shares(&settled["setlinfo"]), D1);
    // Again: the same answer, and nothing more.
    assert_eq!(done(&router, "2207", "s", asked(&one)).await, settled);
    refused(&router, "2207", "s", asked("other")).await;
    refused(&router, "2207", "s2", asked(&one)).await;
    let used = json!({ "data": { "psn_no": PERSON } });
    assert_eq!(done(&router, "5206", "a", used.clone()).await["cuminfo"][0]["cum"].to_string(), "500.00");

    let id = settled["setlinfo"]["setl_id"].clone();
    let back = json!({ "data": { "psn_no": PERSON, "mdtrt_id": one, "setl_id": id } });
    let returned = done(&router, "2208", "b", back.clone()).await;
    assert_eq!(returned["setlinfo"]["fund_pay_sumamt"].to_string(), "-55.50");
    refused(&router, "2208", "b2", back).await;
    assert_eq!(done(&router, "5206", "a2", used).await["cuminfo"][0]["cum"].to_string(), "450.00");
    let books = books(&router).await;
    assert_eq!((&books["standing"]["count"], &books["settlements"][0]["reversed"]["by"]), (&json!(0), &json!("2208")));

    // A reversal is an entry of its own.
    let day = crate::clock::china(crate::clock::now(), "%Y-%m-%d");
    let totals = |count: u32| {
        json!({ "data": {
            "stmt_begndate": day, "stmt_enddate": day, "medfee_sumamt": 0, "fund_pay_sumamt": 0, "acct_pay": 0,
            "fixmedins_setl_cnt": count,
        } })
    };
    assert_eq!(done(&router, "3201", "t", totals(2)).await["stmtinfo"]["stmt_rslt"], "0");
    assert_eq!(done(&router, "3201", "t2", totals(1)).await["stmtinfo"]["stmt_rslt"], "1");
    let rows = json!([{ "setl_id": id, "fund_pay_sumamt": "55.50", "acct_pay": "60.00" }]);
    let details = json!({ "data": { "stmt_begndate": day, "stmt_enddate": day }, "detail": rows });
    let differences = done(&router, "3202", "t3", details).await["fileinfo"]["differences"].clone();
    assert_eq!(differences.as_array().map(Vec::len), Some(1), "{differences}");
}

#[tokio::test]
async fn what_a_message_did_is_undone_and_what_it_did_not_stays_undone() {
    let router = open("[[rule]]\non = \"2207\"\nkind = \"lost_answer\"\ntimes = 1").await;
    let one = visit(&router, 1).await;
    assert_eq!(send(&router, "2207", "s", asked(&one)).await, None);
    assert_eq!(books(&router).await["standing"]["count"], 1);
    let undo = |id: &str| json!({ "data": { "psn_no": PERSON, "omsgid": id, "oinfno": "2207" } });
    assert_eq!(done(&router, "2601", "u", undo("s")).await["result"]["found"], "1");
    assert_eq!(done(&router, "2601", "u2", undo("s")).await["result"]["found"], "1");
    assert_eq!(books(&router).await["standing"]["count"], 0);
    // It never came; when it comes it does nothing.
    assert_eq!(done(&router, "2601", "u3", undo("late")).await["result"]["found"], "0");
    refused(&router, "2207", "late", asked(&one)).await;
    assert_eq!(shares(&done(&router, "2207", "again", asked(&one)).await["setlinfo"]), D1);
}

#[tokio::test]
async fn an_order_of_payment_is_paid_and_refunded_once() {
    let router = open("").await;
    let fees = json!([
        { "feedetlSn": "1", "medinsListCodg": "follow-up-visit", "cnt": "1", "detItemFeeSumamt": "20.00" },
        { "feedetlSn": "2", "medinsListCodg": "metformin-500mg-60", "cnt": "2", "detItemFeeSumamt": "50.00" },
        { "feedetlSn": "3", "medinsListCodg": "dapagliflozin-10mg-30", "cnt": "1", "detItemFeeSumamt": "68.00" },
        { "feedetlSn": "4", "medinsListCodg": "glucose-test-strips-50", "cnt": "1", "detItemFeeSumamt": "45.00" },
    ]);
    let upload = json!({ "data": {
        "psnNo": PERSON, "insutype": "310", "medOrgOrd": "bill", "chrgBchno": "1", "medfeeSumamt": "183.00",
        "acctUsedFlag": "1", "diseinfoList": [{ "diagCode": "E11.9" }], "feedetailList": fees,
    } });
    let order = done(&router, "6201", "u", upload.clone()).await;
    assert_eq!(shares(&order["extData"]["preSetl"]), D1);
    let of = |order: &Value| json!({ "data": { "payOrdId": order["payOrdId"], "payToken": order["payToken"] } });
    assert_eq!(done(&router, "6301", "q", of(&order)).await["ordStas"], "1");
    assert_eq!(done(&router, "6202", "p", of(&order)).await["ordStas"], "6");
    refused(&router, "6202", "p2", of(&order)).await;
    refused(&router, "6401", "w", of(&order)).await;
    let asked = done(&router, "6301", "q2", of(&order)).await;
    assert_eq!((&asked["ordStas"], shares(&asked["extData"]["setl"])), (&json!("6"), D1.map(str::to_owned)));
    let refund = |total: &str| {
        json!({ "data": {
            "payOrdId": order["payOrdId"], "appRefdSn": "1", "totlRefdAmt": total, "fundRefdAmt": "55.50",
            "psnAcctRefdAmt": "60.00", "cashRefdAmt": "67.50",
        } })
    };
    refused(&router, "6203", "b", refund("100.00")).await;
    done(&router, "6203", "b2", refund("183.00")).await;
    refused(&router, "6203", "b3", refund("183.00")).await;
    assert_eq!(done(&router, "6301", "q3", of(&order)).await["ordStas"], "8");
    let other = done(&router, "6201", "u2", upload).await;
    done(&router, "6401", "w2", of(&other)).await;
    refused(&router, "6202", "p3", of(&other)).await;
}

#[tokio::test]
async fn nonsense_is_refused_and_changes_nothing() {
    let router = open("").await;
    let before = books(&router).await;
    let fees = |gross: &str| {
        json!({ "feedetail": [{
            "feedetl_sn": "1", "mdtrt_id": "M1", "psn_no": PERSON, "chrg_bchno": "1", "medins_list_codg": "x",
            "cnt": "1", "det_item_fee_sumamt": gross,
        }] })
    };
    for (infno, input) in [
        ("1101", json!({})),
        ("1101", json!({ "data": { "mdtrt_cert_type": "02", "mdtrt_cert_no": "1" } })),
        ("2201", json!({ "data": { "psn_no": PERSON, "insutype": "390", "ipt_otp_no": "1" } })),
        ("2204", fees("1.005")),
        ("2204", fees("-1")),
        ("2207", asked("M1")),
        ("6301", json!({ "data": { "payOrdId": "O1" } })),
        ("9999", json!({})),
    ] {
        refused(&router, infno, "m", input).await;
    }
    let (status, answer) = ask(&router, Request::post("/nhsa/2207").body("{".into()).expect("a request")).await;
    assert_eq!((status, answer.expect("an answer")["infcode"].clone()), (StatusCode::BAD_REQUEST, json!(-1)));
    assert_eq!(books(&router).await, before);
}

fn claim(key: &str, purpose: &str, network: &str) -> Value {
    let line = |number: u32, item: &str, gross: i64, prior: i64| {
        json!({
            "number": number, "kind": "other", "codes": [{ "system": "s", "code": item }], "quantity": "1", "gross": gross,
            "prior": [{ "source": "basic-fund", "amount": prior }],
        })
    };
    let mut claim = json!({
        "at": "2026-07-01T10:00:00+08:00", "use": purpose, "bill": "bill", "currency": "CNY",
        "servedAt": format!("{}-07-01T10:00:00+08:00", crate::clock::year(crate::clock::now())),
        "lines": [
            line(1, "follow-up-visit", 2000, 895), line(2, "metformin-500mg-60", 5000, 2238),
            line(3, "dapagliflozin-10mg-30", 6800, 2417), line(4, "glucose-test-strips-50", 4500, 0),
        ],
        "policy": { "number": "", "plan": "SUPPLEMENT", "network": network }, "member": { "insuranceNumber": PERSON },
    });
    if !key.is_empty() {
        claim["key"] = key.into();
    }
    claim
}

async fn insurer(router: &Router, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(format!("/direct-billing/v1{path}")).header("authorization", "Bearer demo-token");
    let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
    let (status, answer) = ask(router, request.body(body.to_string().into()).expect("a request")).await;
    (status, answer.unwrap_or_default())
}

fn paid(answer: &Value) -> i64 {
    answer["lines"].as_array().into_iter().flatten().filter_map(|line| line["benefit"].as_i64()).sum()
}

#[tokio::test]
async fn an_insurer_pays_after_the_fund_once() {
    let router = open("").await;
    let (_, standing) = insurer(&router, "/eligibility", "", &claim("", "", "partner")).await;
    assert_eq!(standing["balances"][0]["used"]["amount"], 97_000, "{standing}");
    let (_, quoted) = insurer(&router, "/claims", "", &claim("", "predetermination", "partner")).await;
    assert_eq!(paid(&quoted), 4200, "{quoted}");
    let (_, outside) = insurer(&router, "/claims", "", &claim("", "predetermination", "nowhere")).await;
    assert_eq!(outside["refusals"][0]["code"], "OUT_OF_NETWORK", "{outside}");
    let body = claim("a/1", "claim", "partner");
    let (_, decided) = insurer(&router, "/claims", "a/1", &body).await;
    assert_eq!((&decided["outcome"], paid(&decided)), (&json!("APPROVED"), 4200));
    assert_eq!(insurer(&router, "/claims", "a/1", &body).await.1, decided);
    assert_eq!(insurer(&router, "/claims", "a/1", &claim("a/1", "claim", "direct")).await.0, StatusCode::CONFLICT);

    let status = async |key: &str| {
        let request =
            Request::get(format!("/direct-billing/v1/claims/{key}")).header("authorization", "Bearer demo-token");
        ask(&router, request.body(Body::empty()).expect("a request")).await
    };
    assert_eq!(status("a%2F1").await, (StatusCode::OK, Some(decided.clone())));
    let (code, answer) = status("b").await;
    assert_eq!((code, &answer.expect("an answer")["outcome"]), (StatusCode::NOT_FOUND, &json!("never-seen")));
    // What was said to be never seen is never done.
    assert_eq!(insurer(&router, "/claims", "b", &claim("b", "claim", "partner")).await.0, StatusCode::CONFLICT);

    let appeal = json!({ "key": "p", "at": "x", "reference": decided["reference"], "lines": [4], "grounds": "needed" });
    let (_, anew) = insurer(&router, "/appeals", "p", &appeal).await;
    assert_eq!(paid(&anew), 7800, "{anew}");
    let cancel = |key: &str, reference: &Value| json!({ "key": key, "of": "claim", "reference": reference });
    let (_, late) = insurer(&router, "/cancellations", "c", &cancel("c", &decided["reference"])).await;
    assert_eq!(late["refusals"][0]["code"], "NOTHING_TO_CANCEL", "it was replaced");
    let (_, back) = insurer(&router, "/cancellations", "c2", &cancel("c2", &anew["reference"])).await;
    assert_eq!(back["outcome"], "cancelled", "{back}");
    assert_eq!(books(&router).await["standing"]["count"], 0);
    let (_, quoted) = insurer(&router, "/claims", "", &claim("", "predetermination", "partner")).await;
    assert_eq!(paid(&quoted), 4200, "the deductible was given back");

    let year: i32 = crate::clock::year(crate::clock::now()).parse().expect("a year");
    let period =
        json!({ "from": format!("{year}-01-01T00:00:00+08:00"), "to": format!("{}-01-01T00:00:00+08:00", year + 1) });
    let (_, statement) = insurer(&router, "/statements", "", &period).await;
    assert_eq!((&statement["count"], &statement["total"]), (&json!(4), &json!(0)), "{statement}");
    let wrong = Request::post("/direct-billing/v1/claims").header("authorization", "Bearer guessed");
    assert_eq!(ask(&router, wrong.body("{}".into()).expect("a request")).await.0, StatusCode::UNAUTHORIZED);
}
