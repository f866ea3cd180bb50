//! `xinglin policy …`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{
    Config,
    explain::{self, Explain as Question, Explanation},
    policy,
};

use crate::cli::operator;

/// Commands on policies.
#[derive(Subcommand)]
pub enum Policy {
    /// Explains whether an account may perform an action, and by which policies.
    Explain(Explain),
    /// Validates policy files against the schema, without effect.
    Check(Check),
    /// Lists every action, with the roles that may perform it by law.
    Actions(Actions),
}

/// Explains whether an account may perform an action: the result of the table of roles, the
/// policies that decided, with their text, and their input.
///
/// Examples:
///   xinglin policy explain --account doctor --action prescription.sign
///   xinglin policy explain --account doctor --action prescription.sign --at 2026-11-22T22:00:00+08:00
///   xinglin policy explain --tenant ten-… --account nurse --action record.read --second-factor --json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Explain {
    /// Login of the account.
    #[arg(long)]
    account: String,
    /// Name of the action, as listed by `xinglin policy actions`.
    #[arg(long)]
    action: String,
    /// The tenant; default: the only one.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// When: RFC 3339, or a date (Asia/Shanghai) [default: now].
    #[arg(long)]
    at: Option<String>,
    /// Assume a second factor.
    #[arg(long)]
    second_factor: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Validates policy files against the schema. Errors are given with file and line; the files are
/// not put into force.
///
/// Examples:
///   xinglin policy check                      the policies of the data folder
///   xinglin policy check drafts/              files that are to become a tenant's
///   xinglin policy check /srv/policies --json folders `_host` and `ten-…`
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// Folder of `*.cedar` files, or of folders named `_host` or after tenants [default: `policies`
    /// in the data folder].
    folder: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists every action, with the roles that may perform it by law. Policies only restrict this.
///
/// Examples:
///   xinglin policy actions
///   xinglin policy actions --json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Actions {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    action: &'static str,
    about: &'static str,
    roles: Vec<&'static str>,
}

impl Policy {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        match self {
            Self::Explain(command) => command.run(config).await,
            Self::Check(command) => command.run(&config),
            Self::Actions(command) => command.run(),
        }
    }
}

impl Explain {
    async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "policy").await?;
        let tenant = operator::tenant(&hospital, self.tenant).await?;
        let Self { account, action, at, second_factor, json, .. } = self;
        let question = Question { account, action, tenant: Some(tenant), at, second_factor };
        let explanation = explain::explain(&hospital.platform, &caller, question).await?;
        if json {
            operator::print_json(&explanation)?;
        } else {
            tell(&explanation)?;
        }
        Ok(hospital.platform.store().close().await?)
    }
}

fn tell(explanation: &Explanation) -> Result<()> {
    let Explanation { allowed, account, action, at, law, policies_allow, decided_by, errors, asked } = explanation;
    println!("{account} {} {action} at {at}\n", if *allowed { "may" } else { "MAY NOT" });
    match &law.detail {
        None => println!("The law allows it: {}.", law.roles.join(", ")),
        Some(detail) => println!("The law does not allow it: {detail}. Who may: {}.", law.roles.join(", ")),
    }
    match (policies_allow, decided_by.as_slice()) {
        (true, _) => println!("Policies permit it:"),
        (false, []) => println!("No policy permits it."),
        (false, _) => println!("Policies forbid it:"),
    }
    for policy in decided_by {
        println!("\n  {}:{}  {}", policy.file, policy.line, policy.id);
        policy.text.lines().for_each(|line| println!("    {line}"));
    }
    for error in errors {
        println!("\n  not evaluated, and so forbidden: {error}");
    }
    println!("\nThey were told:");
    println!("  principal  {} {}", asked.principal, serde_json::to_string(&asked.attributes)?);
    println!("  action     {}", asked.action);
    println!("  resource   {}", asked.resource);
    println!("  context    {}", serde_json::to_string(&asked.context)?);
    Ok(())
}

impl Check {
    fn run(self, config: &Config) -> Result<()> {
        let folder = self.folder.unwrap_or_else(|| policy::folder(&config.data_dir));
        match policy::check(&folder) {
            Ok(found) => {
                if self.json {
                    return operator::print_json(&serde_json::json!({ "policies": found, "flaws": [] }));
                }
                for policy in &found {
                    println!("{}:{}  {} {}", policy.file, policy.line, policy.effect, policy.id);
                }
                println!("{} policies, nothing wrong with them", found.len());
                Ok(())
            }
            Err(policy::Flaws(flaws)) => {
                if self.json {
                    operator::print_json(&serde_json::json!({ "policies": [], "flaws": flaws }))?;
                } else {
                    flaws.iter().for_each(|flaw| eprintln!("{flaw}"));
                }
                bail!("{} flaws in {}", flaws.len(), folder.display())
            }
        }
    }
}

impl Actions {
    fn run(self) -> Result<()> {
        let row = |&action: &Action| Row {
            action: action.as_str(),
            about: action.about(),
            roles: action.roles().iter().map(|role| role.as_str()).collect(),
        };
        let rows: Vec<Row> = Action::ALL.iter().map(row).collect();
        if self.json {
            return operator::print_json(&rows);
        }
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["action", "what", "who may, by law"]);
        for Row { action, about, roles } in rows {
            let who = if roles.is_empty() { "plugins".to_owned() } else { roles.join(", ") };
            table.add_row([action, about, &who]);
        }
        println!("{table}");
        Ok(())
    }
}
