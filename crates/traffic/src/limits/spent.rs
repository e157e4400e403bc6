//! What the ledger knows of money spent, as the control process hands it over. With the journal behind its positions it
//! makes money limits exact over restarts; with other gateways' money in it, several gateways see each other.

use std::sync::Arc;

use paceline_policy::{Subject, day_of};
use serde::Deserialize;

use super::counter::Whose;
use super::{Limits, Now};

/// Format this build reads.
const FORMAT: u32 = 1;

/// Money spent through all gateways of one ledger, by day and month, and how far into each journal that is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    pub format: u32,
    /// Whole days since 1970.
    pub day: u64,
    /// Year and month.
    pub month: (u64, u64),
    pub positions: Vec<Reached>,
    pub totals: Vec<Total>,
}

/// Everything before this slot of this segment of a gateway's journal is counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    pub gateway: String,
    pub segment: u64,
    pub slot: u32,
}

/// One subject's money in nano-dollars.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    pub kind: String,
    pub name: String,
    pub day_nanousd: i64,
    pub month_nanousd: i64,
}

/// Money of one record behind the positions.
#[derive(Clone, Copy, Debug)]
pub struct TailSpent<'a> {
    pub subject: Subject,
    pub name: &'a str,
    pub unix_s: u64,
    pub nanousd: i64,
}

impl Spent {
    /// True for a form this build reads.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.format == FORMAT
    }

    /// How far a gateway's journal is counted.
    #[must_use]
    pub fn reached(&self, gateway: &str) -> Option<&Reached> {
        self.positions.iter().find(|reached| reached.gateway == gateway)
    }

    /// The day's and the month's money where they are still the present ones.
    fn present(&self, total: &Total, now: Now) -> [i64; 2] {
        let same_day = self.day == day_of(now.unix_s);
        let same_month = self.month.0 * 12 + self.month.1 - 1 == paceline_policy::month_of(now.unix_s);
        [if same_day { total.day_nanousd } else { 0 }, if same_month { total.month_nanousd } else { 0 }]
    }
}

impl Limits {
    /// Begins the count of money: what the ledger knows, and what stands in the journal behind it.
    pub fn start_spent<'a>(&self, spent: &Spent, tail: impl Iterator<Item = TailSpent<'a>>, now: Now) {
        self.set(spent, now, |_, _| Whose::Own);
        for each in tail {
            self.counter(each.subject, each.name).add_spent(now, each.unix_s, each.nanousd);
        }
    }

    /// Takes over what other gateways spent. `tail` is what this one has in its journal behind the ledger's position: by
    /// subject and name, `[day, month]`.
    pub fn follow_spent(&self, spent: &Spent, tail: impl Fn(Subject, &str) -> [i64; 2], now: Now) {
        if spent.positions.len() > 1 {
            self.set(spent, now, |subject, name| Whose::All { tail: tail(subject, name) });
        }
    }

    fn set(&self, spent: &Spent, now: Now, whose: impl Fn(Subject, &str) -> Whose) {
        for total in &spent.totals {
            let Some(subject) = Subject::from_name(&total.kind) else { continue };
            let told = spent.present(total, now);
            self.counter(subject, &total.name).set_spent(now, told, whose(subject, &total.name));
        }
    }

    fn counter(&self, subject: Subject, name: &str) -> Arc<super::Counter> {
        Arc::clone(self.counters.lock().entry((subject, name.into())).or_default())
    }
}
