//! Compiled code on disk is used, and never trusted.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf};

use tempfile::TempDir;
use xinglin_domain::review::Verdict;
use xinglin_runtime::{AotCache, HostKey, Options, Runtime};

use crate::fixtures::{Checker, context, now, order, snapshot};

fn runtime(folder: &TempDir, key: u8) -> Runtime {
    let cache = AotCache::open(folder.path().join("aot"), HostKey::new([key; 32])).expect("a folder");
    Runtime::new(Options { cache: Some(cache), calls: 4, ..Options::default() }).expect("an engine")
}

fn file(folder: &TempDir) -> PathBuf {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder.path().join("aot")).expect("a folder").map(|f| f.expect("a file").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

async fn works(runtime: &Runtime) {
    let plugin = Checker::allow().load(runtime).await.expect("loaded");
    let call = runtime.review(&plugin, context(), &order(), &snapshot(), now()).await;
    assert_eq!(call.outcome.expect("an answer"), Ok(Verdict::Allow));
}

#[tokio::test]
async fn what_was_compiled_is_used_again() {
    let folder = TempDir::new().expect("a folder");
    works(&runtime(&folder, 1)).await;
    let written = fs::metadata(file(&folder)).expect("a file").ino();
    works(&runtime(&folder, 1)).await;
    assert_eq!(fs::metadata(file(&folder)).expect("a file").ino(), written);
}

#[tokio::test]
async fn what_was_changed_is_compiled_anew() {
    let folder = TempDir::new().expect("a folder");
    works(&runtime(&folder, 1)).await;
    let good = fs::read(file(&folder)).expect("a file");
    // In the tag, in the header, in the code, at the end, and cut short.
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let poisons =
        [flipped(0), flipped(40), flipped(good.len() / 2), flipped(good.len() - 1), good[..20].to_vec(), Vec::new()];
    for poison in poisons {
        fs::write(file(&folder), &poison).expect("poisoned");
        works(&runtime(&folder, 1)).await;
        assert_ne!(fs::read(file(&folder)).expect("a file"), poison, "it was written anew");
    }
}

#[tokio::test]
async fn what_belongs_to_another_plugin_is_compiled_anew() {
    let folder = TempDir::new().expect("a folder");
    works(&runtime(&folder, 1)).await;
    let own = file(&folder);
    let good = fs::read(&own).expect("a file");
    // A file of this host's own making, under its own key: for another digest.
    let other = TempDir::new().expect("a folder");
    Checker::new("unreachable").load(&runtime(&other, 1)).await.expect("loaded");
    let foreign = fs::read(file(&other)).expect("a file");
    fs::write(&own, &foreign).expect("swapped");
    works(&runtime(&folder, 1)).await;
    // Compiled anew and put in its place: what lies there is what `works` ran.
    assert_ne!(fs::read(&own).expect("a file"), foreign);
    // Cut short by a little.
    fs::write(&own, &good[..good.len() - 64]).expect("cut");
    works(&runtime(&folder, 1)).await;
    assert_ne!(fs::read(&own).expect("a file").len(), good.len() - 64);
}

#[tokio::test]
async fn what_another_host_compiled_is_compiled_anew() {
    let folder = TempDir::new().expect("a folder");
    works(&runtime(&folder, 1)).await;
    let written = fs::metadata(file(&folder)).expect("a file").ino();
    works(&runtime(&folder, 2)).await;
    assert_ne!(fs::metadata(file(&folder)).expect("a file").ino(), written);
}

#[tokio::test]
async fn concurrent_loads_share_one_program() {
    let folder = TempDir::new().expect("a folder");
    let runtime = runtime(&folder, 1);
    let loads = (0..8).map(|_| {
        let runtime = runtime.clone();
        tokio::spawn(async move { Checker::allow().load(&runtime).await.expect("loaded") })
    });
    let mut plugins = Vec::new();
    for load in loads.collect::<Vec<_>>() {
        plugins.push(load.await.expect("joined"));
    }
    // Shared, and not merely equal: the manifest is one value in memory.
    assert!(plugins.iter().all(|plugin| std::ptr::eq(plugin.manifest(), plugins[0].manifest())));
}
