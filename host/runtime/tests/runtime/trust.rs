//! Whose signature counts, and which are needed.

use std::{collections::BTreeMap, process::Command};

use minisign::KeyPair;
use semver::Version;
use xinglin_domain::code::Code;
use xinglin_runtime::{
    Bundle, Manifest, Package, PublicKey, Signature, SignerRole, Standing, Statement, TrustStore, TrustedKey, attach,
};

use crate::fixtures::{Checker, now, toml};

/// Somebody with a key.
struct Signer {
    name: &'static str,
    role: SignerRole,
    pair: KeyPair,
}

impl Signer {
    fn new(name: &'static str, role: SignerRole) -> Self {
        Self { name, role, pair: KeyPair::generate_unencrypted_keypair().expect("a key") }
    }

    fn public(&self) -> PublicKey {
        self.pair.pk.to_base64().parse().expect("a public key")
    }

    fn key(&self) -> TrustedKey {
        TrustedKey {
            name: self.name.into(),
            role: self.role,
            public_key: self.public(),
            plugins: Vec::new(),
            revoked: false,
        }
    }

    fn signs(&self, package: &Package) -> Signature {
        let statement = Statement::of(package, self.role, now(), "seen").expect("a statement");
        self.says(package, &statement.to_string())
    }

    fn says(&self, package: &Package, comment: &str) -> Signature {
        let signed = minisign::sign(None, &self.pair.sk, package.bytes(), Some(comment), None).expect("signed");
        Signature::parse(signed.into_string().as_bytes()).expect("a signature")
    }
}

/// A vendor, two clinicians, the hospital.
fn signers() -> [Signer; 4] {
    use SignerRole::{Clinical, Hospital, Vendor};
    [
        Signer::new("acme", Vendor),
        Signer::new("dr-li", Clinical),
        Signer::new("dr-wang", Clinical),
        Signer::new("pharmacy", Hospital),
    ]
}

fn keys(signers: &[Signer]) -> String {
    let table =
        |s: &Signer| format!("[[keys]]\nname = {:?}\nrole = \"{}\"\npublic_key = \"{}\"\n", s.name, s.role, s.public());
    signers.iter().map(table).collect()
}

fn trust(policy: &str, signers: &[Signer]) -> Result<TrustStore, toml::de::Error> {
    toml::from_str(&format!("{policy}\n{}", keys(signers)))
}

fn standing(store: &TrustStore, package: &Package, signature: Signature) -> (Standing, String) {
    let verdict = store.evaluate(package, &[signature]);
    (verdict.signatures[0].standing, verdict.signatures[0].reason.clone())
}

fn versioned(version: &str) -> Package {
    let text = toml("").replace("1.2.3", version);
    let manifest = Manifest::parse(&text).expect("a manifest");
    Package::read(attach(&Checker::allow().component(), &manifest).expect("attached")).expect("a package")
}

#[test]
fn a_policy_is_met_by_the_signatures_it_names_and_no_others() {
    let all = signers();
    let package = Checker::allow().package();
    let signed: Vec<Signature> = all.iter().map(|signer| signer.signs(&package)).collect();
    let [acme, li, wang, pharmacy] = signed.as_slice() else { panic!("four") };
    let two_of_three =
        r#"policy = { all_of = ["vendor", { any_of = ["dr-li", "dr-wang", "hospital"], minimum = 2 }] }"#;
    for (policy, signatures, passes) in [
        ("", vec![], false),
        ("", vec![wang], true),
        (r#"policy = "vendor""#, vec![acme], true),
        (r#"policy = "vendor""#, vec![li, wang, pharmacy], false),
        (r#"policy = "dr-li""#, vec![wang], false),
        (r#"policy = "dr-li""#, vec![li], true),
        (r#"policy = { all_of = ["vendor", "clinical"] }"#, vec![acme], false),
        (r#"policy = { all_of = ["vendor", "clinical"] }"#, vec![acme, wang], true),
        (r#"policy = { any_of = ["vendor", "hospital"] }"#, vec![pharmacy], true),
        (two_of_three, vec![acme, li], false),
        (two_of_three, vec![acme, li, li], false),
        (two_of_three, vec![li, wang, pharmacy], false),
        (two_of_three, vec![acme, li, pharmacy], true),
    ] {
        let store = trust(policy, &all).expect("a policy");
        let signatures: Vec<Signature> = signatures.into_iter().cloned().collect();
        let verdict = store.evaluate(&package, &signatures);
        assert_eq!(verdict.passes(), passes, "{policy}: {signatures:?}: {verdict:?}");
        assert_eq!(verdict.check().map_err(|e| e.code()), if passes { Ok(()) } else { Err(Code::PluginSignature) });
    }
    let store = trust(two_of_three, &all).expect("a policy");
    let verdict = store.evaluate(&package, std::slice::from_ref(li));
    assert_eq!(verdict.missing, ["vendor", "2 of (dr-li, dr-wang, hospital), of which 1 are there"]);
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let all = signers();
    for (policy, says) in [
        (r#"policy = "nobody""#, "`nobody`"),
        (r#"policy = { all_of = [] }"#, "asks for nothing"),
        (r#"policy = { any_of = ["vendor"], minimum = 0 }"#, "minimum = 0"),
        (r#"policy = { any_of = ["vendor"], minimum = 2 }"#, "minimum = 2"),
        (r#"policy = { any_of = ["dr-li", "dr-li"], minimum = 2 }"#, "twice"),
        (r#"policy = { any_of = ["dr-li", "clinical"], minimum = 2 }"#, "count twice"),
        (r#"policy = { all_of = ["vendor"], any_of = ["vendor"] }"#, "a policy is"),
        (r#"policy = { all_of = ["vendor"], minimum = 1 }"#, "a policy is"),
        (r#"policy = { none_of = ["vendor"] }"#, "a policy is"),
        ("policy = 3", "a policy is"),
        ("polciy = \"vendor\"", "polciy"),
    ] {
        let error = trust(policy, &all).expect_err(policy).to_string();
        assert!(error.contains(says), "{policy}: {error}");
    }
    let deep = (0..9).fold("\"vendor\"".to_owned(), |policy, _| format!("{{ all_of = [{policy}] }}"));
    assert!(trust(&format!("policy = {deep}"), &all).is_err_and(|e| e.to_string().contains("nested")));

    let refused = |keys: Vec<TrustedKey>| TrustStore::new(keys, None, BTreeMap::new()).expect_err("refused");
    let key = all[0].key();
    assert!(refused(vec![TrustedKey { name: "vendor".into(), ..key.clone() }]).contains("is a role"));
    assert!(refused(vec![TrustedKey { name: "a b".into(), ..key.clone() }]).contains("no name"));
    assert!(
        refused(vec![key.clone(), all[1].key(), TrustedKey { name: "acme".into(), ..all[2].key() }]).contains("two")
    );
    // The vendor must not stand for the committee too.
    let twice = TrustedKey { name: "committee".into(), role: SignerRole::Clinical, ..key.clone() };
    assert!(refused(vec![key.clone(), twice]).contains("another key"));
    for scope in ["*", "acme*", "", ".*", "acme..x", "acme.*.x"] {
        assert!(
            refused(vec![TrustedKey { plugins: vec![scope.into()], ..key.clone() }]).contains("neither"),
            "{scope}"
        );
    }
    for text in ["", "RWQ", &"A".repeat(56), "untrusted comment: x\nnonsense"] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
    }
}

#[test]
fn what_was_changed_is_told_from_what_is_unknown() {
    let all = signers();
    let package = Checker::allow().package();
    let store = trust("policy = \"vendor\"", &all).expect("a policy");
    let acme = &all[0];
    assert_eq!(standing(&store, &package, acme.signs(&package)).0, Standing::Good);

    let stranger = Signer::new("stranger", SignerRole::Vendor);
    assert_eq!(standing(&store, &package, stranger.signs(&package)).0, Standing::Unknown);

    // The package changed after it was signed.
    let other = versioned("1.2.4");
    let verdict = store.evaluate(&other, &[acme.signs(&package)]);
    assert_eq!(verdict.signatures[0].standing, Standing::Tampered);
    assert_eq!(verdict.check().map_err(|e| e.code()), Err(Code::PluginTampered));
    // One forged signature beside a good one is a forgery still.
    let verdict = store.evaluate(&other, &[acme.signs(&other), all[1].signs(&package)]);
    assert!(verdict.missing.is_empty() && !verdict.passes());

    // The signature changed: each line of it, and the key it names.
    let good = acme.signs(&package);
    let lines: Vec<&str> = good.text().lines().collect();
    let replaced = |n: usize, line: &str| {
        let mut lines = lines.clone();
        lines[n] = line;
        Signature::parse(lines.join("\n").as_bytes())
    };
    let signed_elsewhere = acme.signs(&other);
    let other_lines: Vec<&str> = signed_elsewhere.text().lines().collect();
    for n in [1, 2, 3] {
        let forged = replaced(n, other_lines[n]).expect("a signature");
        assert_eq!(standing(&store, &package, forged).0, Standing::Tampered, "line {n}");
    }
    let reworded = lines[2].replace("role=vendor", "role=clinical");
    assert_eq!(standing(&store, &package, replaced(2, &reworded).expect("one")).0, Standing::Tampered);
    // The untrusted comment is anybody's.
    let renamed = replaced(0, "untrusted comment: hello").expect("one");
    assert_eq!(standing(&store, &package, renamed).0, Standing::Good);
}

#[test]
fn a_key_vouches_only_as_far_as_it_is_trusted() {
    let acme = Signer::new("acme", SignerRole::Vendor);
    let package = Checker::allow().package();
    let with = |edit: &dyn Fn(&mut TrustedKey)| {
        let mut key = acme.key();
        edit(&mut key);
        TrustStore::new(vec![key], None, BTreeMap::new()).expect("a key")
    };
    let stands = |store: &TrustStore| standing(store, &package, acme.signs(&package)).0;
    assert_eq!(stands(&with(&|_| {})), Standing::Good);
    assert_eq!(stands(&with(&|key| key.revoked = true)), Standing::Revoked);
    for (scope, expected) in [
        ("test.guest", Standing::Good),
        ("test.*", Standing::Good),
        ("tes.*", Standing::OutOfScope),
        ("test.guest.*", Standing::OutOfScope),
        ("test.guests", Standing::OutOfScope),
        ("test", Standing::OutOfScope),
    ] {
        assert_eq!(stands(&with(&|key| key.plugins = vec![scope.into()])), expected, "{scope}");
    }
}

#[test]
fn a_statement_must_fit_the_package_and_the_key() {
    let acme = Signer::new("acme", SignerRole::Vendor);
    let store = TrustStore::new(vec![acme.key()], None, BTreeMap::new()).expect("a key");
    let package = Checker::allow().package();
    let good = Statement::of(&package, SignerRole::Vendor, now(), "all = well").expect("a statement");
    assert_eq!(Statement::parse(&good.to_string()), Ok(Some(good.clone())), "it reads back");
    assert_eq!(Statement::parse("timestamp:1 file:x"), Ok(None), "stock minisign's");
    let elsewhere = versioned("1.2.4").digest();
    for (stated, says) in [
        (Statement { id: "test.other".into(), ..good.clone() }, "made for test.other"),
        (Statement { version: Version::new(9, 9, 9), ..good.clone() }, "version 9.9.9"),
        (Statement { digest: elsewhere, ..good.clone() }, "sha256:"),
        (Statement { role: SignerRole::Clinical, ..good.clone() }, "made as clinical"),
    ] {
        let (standing, reason) = standing(&store, &package, acme.says(&package, &stated.to_string()));
        assert_eq!(standing, Standing::Mismatch, "{stated}");
        assert!(reason.contains(says), "{reason}");
    }
    for odd in ["xinglin-2 id=x", "xinglin-1", "xinglin-1 id=test.guest version=1.2.3"] {
        assert_eq!(standing(&store, &package, acme.says(&package, odd)).0, Standing::Mismatch, "{odd}");
    }
    assert!(Statement::of(&package, SignerRole::Vendor, now(), "two\nlines").is_err());
    assert!(Statement::of(&package, SignerRole::Vendor, now(), &"x".repeat(513)).is_err());
}

#[test]
fn what_is_no_signature_is_refused_and_nothing_panics() {
    let package = Checker::allow().package();
    let good = Signer::new("acme", SignerRole::Vendor).signs(&package).text().to_owned();
    let parse = |text: &str| Signature::parse(text.as_bytes()).map(|_| ()).map_err(|error| error.code());
    assert_eq!(parse(&good), Ok(()));
    assert_eq!(parse(good.trim_end()), Ok(()));
    assert_eq!(parse(&good.replace('\n', "\r\n")), Ok(()));
    let lines: Vec<&str> = good.lines().collect();
    let odd = [
        String::new(),
        "hello".into(),
        lines[..3].join("\n"),
        format!("{good}more\n"),
        good.replace("untrusted", "trusted"),
        [lines[0], "", lines[2], lines[3]].join("\n"),
        [lines[0], &lines[1][..40], lines[2], lines[3]].join("\n"),
        // A short second signature is what the library would run off the end of.
        [lines[0], lines[1], lines[2], "QUJD"].join("\n"),
        [lines[0], lines[1], lines[2], ""].join("\n"),
        [lines[0], lines[1], "trusted comment: \u{1b}[2J", lines[3]].join("\n"),
        format!("{}{good}", " ".repeat(Signature::MAX_BYTES)),
        // Legacy: not prehashed.
        [lines[0], &format!("RWQ{}", &lines[1][3..]), lines[2], lines[3]].join("\n"),
    ];
    for text in odd {
        assert_eq!(parse(&text), Err(Code::PluginInvalid), "{text}");
    }
    assert!(Signature::parse(&[0xff; 8]).is_err());
    for end in 0..good.trim_end().len() {
        assert!(Signature::parse(&good.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_plugin_goes_forward_only() {
    let store: TrustStore = toml::from_str("[floors]\n\"test.guest\" = \"1.0.0\"").expect("floors");
    let here: Vec<_> = ["1.2.0", "1.10.0", "1.9.0-beta.1"].map(versioned).into();
    let known: Vec<_> = here.iter().map(|p| (p.manifest().version.clone(), p.digest())).collect();
    for (version, forward) in [
        ("1.10.1", true),
        ("2.0.0-alpha", true),
        ("1.10.0-rc.1", false),
        ("1.9.9", false),
        // Not newer, whatever its build says.
        ("1.10.0+build.7", false),
        ("0.9.9", false),
    ] {
        let result = TrustStore::check_order(&versioned(version), &known).map_err(|e| e.code());
        assert_eq!(result, if forward { Ok(()) } else { Err(Code::PluginDowngrade) }, "{version}");
    }
    assert!(TrustStore::check_order(&here[0], &known).is_ok(), "the same bytes again");
    let same_version = Checker::allow().manifest("[limits]\nmemory-mib = 9").package();
    let known = [(same_version.manifest().version.clone(), versioned("1.2.3").digest())];
    assert!(TrustStore::check_order(&same_version, &known).is_err(), "other bytes under the same version");
    let error = store.check_floor(&versioned("1.0.0-rc.1")).expect_err("below the floor");
    assert_eq!(error.code(), Code::PluginDowngrade);
    assert!(store.check_floor(&versioned("1.0.0")).is_ok());
}

// --- bundles -------------------------------------------------------------------

fn bundle() -> Bundle {
    let package = Checker::allow().package();
    let signatures = signers()[..2].iter().map(|signer| signer.signs(&package)).collect();
    Bundle { component: package.bytes().into(), signatures }
}

#[test]
fn a_bundle_reads_back_and_is_a_tar() {
    let bundle = bundle();
    let bytes = bundle.to_bytes().expect("bytes");
    assert_eq!(bytes, bundle.to_bytes().expect("bytes"), "the same each time");
    assert!(Bundle::is_one(&bytes) && !Bundle::is_one(&bundle.component));
    let read = Bundle::read(&bytes).expect("a bundle");
    assert_eq!(read.component, bundle.component);
    let texts = |bundle: &Bundle| bundle.signatures.iter().map(|s| s.text().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&read), texts(&bundle));

    // Anybody can take it apart, and put it together again.
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("x.xpk");
    std::fs::write(&file, &bytes).expect("written");
    let tar = |arguments: &[&str]| {
        let status = Command::new("tar").args(arguments).current_dir(folder.path()).status().expect("tar runs");
        assert!(status.success(), "tar {arguments:?}");
    };
    tar(&["-xf", "x.xpk"]);
    assert_eq!(std::fs::read(folder.path().join("plugin.wasm")).expect("unpacked"), bundle.component.as_ref());
    let names: Vec<String> = bundle.signatures.iter().map(|s| Bundle::signature_name("plugin.wasm", s.key())).collect();
    tar(&["--format=ustar", "-cf", "again.xpk", "index.json", "plugin.wasm", &names[0], &names[1]]);
    let again = std::fs::read(folder.path().join("again.xpk")).expect("packed");
    assert_eq!(texts(&Bundle::read(&again).expect("a bundle")), texts(&bundle));
}

#[test]
fn a_bundle_that_is_not_exactly_so_is_refused() {
    let good = bundle().to_bytes().expect("bytes");
    let refused = |what: &str, bytes: &[u8]| {
        let error = Bundle::read(bytes).map(|_| ()).expect_err(what);
        assert_eq!(error.code(), Code::PluginInvalid, "{what}: {error}");
        error.to_string()
    };
    for end in (0..good.len()).step_by(64) {
        refused("cut short", &good[..end]);
    }
    refused("too large", &vec![0; Bundle::MAX_BYTES + 1]);
    refused("followed by something", &[good.as_slice(), b"more"].concat());
    refused("followed by a file", &[&good[..], &good[..]].concat());
    // Any byte of it: of a header, of the index, of the component, of the padding.
    for at in (0..good.len()).step_by(37) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        if Bundle::read(&bytes).is_ok() {
            panic!("a byte changed at {at}");
        }
    }
    // Names, links and sizes that a header can hold; its sum is made to fit.
    let first_file = 512 + good[512..].chunks(512).position(|b| b[..6] == *b"plugin").expect("the component") * 512;
    let forged = |what: &str, at: usize, bytes: &[u8]| {
        let mut forged = good.clone();
        forged[first_file + at..first_file + at + bytes.len()].copy_from_slice(bytes);
        reckon(&mut forged[first_file..first_file + 512]);
        refused(what, &forged)
    };
    assert!(forged("a path upward", 0, b"../plugin.wasm\0").contains("path"));
    assert!(forged("an absolute path", 0, b"/plugin.wasm\0").contains("path"));
    assert!(forged("a hidden file", 0, b".plugin.wasm\0").contains("path"));
    assert!(forged("a file that is not listed", 0, b"plugin.wasn\0").contains("not in its index"));
    assert!(forged("a symbolic link", 156, b"2").contains("plain files"));
    assert!(forged("a folder", 156, b"5").contains("plain files"));
    assert!(forged("a long name of GNU's", 156, b"L").contains("plain files"));
    assert!(forged("a prefix", 345, b"etc").contains("plain files"));
    assert!(forged("a huge size", 124, b"77777777777\0").contains("cut short"));
    assert!(forged("a binary size", 124, &[0xff; 12]).contains("cut short"));
    assert!(forged("a smaller size", 124, b"00000000001\0").contains("hidden"));
}

#[test]
fn an_index_that_lies_is_refused() {
    let bundle = bundle();
    let good = bundle.to_bytes().expect("bytes");
    let index_size = 512 + good[512..].chunks(512).position(|b| b[..6] == *b"plugin").expect("the component") * 512;
    let index = String::from_utf8(good[512..index_size].to_vec()).expect("text");
    let index = index.trim_end_matches('\0');
    let with = |index: &str| {
        let mut header = good[..512].to_vec();
        header[124..136].copy_from_slice(format!("{:011o}\0", index.len()).as_bytes());
        reckon(&mut header);
        let mut bytes = [&header, index.as_bytes()].concat();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        Bundle::read(&[&bytes, &good[index_size..]].concat()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with(index), Ok(()));
    let size = format!("\"size\": {}", bundle.component.len());
    let digest = xinglin_runtime::Digest::of(&bundle.component).to_string();
    let entry = format!("{{\"name\":\"more\",\"size\":1,\"sha256\":\"{digest}\"}},");
    let first = index.find('[').expect("a list") + 1;
    let added = |entry: &str| format!("{}{entry}{}", &index[..first], &index[first..]);
    for (what, index, says) in [
        ("another size", index.replace(&size, "\"size\": 1"), "not what its index says"),
        ("a size beyond all bounds", index.replace(&size, "\"size\": 99999999999"), "lists"),
        ("another digest", index.replace(&digest, &"0".repeat(64)), "not what its index says"),
        ("an entry that is not there", added(&entry), "missing"),
        ("an entry twice", added(&entry.replace("more", "plugin.wasm")), "twice"),
        ("another format", index.replace("bundle-1", "bundle-2"), "does not read"),
        ("something more", index.replacen('{', "{\"more\": 1,", 1), "more"),
        ("no JSON", "hello".into(), "index"),
        ("too much", format!("{index}{}", " ".repeat(16 << 10)), "too large"),
    ] {
        let error = with(&index).expect_err(what);
        assert!(error.contains(says), "{what}: {error}");
    }
}

/// Makes the sum of a tar header fit again.
fn reckon(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
