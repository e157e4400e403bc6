//! What the allocator keeps for the next request. By default glibc gives a freed prompt of some hundred kilobytes back
//! to the system and faults it in again, page by page, for the next one: a third of the CPU such a request costs.

/// Freed memory at an arena's end that is kept: a few large prompts.
const KEPT_BYTES: i32 = 8 << 20;
/// Larger blocks are mapped for themselves and given back at once.
const MAPPED_FROM_BYTES: i32 = 4 << 20;

/// Tells glibc to keep memory between large requests; elsewhere nothing happens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn keep_between_requests() {
    // SAFETY: mallopt takes two integers, may be called at any time, and a value it does not like changes nothing.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_between_requests() {}
