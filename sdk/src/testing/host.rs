//! A host for one plugin in one tenant: settings, a store, a log, and a world
//! outside that answers as the test says.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
};

use super::{manifest, outside};
use crate::{
    Plugin, http, identity,
    kv::Error,
    log::Level,
    signing,
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
    reach: manifest::Reach,
    secrets: Vec<String>,
    identity: Vec<identity::Field>,
    answers: VecDeque<Result<http::Response, http::Error>>,
    requests: Vec<http::Request>,
}

impl Host {
    /// With the defaults of the plugin's manifest, and its capabilities granted.
    pub fn of<P: Plugin>() -> Self {
        let (capabilities, quota) = manifest::capabilities::<P>();
        let settings = manifest::defaults::<P>();
        Self {
            capabilities,
            settings,
            stored: BTreeMap::new(),
            quota,
            available: true,
            log: Vec::new(),
            reach: manifest::reach::<P>(),
            secrets: Vec::new(),
            identity: Vec::new(),
            answers: VecDeque::new(),
            requests: Vec::new(),
        }
    }

    /// With a setting as a tenant would give it.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<AttributeValue>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// With a value for a secret of the manifest.
    #[must_use]
    pub fn secret(mut self, key: &str) -> Self {
        self.secrets.push(key.to_owned());
        self
    }

    /// With a patient of whom this is known.
    #[must_use]
    pub fn known(mut self, field: identity::Field) -> Self {
        self.identity.push(field);
        self
    }

    /// The next request that is granted gets this answer; several are given in
    /// order. A request for which none is left finds nobody.
    pub fn answer(&mut self, answer: Result<http::Response, http::Error>) {
        self.answers.push_back(answer);
    }

    /// The next request that is granted gets this status and JSON.
    pub fn answer_json(&mut self, status: u16, body: &str) {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.answer(Ok(http::Response { status, headers, body: body.as_bytes().to_vec() }));
    }

    /// What the plugin sent, oldest first, with its placeholders.
    pub fn requests(&self) -> &[http::Request] {
        &self.requests
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
            self.answers = done.host.answers;
            self.requests = done.host.requests;
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

    pub(crate) fn send(&mut self, request: http::Request) -> Result<http::Response, http::Error> {
        let setting = |key: &str| match self.host.settings.get(key) {
            Some(AttributeValue::Text(text)) => Some(text.clone()),
            _ => None,
        };
        outside::check(&request, &self.host.reach, setting, &self.secrets(), &self.identity())?;
        self.host.requests.push(request);
        let nobody = || Err(http::Error::Unavailable("the test has no answer for this request".to_owned()));
        self.host.answers.pop_front().unwrap_or_else(nobody)
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        let asked = self.host.reach.secrets.iter();
        asked.filter(|key| self.host.secrets.contains(key)).cloned().collect()
    }

    pub(crate) fn identity(&self) -> Vec<identity::Field> {
        let asked = self.host.reach.identity.iter();
        asked.filter(|field| self.host.identity.contains(field)).copied().collect()
    }

    pub(crate) fn public_keys(&self) -> Vec<signing::PublicKey> {
        outside::public_keys(&self.host.reach)
    }

    pub(crate) fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, signing::Error> {
        outside::sign(&self.host.reach, key, message)
    }

    pub(crate) fn verify(
        &self,
        algorithm: signing::Algorithm,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        outside::verify(algorithm, public_key, message, signature)
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
    use crate::{kv, log, secrets, settings};

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

    struct Gateway;

    impl Plugin for Gateway {
        const MANIFEST: &'static str = r#"
            [capabilities.http]
            hosts = ["api.example.com", "*.example.org:8443", "{{setting:gateway}}"]
            plaintext-hosts = ["plain.example.com"]
            [capabilities.secrets]
            keys = ["token"]
            [capabilities.identity]
            fields = ["id-number"]
            [capabilities.signing]
            keys = { pen = "ed25519", box = "sm4" }
            [settings.gateway]
            type = "text"
        "#;
    }

    #[test]
    fn requests_are_answered_as_the_test_says() {
        let mut host = Host::of::<Gateway>().secret("token").known(identity::Field::IdNumber);
        host.answer_json(201, "{}");
        let claim = || {
            http::post("https://api.example.com/claims")
                .header("authorization", "Bearer {{secret:token}}")
                .json(r#"{"id":"{{patient:id-number}}"}"#)
                .encrypt_with("box")
                .sign_with("pen", "x-signature")
                .send()
        };
        let answer = host.call(claim).expect("an answer");
        assert!(answer.is_success() && answer.header("content-type") == Some("application/json"));
        assert_eq!(answer.text(), Some("{}"));
        assert_eq!(host.requests()[0].headers[0].1, "Bearer {{secret:token}}");
        assert!(matches!(host.call(claim), Err(http::Error::Unavailable(_))), "no answer is left");
        assert_eq!(host.requests().len(), 2);
        assert_eq!(host.call(secrets::available), ["token"]);
        assert_eq!(host.call(identity::available), [identity::Field::IdNumber]);
    }

    #[test]
    fn what_the_host_would_refuse_is_refused() {
        let mut host = Host::of::<Gateway>().setting("gateway", "10.0.0.9:9000".to_owned());
        let mut told = |url: &str, header: &str| {
            host.answer_json(200, "");
            match host.call(|| http::get(url).header("x", header).send()) {
                Ok(_) => "sent",
                Err(http::Error::Denied(_)) => "denied",
                Err(http::Error::Invalid(_)) => "invalid",
                Err(_) => "other",
            }
        };
        for url in [
            "https://api.example.com:443/x",
            "https://a.example.org:8443/",
            "https://10.0.0.9:9000/?q",
            "http://plain.example.com",
        ] {
            assert_eq!(told(url, "{{ text }}"), "sent", "{url}");
        }
        for url in
            ["https://example.com/", "https://a.example.org/", "https://example.org:8443/", "http://api.example.com/"]
        {
            assert_eq!(told(url, ""), "denied", "{url}");
        }
        for header in ["{{secret:token}}", "{{secret:other}}", "{{patient:phone}}", "{{env:HOME}}", "{{secret:token"] {
            assert_eq!(told("https://api.example.com/", header), "invalid", "{header}");
        }
        assert_eq!(told("ftp://api.example.com/", ""), "invalid");
    }

    #[test]
    fn signatures_hold_for_what_was_signed() {
        let mut host = Host::of::<Gateway>();
        host.call(|| {
            let [pen] = signing::public_keys().try_into().expect("one key signs");
            let signature = signing::sign("pen", b"message").expect("signed");
            assert_eq!((pen.bytes.len(), signature.len()), (32, 64));
            assert!(signing::verify(pen.algorithm, &pen.bytes, b"message", &signature));
            assert!(!signing::verify(pen.algorithm, &pen.bytes, b"another", &signature));
            assert!(!signing::verify(signing::Algorithm::Sm2, &pen.bytes, b"message", &signature));
            assert_eq!(signing::sign("box", b""), Err(signing::Error::UnknownKey));
            assert_eq!(signing::sign("pen", &[0; 65537]), Err(signing::Error::TooLarge));
        });
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
