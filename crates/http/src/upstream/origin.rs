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
