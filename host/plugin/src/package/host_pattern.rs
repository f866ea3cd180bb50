//! Patterns of servers.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::name::is_name;

/// A pattern of servers in a manifest or grant:
///
/// - `api.example.com`: one server, at the default port of its scheme;
/// - `api.example.com:8443`: at this port only;
/// - `*.example.com`: every name below it, at any depth, without itself;
/// - `{{setting:gateway}}`: the tenant's value of the setting: one server, possibly by
///   address.
///
/// Names are compared in lower case and in their ASCII form (`xn--…`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// One server.
    Server {
        /// Name or address in URL syntax; IPv6 in brackets.
        host: String,
        /// The port; the default port if absent.
        port: Option<u16>,
    },
    /// Every name below a domain.
    Below {
        /// The domain, itself excluded.
        domain: String,
        /// The port; the default port if absent.
        port: Option<u16>,
    },
    /// The server that the tenant has set under this key.
    Setting(String),
}

impl HostPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = |reason: &str| Err(format!("`{text}`: {reason}"));
        if let Some(key) = text.strip_prefix("{{setting:").and_then(|rest| rest.strip_suffix("}}")) {
            return match key.split('.').all(is_name) {
                true => Ok(Self::Setting(key.to_owned())),
                false => refuse("keys of settings are dotted and lower case"),
            };
        }
        match text.strip_prefix("*.") {
            None => match server(text) {
                Ok((host, _)) if !matches!(host, Host::Domain(_)) => {
                    refuse("an address is no name of a server; let the tenant set it: `{{setting:…}}`")
                }
                Ok((host, port)) => Ok(Self::Server { host: host.to_string(), port }),
                Err(reason) => refuse(reason),
            },
            Some(domain) => match server(domain) {
                Ok((Host::Domain(domain), port)) if domain.contains('.') => Ok(Self::Below { domain, port }),
                Ok(_) => refuse("`*.` stands before a domain of two parts at least, as in `*.example.com`"),
                Err(reason) => refuse(reason),
            },
        }
    }

    /// Parses a server as set by a tenant: a name or an address, optionally with port.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn server(text: &str) -> Result<Self, String> {
        match server(text) {
            Ok((host, port)) => Ok(Self::Server { host: host.to_string(), port }),
            Err(reason) => Err(format!("`{text}`: {reason}")),
        }
    }

    /// Whether it matches a server. `usual` is the default port of its scheme.
    pub fn matches(&self, host: &str, port: u16, usual: u16) -> bool {
        let at = |wanted: Option<u16>| port == wanted.unwrap_or(usual);
        match self {
            Self::Server { host: wanted, port } => wanted == host && at(*port),
            Self::Below { domain, port } => below(host, domain) && at(*port),
            Self::Setting(_) => false,
        }
    }

    /// Whether it matches everything that `other` matches.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below { domain, port }, Self::Server { host, port: theirs }) => {
                below(host, domain) && port == theirs
            }
            (Self::Below { domain, port }, Self::Below { domain: inner, port: theirs }) => {
                (inner == domain || below(inner, domain)) && port == theirs
            }
            _ => self == other,
        }
    }
}

/// Whether a name is a proper subdomain of a domain.
fn below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(|label| !label.is_empty())
}

/// `host` or `host:port`, with the host in URL syntax.
fn server(text: &str) -> Result<(Host, Option<u16>), &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse().ok().filter(|port| *port != 0).ok_or("after `:` stands a port, 1 to 65535")?;
            (host, Some(port))
        }
        _ => (text, None),
    };
    if host.contains('*') {
        return Err("one `*.` at the beginning is the only wildcard");
    }
    let host = Host::parse(host).map_err(|_| "not the name of a server")?;
    if let Host::Domain(name) = &host
        && (name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63))
    {
        return Err("not the name of a server");
    }
    Ok((host, port))
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = match self {
            Self::Server { host, port } => (host.clone(), port),
            Self::Below { domain, port } => (format!("*.{domain}"), port),
            Self::Setting(key) => return write!(f, "{{{{setting:{key}}}}}"),
        };
        match port {
            Some(port) => write!(f, "{host}:{port}"),
            None => f.write_str(&host),
        }
    }
}
