//! Stand-ins for parts that other crates are about to own; each goes with the part's arrival.
#![allow(dead_code, clippy::unused_self, clippy::unnecessary_wraps)]

use bytes::Bytes;
use paceline_plan::Plan;
use paceline_providers::{Edits, RequestFacts};
use paceline_types::{Api, Dialect, Failure};

pub(crate) enum ErrorKind {
    ContextTooLong,
    ContentFiltered,
    QuotaExhausted,
    Other,
}

pub(crate) fn error_kind(_: Dialect, _: u16, _: &[u8]) -> ErrorKind {
    ErrorKind::Other
}

pub(crate) struct Assembler;

impl Assembler {
    pub(crate) fn new(_: Api) -> Self {
        Self
    }
    pub(crate) fn push(&mut self, _: &[u8]) {}
    pub(crate) fn finish(self) -> Result<Bytes, ()> {
        Err(())
    }
}

pub(crate) fn assemblable(_: Api, _: &RequestFacts, _: &[u8]) -> bool {
    false
}

pub(crate) struct Regions {
    pub tools: u64,
    pub system: u64,
    pub first_message: u64,
    pub histories: Vec<u64>,
    pub prefix_bytes: usize,
}

pub(crate) fn regions(_: Api, _: &[u8], _: &RequestFacts) -> Option<Regions> {
    None
}

pub(crate) trait PendingEdits {
    fn priority(&mut self, _: i64) -> bool {
        false
    }
    fn prompt_cache_key(&mut self, _: &str) -> bool {
        false
    }
    fn stream_on(&mut self) {}
    fn mark_prefix(&mut self, _: &Regions) -> bool {
        false
    }
}

impl PendingEdits for Edits<'_> {}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub mono_ns: u64,
    pub unix_s: u64,
}

#[derive(Default)]
pub(crate) struct Limits;

impl Limits {
    pub(crate) fn bind(&self, _: &Plan, _: Now) -> Bound {
        Bound
    }
}

pub(crate) struct Bound;

pub(crate) struct Reserved;

impl Reserved {
    pub(crate) fn add_deployment(&mut self, _: usize, _: Now) -> Result<(), Box<Failure>> {
        Ok(())
    }
    pub(crate) fn drop_deployment(&mut self, _: Now) {}
    pub(crate) fn settle(&mut self, _: Now, _: u64, _: Option<i64>, _: i64) {}
}
