//! Which servers a plugin may reach.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::name::is_name;

/// Servers, as a manifest or a grant names them:
///
/// - `api.example.com`, one server at the usual port of its scheme;
/// - `api.example.com:8443`, at this port and no other;
/// - `*.example.com`, every name below it, at any depth, but not itself;
/// - `{{setting:gateway}}`, whatever the tenant set there: one server, perhaps
///   by its address.
///
/// Names are compared in lower case and in their ASCII form (`xn--…`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// One server.
    Server {
        /// Name or address as a URL has it; IPv6 in brackets.
        host: String,
        /// The only port, or the usual one.
        port: Option<u16>,
    },
    /// Every name below a domain.
    Below {
        /// The domain, which is not meant itself.
        domain: String,
        /// The only port, or the usual one.
        port: Option<u16>,
    },
    /// What the tenant set under this key.
    Setting(String),
}

impl HostPattern {
    /// Reads a pattern.
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

    /// One server as a tenant sets it: a name or an address, perhaps with a port.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn server(text: &str) -> Result<Self, String> {
        match server(text) {
            Ok((host, port)) => Ok(Self::Server { host: host.to_string(), port }),
            Err(reason) => Err(format!("`{text}`: {reason}")),
        }
    }

    /// Whether a server is meant. `usual` is the port of its scheme.
    pub fn matches(&self, host: &str, port: u16, usual: u16) -> bool {
        let at = |wanted: Option<u16>| port == wanted.unwrap_or(usual);
        match self {
            Self::Server { host: wanted, port } => wanted == host && at(*port),
            Self::Below { domain, port } => below(host, domain) && at(*port),
            Self::Setting(_) => false,
        }
    }

    /// Whether everything that `other` means is meant by this, too.
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

/// Whether a name is truly below a domain.
fn below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(|label| !label.is_empty())
}

/// `host` or `host:port`, the host as a URL would have it.
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
