//! Where a provider is: parsed once from its base URL.

use http::Uri;
use rustls_pki_types::ServerName;

use super::error::UpstreamFault;

#[derive(Debug)]
pub(super) struct Origin {
    /// For name resolution: no brackets.
    pub host: String,
    pub port: u16,
    /// The value of the `host` header.
    pub authority: String,
    /// Path in front of every request's, no trailing slash.
    pub prefix: String,
    /// Set for https.
    pub server_name: Option<ServerName<'static>>,
}

impl Origin {
    pub(super) fn parse(base: &str) -> Result<Self, UpstreamFault> {
        let uri: Uri = base.parse().map_err(|_| UpstreamFault::NotUrl)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(UpstreamFault::Scheme),
        };
        let authority = uri.authority().ok_or(UpstreamFault::Host)?;
        if authority.as_str().contains('@') {
            return Err(UpstreamFault::Credentials);
        }
        if uri.query().is_some() {
            return Err(UpstreamFault::Query);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(UpstreamFault::Host);
        }
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| UpstreamFault::NotUrl)?,
            None => {
                // What follows the host is a port that is none.
                if authority.as_str() != authority.host() {
                    return Err(UpstreamFault::NotUrl);
                }
                if secure { 443 } else { 80 }
            }
        };
        let server_name =
            if secure { Some(ServerName::try_from(host.clone()).map_err(|_| UpstreamFault::Host)?) } else { None };
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { host, port, authority: authority.as_str().to_owned(), prefix, server_name })
    }

    /// The host and its port, always, in the form of an authority.
    pub(super) fn host_and_port(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// True for a name that resolvers take for an IPv4 address (`2852039166`, `0xa9.254.43518`) and ask nobody about.
    pub(super) fn is_number(&self) -> bool {
        let last = self.host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")) {
            Some(digits) => is_hex(digits),
            None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_falls_into_its_parts() {
        let cases = [
            ("https://api.openai.com/v1", "api.openai.com", 443, "api.openai.com", "/v1", true),
            ("http://10.0.0.5:8000/v1/", "10.0.0.5", 8000, "10.0.0.5:8000", "/v1", false),
            ("http://[::1]:9", "::1", 9, "[::1]:9", "", false),
            ("https://[2001:db8::1]/a/b", "2001:db8::1", 443, "[2001:db8::1]", "/a/b", true),
        ];
        for (base, host, port, authority, prefix, secure) in cases {
            let origin = Origin::parse(base).unwrap();
            assert_eq!((origin.host.as_str(), origin.port), (host, port), "{base}");
            assert_eq!((origin.authority.as_str(), origin.prefix.as_str()), (authority, prefix), "{base}");
            assert_eq!(origin.server_name.is_some(), secure, "{base}");
        }
    }

    #[test]
    fn a_host_with_its_port_and_a_number_among_names() {
        for (base, expected) in [("https://h/v1", "h:443"), ("http://h", "h:80"), ("https://[::1]:9", "[::1]:9")] {
            assert_eq!(Origin::parse(base).unwrap().host_and_port(), expected);
        }
        for (host, number) in [
            ("2852039166", true),
            ("0xa9fea9fe", true),
            ("169.254.43518", true),
            ("169.254.0xa9fe.", true),
            ("10.0.0.1", true),
            ("h1", false),
            ("a9fe", false),
            ("10.example", false),
        ] {
            assert_eq!(Origin::parse(&format!("http://{host}")).unwrap().is_number(), number, "{host}");
        }
    }

    #[test]
    fn what_cannot_be_a_base_url_is_refused_with_the_reason() {
        let cases = [
            ("", UpstreamFault::NotUrl),
            ("http://", UpstreamFault::NotUrl),
            ("ftp://host/", UpstreamFault::Scheme),
            ("/v1", UpstreamFault::Scheme),
            ("http://user:secret@host/", UpstreamFault::Credentials),
            ("http://host/v1?x=1", UpstreamFault::Query),
            ("http://host:99999/", UpstreamFault::NotUrl),
            ("https://a_b..c/", UpstreamFault::Host),
        ];
        for (base, fault) in cases {
            assert_eq!(Origin::parse(base).unwrap_err(), fault, "{base}");
        }
    }
}
