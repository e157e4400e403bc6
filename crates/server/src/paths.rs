//! The data directory's files. The admin socket falls back to the temporary directory where the data directory's own
//! path is too long for a socket address; `paceline.gateway.link` in Python follows the same rule.

use std::fmt::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ServeError;

/// Longest path taken as a socket address (the system's bound is 107 bytes).
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// Makes the directory (mode 0700) when it is not there.
pub(crate) fn ready(data_dir: &Path) -> Result<(), ServeError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|source| ServeError::Data { path: data_dir.display().to_string(), source })
}

/// The admin socket of the gateway that owns `data_dir`.
#[must_use]
pub fn socket_path(data_dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_path_buf());
    let inside = absolute.join("gateway.sock");
    if inside.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return inside;
    }
    let digest = Sha256::digest(absolute.as_os_str().as_encoded_bytes());
    let mut name = String::from("paceline-");
    for byte in &digest[..8] {
        let _ = write!(name, "{byte:02x}");
    }
    std::env::temp_dir().join(name + ".sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_data_directory_gets_a_short_socket_of_its_own() {
        assert_eq!(socket_path(Path::new("/srv/data")), Path::new("/srv/data/gateway.sock"));
        let long = Path::new("/srv").join("x".repeat(120));
        let other = Path::new("/srv").join("y".repeat(120));
        let socket = socket_path(&long);
        assert!(socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX, "{}", socket.display());
        assert_ne!(socket, socket_path(&other));
    }
}
