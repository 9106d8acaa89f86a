//! TLS to the database, with a verified server certificate.

use std::sync::LazyLock;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Returns a TLS connector that trusts this machine's authorities.
pub(crate) fn verified() -> MakeRustlsConnect {
    static CONFIG: LazyLock<ClientConfig> = LazyLock::new(|| {
        // The first caller in the process wins; all callers install the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let found = rustls_native_certs::load_native_certs();
        for error in found.errors {
            tracing::warn!(%error, "authority certificate skipped: it cannot be read");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    });
    MakeRustlsConnect::new(CONFIG.clone())
}
