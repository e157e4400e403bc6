//! A file mapped for shared writing, reached only through bounds-checked copies and atomics. All unsafe code that
//! touches mapped memory is here.
//!
//! The contract with callers: plain bytes are written by one thread at a time per range (a reserved slot has one
//! owner) and are read through the map only by the owner of the range or while no one else can write (recovery).
//! Words shared between threads or processes go through the atomic accessors. Other processes read with `pread`.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

pub(crate) struct Map {
    raw: MmapRaw,
}

impl Map {
    /// Maps the whole file, whose length must already be final.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        Ok(Self { raw: MmapOptions::new().map_raw(file)? })
    }

    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// Copies bytes in. The caller owns the range.
    pub(crate) fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at <= self.len() && bytes.len() <= self.len() - at, "write outside the map");
        // SAFETY: the range lies inside the mapping (checked above), which lives as long as `self`; the source is a
        // Rust slice and cannot overlap it; the caller owns the range, so there is no concurrent access in Rust.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.raw.as_mut_ptr().add(at), bytes.len()) }
    }

    /// Copies bytes out. The caller owns the range, or nobody writes.
    pub(crate) fn read(&self, at: usize, out: &mut [u8]) {
        assert!(at <= self.len() && out.len() <= self.len() - at, "read outside the map");
        // SAFETY: as for `write`, in the other direction.
        unsafe { std::ptr::copy_nonoverlapping(self.raw.as_ptr().add(at), out.as_mut_ptr(), out.len()) }
    }

    /// The 32-bit word at a multiple of four.
    pub(crate) fn word32(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= self.len(), "word outside the map");
        // SAFETY: inside the mapping and aligned (a mapping starts at a page); the mapping outlives the reference;
        // this word is only ever reached through atomics while shared.
        unsafe { AtomicU32::from_ptr(self.raw.as_mut_ptr().add(at).cast()) }
    }

    /// The 64-bit word at a multiple of eight.
    pub(crate) fn word64(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.len(), "word outside the map");
        // SAFETY: as for `word32`.
        unsafe { AtomicU64::from_ptr(self.raw.as_mut_ptr().add(at).cast()) }
    }

    /// Stores a little-endian word after everything this thread wrote before it.
    pub(crate) fn publish32(&self, at: usize, value: u32) {
        self.word32(at).store(value.to_le(), Ordering::Release);
    }

    /// Waits until the file's changed pages are on disk.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.raw.flush()
    }
}
