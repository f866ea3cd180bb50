//! A host for one plugin in one tenant: settings, a store, a log.

use std::{cell::RefCell, collections::BTreeMap};

use super::manifest;
use crate::{
    Plugin,
    kv::Error,
    log::Level,
    types::{Attribute, AttributeValue},
};

const LONGEST_KEY: usize = 512;
const LARGEST_VALUE: usize = 64 * 1024;

/// A line that the plugin wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How grave.
    pub level: Level,
    /// What it said.
    pub message: String,
}

/// What a plugin meets in one tenant: the settings of its manifest, a store that
/// keeps from call to call, and a log that the test can read.
#[derive(Debug, Clone)]
pub struct Host {
    capabilities: Vec<String>,
    settings: BTreeMap<String, AttributeValue>,
    stored: BTreeMap<String, Vec<u8>>,
    quota: usize,
    available: bool,
    log: Vec<LogLine>,
}

impl Host {
    /// With the defaults of the plugin's manifest, and its capabilities granted.
    pub fn of<P: Plugin>() -> Self {
        let (capabilities, quota) = manifest::capabilities::<P>();
        let settings = manifest::defaults::<P>();
        Self { capabilities, settings, stored: BTreeMap::new(), quota, available: true, log: Vec::new() }
    }

    /// With a setting as a tenant would give it.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<AttributeValue>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// From now on the store does not answer, or does again.
    pub fn store_available(&mut self, available: bool) {
        self.available = available;
    }

    /// One call, as a fresh instance would make it. What the call stored becomes
    /// durable when it returns, and not if it panics.
    pub fn call<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(Call { host: self.clone(), writes: BTreeMap::new() }));
        assert!(before.is_none(), "a call inside a call: a guest cannot call itself");
        let _leave = Leave;
        let answer = call();
        if let Some(done) = CURRENT.take() {
            self.log = done.host.log;
            for (key, value) in done.writes {
                match value {
                    Some(value) => self.stored.insert(key, value),
                    None => self.stored.remove(&key),
                };
            }
        }
        answer
    }

    /// What the plugin logged, oldest first.
    pub fn log(&self) -> &[LogLine] {
        &self.log
    }

    /// How many keys are stored.
    pub fn stored(&self) -> usize {
        self.stored.len()
    }
}

/// A call in flight.
pub(crate) struct Call {
    host: Host,
    /// `None` deletes.
    writes: BTreeMap<String, Option<Vec<u8>>>,
}

impl Call {
    pub(crate) fn log(&mut self, level: Level, message: String) {
        self.host.log.push(LogLine { level, message });
    }

    pub(crate) fn setting(&self, key: &str) -> Option<AttributeValue> {
        self.host.settings.get(key).cloned()
    }

    pub(crate) fn settings(&self) -> Vec<Attribute> {
        self.host.settings.iter().map(|(key, value)| Attribute::new(key, value.clone())).collect()
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.check(key)?;
        Ok(match self.writes.get(key) {
            Some(written) => written.clone(),
            None => self.host.stored.get(key).cloned(),
        })
    }

    pub(crate) fn set(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), Error> {
        self.check(key)?;
        if value.is_some_and(|value| value.len() > LARGEST_VALUE) {
            return Err(Error::ValueTooLarge);
        }
        let before = self.writes.insert(key.to_owned(), value.map(<[u8]>::to_vec));
        if self.used() > self.host.quota {
            match before {
                Some(before) => self.writes.insert(key.to_owned(), before),
                None => self.writes.remove(key),
            };
            return Err(Error::QuotaExceeded(self.host.quota as u64));
        }
        Ok(())
    }

    fn check(&self, key: &str) -> Result<(), Error> {
        if !self.host.available {
            return Err(Error::Unavailable);
        }
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Error::InvalidKey);
        }
        Ok(())
    }

    fn used(&self) -> usize {
        let kept = self.host.stored.iter().filter(|(key, _)| !self.writes.contains_key(*key));
        let kept: usize = kept.map(|(key, value)| key.len() + value.len()).sum();
        let written = self.writes.iter().filter_map(|(key, value)| Some(key.len() + value.as_ref()?.len()));
        kept + written.sum::<usize>()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Ends the call, also if it panicked.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        CURRENT.take();
    }
}

/// The import `capability` of the call in flight.
#[track_caller]
pub(crate) fn with<T>(capability: &str, import: impl FnOnce(&mut Call) -> T) -> T {
    CURRENT.with_borrow_mut(|current| {
        let call = current.as_mut().unwrap_or_else(|| {
            panic!("the plugin used `{capability}` outside of a call: wrap it in `testing::Host::call`")
        });
        assert!(
            call.host.capabilities.iter().any(|granted| granted == capability),
            "PLUGIN_CAPABILITY: the plugin used `{capability}`, but its plugin.toml has no [capabilities.{capability}]"
        );
        import(call)
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::{kv, log, settings};

    struct Example;

    impl Plugin for Example {
        const MANIFEST: &'static str = r#"
            [capabilities.kv]
            quota-kib = 1
            [capabilities.settings]
            [settings.target]
            type = "decimal"
            default = "7.0"
        "#;
    }

    #[test]
    fn writes_last_only_if_the_call_returns() {
        let mut host = Host::of::<Example>();
        host.call(|| kv::set("a", b"1")).expect("stored");
        let trapped = catch_unwind(AssertUnwindSafe(|| {
            host.call(|| {
                kv::set("a", b"2").expect("stored");
                kv::set("b", b"2").expect("stored");
                assert_eq!(kv::get("b"), Ok(Some(b"2".to_vec())), "a call reads its own writes");
                panic!("trap");
            });
        }));
        assert!(trapped.is_err());
        assert_eq!(host.call(|| kv::get("a")), Ok(Some(b"1".to_vec())));
        assert_eq!(host.call(|| kv::get("b")), Ok(None));
        host.call(|| kv::delete("a")).expect("deleted");
        assert_eq!(host.stored(), 0);
    }

    #[test]
    fn the_store_has_the_limits_of_the_contract() {
        let mut host = Host::of::<Example>();
        host.call(|| {
            assert_eq!(kv::get(""), Err(Error::InvalidKey));
            assert_eq!(kv::set(&"k".repeat(513), b""), Err(Error::InvalidKey));
            assert_eq!(kv::set("k", &[0; LARGEST_VALUE + 1]), Err(Error::ValueTooLarge));
            assert_eq!(kv::set("k", &[0; 1024]), Err(Error::QuotaExceeded(1024)));
            assert_eq!(kv::get("k"), Ok(None));
        });
        host.store_available(false);
        assert_eq!(host.call(|| kv::get("k")), Err(Error::Unavailable));
    }

    #[test]
    fn settings_come_from_the_manifest_and_the_tenant() {
        let target = |host: &mut Host| host.call(|| settings::decimal("target"));
        assert_eq!(target(&mut Host::of::<Example>()), Some("7".parse().expect("decimal")));
        let mut host = Host::of::<Example>().setting("target", 8);
        assert_eq!(target(&mut host), Some("8".parse().expect("decimal")));
        assert_eq!(host.call(|| settings::boolean("target")), None);
    }

    #[test]
    #[should_panic(expected = "its plugin.toml has no [capabilities.log]")]
    fn a_capability_that_was_not_asked_for_is_not_there() {
        Host::of::<Example>().call(|| log::info("hello"));
    }
}
