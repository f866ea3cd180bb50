//! Turns `data/catalogue.toml` into a sorted table, and refuses one that makes no
//! sense: a mistake in it stops the build, not a patient at the till.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    item: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Item {
    code: String,
    zh: String,
    en: String,
    class: char,
    limit: Option<i64>,
    self_pay_percent: Option<i64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/catalogue.toml");
    let Catalogue { mut item } = toml::from_str(&fs::read_to_string("data/catalogue.toml")?)?;
    item.sort_by(|a, b| a.code.cmp(&b.code));
    let mut table = String::from("&[\n");
    let mut previous = "";
    for Item { code, zh, en, class, limit, self_pay_percent } in &item {
        if code == previous {
            return Err(format!("`{code}` is in the catalogue twice").into());
        }
        if zh.is_empty() || en.is_empty() {
            return Err(format!("`{code}` has no name").into());
        }
        if limit.is_some_and(|limit| limit < 0) {
            return Err(format!("`{code}` has a limit below zero").into());
        }
        let class = match (class, self_pay_percent) {
            ('A', None) => "Class::A".to_owned(),
            ('B', Some(percent @ 0..=100)) => format!("Class::B {{ self_pay_percent: {percent} }}"),
            ('C', None) if limit.is_none() => "Class::C".to_owned(),
            _ => {
                return Err(format!(
                    "`{code}`: A has no self-pay-percent, B has one of 0 to 100, C has no limit either"
                )
                .into());
            }
        };
        writeln!(table, "    Item {{ code: {code:?}, class: {class}, limit: {limit:?} }},")?;
        previous = code;
    }
    table.push(']');
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("catalogue.rs"), table)?;
    Ok(())
}
