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

pub(crate) static CATALOGUE: [Entry; 7] = [
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
    pub const ALL: [Self; 7] =
        [Self::Log, Self::Settings, Self::Kv, Self::Records, Self::Files, Self::Random, Self::Wasi];

    /// As manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Settings => "settings",
            Self::Kv => "kv",
            Self::Records => "records",
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
