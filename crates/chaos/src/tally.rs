//! Counts of what was played, by the values of each axis, and the table of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::expect::Ending;
use crate::judge::Found;
use crate::play::Played;

/// Breaches of a kind that are printed.
const SHOWN: usize = 3;
/// By which breaches of a fault are told apart.
const KIND_LETTERS: usize = 40;

/// One line of the table.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    cases: u64,
    exact: u64,
    mended: u64,
    refused: u64,
    broken: u64,
    left: u64,
    unsound: u64,
}

/// What was played so far.
#[derive(Debug, Default)]
pub struct Tally {
    all: Line,
    by_axis: BTreeMap<(usize, &'static str, &'static str), Line>,
    /// Case names with what does not hold.
    pub breaches: Vec<(String, String)>,
    stops_ns: Vec<u64>,
}

impl Tally {
    /// Counts one case.
    pub fn add(&mut self, played: &Played) {
        self.all.add(played);
        for (place, (axis, value)) in played.case.axes().into_iter().enumerate() {
            self.by_axis.entry((place, axis, value)).or_default().add(played);
        }
        let name = played.case.to_string();
        self.breaches.extend(played.breaches.iter().map(|breach| (name.clone(), breach.what.clone())));
        self.stops_ns.extend(played.stop_ns);
    }

    /// Adds what is wrong with a whole stage.
    pub fn add_stage(&mut self, stage: &str, what: String) {
        self.breaches.push((stage.to_owned(), what));
    }

    #[must_use]
    pub const fn cases(&self) -> u64 {
        self.all.cases
    }

    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.breaches.is_empty()
    }

    /// The table by axis, and how soon providers were told to stop.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        let head = ["", "cases", "exact", "mended", "refused", "broken", "left", "unsound"];
        let _ = writeln!(
            out,
            "{:<28}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]
        );
        let mut before = "";
        for ((_, axis, value), line) in &self.by_axis {
            if *axis != before {
                let _ = writeln!(out, "{axis}");
                before = axis;
            }
            let _ = writeln!(out, "  {value:<26}{}", line.text());
        }
        let _ = writeln!(out, "{:<28}{}", "all", self.all.text());
        let mut stops = self.stops_ns.clone();
        stops.sort_unstable();
        if let Some(most) = stops.last() {
            let at = |share: usize| stops[(stops.len() - 1) * share / 1000] as f64 / 1e6;
            let most = *most as f64 / 1e6;
            let _ = writeln!(
                out,
                "told to stop after the caller left: {} requests, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, most {most:.2} ms",
                stops.len(),
                at(500),
                at(990),
                at(999)
            );
        }
        out
    }

    /// The breaches, some of each kind, each with what plays it again.
    #[must_use]
    pub fn findings(&self, seed: u64) -> String {
        let mut kinds: BTreeMap<(String, String), Vec<&(String, String)>> = BTreeMap::new();
        for breach in &self.breaches {
            let fault = breach.0.split('.').nth(2).unwrap_or(&breach.0);
            let fault = fault.split('@').next().unwrap_or(fault).to_owned();
            let words: String = breach.1.chars().filter(|letter| letter.is_alphabetic()).take(KIND_LETTERS).collect();
            kinds.entry((fault, words)).or_default().push(breach);
        }
        let mut out = String::new();
        for alike in kinds.values() {
            for (name, what) in alike.iter().take(SHOWN) {
                let _ = writeln!(out, "BREACH {name} --seed {seed}\n    {what}");
            }
            if alike.len() > SHOWN {
                let _ = writeln!(out, "    and {} more like it", alike.len() - SHOWN);
            }
        }
        out
    }
}

impl Line {
    fn add(&mut self, played: &Played) {
        self.cases += 1;
        let place = match played.found {
            _ if !played.breaches.is_empty() => &mut self.unsound,
            Found::Left => &mut self.left,
            Found::Unsound => &mut self.unsound,
            Found::As(Ending::Exact | Ending::Told) => &mut self.exact,
            Found::As(Ending::Mended) => &mut self.mended,
            Found::As(Ending::Refused(_)) => &mut self.refused,
            Found::As(Ending::Broken(_)) => &mut self.broken,
        };
        *place += 1;
    }

    fn text(&self) -> String {
        let Self { cases, exact, mended, refused, broken, left, unsound } = self;
        format!("{cases:>9}{exact:>9}{mended:>9}{refused:>9}{broken:>9}{left:>9}{unsound:>9}")
    }
}
