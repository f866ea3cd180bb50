//! The negative list and the formulary: what must not be sold online is found under every name and
//! code, whatever it is listed as, when the formulary is uploaded, at drafts, signatures and bills.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Clinic, Person, TestHospital,
    clinic::{checklist, draft, id},
    line, medicine, rules_on_both_engines,
};

rules_on_both_engines!(TestHospital:
    listed_medicines_are_refused_under_every_name_and_code,
    a_wrong_ingredient_does_not_hide_a_listed_medicine,
    no_kind_of_item_sells_a_medicine,
    what_became_forbidden_is_not_signed_nor_billed,
    an_unclassified_medicine_waits_for_a_pharmacist,
    an_upload_is_stored_as_a_whole_or_not_at_all,
    the_topical_exemption_is_the_products,
    provincial_switches_are_reachable_and_confirmed,
    hepatitis_b_antivirals_are_prescribed_for_long,
);

const ATC: &str = "http://www.whocc.no/atc";

fn path(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/formulary", clinic.tenant)
}

/// Adds items to the formulary of the example; returns the answer.
async fn add(clinic: &Clinic, items: &[Value]) -> Value {
    clinic.operator.put(&path(clinic), with(clinic, items).await).await
}

/// The formulary with more items.
async fn with(clinic: &Clinic, items: &[Value]) -> Value {
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    let known = formulary["items"].as_array_mut().expect("items");
    known.retain(|old| items.iter().all(|new| new["code"] != old["code"]));
    known.extend_from_slice(items);
    formulary
}

fn titled(code: &str, title: &str) -> Value {
    let mut item = medicine(code, 100);
    item["title"] = json!(title);
    item
}

/// A medicine whose ATC code is that of product and ingredient, under a title that says nothing.
fn coded(code: &str, system: &str, atc: &str) -> Value {
    let mut item = medicine(code, 100);
    let coding = json!({ "system": system, "code": atc });
    item["codings"].as_array_mut().expect("codings").push(coding.clone());
    item["ingredients"].as_array_mut().expect("ingredients").push(coding);
    item
}

fn other(code: &str, title: &str) -> Value {
    json!({
        "code": code, "title": title, "kind": "other", "price_fen": 100,
        "codings": [{ "system": "https://xinglin.dev/catalogue", "code": code }],
    })
}

fn one(code: &str) -> Value {
    line(code, "1", "1", 7, 1)
}

async fn listed_medicines_are_refused_under_every_name_and_code(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm";
    let items = [
        titled("h-1", "酒石酸唑吡坦片"),
        titled("h-2", "华法林钠片"),
        titled("h-3", "碳酸锂片"),
        titled("h-4", "注射用头孢曲松钠"),
        titled("h-5", "Ｃｏｕｍａｄｉｎ"),
        titled("h-6", "思诺思"),
        titled("h-7", "ＡＭＢＩＥＮ １０ ｍｇ"),
        titled("h-8", "唑\u{3000}吡 坦"),
        titled("h-9", "氢溴酸右美沙芬片"),
        titled("h-10", "复方地芬诺酯片"),
        coded("h-11", ATC, "n05cf02"),
        coded("h-12", "https://www.whocc.no/atc/", " N05CF02 "),
        coded("h-13", "urn:oid:2.16.840.1.113883.6.73", "N05CF02"),
        coded("h-14", rxnorm, "39993"),
    ];
    let stored = add(&clinic, &items).await;
    // It may be listed as what it is, and is reported.
    let barred = stored["barred"].as_array().expect("barred");
    assert_eq!(barred.iter().filter(|one| one["item"].as_str().is_some_and(|item| item.starts_with("h-"))).count(), 14);
    assert!(barred.iter().all(|one| one["code"] == "RX_FORBIDDEN_DRUG"), "{stored}");
    let visit = clinic.visit().await;
    let before = hospital.footprint(&clinic.tenant).await;
    for item in &items {
        let code = item["code"].as_str().expect("a code");
        clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &[one(code)]), "RX_FORBIDDEN_DRUG").await;
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);

    // Which list, which entry, which match.
    for (code, year, kind, value) in [
        ("h-1", 2022, "name", "唑吡坦"),
        ("h-6", 2022, "brand", "思诺思"),
        ("h-11", 2022, "atc", "N05CF02"),
        ("h-14", 2022, "rxnorm", "39993"),
        ("h-9", 2024, "name", "右美沙芬"),
    ] {
        let lines = draft(&visit, &[one("metformin-500mg-60"), one(code)]);
        let refused = clinic.doctor.refused("/api/v1/prescriptions", lines, "RX_FORBIDDEN_DRUG").await;
        let why = &refused["forbidden"];
        assert_eq!(
            (&why["list"]["year"], &why["by"]),
            (&json!(year), &json!({ "kind": kind, "value": value })),
            "{refused}"
        );
        let detail = refused["detail"].as_str().expect("a text");
        assert!(detail.starts_with("line 2: 精神药品") && detail.contains(value), "{detail}");
    }
}

async fn a_wrong_ingredient_does_not_hide_a_listed_medicine(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let metformin = |code: &str, title: &str| {
        let mut item = titled(code, title);
        item["codings"][1] = json!({ "system": ATC, "code": "A10BA02" });
        item["ingredients"] = json!([{ "system": ATC, "code": "A10BA02" }]);
        item
    };
    let mut claimed = metformin("w-4", "华法林钠片");
    claimed["ingredients"] = json!([{ "system": ATC, "code": "B01AA03" }, { "system": ATC, "code": "A10BA02" }]);
    let items =
        [metformin("w-1", "唑吡坦片"), metformin("w-2", "思诺思"), metformin("w-3", "注射用头孢曲松钠"), claimed];
    add(&clinic, &items).await;
    let visit = clinic.visit().await;
    for item in &items {
        let code = item["code"].as_str().expect("a code");
        clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &[one(code)]), "RX_FORBIDDEN_DRUG").await;
    }
    // The same codes under an honest name are fine.
    add(&clinic, &[metformin("w-5", "盐酸二甲双胍片")]).await;
    clinic.draft(&visit, &[one("w-5")]).await;
}

async fn no_kind_of_item_sells_a_medicine(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = clinic.doctor.get("/api/v1/formulary").await;
    let coding = |coding: Value| {
        let mut item = other("o", "护理包");
        item["codings"].as_array_mut().expect("codings").push(coding);
        item
    };
    let with_ingredient = {
        let mut item = other("o", "护理包");
        item["ingredients"] = json!([{ "system": ATC, "code": "A10BA02" }]);
        item
    };
    let wares = [
        (other("o", "佐匹克隆片"), "RX_FORBIDDEN_DRUG"),
        (other("o", "Stilnox"), "RX_FORBIDDEN_DRUG"),
        (other("o", "头孢曲松注射液"), "RX_FORBIDDEN_DRUG"),
        (coding(json!({ "system": ATC, "code": "n05cf01" })), "RX_FORBIDDEN_DRUG"),
        (coding(json!({ "system": ATC, "code": "A10BA02" })), "FORMULARY_KIND"),
        (coding(json!({ "system": "urn:oid:2.16.840.1.113883.6.88", "code": "6809" })), "FORMULARY_KIND"),
        (coding(json!({ "system": "urn:local", "code": "XA10BAE058A001010100483" })), "FORMULARY_KIND"),
        (coding(json!({ "system": "urn:local", "code": "国药准字H20023370" })), "FORMULARY_KIND"),
        (other("o", "某保健品 (国药准字 Z20023370)"), "FORMULARY_KIND"),
        (with_ingredient, "FORMULARY_KIND"),
    ];
    let (mut items, mut expected) = (Vec::new(), Vec::new());
    for kind in ["other", "material", "service"] {
        for (item, code) in &wares {
            let mut item = item.clone();
            (item["kind"], item["code"]) = (json!(kind), json!(format!("{kind}-{}", items.len())));
            expected.push((item["code"].clone(), json!(code)));
            items.push(item);
        }
    }
    let refused = clinic.operator.ask(Method::PUT, &path(&clinic), Some(json!({ "items": items }))).await;
    let refused = refused.refused("wares", "BODY_INVALID");
    let told: Vec<(Value, Value)> = refused["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["item"].clone(), row["code"].clone()))
        .collect();
    assert_eq!(told, expected);
    assert_eq!(clinic.doctor.get("/api/v1/formulary").await, before);

    // What the parts of a real formulary become. Nothing is refused for a name that may be another thing's.
    let rows = [
        ("medicine B01AB05", "克赛", "RX_FORBIDDEN_DRUG"),
        ("medicine L04AB04", "Humira pen", "RX_FORBIDDEN_DRUG"),
        ("medicine M05BX04", "普罗力", "RX_FORBIDDEN_DRUG"),
        ("medicine J01GB06", "阿米卡星", "RX_FORBIDDEN_DRUG"),
        ("medicine V06DX01", "某药 预灌封", "RX_FORBIDDEN_DRUG"),
        ("medicine A10BJ06", "注射用头孢曲松钠", "RX_FORBIDDEN_DRUG"),
        ("medicine H01CC02", "思则凯", "RX_FORBIDDEN_DRUG"),
        ("medicine V06DX02", "生附子", "RX_FORBIDDEN_DRUG"),
        ("medicine V06DX03", "雄黄粉", "RX_FORBIDDEN_DRUG"),
        ("medicine R01BA01", "苯丙醇胺片", "RX_FORBIDDEN_DRUG"),
        ("medicine V06DX04", "洛芬待因缓释片", "RX_FORBIDDEN_DRUG"),
        ("medicine V06DX05", "右美沙芬缓释片(进口)", "RX_FORBIDDEN_DRUG"),
        ("medicine A11CC05", "某药 0.25μg", "RX_DRUG_UNCLASSIFIED"),
        ("medicine A10BJ06", "司美格鲁肽注射液", ""),
        ("medicine A10AE04", "来得时 预填充笔芯", ""),
        ("medicine J01GB03", "硫酸庆大霉素片", ""),
        ("medicine R01BA53", "复方去氧肾上腺素片", ""),
        ("medicine H01CC03", "艾拉戈利片", ""),
        ("medicine V06DX06", "制附子饮片", ""),
        ("medicine V06DX07", "六神丸", ""),
        ("medicine V06DX08", "麝香保心丸", ""),
        ("other", "盐酸二甲双胍片", "FORMULARY_KIND"),
        ("other", "奥司他韦", "FORMULARY_KIND"),
        ("material", "玻璃酸钠滴眼液", "FORMULARY_KIND"),
        ("other", "深海鱼油软胶囊", "FORMULARY_KIND"),
        ("other", "乳清蛋白粉", ""),
        ("other", "疫苗接种服务费", ""),
        ("other", "血清睾酮测定", ""),
        ("material", "医用纱布片 10片", ""),
        ("material", "尿酮试纸片", ""),
        ("material", "隐形眼镜片", ""),
        ("material", "胰岛素注射笔用针头", ""),
        ("material", "台式水银血压计", ""),
        ("material", "一次性使用无菌注射器", ""),
        ("service", "静脉输液费", ""),
        ("service", "输液港维护", ""),
        ("service", "血清睾酮测定", ""),
        ("service", "雌二醇(E2)测定", ""),
        ("service", "地高辛血药浓度测定", ""),
        ("service", "胶囊内镜检查", ""),
    ];
    let item = |(at, (what, title, _)): (usize, &(&str, &str, &str))| {
        let (kind, atc) = what.split_once(' ').map_or((*what, None), |(kind, atc)| (kind, Some(atc)));
        let code = format!("row-{at}");
        let Some(atc) = atc else {
            let mut item = other(&code, title);
            item["kind"] = json!(kind);
            return item;
        };
        let mut item = titled(&code, title);
        item["codings"][1] = json!({ "system": ATC, "code": atc });
        item["ingredients"] = json!([{ "system": ATC, "code": atc }]);
        item
    };
    let items: Vec<Value> = rows.iter().enumerate().map(item).collect();
    let barred = add(&clinic, &items).await["barred"].clone();
    let verdict = |at: usize| {
        let code = format!("row-{at}");
        let mut barred = barred.as_array().expect("barred").iter();
        barred.find(|one| one["item"] == code.as_str()).map_or("", |one| one["code"].as_str().expect("a code"))
    };
    for (at, (what, title, expected)) in rows.iter().enumerate() {
        assert_eq!(verdict(at), *expected, "{what} {title}");
    }

    // A pharmacist tells a form, and that a thing is no medicine; no one tells away what is one.
    let at = |title: &str| rows.iter().position(|row| row.1 == title).map(|at| format!("row-{at}")).expect(title);
    let (oil, drops) = (at("深海鱼油软胶囊"), at("某药 0.25μg"));
    let prescription = clinic.approved().await;
    let order = |items: &[&str]| {
        let items: Vec<Value> = items.iter().map(|item| json!({ "item": item, "quantity": 1 })).collect();
        json!({ "prescription": id(&prescription), "items": items })
    };
    clinic.patient.refused("/api/v1/charges", order(&[&oil]), "FORMULARY_KIND").await;
    let route = "/api/v1/formulary/classify";
    let none = |item: &str| json!({ "item": item, "no_medicine": true, "basis": "国食健注G20150001" });
    for (body, code) in [
        (json!({ "item": oil, "basis": "label" }), "BODY_INVALID"),
        (none(&drops), "BODY_INVALID"),
        (json!({ "item": oil, "no_medicine": true, "classes": ["topical"], "basis": "label" }), "BODY_INVALID"),
    ] {
        clinic.pharmacist.refused(route, body, code).await;
    }
    assert_eq!(clinic.pharmacist.post(route, none(&oil)).await["classification"]["no_medicine"], true);
    let form = json!({ "item": drops, "classes": ["not_injected"], "basis": "leaflet of 2026-03" });
    clinic.pharmacist.post(route, form).await;
    let left = clinic.pharmacist.get("/api/v1/formulary/barred").await.to_string();
    assert!(!left.contains(&format!("\"{oil}\"")) && !left.contains(&format!("\"{drops}\"")), "{left}");
    clinic.draft(&clinic.visit().await, &[one(&drops)]).await;

    // What is named after a medicine by accident is sold.
    let sold = [at("一次性使用无菌注射器"), at("地高辛血药浓度测定"), oil];
    for item in &sold {
        clinic.order(&prescription, item, 1).await;
    }
    clinic.patient.post("/api/v1/charges", order(&sold.each_ref().map(String::as_str))).await;
}

async fn what_became_forbidden_is_not_signed_nor_billed(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    add(&clinic, &[titled("balm", "Balm ointment")]).await;
    let visit = clinic.visit().await;
    let drafted = clinic.draft(&visit, &[one("balm")]).await;
    let approved = clinic.draft(&clinic.visit().await, &[one("balm")]).await;
    clinic.sign(&approved).await;
    clinic.approve(&approved).await;
    let signed = clinic.draft(&clinic.visit().await, &[one("balm")]).await;
    clinic.sign(&signed).await;
    // The pharmacist reads the leaflet.
    let class =
        json!({ "item": "balm", "classes": ["psychotropic"], "basis": "国药准字H20023370, leaflet of 2026-03" });
    clinic.pharmacist.post("/api/v1/formulary/classify", class).await;
    clinic.doctor.refused(&format!("{drafted}/sign"), json!({ "valid_days": 3 }), "RX_FORBIDDEN_DRUG").await;
    assert_eq!(clinic.doctor.get(&drafted).await["status"], "DRAFT");
    clinic.pharmacist.refused(&format!("{signed}/approve"), checklist(), "RX_FORBIDDEN_DRUG").await;
    let order = json!({ "prescription": id(&approved) });
    clinic.patient.refused("/api/v1/charges", order, "RX_FORBIDDEN_DRUG").await;
    // Or it is under another name, or gone.
    let other = titled("balm", "佐匹克隆片");
    add(&clinic, &[other]).await;
    clinic.doctor.refused(&format!("{drafted}/sign"), json!({ "valid_days": 3 }), "RX_FORBIDDEN_DRUG").await;
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    formulary["items"].as_array_mut().expect("items").retain(|item| item["code"] != "balm");
    clinic.operator.put(&path(&clinic), formulary).await;
    clinic.doctor.refused(&format!("{drafted}/sign"), json!({ "valid_days": 3 }), "RX_LINE_INVALID").await;
}

async fn an_unclassified_medicine_waits_for_a_pharmacist(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let own = |code: &str| {
        let mut item = medicine(code, 100);
        item["codings"].as_array_mut().expect("codings").truncate(1);
        item["ingredients"] = json!([]);
        item
    };
    let mut no_ingredients = medicine("u-2", 100);
    no_ingredients["ingredients"] = json!([]);
    let mut no_atc = own("u-3");
    no_atc["ingredients"] = json!([{ "system": "urn:local", "code": "i-1", "display": "盐酸二甲双胍" }]);
    let mut unsaid = medicine("u-4", 100);
    unsaid["ingredients"] = json!([{ "system": "urn:local", "code": "i-1" }]);
    let items = [own("u-1"), no_ingredients, no_atc, unsaid];
    let stored = add(&clinic, &items).await;
    let unclassified = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        let unclassified = list.filter(|one| one["code"] == "RX_DRUG_UNCLASSIFIED");
        unclassified.map(|one| one["item"].as_str().expect("a code").to_owned()).collect()
    };
    assert_eq!(unclassified(&stored["barred"]), ["u-1", "u-2", "u-3", "u-4"]);
    let visit = clinic.visit().await;
    for item in &items {
        let lines = draft(&visit, &[one(item["code"].as_str().expect("a code"))]);
        let refused = clinic.doctor.refused("/api/v1/prescriptions", lines, "RX_DRUG_UNCLASSIFIED").await;
        assert!(
            refused["detail"].as_str().is_some_and(|text| text.contains("/api/v1/formulary/classify")),
            "{refused}"
        );
    }

    let atc = json!({ "system": "https://www.whocc.no/atc", "code": "a10ba02" });
    let classify = |change: Value| {
        let mut body = json!({ "item": "u-1", "codings": [atc], "ingredients": [atc], "basis": "leaflet of 2026-03" });
        for (key, value) in change.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body
    };
    let route = "/api/v1/formulary/classify";
    for who in [&clinic.doctor, &clinic.administrator, &clinic.patient] {
        who.refused(route, classify(json!({})), "AUTH_FORBIDDEN").await;
    }
    let lapsed = Person::new("lapsed", "pharmacist").licensed(&json!({ "until": "2021-01-01" }));
    clinic.hire(lapsed).await.0.refused(route, classify(json!({})), "CRED_INVALID").await;
    for (change, code) in [
        (json!({ "basis": " " }), "RX_REASON_REQUIRED"),
        (json!({ "ingredients": [] }), "BODY_INVALID"),
        (json!({ "codings": [{ "system": ATC, "code": "metformin" }] }), "BODY_INVALID"),
        (json!({ "item": "follow-up-visit" }), "BODY_INVALID"),
        (json!({ "item": "no-such-item" }), "NOT_FOUND"),
    ] {
        clinic.pharmacist.refused(route, classify(change), code).await;
    }
    let classified = clinic.pharmacist.post(route, classify(json!({}))).await;
    let classification = &classified["classification"];
    assert_eq!(classification["by"], clinic.pharmacist_id.as_str());
    assert!(classification["at"].as_i64().is_some() && classification["basis"] == "leaflet of 2026-03", "{classified}");
    let trail = clinic.administrator.get("/api/v1/audit").await;
    assert!(trail.to_string().contains(route) && trail.to_string().contains(&clinic.pharmacist_id), "{trail}");

    // It is ordered by what the pharmacist said, in canonical codes.
    let path = clinic.draft(&visit, &[one("u-1")]).await;
    let drafted = clinic.doctor.get(&path).await;
    assert!(drafted.to_string().contains("A10BA02"), "{drafted}");
    clinic.sign(&path).await;
    assert_eq!(unclassified(&clinic.pharmacist.get("/api/v1/formulary/barred").await), ["u-2", "u-3", "u-4"]);
    clinic.doctor.ask(Method::GET, "/api/v1/formulary/barred", None).await.refused("barred", "AUTH_FORBIDDEN");

    // The classification stays while the item is the same product, whatever an upload says of it.
    let mut dearer = own("u-1");
    dearer["price_fen"] = json!(200);
    assert_eq!(unclassified(&add(&clinic, &[dearer]).await["barred"]), ["u-2", "u-3", "u-4"]);
    let mut forged = own("u-2b");
    forged["classification"] = classification.clone();
    let mut another = own("u-1");
    another["title"] = json!("something else");
    another["classification"] = classification.clone();
    let barred = add(&clinic, &[forged, another]).await;
    assert_eq!(unclassified(&barred["barred"]), ["u-2", "u-3", "u-4", "u-2b", "u-1"]);
    // And it adds only: a listed name stays listed.
    add(&clinic, &[titled("u-5", "酒石酸唑吡坦片")]).await;
    clinic.pharmacist.post(route, classify(json!({ "item": "u-5" }))).await;
    clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &[one("u-5")]), "RX_FORBIDDEN_DRUG").await;
}

async fn an_upload_is_stored_as_a_whole_or_not_at_all(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = clinic.doctor.get("/api/v1/formulary").await;
    let changed = |code: &str, key: &str, value: Value| {
        let mut item = medicine(code, 100);
        item[key] = value;
        item
    };
    let rows = [
        medicine("fine", 100),
        changed("no-title", "title", json!(" ")),
        changed("no-coding", "codings", json!([])),
        changed("no-pack", "pack", json!(null)),
        changed("bad-atc", "codings", json!([{ "system": ATC, "code": "metformin" }])),
        changed("blank-code", "ingredients", json!([{ "system": ATC, "code": " " }])),
        changed("dear", "price_fen", json!(10_000_000_001_i64)),
        other("sold-as-other", "佐匹克隆片"),
        medicine("fine", 200),
    ];
    let formulary = json!({ "items": rows });
    let refused =
        clinic.operator.ask(Method::PUT, &path(&clinic), Some(formulary)).await.refused("rows", "BODY_INVALID");
    let told: Vec<(i64, &str, &str)> = refused["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().expect("a text");
            assert!(!text("detail").is_empty(), "{row}");
            (row["row"].as_i64().expect("a row"), text("item"), text("code"))
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "no-title", "BODY_INVALID"),
            (2, "no-coding", "BODY_INVALID"),
            (3, "no-pack", "BODY_INVALID"),
            (4, "bad-atc", "BODY_INVALID"),
            (5, "blank-code", "BODY_INVALID"),
            (6, "dear", "MONEY_INVALID"),
            (7, "sold-as-other", "RX_FORBIDDEN_DRUG"),
            (8, "fine", "BODY_INVALID"),
        ]
    );
    assert_eq!(refused["path"], "items[1]");
    assert_eq!(clinic.doctor.get("/api/v1/formulary").await, before);
    // Codes are stored in canonical form.
    let stored = add(&clinic, &[coded("spelled", "https://www.whocc.no/atc/", "a10 ba02")]).await;
    let items = stored["items"].as_array().expect("items");
    let spelled = items.iter().find(|item| item["code"] == "spelled").expect("stored");
    assert_eq!(spelled["codings"][2], json!({ "system": ATC, "code": "A10BA02" }));
}

async fn the_topical_exemption_is_the_products(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let azole = |code: &str, title: &str, classes: Value| {
        let mut item = coded(code, ATC, "J02AC02");
        item["title"] = json!(title);
        item["classes"] = classes;
        item
    };
    let items = [
        azole("capsule", "伊曲康唑胶囊", json!([])),
        azole("said-topical", "伊曲康唑胶囊", json!(["topical"])),
        azole("cream", "伊曲康唑乳膏", json!([])),
    ];
    add(&clinic, &items).await;
    let visit = clinic.visit().await;
    let on_the_skin = |code: &str| {
        let mut line = one(code);
        line["route"] = json!({ "system": "http://snomed.info/sct", "code": "6064005" });
        draft(&visit, &[line])
    };
    for code in ["capsule", "said-topical"] {
        clinic.doctor.refused("/api/v1/prescriptions", on_the_skin(code), "RX_FORBIDDEN_DRUG").await;
    }
    clinic.doctor.post("/api/v1/prescriptions", on_the_skin("cream")).await;
    clinic.draft(&visit, &[one("cream")]).await;
}

async fn provincial_switches_are_reachable_and_confirmed(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let rules = format!("/api/v1/tenants/{}/prescribing-rules", clinic.tenant);
    let strict = clinic.administrator.get(&rules).await;
    for switch in ["ltp_allow_cold_chain", "ltp_allow_arv", "own_delivery"] {
        assert_eq!(strict[switch], false);
    }
    let mut insulin = coded("insulin", ATC, "A10AE04");
    (insulin["title"], insulin["classes"]) = (json!("甘精胰岛素注射液"), json!(["injection", "cold_chain"]));
    insulin["codings"].as_array_mut().expect("codings").remove(1);
    insulin["ingredients"].as_array_mut().expect("ingredients").remove(0);
    let items = [
        insulin,
        coded("arv", ATC, "J05AR20"),
        titled("warfarin", "华法林钠片"),
        titled("zolpidem", "酒石酸唑吡坦片"),
        titled("tramadol", "氨酚曲马多片"),
        titled("vaccine", "流感疫苗"),
    ];
    add(&clinic, &items).await;
    let visit = clinic.visit().await;
    let long = async |code: &str| signed_for_long(&clinic, &visit, code).await;
    let set = async |body: Value| clinic.administrator.ask(Method::PUT, &rules, Some(body)).await;
    long("insulin").await.refused("insulin", "RX_LONG_TERM");
    long("arv").await.refused("antiretrovirals", "RX_LONG_TERM");
    let warfarin = draft(&visit, &[one("warfarin")]);
    clinic.doctor.refused("/api/v1/prescriptions", warfarin.clone(), "RX_FORBIDDEN_DRUG").await;

    // Each needs the confirmation of the authority, and a hand that may.
    for switch in ["ltp_allow_cold_chain", "ltp_allow_arv", "own_delivery"] {
        set(json!({ switch: true })).await.refused(switch, "BODY_INVALID");
        set(json!({ switch: true, "confirmation": " " })).await.refused(switch, "BODY_INVALID");
    }
    let confirmation = "京卫医〔2026〕12号, 2026-03-01";
    let all = json!({
        "ltp_allow_cold_chain": true, "ltp_allow_arv": true, "own_delivery": true, "confirmation": confirmation,
    });
    for who in [&clinic.doctor, &clinic.pharmacist, &clinic.patient] {
        who.ask(Method::PUT, &rules, Some(all.clone())).await.refused("rules", "AUTH_FORBIDDEN");
    }
    let set_all = set(all.clone()).await.done(&rules);
    assert_eq!((&set_all["confirmation"], set_all["at"].is_i64()), (&json!(confirmation), true), "{set_all}");
    assert!(set_all["by"].as_str().is_some_and(|by| by.starts_with("acc-")), "{set_all}");
    let trail = clinic.administrator.get("/api/v1/audit").await;
    assert!(trail.to_string().contains(&format!("PUT {rules}")), "{trail}");
    assert_eq!(clinic.operator.get(&rules).await, set_all);

    long("insulin").await.done("insulin");
    long("arv").await.done("antiretrovirals");
    clinic.doctor.post("/api/v1/prescriptions", warfarin.clone()).await;
    for never in ["zolpidem", "tramadol", "vaccine"] {
        clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &[one(never)]), "RX_FORBIDDEN_DRUG").await;
    }
    // One at a time, and back.
    set(json!({ "ltp_allow_arv": true, "confirmation": confirmation })).await.done(&rules);
    long("insulin").await.refused("insulin", "RX_LONG_TERM");
    long("arv").await.done("antiretrovirals");
    set(json!({})).await.done(&rules);
    assert_eq!(clinic.administrator.get(&rules).await, strict);
    long("arv").await.refused("antiretrovirals", "RX_LONG_TERM");
    clinic.doctor.refused("/api/v1/prescriptions", warfarin, "RX_FORBIDDEN_DRUG").await;
    // The formulary keeps them over an upload.
    set(all).await.done(&rules);
    add(&clinic, &[]).await;
    assert_eq!(clinic.administrator.get(&rules).await["own_delivery"], true);
}

/// Tries to sign a medicine over four weeks as a long-term prescription; the draft stays.
async fn signed_for_long(clinic: &Clinic, visit: &str, code: &str) -> Answer {
    let terms = json!({
        "first": true, "stable": true, "evaluated": true, "patient_signed": true, "chronic_infection": false,
    });
    let lines = [line(code, "1", "1", 28, 3)];
    let body = json!({ "encounter": visit, "course": { "long_term": terms }, "lines": lines });
    let drafted = clinic.doctor.post("/api/v1/prescriptions", body).await;
    let path = format!("/api/v1/prescriptions/{}/sign", drafted["id"].as_str().expect("an id"));
    clinic.doctor.ask(Method::POST, &path, Some(json!({ "valid_days": 3 }))).await
}

async fn hepatitis_b_antivirals_are_prescribed_for_long(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let items =
        [coded("entecavir", ATC, "J05AF10"), coded("tenofovir", ATC, "J05AF07"), coded("dolutegravir", ATC, "J05AJ03")];
    add(&clinic, &items).await;
    let visit = clinic.visit().await;
    let long = async |code: &str| signed_for_long(&clinic, &visit, code).await;
    long("entecavir").await.done("entecavir");
    // Tenofovir is for both: in a visit for diabetes it counts as an antiretroviral.
    long("tenofovir").await.refused("tenofovir", "RX_LONG_TERM");
    long("dolutegravir").await.refused("dolutegravir", "RX_LONG_TERM");
}
