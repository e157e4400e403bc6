//! The journal's directory: whose it is, which segments lie in it, and the lock that keeps a second gateway out.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::layout::sequence_of;
use crate::{JournalError, os};

/// One segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    pub sequence: u64,
    pub path: PathBuf,
    pub bytes: u64,
}

/// The segment files of a journal, oldest first.
///
/// # Errors
/// When the directory cannot be read. A file that vanishes meanwhile (ingest deletes) is left out.
pub fn segments(directory: &Path) -> Result<Vec<SegmentFile>, JournalError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(JournalError::io(directory))? {
        let entry = entry.map_err(JournalError::io(directory))?;
        let Some(sequence) = entry.file_name().to_str().and_then(sequence_of) else { continue };
        if let Ok(facts) = entry.metadata() {
            found.push(SegmentFile { sequence, path: entry.path(), bytes: facts.len() });
        }
    }
    found.sort_by_key(|file| file.sequence);
    Ok(found)
}

/// The locked directory. The lock ends when this is dropped or the process dies.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    /// Names this journal in the ledger; positions count per gateway.
    pub(crate) gateway: [u8; 16],
    _lock: File,
}

impl Directory {
    /// Locks the directory, making it if need be. A directory without segments and without a table of requests in
    /// flight gets a new identity: its sequence numbers start again, which must not meet the old ones' positions.
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        fs::create_dir_all(path).map_err(JournalError::io(path))?;
        let name = path.join("gateway");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&name)
            .map_err(JournalError::io(&name))?;
        if !os::lock(&file).map_err(JournalError::io(&name))? {
            return Err(JournalError::Locked { path: path.to_owned() });
        }
        remove_unfinished(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(JournalError::io(&name))?;
        let fresh = !path.join(TABLE).exists() && segments(path)?.is_empty();
        let gateway = match from_hex(text.trim()) {
            Some(known) if !fresh => known,
            _ => write_identity(&mut file).map_err(JournalError::io(&name))?,
        };
        sync_directory(path)?;
        Ok(Self { path: path.to_owned(), gateway, _lock: file })
    }

    pub(crate) fn table(&self) -> PathBuf {
        self.path.join(TABLE)
    }
}

const TABLE: &str = "in-flight.map";

/// Makes names that were created or removed in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> Result<(), JournalError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(JournalError::io(path))
}

/// Files appear under their names only when they are whole; what a kill left half-made goes away here.
fn remove_unfinished(path: &Path) -> Result<(), JournalError> {
    for entry in fs::read_dir(path).map_err(JournalError::io(path))? {
        let entry = entry.map_err(JournalError::io(path))?.path();
        if entry.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&entry).map_err(JournalError::io(&entry))?;
        }
    }
    Ok(())
}

fn write_identity(file: &mut File) -> std::io::Result<[u8; 16]> {
    let mut gateway = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut gateway)?;
    let text: String = gateway.iter().map(|byte| format!("{byte:02x}")).collect();
    file.set_len(0)?;
    std::io::Seek::rewind(file)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok(gateway)
}

fn from_hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut out = [0; 16];
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gateway_is_kept_out_and_identity_lasts_only_with_its_history() {
        let home = tempfile::tempdir().unwrap();
        let first = Directory::open(home.path()).unwrap();
        assert!(matches!(Directory::open(home.path()), Err(JournalError::Locked { .. })));
        let identity = first.gateway;
        drop(first);
        fs::write(home.path().join(TABLE), b"x").unwrap();
        fs::write(home.path().join("segment-0000000000000003.jnl.tmp"), b"half").unwrap();
        assert_eq!(Directory::open(home.path()).unwrap().gateway, identity);
        assert!(segments(home.path()).unwrap().is_empty());
        assert!(!home.path().join("segment-0000000000000003.jnl.tmp").exists());
        fs::remove_file(home.path().join(TABLE)).unwrap();
        assert_ne!(Directory::open(home.path()).unwrap().gateway, identity);
    }
}
