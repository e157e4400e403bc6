//! Tests of the parts that parse, without sockets. Those of the whole half drive real sockets, in `tests/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chunked;
mod head;
mod oracle;
mod request;
