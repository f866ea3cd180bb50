//! Exports and imports of a component, read from its type, and their description for users.

use std::collections::BTreeSet;

use semver::Version;
use serde::Serialize;
use wasmparser::{
    Parser, Payload,
    component_types::{ComponentAnyTypeId, ComponentEntityType},
    types::Types,
};
use xinglin_domain::{
    coding::{LocalizedText, Translation},
    identity::IdentityField,
};

use super::{bounds, host_pattern::HostPattern, manifest::Manifest};
use crate::{
    capability::{self, Capability},
    error::PluginError,
    interface::{Export, Interface},
};

/// The exports and imports of a component that concern the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Surface {
    pub interfaces: BTreeSet<Interface>,
    /// The exported interfaces, with their majors.
    pub exports: BTreeSet<Export>,
    pub capabilities: BTreeSet<Capability>,
}

/// Validates a component and reads its exports and imports.
pub(crate) fn surface(component: &[u8]) -> Result<Surface, PluginError> {
    let corrupt = |e: wasmparser::BinaryReaderError| PluginError::Corrupt(e.message().to_owned());
    let types = bounds::validate(component)?;
    let (imports, exports) = names(component).map_err(corrupt)?;

    let mut capabilities = BTreeSet::new();
    for import in imports {
        capabilities.extend(admit(&types, import)?);
    }
    let recognised = exports.into_iter().map(recognise).filter_map(Result::transpose);
    let exports = recognised.collect::<Result<BTreeSet<Export>, PluginError>>()?;
    if exports.is_empty() {
        return Err(PluginError::Interface {
            offered: "(no interface of a plugin)".into(),
            supported: supported_exports(),
        });
    }
    let interfaces = exports.iter().map(|export| export.interface()).collect();
    Ok(Surface { interfaces, exports, capabilities })
}

/// Names of the imports and exports of the outermost component.
fn names(component: &[u8]) -> Result<(Vec<&str>, Vec<&str>), wasmparser::BinaryReaderError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// `xinglin:host/kv@1.1.0` → (`xinglin:host/kv`, 1.0.0).
fn split(name: &str) -> (&str, Option<Version>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, version.parse().ok()),
        None => (name, None),
    }
}

/// Whether a host that provides `ours` can serve a component built with `theirs`: minor versions
/// only add.
fn serves(ours: &Version, theirs: Option<&Version>) -> bool {
    theirs.is_some_and(|theirs| theirs.major == ours.major && theirs <= ours)
}

/// Interfaces without functions, whose types plugins import, in the newest version.
const VOCABULARY: [(&str, (u64, u64, u64)); 5] = [
    ("xinglin:types/types", (1, 0, 0)),
    ("xinglin:clinical/snapshot", (1, 0, 0)),
    ("xinglin:payment/insurance", (1, 1, 0)),
    ("xinglin:pathway/terms", (1, 1, 0)),
    ("xinglin:pathway/questionnaires", (1, 1, 0)),
];

/// The capability of an import, or `None` if it imports types only.
fn admit(types: &Types, import: &str) -> Result<Option<Capability>, PluginError> {
    let (interface, version) = split(import);
    let refuse = |reason: &str| PluginError::Capability { import: import.to_owned(), reason: reason.to_owned() };
    let mismatch = |supported: String| PluginError::Interface { offered: import.to_owned(), supported };

    if let Some(entry) = capability::CATALOGUE.iter().find(|entry| entry.interface == interface) {
        let ours = Capability::version();
        return if serves(&ours, version.as_ref()) {
            Ok(Some(entry.capability))
        } else {
            Err(mismatch(format!("{interface}@{ours}")))
        };
    }
    let shared: Vec<Version> = match VOCABULARY.iter().find(|(name, _)| *name == interface) {
        Some((_, (major, minor, patch))) => vec![Version::new(*major, *minor, *patch)],
        None => called(interface).map(Export::version).collect(),
    };
    if !shared.is_empty() && is_type_only(types, import) {
        return match shared.iter().any(|ours| serves(ours, version.as_ref())) {
            true => Ok(None),
            false => {
                let supported: Vec<String> = shared.iter().map(|ours| format!("{interface}@{ours}")).collect();
                Err(mismatch(supported.join(", ")))
            }
        };
    }
    if capability::WASI.contains(&interface) {
        let is_served = version.is_some_and(|version| (version.major, version.minor) == (0, 2));
        return if is_served { Ok(Some(Capability::Wasi)) } else { Err(mismatch(format!("{interface}@0.2"))) };
    }
    Err(if interface.starts_with("wasi:") {
        refuse("not among the system calls that an interpreter is given; network is for `xinglin:host/http`")
    } else if interface.starts_with("xinglin:host/") {
        refuse(&format!(
            "this host has no such capability; it has {}",
            Capability::ALL.map(Capability::name).join(", ")
        ))
    } else {
        refuse("not an interface of the hospital")
    })
}

fn is_type_only(types: &Types, import: &str) -> bool {
    let Some(item) = types.as_ref().component_item_for_import(import) else { return false };
    let ComponentEntityType::Instance(instance) = item.ty else { return false };
    types[instance].exports.values().all(|export| {
        matches!(
            export.ty,
            ComponentEntityType::Type { referenced, .. } if !matches!(referenced, ComponentAnyTypeId::Resource(_))
        )
    })
}

/// The interface of an export. Foreign exports are ignored; an interface of the host in an
/// unsupported version is refused, since it would never be called.
fn recognise(export: &str) -> Result<Option<Export>, PluginError> {
    let (name, version) = split(export);
    match called(name).find(|known| serves(&known.version(), version.as_ref())) {
        Some(known) => Ok(Some(known)),
        None if !name.starts_with("xinglin:") => Ok(None),
        None => Err(PluginError::Interface { offered: export.to_owned(), supported: supported_exports() }),
    }
}

/// The majors of an interface that the host calls.
fn called(interface: &str) -> impl Iterator<Item = Export> {
    Export::ALL.iter().copied().filter(move |known| known.interface().name() == interface)
}

fn supported_exports() -> String {
    let all: Vec<String> = Export::ALL.iter().map(ToString::to_string).collect();
    all.join(", ")
}

// --- the permission sheet ----------------------------------------------------

/// An entry of a permission sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// In `zh-CN` and `en`.
    pub text: LocalizedText,
    /// The author's reason for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a plugin can and cannot do, for whoever grants it. Derived from the component's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// What it can do if granted.
    pub can: Vec<Item>,
    /// What it cannot do.
    pub cannot: Vec<Item>,
    /// Anomalies.
    pub notes: Vec<Item>,
}

fn item(zh: impl Into<String>, en: impl Into<String>) -> Item {
    let translation = |language: &str, text: String| Translation { language: language.to_owned(), text };
    Item { text: LocalizedText(vec![translation("zh-CN", zh.into()), translation("en", en.into())]), reason: None }
}

impl Sheet {
    pub(crate) fn of(manifest: &Manifest, surface: &Surface) -> Self {
        Self { can: can(manifest, surface), cannot: cannot(manifest, surface), notes: notes(manifest, surface) }
    }
}

fn can(manifest: &Manifest, surface: &Surface) -> Vec<Item> {
    let mut can = Vec::new();
    for interface in &surface.interfaces {
        can.push(match interface {
            Interface::Migration => item(
                "接管旧版本路径保存的患者状态",
                "take over what an older version of the pathway remembered of patients",
            ),
            Interface::FollowUp => item(
                "提出路径建议：任务、问卷、消息、预警、紧急联系、转诊、检验、会诊、暂停医疗行为；由医院系统核对后执行",
                "propose tasks, questionnaires, messages, alerts, urgent contacts, referrals, laboratory tests, team \
                 decisions and holds; the hospital checks and carries them out",
            ),
            Interface::Pathway => item(
                "提出路径建议：任务、问卷、消息、预警、转诊、暂停开方；由医院系统核对后执行",
                "propose tasks, questionnaires, messages, alerts, referrals and holds on prescribing; \
                 the hospital checks and carries them out",
            ),
            Interface::Review => item("审核处方：给出提示或否决意见", "comment on a prescription: warn, or veto"),
            Interface::Payer => item(
                "说明账单如何分担；金额由医院系统核对并记账",
                "say how a bill is shared; the hospital checks every figure and books it",
            ),
            Interface::Eligibility => {
                item("说明患者保险是否在保、有何限制", "say whether a patient is insured, and for what")
            }
            Interface::Preauthorization => item(
                "为将要提供的服务给出付款保证；金额由医院系统核对",
                "guarantee payment before a service is given; the hospital checks every figure",
            ),
            Interface::Claims => item(
                "逐项说明保险如何赔付；金额由医院系统核对并记账",
                "say line by line what an insurer pays; the hospital checks every figure and books it",
            ),
            Interface::Reconciliation => item(
                "与医院核对账目；到账以银行流水为准",
                "compare the payer's books with the hospital's; what arrived is told by the bank alone",
            ),
            Interface::Capitation => item(
                "计算按人头付费的预算、考核与年终清算；由医院系统核对并记账",
                "calculate budget, score and closing of payment per head; the hospital checks and books them",
            ),
            Interface::Pricing => item(
                "给出服务价格与退费；不得与药品挂钩，由医院系统核对",
                "say what a service costs and what comes back; never by medicines, and checked by the hospital",
            ),
            Interface::Verifier => item(
                "核验实名与执业资质：只依据医院系统算出的事实，看不到姓名和证件号码",
                "decide whether people are and hold what they say, by facts that the hospital computes, without \
                 names and numbers",
            ),
            Interface::Panel => item(
                "为路径中的患者描述要显示的内容；由医院系统核对并绘制，不含链接和脚本",
                "describe what is shown of a patient in its pathway; the hospital checks and draws it, without links \
                 and scripts",
            ),
        });
    }
    let needs = &manifest.data_needs;
    for (wanted, zh, en) in [
        (needs.conditions, "查看患者（假名）的诊断", "see the diagnoses of a pseudonymous patient"),
        (needs.allergies, "查看患者（假名）的过敏史", "see the allergies of a pseudonymous patient"),
        (needs.medications, "查看患者（假名）的用药", "see the medicines of a pseudonymous patient"),
    ] {
        if wanted {
            can.push(item(zh, en));
        }
    }
    if !needs.observations.is_empty() {
        let codes: Vec<&str> = needs.observations.iter().map(|c| c.display.as_deref().unwrap_or(&c.code)).collect();
        can.push(item(
            format!("查看患者（假名）的下列检查结果：{}", codes.join("、")),
            format!("see these observations of a pseudonymous patient: {}", codes.join(", ")),
        ));
    }
    for entry in capability::CATALOGUE.iter().filter(|e| uses(manifest, surface, e.capability)) {
        let reason = manifest.capabilities.get(&entry.capability).and_then(|ask| ask.reason.clone());
        let (zh, en) = match details(manifest, entry.capability) {
            None => (entry.zh.to_owned(), entry.en.to_owned()),
            Some((zh, en)) => (format!("{}：{zh}", entry.zh), format!("{}: {en}", entry.en)),
        };
        can.push(Item { reason, ..item(zh, en) });
    }
    if uses(manifest, surface, Capability::Files) {
        for pack in manifest.packs() {
            can.push(item(format!("读取数据包“{pack}”"), format!("read the data pack `{pack}`")));
        }
        if let kib @ 1.. = manifest.scratch_kib() {
            can.push(item(
                format!("在一次调用内暂存至多 {kib} KiB 文件"),
                format!("keep up to {kib} KiB of files for the length of a call"),
            ));
        }
    }
    can
}

/// Whether a component can use a capability that its manifest requests. Capabilities used through
/// placeholders, or for signing requests, need no import of their own.
fn uses(manifest: &Manifest, surface: &Surface, capability: Capability) -> bool {
    let in_requests = matches!(capability, Capability::Secrets | Capability::Identity | Capability::Signing);
    let has = |capability| surface.capabilities.contains(&capability);
    has(capability)
        || in_requests && has(Capability::Http) && manifest.capabilities.contains_key(&capability)
        // Guests with WASI can use files without importing `files`.
        || capability == Capability::Files && has(Capability::Wasi) && manifest.capabilities.contains_key(&capability)
}

/// The servers, fields and keys.
fn details(manifest: &Manifest, capability: Capability) -> Option<(String, String)> {
    let both = |list: Vec<String>| Some((list.join("、"), list.join(", ")));
    match capability {
        Capability::Http => {
            let http = manifest.http();
            let list = |hosts: &[HostPattern], unsafely: &str| {
                hosts.iter().map(|host| format!("{host}{unsafely}")).collect::<Vec<_>>()
            };
            let (tls, plain) = (list(&http.hosts, ""), &http.plaintext_hosts);
            let zh = [tls.clone(), list(plain, "（未加密）")].concat().join("、");
            Some((zh, [tls, list(plain, " (without encryption)")].concat().join(", ")))
        }
        Capability::Secrets => both(manifest.secrets().into_iter().collect()),
        Capability::Identity => {
            let words = manifest.identity().into_iter().map(IdentityField::words).unzip::<_, _, Vec<_>, Vec<_>>();
            Some((words.0.join("、"), words.1.join(", ")))
        }
        Capability::Signing => both(manifest.keys().into_iter().map(|(key, kind)| format!("{key} ({kind})")).collect()),
        _ => None,
    }
}

fn cannot(manifest: &Manifest, surface: &Surface) -> Vec<Item> {
    let mut cannot = vec![
        item("开具、签署或审核通过处方", "create, sign or approve a prescription"),
        item("划转资金或记账", "move money, or write to the ledger"),
        item("获知姓名、身份证号、电话或任何密钥", "learn a name, an id number, a telephone number or a secret"),
        item(
            "以上文未列出的任何方式接触网络、文件、系统或其他插件",
            "reach the network, files, the system or another plugin in any way not named above",
        ),
        item("在两次调用之间留存内存", "keep anything in memory from one call to the next"),
    ];
    for entry in capability::CATALOGUE.iter().filter(|e| !uses(manifest, surface, e.capability)) {
        cannot.push(item(entry.zh, entry.en));
    }
    cannot
}

fn notes(manifest: &Manifest, surface: &Surface) -> Vec<Item> {
    manifest
        .capabilities
        .keys()
        .filter(|capability| !uses(manifest, surface, **capability))
        .map(|capability| {
            item(
                format!("清单申请了“{capability}”，但组件并未使用"),
                format!("the manifest asks for `{capability}`, but the component does not import it"),
            )
        })
        .collect()
}
