//! Why a journal could not be opened, extended or read. Messages name files, never their contents.

use std::io;
use std::path::{Path, PathBuf};

use paceline_types::RecordError;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is in use by another gateway; give each gateway its own data directory")]
    Locked { path: PathBuf },
    #[error("{path} is not a journal file of this format: {what}")]
    Format { path: PathBuf, what: &'static str },
    #[error("{path}, slot {slot}: {source}; upgrade the control process")]
    Newer {
        path: PathBuf,
        slot: u32,
        #[source]
        source: RecordError,
    },
    #[error("the journal has reached its disk bound of {bytes_max} bytes")]
    Full { bytes_max: u64 },
}

impl JournalError {
    /// True when the disk or its bound has no room, which passes; other errors want a person.
    pub(crate) fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }

    /// For `map_err`: an I/O error with the file it happened on.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}
