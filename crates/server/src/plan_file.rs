//! The last accepted plan on disk, so that a restart needs no control process.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use paceline_plan::Plan;

use crate::log;

const NAME: &str = "plan.json";

/// The plan of `data_dir`, if there is a sound one.
pub(crate) fn read(data_dir: &Path) -> Option<Plan> {
    let bytes = std::fs::read(data_dir.join(NAME)).ok()?;
    match Plan::read(&bytes) {
        Ok(plan) => Some(plan),
        Err(fault) => {
            log(&format!("plan.json not taken: {}: {} ({})", fault.path, fault.message, fault.hint));
            None
        }
    }
}

/// Replaces the plan of `data_dir` in one step; readable by its owner only, since it holds key hashes.
pub(crate) fn write(data_dir: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = data_dir.join(format!("{NAME}.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, data_dir.join(NAME))?;
    File::open(data_dir)?.sync_all()
}
