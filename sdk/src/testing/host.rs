//! A test host for one plugin in one tenant: settings, a store, a log, and scripted responses of
//! external servers.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
};

use super::{
    Patient,
    manifest::{self, Asked},
    outside,
};
use crate::{
    Plugin,
    clinical::{Allergy, Condition, Medication, Observation, Snapshot},
    files, http, identity,
    kv::Error,
    log::Level,
    pathway::DataNeed,
    records, signing,
    time::Instant,
    types::{Attribute, AttributeValue},
};

const LONGEST_KEY: usize = 512;
const LARGEST_VALUE: usize = 64 * 1024;
const LARGEST_PIECE: u64 = 4 << 20;
const LONGEST_PATH: usize = 255;
/// Bytes charged for a scratch file in addition to its content.
const ENTRY: usize = 512;
const MOST_ENTRIES: u32 = 500;
const MOST_RANDOM: u32 = 64 * 1024;

/// A line logged by the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The level.
    pub level: Level,
    /// The text.
    pub message: String,
}

/// The environment of a plugin in one tenant: the settings of its manifest, a store that persists
/// between calls, and a log.
#[derive(Debug, Clone)]
pub struct Host {
    asked: Asked,
    needs: Vec<DataNeed>,
    settings: BTreeMap<String, AttributeValue>,
    stored: BTreeMap<String, Vec<u8>>,
    packs: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    record: Option<Snapshot>,
    dice: u64,
    available: bool,
    log: Vec<LogLine>,
    reach: manifest::Reach,
    secrets: Vec<String>,
    identity: Vec<identity::Field>,
    documents: Vec<String>,
    answers: VecDeque<Result<http::Response, http::Error>>,
    requests: Vec<http::Request>,
}

impl Host {
    /// With the defaults of the plugin's manifest, and its capabilities granted.
    pub fn of<P: Plugin>() -> Self {
        Self {
            asked: manifest::capabilities::<P>(),
            needs: manifest::data_needs::<P>(),
            settings: manifest::defaults::<P>(),
            stored: BTreeMap::new(),
            packs: BTreeMap::new(),
            record: None,
            dice: 0,
            available: true,
            log: Vec::new(),
            reach: manifest::reach::<P>(),
            secrets: Vec::new(),
            identity: Vec::new(),
            documents: Vec::new(),
            answers: VecDeque::new(),
            requests: Vec::new(),
        }
    }

    /// Adds a data pack. The plugin can read it if its manifest requests it.
    #[must_use]
    pub fn pack(mut self, name: &str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())).collect();
        self.packs.insert(name.to_owned(), files);
        self
    }

    /// Sets the patient of further calls, whose record is read as of `now`.
    pub fn about(&mut self, patient: &Patient, now: Instant) {
        self.record = Some(patient.snapshot(now));
    }

    /// Sets a setting.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<AttributeValue>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// Sets a secret of the manifest.
    #[must_use]
    pub fn secret(mut self, key: &str) -> Self {
        self.secrets.push(key.to_owned());
        self
    }

    /// Marks an identity field of the patient as known.
    #[must_use]
    pub fn known(mut self, field: identity::Field) -> Self {
        self.identity.push(field);
        self
    }

    /// Adds a document of the patient, for `{{document:<id>}}` in a request.
    #[must_use]
    pub fn document(mut self, id: &str) -> Self {
        self.documents.push(id.to_owned());
        self
    }

    /// Queues a response to the next granted request; responses are used in order. A request
    /// without a response fails as unavailable.
    pub fn answer(&mut self, answer: Result<http::Response, http::Error>) {
        self.answers.push_back(answer);
    }

    /// Queues a response with this status and JSON.
    pub fn answer_json(&mut self, status: u16, body: &str) {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.answer(Ok(http::Response { status, headers, body: body.as_bytes().to_vec() }));
    }

    /// The requests sent, oldest first, with placeholders.
    pub fn requests(&self) -> &[http::Request] {
        &self.requests
    }

    /// Sets whether the store is available.
    pub fn store_available(&mut self, available: bool) {
        self.available = available;
    }

    /// One call in a fresh instance. Its writes are committed when it returns, and discarded if
    /// it panics.
    pub fn call<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let before =
            CURRENT.replace(Some(Call { host: self.clone(), writes: BTreeMap::new(), scratch: BTreeMap::new() }));
        assert!(before.is_none(), "a call inside a call: a guest cannot call itself");
        let _leave = Leave;
        let answer = call();
        if let Some(done) = CURRENT.take() {
            self.log = done.host.log;
            self.dice = done.host.dice;
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

    /// A call of a function that must give the same answer to the same arguments: it is called twice, with the same dice.
    #[track_caller]
    pub(super) fn call_twice<T: PartialEq + Debug>(&mut self, call: impl Fn() -> T) -> T {
        let dice = self.dice;
        let answer = self.call(&call);
        self.dice = dice;
        let again = self.call(&call);
        assert_eq!(answer, again, "the same arguments must give the same outcome");
        answer
    }

    /// The log, oldest line first.
    pub fn log(&self) -> &[LogLine] {
        &self.log
    }

    /// Number of stored keys.
    pub fn stored(&self) -> usize {
        self.stored.len()
    }
}

/// A running call.
pub(crate) struct Call {
    host: Host,
    /// `None` deletes the key.
    writes: BTreeMap<String, Option<Vec<u8>>>,
    scratch: BTreeMap<String, Vec<u8>>,
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
        outside::check(&request, &self.host.reach, setting, &self.secrets(), &self.identity(), &self.host.documents)?;
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
        if self.used() > self.host.asked.quota {
            match before {
                Some(before) => self.writes.insert(key.to_owned(), before),
                None => self.writes.remove(key),
            };
            return Err(Error::QuotaExceeded(self.host.asked.quota as u64));
        }
        Ok(())
    }

    pub(crate) fn observations(&self, query: &records::Query) -> Result<Vec<Observation>, records::Error> {
        let codes = self.host.needs.iter().filter_map(|need| match need {
            DataNeed::Observations(codes) => Some(codes),
            _ => None,
        });
        if !codes.flatten().any(|declared| declared.same(&query.code)) {
            let what = format!("observations {}|{}", query.code.system, query.code.code);
            return Err(records::Error::NotDeclared(what));
        }
        if !(1..=MOST_ENTRIES).contains(&query.limit) {
            return Err(records::Error::Other(format!("limit is {}; it must be 1 to {MOST_ENTRIES}", query.limit)));
        }
        let is_meant = |observation: &&Observation| {
            observation.code.iter().any(|code| code.same(&query.code))
                && query.since.is_none_or(|since| observation.effective.is_some_and(|at| at >= since))
                && query.before.is_none_or(|before| observation.effective.is_some_and(|at| at < before))
        };
        let found = self.record()?.observations.iter().filter(is_meant);
        Ok(found.take(query.limit as usize).cloned().collect())
    }

    pub(crate) fn conditions(&self) -> Result<Vec<Condition>, records::Error> {
        self.declared(&DataNeed::Conditions, "conditions")?;
        Ok(self.record()?.conditions.clone())
    }

    pub(crate) fn allergies(&self) -> Result<Vec<Allergy>, records::Error> {
        self.declared(&DataNeed::Allergies, "allergies")?;
        Ok(self.record()?.allergies.clone())
    }

    pub(crate) fn medications(&self) -> Result<Vec<Medication>, records::Error> {
        self.declared(&DataNeed::Medications, "medications")?;
        Ok(self.record()?.medications.clone())
    }

    fn declared(&self, need: &DataNeed, section: &str) -> Result<(), records::Error> {
        let is_declared = self.host.needs.contains(need);
        if is_declared { Ok(()) } else { Err(records::Error::NotDeclared(section.to_owned())) }
    }

    fn record(&self) -> Result<&Snapshot, records::Error> {
        if !self.host.available {
            return Err(records::Error::Unavailable);
        }
        self.host.record.as_ref().ok_or(records::Error::NoSubject)
    }

    pub(crate) fn packs(&self) -> Vec<files::Pack> {
        let granted = self.host.packs.keys().filter(|name| self.host.asked.packs.contains(name));
        granted.map(|name| files::Pack { name: name.clone(), digest: "0".repeat(64) }).collect()
    }

    fn pack(&self, name: &str) -> Result<&BTreeMap<String, Vec<u8>>, files::Error> {
        let is_granted = self.host.asked.packs.iter().any(|granted| granted == name);
        self.host.packs.get(name).filter(|_| is_granted).ok_or(files::Error::NotFound)
    }

    pub(crate) fn list_pack(&self, name: &str) -> Result<Vec<String>, files::Error> {
        Ok(self.pack(name)?.keys().cloned().collect())
    }

    pub(crate) fn read_pack(&self, name: &str, path: &str, at: u64, length: u32) -> Result<Vec<u8>, files::Error> {
        piece(self.pack(name)?, path, at, length)
    }

    pub(crate) fn read_scratch(&self, path: &str, at: u64, length: u32) -> Result<Vec<u8>, files::Error> {
        piece(&self.scratch, path, at, length)
    }

    pub(crate) fn write_scratch(&mut self, path: &str, content: &[u8]) -> Result<(), files::Error> {
        check_path(path)?;
        if content.len() as u64 > LARGEST_PIECE {
            return Err(files::Error::TooLarge(LARGEST_PIECE));
        }
        let others = self.scratch.iter().filter(|(other, _)| *other != path);
        let used: usize = others.map(|(_, content)| ENTRY + content.len()).sum();
        if used + ENTRY + content.len() > self.host.asked.scratch {
            return Err(files::Error::TooLarge(self.host.asked.scratch as u64));
        }
        self.scratch.insert(path.to_owned(), content.to_vec());
        Ok(())
    }

    pub(crate) fn remove_scratch(&mut self, path: &str) -> Result<(), files::Error> {
        check_path(path)?;
        let below = format!("{path}/");
        self.scratch.retain(|other, _| other != path && !other.starts_with(&below));
        Ok(())
    }

    /// The same sequence in every run of a test, without repetition.
    pub(crate) fn random(&mut self, length: u32) -> Vec<u8> {
        assert!(length <= MOST_RANDOM, "PLUGIN_OUTPUT: {length} random bytes at once; {MOST_RANDOM} are given");
        let mut draw = || {
            // SplitMix64.
            self.host.dice = self.host.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.host.dice ^ (self.host.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)).to_be_bytes()
        };
        let mut bytes = Vec::new();
        while bytes.len() < length as usize {
            bytes.extend(draw());
        }
        bytes.truncate(length as usize);
        bytes
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

fn check_path(path: &str) -> Result<(), files::Error> {
    let is_path = !path.is_empty()
        && path.len() <= LONGEST_PATH
        && !path.contains('\0')
        && !path.starts_with('/')
        && !path.split('/').any(|part| part == "..");
    if is_path { Ok(()) } else { Err(files::Error::InvalidPath) }
}

fn piece(files: &BTreeMap<String, Vec<u8>>, path: &str, at: u64, length: u32) -> Result<Vec<u8>, files::Error> {
    check_path(path)?;
    let content = files.get(path).ok_or(files::Error::NotFound)?;
    if u64::from(length) > LARGEST_PIECE {
        return Err(files::Error::TooLarge(LARGEST_PIECE));
    }
    let from = usize::try_from(at).unwrap_or(usize::MAX);
    Ok(content.iter().skip(from).take(length as usize).copied().collect())
}

thread_local! {
    static CURRENT: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Ends the call, also after a panic.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        CURRENT.take();
    }
}

/// Calls an import of `capability` in the running call.
#[track_caller]
pub(crate) fn with<T>(capability: &str, import: impl FnOnce(&mut Call) -> T) -> T {
    CURRENT.with_borrow_mut(|current| {
        let call = current.as_mut().unwrap_or_else(|| {
            panic!("the plugin used `{capability}` outside of a call: wrap it in `testing::Host::call`")
        });
        assert!(
            call.host.asked.capabilities.iter().any(|granted| granted == capability),
            "PLUGIN_CAPABILITY: the plugin used `{capability}`, but its plugin.toml has no [capabilities.{capability}]"
        );
        import(call)
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::{kv, log, random, records::Query, secrets, settings, testing::START, types::Coding};

    struct Example;

    impl Plugin for Example {
        const MANIFEST: &'static str = r#"
            [capabilities.kv]
            quota-kib = 1
            [capabilities.settings]
            [settings.target]
            type = "decimal"
            default = "7.0"
            [capabilities.records]
            [capabilities.random]
            [capabilities.files]
            packs = ["icd10-gb"]
            scratch-kib = 2
            [data-needs]
            conditions = true
            observations = [{ system = "http://loinc.org", code = "4548-4" }]
        "#;
    }

    #[test]
    fn the_record_is_that_of_the_patient_and_what_was_declared() {
        let mut host = Host::of::<Example>();
        assert_eq!(host.call(records::conditions), Err(records::Error::NoSubject));
        let hba1c = Coding::loinc("4548-4");
        let patient = Patient::aged(60).days_ago(90).measured(hba1c.clone(), "8.1", "%");
        let patient = patient.days_ago(1).measured(hba1c.clone(), "7.4", "%").diagnosed(Coding::icd10("E11.9"));
        host.about(&patient, START);
        let found = host.call(|| records::observations(&Query::newest(hba1c.clone(), 1))).expect("found");
        assert_eq!(found, patient.snapshot(START).observations[..1]);
        let older = Query { before: found[0].effective, ..Query::newest(hba1c, 500) };
        assert_eq!(host.call(|| records::observations(&older)).map(|found| found.len()), Ok(1));
        assert_eq!(host.call(records::conditions).map(|found| found.len()), Ok(1));
        assert!(matches!(host.call(records::allergies), Err(records::Error::NotDeclared(_))));
        let sodium = Query::newest(Coding::loinc("2951-2"), 1);
        assert!(matches!(host.call(|| records::observations(&sodium)), Err(records::Error::NotDeclared(_))));
    }

    #[test]
    fn packs_are_granted_by_name_and_scratch_lasts_for_a_call() {
        let pack = [("codes/a.txt", b"E11.9".as_slice())];
        let mut host = Host::of::<Example>().pack("icd10-gb", &pack).pack("other", &pack);
        host.call(|| {
            assert_eq!(files::packs().len(), 1);
            assert_eq!(files::list_pack("other"), Err(files::Error::NotFound));
            assert_eq!(files::read_pack("icd10-gb", "codes/a.txt", 1, 2), Ok(b"11".to_vec()));
            assert_eq!(files::read_pack("icd10-gb", "../a.txt", 0, 1), Err(files::Error::InvalidPath));
            assert_eq!(files::write_scratch("a/b", b"note"), Ok(()));
            assert_eq!(files::write_scratch("c", &[0; 2048]), Err(files::Error::TooLarge(2048)));
            assert_eq!(files::read_scratch("a/b", 0, 9), Ok(b"note".to_vec()));
            assert_eq!(files::remove_scratch("a"), Ok(()));
            assert_eq!(files::read_scratch("a/b", 0, 9), Err(files::Error::NotFound));
            files::write_scratch("d", b"note").expect("room");
        });
        assert_eq!(host.call(|| files::read_scratch("d", 0, 9)), Err(files::Error::NotFound));
    }

    #[test]
    fn dice_do_not_repeat_themselves() {
        let mut host = Host::of::<Example>();
        let first = host.call(|| random::bytes(20));
        assert_eq!(first.len(), 20);
        assert_ne!(host.call(|| random::bytes(20)), first);
        assert_eq!(Host::of::<Example>().call(|| random::bytes(20)), first, "a test is the same in every run");
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
