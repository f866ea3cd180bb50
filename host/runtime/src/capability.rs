//! What a plugin may be given, in one table. A linker is built from it and from
//! nothing else.

use std::{collections::BTreeSet, fmt};

use semver::Version;
use serde::{Deserialize, Serialize};
use wasmtime::{
    Engine,
    component::{HasSelf, Linker},
};

use crate::{call::CallState, host::wasi, wit::xinglin::host};

/// One interface of `xinglin:host`, or WASI as a whole, asked for by the
/// manifest and granted by the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Lines for the operator's log.
    Log,
    /// The tenant's configuration of the plugin.
    Settings,
    /// Small durable values of its own.
    Kv,
    /// Reads of the record beyond the snapshot.
    Records,
    /// Requests to servers outside.
    Http,
    /// Values that the host puts into requests, and the plugin never sees.
    Secrets,
    /// Who the patient is, put into requests by the host, never seen by the plugin.
    Identity,
    /// Signatures under the plugin's own keys, which the host holds.
    Signing,
    /// Data packs and a scratch folder.
    Files,
    /// Random numbers.
    Random,
    /// An interpreter's system calls.
    Wasi,
}

pub(crate) struct Entry {
    pub capability: Capability,
    /// The import, without its version; of WASI, how they all begin.
    pub interface: &'static str,
    /// What granting it means, in words for whoever grants it.
    pub zh: &'static str,
    pub en: &'static str,
    link: fn(&mut Linker<CallState>) -> wasmtime::Result<()>,
}

pub(crate) static CATALOGUE: [Entry; 11] = [
    Entry {
        capability: Capability::Log,
        interface: "xinglin:host/log",
        zh: "写入运行日志（运维人员可见）",
        en: "write lines to the operator's log",
        link: |linker| host::log::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Settings,
        interface: "xinglin:host/settings",
        zh: "读取本机构为其配置的参数",
        en: "read the settings that your organisation made for it",
        link: |linker| host::settings::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Kv,
        interface: "xinglin:host/kv",
        zh: "保存少量自有数据（仅限本机构、本插件）",
        en: "keep small values of its own, for your organisation and this plugin only",
        link: |linker| host::kv::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Records,
        interface: "xinglin:host/records",
        zh: "在清单声明的范围内查阅当次患者（假名）的更多病历",
        en: "look further into the record of the patient at hand (pseudonymous), within what its manifest declares",
        link: |linker| host::records::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Http,
        interface: "xinglin:host/http",
        zh: "向院外服务器发送请求",
        en: "send requests to servers outside",
        link: |linker| host::http::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Secrets,
        interface: "xinglin:host/secrets",
        zh: "让医院系统在其请求中代填本机构保管的密钥（插件不可见）",
        en: "have the hospital put secrets that your organisation keeps into its requests, without seeing them",
        link: |linker| host::secrets::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Identity,
        interface: "xinglin:host/identity",
        zh: "让医院系统在其请求中代填患者身份信息（插件不可见，每次留痕）",
        en: "have the hospital put the patient's identity into its requests, without seeing it; each time is recorded",
        link: |linker| host::identity::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Signing,
        interface: "xinglin:host/signing",
        zh: "使用医院系统为其保管的自有密钥签名或加密（不能签署处方）",
        en: "sign and encrypt with keys of its own that the hospital holds; prescriptions cannot be signed with them",
        link: |linker| host::signing::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Files,
        interface: "xinglin:host/files",
        zh: "读取运维人员放置的数据包，使用随调用消失的临时目录",
        en: "read data packs that the operator placed, and use a scratch folder that is gone after the call",
        link: |linker| host::files::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Random,
        interface: "xinglin:host/random",
        zh: "抽取随机数（录带可重现）",
        en: "draw random numbers, which the tape can repeat",
        link: |linker| host::random::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),
    },
    Entry {
        capability: Capability::Wasi,
        interface: "wasi:",
        zh: "自带解释器的系统调用：环境与参数为空，时钟停在调用时刻，无网络；打印内容写入运行日志；文件仅限“files”所授",
        en: "make the system calls of an interpreter: no environment, no arguments, no network, a clock that stands at \
             the moment of the call; what it prints goes to the log, and its files are those of `files`",
        link: wasi::link,
    },
];

impl Capability {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Log,
        Self::Settings,
        Self::Kv,
        Self::Records,
        Self::Http,
        Self::Secrets,
        Self::Identity,
        Self::Signing,
        Self::Files,
        Self::Random,
        Self::Wasi,
    ];

    /// As manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Settings => "settings",
            Self::Kv => "kv",
            Self::Records => "records",
            Self::Http => "http",
            Self::Secrets => "secrets",
            Self::Identity => "identity",
            Self::Signing => "signing",
            Self::Files => "files",
            Self::Random => "random",
            Self::Wasi => "wasi",
        }
    }

    /// The version of the `xinglin:host` interfaces that this host provides.
    pub(crate) const fn version() -> Version {
        Version::new(1, 1, 0)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A linker that defines the granted interfaces and nothing else.
pub(crate) fn linker(engine: &Engine, granted: &BTreeSet<Capability>) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    for entry in CATALOGUE.iter().filter(|entry| granted.contains(&entry.capability)) {
        (entry.link)(&mut linker)?;
    }
    Ok(linker)
}
