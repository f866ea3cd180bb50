//! The insurance office, as far as its answers are scripted: what is said to it, and what is made of what it says.

use medical_insurance::MedicalInsurance;
use xinglin_sdk::{
    http, identity,
    payment::{
        Adjudication, Authorization, Authorized, Bill, Coverage, Error, LineKind, Payer, Quoted, Reversed, Settled,
        Settlement, Source, Status,
    },
    signing,
    testing::{BillBuilder, CoverageBuilder, Host, START, operation},
    types::Coding,
};

const PERSON: &str = "11000000000000000000000000001";

fn item(code: &str) -> Coding {
    Coding::new("https://xinglin.dev/catalogue", code)
}

fn insured() -> Coverage {
    CoverageBuilder::new("member", Coding::new("urn:nhsa:insutype", "310"))
        .accumulator("deductible-used", 50_000)
        .accumulator("fund-used", 5_550)
        .build()
}

fn bill() -> Bill {
    let mut bill = BillBuilder::new("bill-1")
        .line(LineKind::Service, item("follow-up-visit"), "1", 2_000)
        .line(LineKind::Medicine, item("metformin-500mg-60"), "2", 5_000)
        .line(LineKind::Medicine, item("dapagliflozin-10mg-30"), "1", 6_800)
        .line(LineKind::Material, item("glucose-test-strips-50"), "1", 4_500)
        .build();
    bill.diagnoses.push(Coding::icd10("E11.9"));
    bill
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let six = (group >> (18 - 6 * index)) as usize & 63;
            out.push(if index <= chunk.len() { char::from(LETTERS[six]) } else { '=' });
        }
    }
    out
}

/// A hospital with an office that signs with the key that the simulator has.
fn host(channel: &str) -> Host {
    let mut bare = Host::of::<MedicalInsurance>();
    let key = bare.call(signing::public_keys).remove(0);
    [
        ("mode", "gateway"),
        ("office.channel", channel),
        ("office.server", "ybj.example.com:8443"),
        ("office.path", "/fsi/api/{infno}"),
        ("office.mdtrtarea-admvs", "110000"),
        ("office.fixmedins-code", "H11000000001"),
        ("office.fixmedins-name", "杏林医院"),
        ("office.recer-sys-code", "MBS"),
        ("office.opter", "1"),
        ("office.opter-name", "收费处"),
        ("office.codes", "2207=A0003; deductible-used=C1"),
        ("office.fields", "2201.dept_code=D1"),
    ]
    .into_iter()
    .fold(bare, |host, (key, value)| host.setting(key, value.to_owned()))
    .setting("office.public-key", base64(&key.bytes))
    .known(identity::Field::IdNumber)
}

fn signed(host: &mut Host, body: &str, status: u16) -> http::Response {
    let signature = host.call(|| signing::sign("sm2", body.as_bytes())).expect("a signature");
    let headers = vec![("x-signature".to_owned(), base64(&signature))];
    http::Response { status, headers, body: body.as_bytes().to_vec() }
}

fn said(output: &str) -> String {
    format!(r#"{{"infcode":0,"err_msg":"","output":{output}}}"#)
}

fn refused(why: &str) -> String {
    format!(r#"{{"infcode":-1,"err_msg":"{why}","output":null}}"#)
}

fn answers(host: &mut Host, outputs: &[&str]) {
    for output in outputs {
        let answer = signed(host, &said(output), 200);
        host.answer(Ok(answer));
    }
}

const KNOWN: [&str; 3] = [
    r#"{"baseinfo":{"psn_no":"11000000000000000000000000001"},"insuinfo":[{"insutype":"310","balc":60.00,"psn_insu_stas":"1"}]}"#,
    r#"{"trtinfo":[{"trt_enjymnt_flag":"1"}]}"#,
    r#"{"cuminfo":[{"cum_type_code":"C1","cum":450.00},{"cum_type_code":"fund-used","cum":0}]}"#,
];
const LINES: &str = r#"[
    {"feedetl_sn":"1","fulamt_ownpay_amt":0,"overlmt_amt":0,"preselfpay_amt":0,"inscp_scp_amt":20.00,"chrgitm_lv":"01"},
    {"feedetl_sn":"2","fulamt_ownpay_amt":0,"overlmt_amt":0,"preselfpay_amt":0,"inscp_scp_amt":50.00,"chrgitm_lv":"01"},
    {"feedetl_sn":"3","fulamt_ownpay_amt":0,"overlmt_amt":8.00,"preselfpay_amt":6.00,"inscp_scp_amt":54.00,"chrgitm_lv":"02"},
    {"feedetl_sn":"4","fulamt_ownpay_amt":45,"overlmt_amt":0,"preselfpay_amt":0,"inscp_scp_amt":0,"chrgitm_lv":"03"}]"#;

/// `setlinfo` of the worked example with these shares, in yuan.
fn setl(fund: &str, account: &str, own: &str, cash: &str) -> String {
    format!(
        r#"{{"mdtrt_id":"M1","setl_id":"S1","medfee_sumamt":183.00,"fulamt_ownpay_amt":45.00,"overlmt_selfpay":8.00,
        "preselfpay_amt":6.00,"inscp_scp_amt":124.00,"act_pay_dedc":50.00,"hifp_pay":{fund},"fund_pay_sumamt":{fund},
        "psn_part_amt":{own},"acct_pay":{account},"acct_mulaid_pay":0,"psn_cash_pay":{cash},"balc":0.00}}"#
    )
}

fn d1() -> String {
    setl("55.50", "60.00", "127.50", "67.50")
}

/// Registers and uploads at the counter.
fn counter(host: &mut Host) {
    answers(host, &KNOWN);
    let uploaded = format!(r#"{{"result":{LINES}}}"#);
    answers(host, &[r#"{"data":{"mdtrt_id":"M1"}}"#, "{}", &uploaded]);
}

fn order(state: &str, key: &str, setl: &str) -> String {
    format!(
        r#"{{"payOrdId":"O1","payToken":"T1","ordStas":"{state}","extData":{{"{key}":{setl},"feedetail":{LINES}}}}}"#
    )
}

fn quote(host: &mut Host) -> Result<Quoted, Error> {
    host.call(|| MedicalInsurance::quote(bill(), insured(), START))
}

fn authorized(host: &mut Host) -> Authorization {
    match host.call(|| MedicalInsurance::authorize(operation("s/authorize"), bill(), insured())) {
        Ok(Authorized::Granted(authorization)) => authorization,
        other => panic!("{other:?}"),
    }
}

fn settle(host: &mut Host, authorization: &Authorization) -> Result<Settled, Error> {
    let authorization = authorization.clone();
    host.call(|| MedicalInsurance::settle(operation("s"), authorization, bill(), insured()))
}

fn query(host: &mut Host, key: &str) -> Result<Status, Error> {
    host.call(|| MedicalInsurance::query(operation(key)))
}

fn reverse(host: &mut Host, settlement: &Settlement) -> Result<Reversed, Error> {
    let settlement = settlement.clone();
    host.call(|| MedicalInsurance::reverse(operation("r"), settlement, insured()))
}

/// Fund, account, cash.
fn shares(adjudication: &Adjudication) -> (i64, i64, i64) {
    let part =
        |source| adjudication.parts.iter().find(|part| part.source == source).map_or(0, |part| part.amount.minor_units);
    (part(Source::BasicFund), part(Source::PersonalAccount), part(Source::Cash))
}

fn accumulators(list: &[xinglin_sdk::payment::Accumulator]) -> Vec<(&str, i64)> {
    list.iter().map(|accumulator| (accumulator.code.as_str(), accumulator.amount.minor_units)).collect()
}

fn body(request: &http::Request) -> String {
    String::from_utf8(request.body.clone().expect("a body")).expect("UTF-8")
}

/// What was asked, by the end of the path.
fn asked(host: &Host, from: usize) -> Vec<String> {
    let requests = &host.requests()[from..];
    requests.iter().map(|request| request.url.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

/// The number of a message.
fn msgid(request: &http::Request) -> String {
    let body = body(request);
    let from = body.find(r#""msgid":""#).expect("a number") + 9;
    body[from..from + 30].to_owned()
}

#[test]
fn the_worked_example_at_the_counter() {
    let mut host = host("counter");
    counter(&mut host);
    let presettled = format!(r#"{{"setlinfo":{}}}"#, d1());
    answers(&mut host, &[&presettled, "{}", "{}"]);
    let quoted = quote(&mut host);
    let Ok(Quoted::Covered(quoted)) = quoted else { panic!("{quoted:?}") };
    assert_eq!(shares(&quoted), (5_550, 6_000, 6_750));
    assert_eq!(
        accumulators(&quoted.accumulators),
        [("deductible-used", 50_000), ("fund-used", 5_550), ("account-balance", 0)]
    );
    assert_eq!(asked(&host, 0), ["1101", "2001", "5206", "2201", "2203A", "2204", "2206", "2205", "2202"]);
    let card = body(&host.requests()[0]);
    assert!(card.contains(r#""mdtrt_cert_no":"{{patient:id-number}}""#), "{card}");
    let registration = body(&host.requests()[3]);
    for part in [r#""psn_no":"11000000000000000000000000001""#, r#""dept_code":"D1""#, r#""ipt_otp_no":"bill1""#] {
        assert!(registration.contains(part), "{registration} / {part}");
    }
    let fees = body(&host.requests()[5]);
    assert!(fees.contains(r#""det_item_fee_sumamt":50.00,"cnt":2,"pric":25.00"#), "{fees}");
    for request in host.requests() {
        let protection = request.protection.as_ref().expect("a signature");
        assert_eq!((protection.sign_with.as_deref(), protection.encrypt_with.as_deref()), (Some("sm2"), None));
    }

    counter(&mut host);
    let authorization = authorized(&mut host);
    let before = host.requests().len();
    let settled = format!(r#"{{"setlinfo":{}}}"#, d1());
    answers(&mut host, &[&settled]);
    let answer = settle(&mut host, &authorization);
    let Ok(Settled::Done(settlement)) = answer else { panic!("{answer:?}") };
    assert_eq!(settlement.adjudication, quoted, "as quoted");
    assert_eq!(asked(&host, before), ["A0003"], "the region's code");
    let sent = body(&host.requests()[before]);
    for part in
        [r#""infno":"A0003""#, r#""medfee_sumamt":183.00"#, r#""inscp_scp_amt":124.00"#, r#""acct_used_flag":"1""#]
    {
        assert!(sent.contains(part), "{sent} / {part}");
    }

    let before = host.requests().len();
    answers(&mut host, &[KNOWN[0], r#"{"setlinfo":{"setl_id":"R1","balc":60.00}}"#]);
    let Ok(Reversed::Done(reversal)) = reverse(&mut host, &settlement) else { panic!("reversed") };
    assert_eq!(asked(&host, before), ["1101", "2208"]);
    assert!(body(&host.requests()[before + 1]).contains(r#""setl_id":"S1","mdtrt_id":"M1""#));
    assert_eq!(
        accumulators(&reversal.accumulators),
        [("deductible-used", 45_000), ("fund-used", 0), ("account-balance", 6_000)]
    );
}

#[test]
fn the_worked_example_by_telephone() {
    let mut host = host("online").setting("office.encrypts", true);
    answers(&mut host, &KNOWN);
    answers(&mut host, &[&order("1", "preSetl", &d1()), "{}"]);
    let Ok(Quoted::Covered(quoted)) = quote(&mut host) else { panic!("covered") };
    assert_eq!(shares(&quoted), (5_550, 6_000, 6_750));
    assert_eq!(asked(&host, 0), ["1101", "2001", "5206", "6201", "6401"]);
    assert!(
        host.requests().iter().all(|request| {
            request.protection.as_ref().is_some_and(|one| one.encrypt_with.as_deref() == Some("sm4"))
        })
    );
    answers(&mut host, &KNOWN);
    answers(&mut host, &[&order("1", "preSetl", &d1())]);
    let authorization = authorized(&mut host);
    let before = host.requests().len();
    answers(&mut host, &[&order("6", "setl", &d1())]);
    let answer = settle(&mut host, &authorization);
    let Ok(Settled::Done(settlement)) = answer else { panic!("{answer:?}") };
    assert_eq!((settlement.reference.as_str(), &settlement.adjudication), ("O:O1", &quoted));
    answers(&mut host, &[r#"{"payOrdId":"O1","ordStas":"8","refdSn":"R1","balc":60.00}"#]);
    let Ok(Reversed::Done(reversal)) = reverse(&mut host, &settlement) else { panic!("reversed") };
    assert_eq!(reversal.reference, "O:R1");
    assert_eq!(asked(&host, before), ["6202", "6203"]);
    let refund = body(&host.requests()[before + 1]);
    assert!(refund.contains(r#""totlRefdAmt":183.00,"fundRefdAmt":55.50,"psnAcctRefdAmt":60.00"#), "{refund}");
}

#[test]
fn what_the_cap_leaves_is_the_offices_to_say() {
    let mut host = host("counter");
    counter(&mut host);
    let capped = format!(r#"{{"setlinfo":{}}}"#, setl("40.00", "60.00", "143.00", "83.00"));
    answers(&mut host, &[&capped, "{}", "{}"]);
    let Ok(Quoted::Covered(quoted)) = quote(&mut host) else { panic!("covered") };
    assert_eq!(shares(&quoted), (4_000, 6_000, 8_300));
}

/// A sum of the interface that does not hold, each in its turn: the quote is none, and the settlement is one that the
/// host takes back at once.
#[test]
fn figures_that_do_not_add_up_are_nobodys() {
    for (what, setlinfo) in [
        ("fund + person", setl("55.51", "60.00", "127.50", "67.50")),
        ("account + cash", setl("55.50", "60.00", "127.50", "67.51")),
        ("total", d1().replace(r#""medfee_sumamt":183.00"#, r#""medfee_sumamt":183.01"#)),
        ("four parts", d1().replace(r#""overlmt_selfpay":8.00"#, r#""overlmt_selfpay":9.00"#)),
        ("lines", d1().replace("8.00", "7.00").replace("45.00", "46.00")),
        ("negative", setl("-1.00", "60.00", "184.00", "124.00")),
    ] {
        let mut host = host("counter");
        counter(&mut host);
        let answer = format!(r#"{{"setlinfo":{setlinfo}}}"#);
        answers(&mut host, &[&answer, "{}", "{}"]);
        assert!(matches!(quote(&mut host), Err(Error::Other(_))), "{what}");
        counter(&mut host);
        let authorization = authorized(&mut host);
        answers(&mut host, &[&answer]);
        let Ok(Settled::Done(settlement)) = settle(&mut host, &authorization) else { panic!("{what}") };
        assert_eq!((settlement.reference.as_str(), settlement.adjudication.parts.len()), ("C:S1:M1", 0), "{what}");
    }
}

/// What became of a settlement that was not answered as it should be.
#[test]
fn what_nobody_knows_is_unknown_and_sent_once() {
    let unsigned = |body: &str| http::Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
    let good = said(&format!(r#"{{"setlinfo":{}}}"#, d1()));
    type Scripted<'a> = Box<dyn Fn(&mut Host) -> Result<http::Response, http::Error> + 'a>;
    let whole = |body: String, status: u16| -> Scripted<'_> { Box::new(move |host| Ok(signed(host, &body, status))) };
    let rows: [(&str, Scripted<'_>, &str); 15] = [
        ("timeout", Box::new(|_| Err(http::Error::Timeout)), "unknown"),
        ("broken", Box::new(|_| Err(http::Error::Unavailable("reset".to_owned()))), "unknown"),
        ("denied", Box::new(|_| Err(http::Error::Denied("no grant".to_owned()))), "not done"),
        ("busy", Box::new(|_| Err(http::Error::TooMany)), "not done"),
        ("maintenance", whole(refused("维护"), 503), "not done"),
        ("gateway", whole("oops".to_owned(), 502), "unknown"),
        ("refused", whole(refused("该就诊已结算"), 200), "refused"),
        ("unsigned", Box::new(|_| Ok(unsigned(&good))), "unknown"),
        (
            "forged",
            Box::new(|host| {
                Ok(http::Response { body: good.replace("55.50", "56.50").into(), ..signed(host, &good, 200) })
            }),
            "unknown",
        ),
        ("twice", whole(format!("{good}{good}"), 200), "unknown"),
        ("stale", whole(good.replace("M1", "M0"), 200), "unknown"),
        ("another message", whole(good.replace("{\"infcode\"", "{\"msgid\":\"x\",\"infcode\""), 200), "unknown"),
        ("no amount", whole(good.replace("\"hifp_pay\":55.50,", ""), 200), "unknown"),
        ("half a fen", whole(good.replace("67.50", "67.505"), 200), "unknown"),
        ("nothing", whole(said("{}"), 200), "unknown"),
    ];
    for (what, answer, becomes) in rows {
        let mut host = host("counter");
        counter(&mut host);
        let authorization = authorized(&mut host);
        let before = host.requests().len();
        let scripted = answer(&mut host);
        host.answer(scripted);
        let settled = match settle(&mut host, &authorization) {
            Err(Error::Other(_)) => "unknown",
            Err(Error::Unavailable(_)) => "not done",
            Ok(Settled::Refused(why)) if why[0].code == "INSURANCE_OFFICE_REFUSED" => "refused",
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(settled, becomes, "{what}");
        assert!(asked(&host, before).len() <= 1, "{what}: never sent again");
    }
}

#[test]
fn at_the_counter_a_lost_settlement_is_undone_by_its_number() {
    let mut host = host("counter");
    counter(&mut host);
    let authorization = authorized(&mut host);
    let before = host.requests().len();
    host.answer(Err(http::Error::Timeout));
    assert!(matches!(settle(&mut host, &authorization), Err(Error::Other(_))));
    // The office does not answer: still unknown.
    assert!(matches!(query(&mut host, "s"), Err(Error::Other(_))));
    answers(&mut host, &[KNOWN[0], "{}", "{}"]);
    assert_eq!(query(&mut host, "s"), Ok(Status::NeverSeen));
    assert_eq!(asked(&host, before), ["A0003", "1101", "1101", "2601", "2601"]);
    let number = msgid(&host.requests()[before]);
    assert!(number.starts_with("H11000000001"), "{number}");
    let undo = body(&host.requests()[before + 3]);
    assert!(undo.contains(&format!(r#""psn_no":"{PERSON}","omsgid":"{number}","oinfno":"A0003""#)), "{undo}");
    // An office that refuses to undo what it does not have says so in words that the hospital knows.
    let unknown = |host: &mut Host, refusals: usize| {
        answers(host, &[KNOWN[0]]);
        for _ in 0..refusals {
            let answer = signed(host, &refused("未找到原交易记录"), 200);
            host.answer(Ok(answer));
        }
        query(host, "s")
    };
    assert!(matches!(unknown(&mut host, 1), Err(Error::Other(_))));
    let mut host = host.setting("office.nothing-to-undo", "未找到原交易".to_owned());
    assert_eq!(unknown(&mut host, 2), Ok(Status::NeverSeen));
    // A call that did not end left nothing: everything that it may have sent is undone.
    let before = host.requests().len();
    answers(&mut host, &[KNOWN[0], "{}", "{}", "{}", "{}"]);
    assert_eq!(query(&mut host, "another"), Ok(Status::NeverSeen));
    assert_eq!(asked(&host, before), ["1101", "2601", "2601", "2601", "2601"]);
}

#[test]
fn by_telephone_the_order_tells_what_became_of_it() {
    for (state, becomes) in [
        ("6", "settled"),
        ("1", "never seen"),
        ("4", "pending"),
        ("8", "never seen"),
        ("12", "never seen"),
        ("99", "unknown"),
    ] {
        let mut host = host("online");
        answers(&mut host, &KNOWN);
        answers(&mut host, &[&order("1", "preSetl", &d1())]);
        let authorization = authorized(&mut host);
        let before = host.requests().len();
        host.answer(Err(http::Error::Timeout));
        assert!(matches!(settle(&mut host, &authorization), Err(Error::Other(_))));
        let asked_after = match state {
            "1" => vec!["6202", "6301", "6401"],
            _ => vec!["6202", "6301"],
        };
        answers(&mut host, &[&order(state, "setl", &d1()), "{}"]);
        let became = match query(&mut host, "s") {
            Ok(Status::Settled(settlement)) => {
                assert_eq!(shares(&settlement.adjudication), (5_550, 6_000, 6_750));
                "settled"
            }
            Ok(Status::NeverSeen) => "never seen",
            Ok(Status::Pending) => "pending",
            Err(Error::Other(_)) => "unknown",
            other => panic!("{state}: {other:?}"),
        };
        assert_eq!(
            (became, asked(&host, before)),
            (becomes, asked_after.into_iter().map(str::to_owned).collect()),
            "{state}"
        );
    }
}

#[test]
fn who_is_not_insured_is_somebody_elses_to_pay_for() {
    let declined = |outputs: &[String]| {
        let mut host = host("counter");
        for output in outputs {
            let answer = signed(&mut host, output, 200);
            host.answer(Ok(answer));
        }
        match quote(&mut host) {
            Ok(Quoted::Declined(why)) => why[0].code.clone(),
            Err(Error::MissingData(_)) => "missing data".to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let known = || said(KNOWN[0]);
    assert_eq!(declined(&[refused("未查到参保人")]), "INSURANCE_OFFICE_REFUSED");
    assert_eq!(declined(&[known().replace(r#""psn_insu_stas":"1""#, r#""psn_insu_stas":"2""#)]), "BENEFITS_SUSPENDED");
    assert_eq!(declined(&[known(), said(r#"{"trtinfo":[{"trt_enjymnt_flag":"0"}]}"#)]), "BENEFITS_SUSPENDED");
    let rest = [said(KNOWN[1]), said(KNOWN[2]), refused("缺少科室")];
    assert_eq!(declined(&[&[known()], &rest[..]].concat()), "missing data");
}

#[test]
fn what_is_not_set_is_said_and_a_person_must_be_known() {
    let missing = |mut host: Host| match quote(&mut host) {
        Err(Error::MissingData(why)) => why[1].text.clone(),
        other => panic!("{other:?}"),
    };
    let bare = missing(Host::of::<MedicalInsurance>().setting("mode", "gateway".to_owned()));
    for key in ["server", "public-key", "fixmedins-code", "mdtrtarea-admvs", "opter", "recer-sys-code"] {
        assert!(bare.contains(&format!("office.{key}")), "{bare}");
    }
    for (key, value) in
        [("office.codes", "2207"), ("office.channel", "fax"), ("office.public-key", "AAAA"), ("mode", "other")]
    {
        assert!(missing(host("counter").setting(key, value.to_owned())).contains(key), "{key}");
    }
    let unknown = Host::of::<MedicalInsurance>();
    let settings = host("counter").call(xinglin_sdk::settings::all);
    let unknown = settings.into_iter().fold(unknown, |host, one| host.setting(&one.key, one.value));
    assert!(missing(unknown).contains("identity number"));
}

#[test]
fn what_was_begun_here_is_ended_here() {
    let mut local = Host::of::<MedicalInsurance>().setting("accept-illustrative", true);
    let coverage = || {
        CoverageBuilder::new("m", Coding::new("x", "310")).accumulator("deductible-used", 0).accumulator("fund-used", 0)
    };
    let (asked, insured) = (bill(), coverage().build());
    let answer = local.call(|| MedicalInsurance::authorize(operation("a"), asked, insured));
    let Ok(Authorized::Granted(authorization)) = answer else { panic!("{answer:?}") };
    let settings = host("counter").call(xinglin_sdk::settings::all);
    let now = settings.into_iter().fold(local, |host, one| host.setting(&one.key, one.value));
    let mut now = now.setting("accept-illustrative", true);
    let (asked, insured) = (bill(), coverage().build());
    let answer = now.call(|| MedicalInsurance::settle(operation("s"), authorization, asked, insured));
    let Ok(Settled::Done(settlement)) = answer else { panic!("{answer:?}") };
    assert_eq!(query(&mut now, "s"), Ok(Status::Settled(settlement.clone())));
    let mut after = coverage().build();
    after.accumulators = settlement.adjudication.accumulators.clone();
    let answer = now.call(|| MedicalInsurance::reverse(operation("r"), settlement, after));
    assert!(matches!(answer, Ok(Reversed::Done(_))), "{answer:?}");
    assert!(now.requests().is_empty(), "the office was not asked");
}
