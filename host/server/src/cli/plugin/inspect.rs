//! `xinglin plugin inspect`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use xinglin_runtime::{Item, Package};

/// Print what a package can and cannot do. This is read from the type of the component, not from
/// its author's description; nothing is run.
///
/// Examples:
///   xinglin plugin inspect target/plugins/diabetes.wasm
///   xinglin plugin inspect --lang zh target/plugins/diabetes.wasm
///   xinglin plugin inspect --json vendor.wasm | jq .permissions
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Inspect {
    /// The package.
    file: PathBuf,
    /// Language of the output.
    #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
    lang: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let bytes = std::fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        let package = Package::read(bytes).map_err(|error| {
            let code = error.code();
            anyhow::Error::new(error).context(format!("{} is refused: {code}", self.file.display()))
        })?;
        let (manifest, sheet) = (package.manifest(), package.sheet());
        if self.json {
            let document = json!({
                "digest": package.digest().to_string(),
                "manifest": manifest,
                "interfaces": package.exports().iter().map(ToString::to_string).collect::<Vec<_>>(),
                "permissions": sheet,
                "settings_schema": manifest.settings_schema(),
            });
            println!("{}", serde_json::to_string_pretty(&document)?);
            return Ok(());
        }
        println!("{} ({} {})", manifest.name.get(&self.lang), manifest.id, manifest.version);
        println!("  by {}, {}", manifest.publisher, manifest.licence);
        println!("  sha256:{}", package.digest());
        let limits = manifest.limits;
        println!(
            "  asks for {} MiB of memory, {} ms and {} KiB of answer a call",
            limits.memory_mib, limits.deadline_ms, limits.output_kib
        );
        self.print("can", '+', &sheet.can);
        self.print("cannot", '-', &sheet.cannot);
        self.print("to note", '!', &sheet.notes);
        Ok(())
    }

    fn print(&self, title: &str, mark: char, items: &[Item]) {
        if items.is_empty() {
            return;
        }
        println!("{title}:");
        for item in items {
            println!("  {mark} {}", item.text.get(&self.lang));
            if let Some(reason) = &item.reason {
                println!("      because, says its author: {reason}");
            }
        }
    }
}
