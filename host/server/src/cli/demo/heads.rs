//! A year of payment per head, on the host's own clock and timers: a hundred members of a lead whose budget
//! is left over, and a hundred of one that overruns it. Figures and rules: `plugins/capitation/README.md`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comfy_table::{CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use serde_json::{Value, json};
use xinglin_domain::time::Instant;
use xinglin_platform::ambient::Clock;

use crate::cli::demo::{
    client::{Client, number},
    story::Story,
    visit::open_account,
};

const FUND: &str = "xinglin.medical-insurance";
const SCHEME: &str = "xinglin.capitation";
/// The lead that overruns its budget; the other is the hospital itself.
const OVERRUNNING: &str = "lead-b";

/// Who signs in anew whenever the clock has moved: tokens end.
pub struct Stage<'a> {
    /// Nobody, at the server's address.
    pub anyone: &'a Client,
    /// Password of the operator.
    pub operator_password: &'a str,
    /// The hospital, in which the fund's plugin and the scheme's are enabled.
    pub tenant: &'a str,
    /// Password of its administrator, and of the accounts that are opened.
    pub staff_password: &'a str,
}

/// A risk class: members, year of birth, diagnosis. Five of the first come at midyear.
const CLASSES: [(usize, u16, &str); 3] = [(60, 1977, "E11.9"), (30, 1950, "E11.9"), (10, 1977, "E11.2")];
/// Those who come at midyear: 55 × 12 + 5 × 6 = 690 months of the first class.
const LATE: usize = 5;

/// Plays the year of both leads; returns their accounts, closed, the one with the surplus first.
pub async fn play(story: &mut Story, stage: &Stage<'_>) -> Result<[Value; 2]> {
    story.step("Two hundred patients choose a lead and a partner (1+N)");
    let leads = [stage.tenant, OVERRUNNING];
    let mut now = Clock::default().now();
    let before = now.china_year();
    // In a December, so that the members count from the first of January.
    let before = if now < moment(&format!("{before}-12-14"))? { before } else { before + 1 };
    let year = before + 1;
    stage.until(&mut now, &format!("{before}-12-15T09:00:00+08:00")).await?;
    let administrator = stage.sign_in("administrator").await?;
    stage.open_accounts().await?;
    let scheme = format!("/api/v1/tenants/{}/plugins/{SCHEME}", stage.tenant);
    let settings = json!({ "settings": { "accept-illustrative": true } });
    stage.operator().await?.put(&scheme, &settings).await?;
    for lead in leads {
        let partners = json!([{ "id": "org-2", "title": "河北街社区卫生服务中心" }]);
        let contract = json!({ "payer": FUND, "title": "杏林互联网医院", "partners": partners });
        administrator.put(&format!("/api/v1/tenants/{}/capitation/{SCHEME}/{lead}", stage.tenant), &contract).await?;
    }
    let mut late = Vec::new();
    let manager = stage.sign_in("manager").await?;
    for lead in leads {
        for (at, (count, born, code)) in CLASSES.into_iter().enumerate() {
            let mut members = import(&administrator, count, born, code).await?;
            if at == 0 {
                late.extend(members.split_off(count - LATE).into_iter().map(|patient| (lead, patient)));
            }
            for patient in members {
                choose(&manager, lead, &patient).await?;
            }
        }
    }
    let accountant = stage.sign_in("accountant").await?;
    for (at, lead) in leads.into_iter().enumerate() {
        let prepayment = json!({ "amount_fen": 54_000_000, "source": format!("bank slip {}", at + 1) });
        accountant.post(&format!("{}/prepayments", of_year(lead, year)), &prepayment).await?;
    }
    story.say("190 count from January; the fund has paid 54,000,000 ahead for each lead");

    story.step("Half a year passes; five more come to each lead");
    stage.until(&mut now, &format!("{year}-06-15T09:00:00+08:00")).await?;
    let manager = stage.sign_in("manager").await?;
    for (lead, patient) in &late {
        choose(&manager, lead, patient).await?;
    }
    story.say("they count from July, as all who join in the middle of a month count from the next");

    story.step("The year ends: care is charged, quality is scored, the accounts are closed");
    stage.until(&mut now, &format!("{}-01-10T09:00:00+08:00", year + 1)).await?;
    let accountant = stage.sign_in("accountant").await?;
    let mut closed = Vec::new();
    for (lead, used) in leads.into_iter().zip([54_600_000, 66_000_000]) {
        counted(&accountant, lead, year).await?;
        let statement = |number: &str, institution: &str, fen: i64| {
            json!({
                "statement": number, "institution": institution, "referred": true, "fund_fen": fen,
                "served_on": format!("{year}-12-31"), "source": "医保结算单 statement of the fund",
            })
        };
        let uses = format!("/api/v1/capitation/leads/{SCHEME}/{lead}/uses");
        accountant.post(&uses, &statement("partners", "org-2", 20_000_000)).await?;
        accountant.post(&uses, &statement("referrals", "big-hospital", used - 20_000_000)).await?;
        accountant.put(&format!("{}/indicators", of_year(lead, year)), &indicators()).await?;
        closed.push(accountant.post(&format!("{}/close", of_year(lead, year)), &Value::Null).await?);
        let slip = json!({ "slip": "balancing payment" });
        accountant.post(&format!("{}/balance", of_year(lead, year)), &slip).await?;
        let again = format!("{}/close", of_year(lead, year));
        story.refused("a second close", &accountant.refused(&again, &Value::Null, "CAP_CLOSED").await?);
    }
    let [surplus, overrun]: [Value; 2] = closed.try_into().ok().context("two accounts")?;
    expect(&surplus, "/budget_fen", 60_000_000)?;
    expect(&surplus, "/end/kept_fen", 4_860_000)?;
    expect(&surplus, "/end/payable_fen", 5_460_000)?;
    expect(&overrun, "/end/provider_bears_fen", 4_500_000)?;
    Ok([surplus, overrun])
}

/// Prints both accounts side by side.
pub fn print(years: &[Value; 2]) {
    let rows = [
        ("budget 预算", "/budget_fen"),
        ("prepaid 预付", "/prepaid_fen"),
        ("used 使用", "/used_fen"),
        ("score 质量评分", "/score/total"),
        ("kept 结余留用", "/end/kept_fen"),
        ("returned 结余退回", "/end/returned_fen"),
        ("borne by the fund 基金分担", "/end/fund_bears_fen"),
        ("borne by the lead 机构承担", "/end/provider_bears_fen"),
        ("balancing payment 清算支付", "/end/payable_fen"),
        ("lead 牵头机构 60 %", "/end/shares/0/fen"),
        ("partners 协作机构 25 %", "/end/shares/1/fen"),
        ("team 团队 15 %", "/end/shares/2/fen"),
    ];
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(["", "surplus", "overrun"]);
    for (title, pointer) in rows {
        let shown = |year: &Value| year.pointer(pointer).map(|of| of.to_string().replace('"', "")).unwrap_or_default();
        table.add_row([title.to_owned(), shown(&years[0]), shown(&years[1])]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in table.to_string().lines() {
        println!("   {row}");
    }
}

impl Stage<'_> {
    async fn operator(&self) -> Result<Client> {
        self.anyone.sign_in(None, "operator", self.operator_password).await
    }

    /// Signs one of the hospital in.
    pub async fn sign_in(&self, login: &str) -> Result<Client> {
        self.anyone.sign_in(Some(self.tenant), login, self.staff_password).await
    }

    /// Moves the server's clock.
    async fn until(&self, now: &mut Instant, day: &str) -> Result<()> {
        let until = moment(day)?;
        let seconds = (until.micros() - now.micros()) / 1_000_000 + 1;
        self.operator().await?.post("/api/v1/clock/advance", &json!({ "seconds": seconds })).await?;
        *now = until;
        Ok(())
    }

    /// An accountant, and a health manager with proof of employment.
    async fn open_accounts(&self) -> Result<()> {
        let operator = self.operator().await?;
        let accountant = json!({ "login": "accountant", "roles": ["accountant"] });
        let manager = json!({
            "login": "manager", "roles": ["health_manager"],
            "certificates": [{
                "kind": "employer_proof", "number": "HM-1", "issued_by": "北京市卫生健康委员会", "institution": "杏林互联网医院",
                "issued_on": "2020-01-01", "valid_until": "2099-01-01",
            }],
            "filings": [{ "basis": "main", "from": "2020-01-01", "state": "in_force" }],
        });
        for account in [accountant, manager] {
            open_account(&operator, self.tenant, account, self.staff_password).await?;
        }
        Ok(())
    }
}

fn moment(text: &str) -> Result<Instant> {
    Instant::parse(text).with_context(|| format!("{text} is no day"))
}

fn of_year(lead: &str, year: i16) -> String {
    format!("/api/v1/capitation/leads/{SCHEME}/{lead}/years/{year}")
}

fn expect(account: &Value, pointer: &str, fen: i64) -> Result<()> {
    let found = number(account, pointer)?;
    ensure!(found == fen, "{pointer} is {found}, not {fen}");
    Ok(())
}

async fn import(administrator: &Client, count: usize, born: u16, code: &str) -> Result<Vec<String>> {
    let entry = |url: String, kind: &str, resource: Value| json!({ "fullUrl": url, "resource": resource, "request": { "method": "POST", "url": kind } });
    let person = |at: usize| format!("urn:uuid:7d1d9f4e-2222-4c7a-9b57-{at:012}");
    let people = (0..count).flat_map(|at| {
        let patient = json!({
            "resourceType": "Patient", "active": true, "gender": "female", "birthDate": format!("{born}-05-05"),
            "name": [{ "family": "李", "given": [format!("{at}")] }],
        });
        let condition = json!({
            "resourceType": "Condition", "subject": { "reference": person(at) },
            "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": code }] },
            "clinicalStatus": { "coding": [
                { "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" },
            ] },
        });
        let url = format!("urn:uuid:7d1d9f4e-3333-4c7a-9b57-{at:012}");
        [entry(person(at), "Patient", patient), entry(url, "Condition", condition)]
    });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": people.collect::<Vec<_>>() });
    let answer = administrator.post("/fhir/R4", &bundle).await?;
    let locations = answer["entry"].as_array().into_iter().flatten();
    let locations = locations.filter_map(|entry| entry["response"]["location"].as_str());
    let id = |location: &str| Some(location.strip_prefix("Patient/")?.split('/').next()?.to_owned());
    let patients: Vec<String> = locations.filter_map(id).collect();
    ensure!(patients.len() == count, "{count} patients were sent, {} were taken", patients.len());
    Ok(patients)
}

async fn choose(manager: &Client, lead: &str, patient: &str) -> Result<()> {
    let choice = json!({ "patient": patient, "plugin": SCHEME, "lead": lead, "partners": ["org-2"] });
    manager.post("/api/v1/capitation/members", &choice).await?;
    Ok(())
}

/// Waits until the job has taken all months of the year.
async fn counted(accountant: &Client, lead: &str, year: i16) -> Result<()> {
    /// In tenths of a second.
    const PATIENCE: usize = 600;
    let december = format!("{year}-12");
    for _ in 0..PATIENCE {
        let account = accountant.get(&of_year(lead, year)).await?;
        if account.pointer("/accruals/11/month").is_some_and(|month| *month == december) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the months of {lead} were not counted")
}

/// As reported: all managed and tested, four fifths controlled, seven tenths screened, no avoidable
/// admission, seven tenths satisfied; 86 points.
fn indicators() -> Value {
    let counts = [
        ("management-rate", 100),
        ("hba1c-tested", 100),
        ("hba1c-controlled", 80),
        ("complication-screening", 70),
        ("avoidable-admission", 0),
        ("satisfaction", 70),
    ];
    let rows = counts.map(|(code, numerator)| {
        json!({ "code": code, "numerator": numerator, "denominator": 100, "source": "年度质量报表 report of the year" })
    });
    json!({ "indicators": rows })
}
