//! The usage journal: mapped segments, requests in flight, recovery, and the fold.
