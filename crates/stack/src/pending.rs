//! Stand-ins for parts that other crates are about to own; each goes with the part's arrival.
#![allow(dead_code, clippy::unused_self, clippy::unnecessary_wraps)]

use paceline_plan::Plan;
use paceline_types::Failure;

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
