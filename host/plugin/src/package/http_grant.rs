//! Servers that a plugin requests, or is granted.

use serde::{Deserialize, Serialize};

use super::host_pattern::HostPattern;

/// Servers that a plugin may send requests to, and limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HttpGrant {
    /// Servers over TLS.
    pub hosts: Vec<HostPattern>,
    /// Servers that may also be used without TLS.
    pub plaintext_hosts: Vec<HostPattern>,
    /// Maximum body of a request.
    pub max_request_kib: u32,
    /// Maximum headers and body of a response.
    pub max_response_kib: u32,
    /// Maximum concurrent requests, over all calls.
    pub concurrent: u32,
}

impl HttpGrant {
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.hosts.extend(other.hosts);
        self.plaintext_hosts.extend(other.plaintext_hosts);
        self.max_request_kib = self.max_request_kib.max(other.max_request_kib);
        self.max_response_kib = self.max_response_kib.max(other.max_response_kib);
        self.concurrent = self.concurrent.max(other.concurrent);
        self
    }

    pub(crate) fn within(&self, asked: &Self) -> Self {
        let narrowed = |granted: &[HostPattern], asked: &[HostPattern]| {
            granted.iter().filter(|pattern| asked.iter().any(|asked| asked.covers(pattern))).cloned().collect()
        };
        Self {
            hosts: narrowed(&self.hosts, &asked.hosts),
            plaintext_hosts: narrowed(&self.plaintext_hosts, &asked.plaintext_hosts),
            max_request_kib: self.max_request_kib.min(asked.max_request_kib),
            max_response_kib: self.max_response_kib.min(asked.max_response_kib),
            concurrent: self.concurrent.min(asked.concurrent),
        }
    }
}
