//! Which proxy, if any, a target is reached through, by the customary environment variables. Pure but for
//! `Proxies::from_env`, which reads them once. Credentials are in no `Debug` output and in no error.

use std::net::IpAddr;

use http::Uri;

use super::addresses::Net;

/// The proxies of this process and the targets that go without.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    without: Vec<Without>,
}

/// One proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub host: String,
    pub port: u16,
    /// The value of `proxy-authorization`.
    authorization: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Proxy").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// An entry of NO_PROXY.
#[derive(Debug, Clone)]
enum Without {
    All,
    Net(Net),
    /// The host itself and every name under it, at one port or at all.
    Host(String, Option<u16>),
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; the lower-case name wins, an empty value is none.
    /// `ALL_PROXY` counts only where the scheme's own variable is not set, and is not looked at where both are.
    ///
    /// # Errors
    /// When a value is not the URL of an HTTP proxy. The text names the variable and never its value.
    pub fn from_env() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The proxies at these URLs, one for each kind of target, and what goes without, in the form of `NO_PROXY`.
    ///
    /// # Errors
    /// When one of them is not the URL of an HTTP proxy; the text does not quote it.
    pub fn new(http: Option<&str>, https: Option<&str>, without: &str) -> Result<Self, String> {
        Self::read(|name| match name {
            "http_proxy" => http.map(str::to_owned),
            "https_proxy" => https.map(str::to_owned),
            "no_proxy" => Some(without.to_owned()),
            _ => None,
        })
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = |name: &str| {
            [name.to_ascii_lowercase(), name.to_owned()]
                .iter()
                .find_map(|name| variable(name).filter(|v| !v.is_empty()))
        };
        let proxy = |name: &str| match set(name) {
            Some(value) => Proxy::parse(&value)
                .map(Some)
                .ok_or_else(|| format!("{name} is not the URL of an HTTP proxy, http://HOST:PORT")),
            None => Ok(None),
        };
        let (http, https) = (proxy("HTTP_PROXY")?, proxy("HTTPS_PROXY")?);
        let all = if http.is_some() && https.is_some() { None } else { proxy("ALL_PROXY")? };
        let without = set("NO_PROXY").unwrap_or_default();
        let entries = without.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        Ok(Self {
            http: http.or_else(|| all.clone()),
            https: https.or(all),
            without: entries.map(Without::parse).collect(),
        })
    }

    /// The proxy for a target; `host` without brackets. This machine itself is reached without, whatever is set: its
    /// loopback addresses mean another machine to a proxy.
    #[must_use]
    pub fn choose(&self, secure: bool, host: &str, port: u16) -> Option<&Proxy> {
        if is_loopback(host) {
            return None;
        }
        let proxy = if secure { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.without.iter().any(|entry| entry.covers(host, port)))
    }
}

impl Proxy {
    fn parse(value: &str) -> Option<Self> {
        let with_scheme = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
        let uri: Uri = with_scheme.parse().ok()?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok()?,
            None => 80,
        };
        let authorization = match authority.as_str().rsplit_once('@') {
            Some((user, _)) => Some(format!("Basic {}", base64(&percent_decoded(user)?))),
            None => None,
        };
        (!host.is_empty()).then_some(Self { host, port, authorization })
    }

    /// The value of `proxy-authorization`, when the proxy's URL held credentials.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl Without {
    fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::All;
        }
        if let Ok(net) = Net::masked_from(entry.trim_start_matches('[').trim_end_matches(']')) {
            return Self::Net(net);
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (entry, None),
        };
        let host = host.trim_start_matches(['.', '[']).trim_end_matches(['.', ']']);
        Self::Host(host.to_ascii_lowercase(), port)
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Net(net) => host.parse::<IpAddr>().is_ok_and(|address| net.contains(address)),
            Self::Host(_, Some(only)) if *only != port => false,
            Self::Host(name, _) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host.strip_suffix(name.as_str()).is_some_and(|front| front.is_empty() || front.ends_with('.'))
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    Some(decoded)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0_usize, |number, at| number << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            text.push(if at <= group.len() { char::from(DIGITS[number >> (18 - 6 * at) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        Proxies::read(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn each_scheme_has_its_variable_and_the_lower_case_wins() {
        let both = proxies(&[("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "lower:2"), ("ALL_PROXY", "[::1]:3")])
            .unwrap();
        assert_eq!(both.choose(true, "h", 443).map(|proxy| (proxy.host.as_str(), proxy.port)), Some(("lower", 2)));
        assert_eq!(both.choose(false, "h", 80).map(|proxy| (proxy.host.as_str(), proxy.port)), Some(("::1", 3)));
        let unread = proxies(&[("HTTPS_PROXY", "a:1"), ("HTTP_PROXY", "b:2"), ("ALL_PROXY", "socks://c:3")]).unwrap();
        assert_eq!(unread.choose(false, "h", 80).map(ToString::to_string).as_deref(), Some("b:2"));
        assert_eq!(both.choose(false, "h", 80).map(ToString::to_string).as_deref(), Some("[::1]:3"));
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(both.choose(true, host, 443).is_none(), "{host}");
        }
        let none = proxies(&[("HTTP_PROXY", "")]).unwrap();
        assert!(none.choose(false, "h", 80).is_none() && none.choose(true, "h", 443).is_none());
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let with = proxies(&[("ALL_PROXY", "http://us%65r:p%40ss@proxy:8080")]).unwrap();
        assert_eq!(with.choose(true, "h", 443).unwrap().authorization(), Some("Basic dXNlcjpwQHNz"));
        let shown = format!("{with:?}");
        assert!(!shown.contains("dXNl") && !shown.contains("ss@"), "{shown}");
        for value in
            ["https://user:secret@proxy:1", "socks5://user:secret@proxy", "http://user:%zz-secret@proxy", "http://"]
        {
            let error = proxies(&[("HTTPS_PROXY", value)]).unwrap_err();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
        }
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn no_proxy_covers_suffixes_ports_nets_and_everything() {
        let cases = [
            ("example.com", "example.com", 443, true),
            ("example.com", "a.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            (".example.com", "Example.COM.", 443, true),
            ("example.com:8443", "example.com", 443, false),
            ("example.com:8443", "a.example.com", 8443, true),
            ("10.0.0.0/8", "10.9.8.7", 80, true),
            ("10.0.0.9/8", "10.9.8.7", 80, true),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.1", "10.0.0.1", 80, true),
            ("fd00::1", "fd00::1", 80, true),
            ("[fd00::1]:81", "fd00::1", 81, true),
            ("x, host y", "host", 80, true),
            ("*", "anything", 1, true),
            ("", "anything", 1, false),
        ];
        for (without, host, port, covered) in cases {
            let proxies = proxies(&[("ALL_PROXY", "proxy:1"), ("no_proxy", without)]).unwrap();
            assert_eq!(proxies.choose(true, host, port).is_none(), covered, "{without} {host}:{port}");
        }
    }
}
