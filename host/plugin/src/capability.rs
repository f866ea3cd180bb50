//! The capabilities of plugins, in one table.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};

/// An interface of `xinglin:host`, or WASI as a whole; requested by the manifest and granted by
/// the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Writing to the operator's log.
    Log,
    /// The tenant's configuration of the plugin.
    Settings,
    /// A small key-value store of its own.
    Kv,
    /// Reading the record beyond the snapshot.
    Records,
    /// Requests to external servers.
    Http,
    /// Secrets that the host inserts into requests; the plugin never receives them.
    Secrets,
    /// The patient's identity, inserted into requests by the host; the plugin never receives it.
    Identity,
    /// Signatures with the plugin's keys, which the host holds.
    Signing,
    /// Data packs and a scratch folder.
    Files,
    /// Random numbers.
    Random,
    /// System interfaces for interpreters.
    Wasi,
}

pub(crate) struct Entry {
    pub capability: Capability,
    /// Name of the import, without version; for WASI, the common prefix.
    pub interface: &'static str,
    /// Description for whoever grants it.
    pub zh: &'static str,
    pub en: &'static str,
}

pub(crate) static CATALOGUE: [Entry; 11] = [
    Entry {
        capability: Capability::Log,
        interface: "xinglin:host/log",
        zh: "写入运行日志（运维人员可见）",
        en: "write lines to the operator's log",
    },
    Entry {
        capability: Capability::Settings,
        interface: "xinglin:host/settings",
        zh: "读取本机构为其配置的参数",
        en: "read the settings that your organisation made for it",
    },
    Entry {
        capability: Capability::Kv,
        interface: "xinglin:host/kv",
        zh: "保存少量自有数据（仅限本机构、本插件）",
        en: "keep small values of its own, for your organisation and this plugin only",
    },
    Entry {
        capability: Capability::Records,
        interface: "xinglin:host/records",
        zh: "在清单声明的范围内查阅当次患者（假名）的更多病历",
        en: "look further into the record of the patient at hand (pseudonymous), within what its manifest declares",
    },
    Entry {
        capability: Capability::Http,
        interface: "xinglin:host/http",
        zh: "向院外服务器发送请求",
        en: "send requests to servers outside",
    },
    Entry {
        capability: Capability::Secrets,
        interface: "xinglin:host/secrets",
        zh: "让医院系统在其请求中代填本机构保管的密钥（插件不可见）",
        en: "have the hospital put secrets that your organisation keeps into its requests, without seeing them",
    },
    Entry {
        capability: Capability::Identity,
        interface: "xinglin:host/identity",
        zh: "让医院系统在其请求中代填患者身份信息（插件不可见，每次留痕）",
        en: "have the hospital put the patient's identity into its requests, without seeing it; each time is recorded",
    },
    Entry {
        capability: Capability::Signing,
        interface: "xinglin:host/signing",
        zh: "使用医院系统为其保管的自有密钥签名或加密（不能签署处方）",
        en: "sign and encrypt with keys of its own that the hospital holds; prescriptions cannot be signed with them",
    },
    Entry {
        capability: Capability::Files,
        interface: "xinglin:host/files",
        zh: "读取运维人员放置的数据包，使用随调用消失的临时目录",
        en: "read data packs that the operator placed, and use a scratch folder that is gone after the call",
    },
    Entry {
        capability: Capability::Random,
        interface: "xinglin:host/random",
        zh: "抽取随机数（录带可重现）",
        en: "draw random numbers, which the tape can repeat",
    },
    Entry {
        capability: Capability::Wasi,
        interface: "wasi:",
        zh: "自带解释器的系统调用：环境与参数为空，时钟停在调用时刻，无网络；打印内容写入运行日志；文件仅限“files”所授",
        en: "make the system calls of an interpreter: no environment, no arguments, no network, a clock that stands at \
             the moment of the call; what it prints goes to the log, and its files are those of `files`",
    },
];

impl Capability {
    /// All capabilities.
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

    /// The name in manifests.
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

/// Interfaces that [`Capability::Wasi`] admits, in any version 0.2.
pub const WASI: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    // Imported by standard libraries. Linked so that the component loads; every operation on them
    // is refused.
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];
