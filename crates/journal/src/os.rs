//! Two system calls that the standard library of our minimum Rust lacks: a lock on a file and reserving disk space.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Takes the file's exclusive lock; `false` when another process holds it. It ends with the file or the process.
pub(crate) fn lock(file: &File) -> io::Result<bool> {
    // SAFETY: the descriptor is open for as long as `file` is borrowed; flock takes no pointers.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::EWOULDBLOCK) { Ok(false) } else { Err(error) }
}

/// Gives the file its length with disk blocks behind it, so that a full disk is an error here rather than a
/// SIGBUS at some later store. Where the file system cannot reserve, the blocks are written.
pub(crate) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the descriptor is open for as long as `file` is borrowed; posix_fallocate takes no pointers.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = length;
        let mut file = file;
        io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut file).map(|_| ())
    }
}
