//! The money that limits start from: what the ledger knows (`spent.json`) and what stands in the journals behind it.
//! Together they are exact at any moment, since the file is replaced before records it counts are deleted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use paceline_journal::{Entry, Reader, segments};
use paceline_plan::Plan;
use paceline_policy::{Subject, day_of, month_of};
use paceline_traffic::{Now, Spent, TailSpent};
use paceline_types::UsageRecord;

/// What one record costs one subject.
pub(crate) struct Part {
    subject: Subject,
    name: String,
    unix_s: u64,
    nanousd: i64,
}

impl Part {
    pub(crate) fn as_tail(&self) -> TailSpent<'_> {
        TailSpent { subject: self.subject, name: &self.name, unix_s: self.unix_s, nanousd: self.nanousd }
    }
}

/// The file as the control process wrote it last; an empty one when there is none yet.
pub(crate) fn read(data_dir: &Path) -> Spent {
    let text = std::fs::read(data_dir.join("spent.json")).unwrap_or_default();
    parse(&text).unwrap_or_else(|| Spent {
        format: 1,
        day: 0,
        month: (1970, 1),
        positions: Vec::new(),
        totals: Vec::new(),
    })
}

/// The file and what the journals hold behind it, of one moment: the control process may replace the one and delete
/// segments of the other in between, so both are read again until the file is the same before and after.
pub(crate) fn read_with_tail(data_dir: &Path, plan: Option<&Plan>) -> (Spent, Vec<Part>) {
    let mut spent = read(data_dir);
    loop {
        let tail = tail(data_dir, &spent, plan);
        let again = read(data_dir);
        if again == spent {
            return (spent, tail);
        }
        spent = again;
    }
}

pub(crate) fn parse(bytes: &[u8]) -> Option<Spent> {
    serde_json::from_slice(bytes).ok().filter(Spent::is_readable)
}

/// Every journal of a data directory: a gateway that takes over from another has one of its own.
pub(crate) fn journals(data_dir: &Path) -> Vec<PathBuf> {
    crate::JOURNALS.iter().map(|name| data_dir.join(name)).filter(|path| path.is_dir()).collect()
}

/// What the journals hold behind the ledger's positions, by subject.
pub(crate) fn tail(data_dir: &Path, spent: &Spent, plan: Option<&Plan>) -> Vec<Part> {
    let mut parts = Vec::new();
    for journal in journals(data_dir) {
        let Ok(found) = segments(&journal) else { continue };
        for segment in found {
            read_segment(&segment.path, spent, plan, &mut parts);
        }
    }
    parts
}

fn read_segment(path: &Path, spent: &Spent, plan: Option<&Plan>, parts: &mut Vec<Part>) {
    let Ok(header) = Reader::open(path, 0) else { return };
    let gateway: String = header.gateway().iter().map(|byte| format!("{byte:02x}")).collect();
    let from = match spent.reached(&gateway) {
        Some(reached) if header.sequence() < reached.segment => return,
        Some(reached) if header.sequence() == reached.segment => reached.slot,
        _ => 0,
    };
    let Ok(mut reader) = Reader::open(path, from) else { return };
    while let Ok(Some(entry)) = reader.advance() {
        if let Entry::Record(record) = entry {
            add(&record, plan, parts);
        }
    }
}

fn add(record: &UsageRecord, plan: Option<&Plan>, parts: &mut Vec<Part>) {
    let nanousd = record.cost_nanousd.max(0).saturating_add(record.other_cost_nanousd.max(0));
    if nanousd == 0 {
        return;
    }
    let unix_s = record.start_unix_us / 1_000_000;
    let team = plan.and_then(|plan| plan.services[plan.service(&record.service)?].owner.as_deref());
    let subjects = [
        (Subject::Key, &*record.key),
        (Subject::Service, &*record.service),
        (Subject::UseCase, &*record.use_case),
        (Subject::Team, team.unwrap_or_default()),
        (Subject::Deployment, &*record.deployment),
    ];
    for (subject, name) in subjects.into_iter().filter(|(_, name)| !name.is_empty()) {
        parts.push(Part { subject, name: name.to_owned(), unix_s, nanousd });
    }
}

/// The tail's sums of the present day and month.
pub(crate) fn sums(parts: &[Part], now: Now) -> HashMap<(Subject, String), [i64; 2]> {
    let mut sums: HashMap<(Subject, String), [i64; 2]> = HashMap::new();
    for part in parts {
        let sum = sums.entry((part.subject, part.name.clone())).or_default();
        if day_of(part.unix_s) == day_of(now.unix_s) {
            sum[0] += part.nanousd;
        }
        if month_of(part.unix_s) == month_of(now.unix_s) {
            sum[1] += part.nanousd;
        }
    }
    sums
}
