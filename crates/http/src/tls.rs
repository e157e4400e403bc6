//! TLS on both sides: what we trust when we call out, and the certificate we show. Owns the rustls configurations;
//! knows nothing of HTTP beyond the ALPN names.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why a TLS configuration could not be made. Never quotes key material.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}: {reason}")]
    File { path: String, reason: String },
    #[error("no certificate found in {0}")]
    NoCertificate(String),
    #[error("{0}")]
    Config(#[from] rustls::Error),
}

/// What we trust when we call a provider. Cheap to clone.
#[derive(Clone)]
pub struct ClientTls(pub(crate) Arc<ClientConfig>);

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ClientTls")
    }
}

/// The certificate we show, and its key. Cheap to clone.
#[derive(Clone)]
pub struct ServerTls(pub(crate) Arc<ServerConfig>);

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ServerTls")
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The system's trust store (or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name). A system without one yields an empty
/// store: providers reached by plain HTTP still work, the others fail at their handshake.
///
/// # Errors
/// When rustls cannot build a configuration at all.
pub fn client_tls() -> Result<ClientTls, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientTls::with_roots(roots)
}

impl ClientTls {
    /// Trusts exactly the certificates in `pem`: a private authority, or a test's own.
    ///
    /// # Errors
    /// When `pem` holds no certificate.
    pub fn trusting(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TlsError::NoCertificate("the trusted certificates".into()));
        }
        Self::with_roots(roots)
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, TlsError> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl ServerTls {
    /// Reads a certificate chain and its key from PEM files.
    ///
    /// # Errors
    /// When a file cannot be read, holds nothing of use, or key and certificate do not belong together.
    pub fn from_files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map_err(|error| TlsError::File { path: path.display().to_string(), reason: error.to_string() })
        };
        Self::from_pem(&read(certificate.as_ref())?, &read(key.as_ref())?)
    }

    /// The same from PEM text in memory.
    ///
    /// # Errors
    /// As [`ServerTls::from_files`].
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate).filter_map(Result::ok).collect();
        if chain.is_empty() {
            return Err(TlsError::NoCertificate("the server's certificate file".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::File { path: "private key".into(), reason: error.to_string() })?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_from_files_is_taken_and_mismatches_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (
            rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap(),
            rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap(),
        );
        let (certificate, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
        std::fs::write(&certificate, one.cert.pem()).unwrap();
        std::fs::write(&key, one.signing_key.serialize_pem()).unwrap();
        assert!(ServerTls::from_files(&certificate, &key).is_ok());
        assert!(ServerTls::from_pem(one.cert.pem().as_bytes(), other.signing_key.serialize_pem().as_bytes()).is_err());
        let missing = ServerTls::from_files(dir.path().join("none"), &key).unwrap_err();
        assert!(missing.to_string().contains("none"), "{missing}");
        assert!(matches!(ServerTls::from_pem(b"", b""), Err(TlsError::NoCertificate(_))));
    }

    #[test]
    fn the_key_is_in_no_debug_output() {
        assert_eq!(format!("{:?}", client_tls().unwrap()), "ClientTls");
        assert!(matches!(ClientTls::trusting(b"nothing"), Err(TlsError::NoCertificate(_))));
    }
}
