//! From a segment to the rows the ledger stores.
