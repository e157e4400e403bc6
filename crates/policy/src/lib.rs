//! Pure decisions of (plan, request facts, clock); no I/O.
