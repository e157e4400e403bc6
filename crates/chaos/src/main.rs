//! `paceline-chaos`: the whole matrix, with progress, a table by axis, and for whatever does not hold the name that shows
//! it again. Owns the command line; what is played and judged is the library's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paceline_chaos::case::{Case, Traffic};
use paceline_chaos::matrix::{Density, cases};
use paceline_chaos::play::{once, play, shuffled};
use paceline_chaos::{Stage, Tally};
use paceline_testkit::Held;
use parking_lot::Mutex;

const HELP: &str = "\
paceline-chaos: every fault of a provider, every way a caller leaves, and what must hold all the same

usage: paceline-chaos [options]
  --seed N         what is drawn at random follows from it (default: from the clock, and printed)
  --case NAME      plays one case, or all whose name contains NAME, and says what was seen
  --traffic NAME   only this kind of traffic (may be repeated): plain, retry, fallback, hedge, limits, assembled, cache, http2
  --sampled N      about N cuts and leavings of each kind of answer instead of every byte
  --callers N      callers at once (default 96)
  --list           prints the names of the cases and plays none
  --help           this text

exit code: 0 when everything held, 1 when something did not, 2 when the command line makes no sense
example:   paceline-chaos --case chat.stream.cut@123.always.stays.plain";

/// Between two lines of progress where there is no terminal to redraw.
const LINES_EVERY: Duration = Duration::from_secs(5);

struct Options {
    seed: u64,
    case: Option<String>,
    traffic: Vec<Traffic>,
    density: Density,
    callers: usize,
    list: bool,
}

impl Options {
    fn asks_for(&self, traffic: Traffic) -> bool {
        match self.case.as_deref().and_then(|name| name.parse::<Case>().ok()) {
            Some(case) => case.traffic == traffic,
            None if self.traffic.is_empty() => traffic.is_there(),
            None => self.traffic.contains(&traffic),
        }
    }
}

fn main() -> ExitCode {
    let options = match read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("paceline-chaos: {what}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let sound = runtime.block_on(run(&options));
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut options = Options {
        seed: u64::from(clock.subsec_micros()),
        case: None,
        traffic: Vec::new(),
        density: Density::Full,
        callers: 96,
        list: false,
    };
    while let Some(option) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{option} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text:?} is not a number"));
        match &*option {
            "--help" | "-h" => return Ok(None),
            "--list" => options.list = true,
            "--seed" => options.seed = number(value()?)?,
            "--case" => options.case = Some(value()?),
            "--callers" => options.callers = usize::try_from(number(value()?)?.clamp(1, 4096)).unwrap_or(96),
            "--sampled" => options.density = Density::Sampled(u32::try_from(number(value()?)?).unwrap_or(u32::MAX)),
            "--traffic" => {
                let name = value()?;
                let found = Traffic::ALL.into_iter().find(|traffic| traffic.name() == name);
                options.traffic.push(found.ok_or_else(|| format!("{name:?} is no kind of traffic"))?);
            }
            _ => return Err(format!("unknown option {option}")),
        }
    }
    Ok(Some(options))
}

/// Plays what was asked for; true when everything held.
async fn run(options: &Options) -> bool {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let begun = Instant::now();
    for traffic in Traffic::ALL {
        if options.asks_for(traffic) {
            stage(options, traffic, &tally).await;
        }
    }
    if options.list {
        return true;
    }
    let tally = tally.lock();
    if tally.cases() == 0 {
        eprintln!("no such case");
        return false;
    }
    println!("{}", tally.table());
    println!("{} cases in {:.1} s, seed {}", tally.cases(), begun.elapsed().as_secs_f64(), options.seed);
    print!("{}", tally.findings(options.seed));
    tally.is_sound()
}

/// Plays the cases of one kind of traffic.
async fn stage(options: &Options, traffic: Traffic, tally: &Arc<Mutex<Tally>>) {
    let before = Held::now();
    let stage = Arc::new(Stage::start(traffic, options.callers));
    let cases = match options.case.as_deref().and_then(|name| name.parse::<Case>().ok()) {
        Some(case) if case.traffic == traffic => vec![case],
        Some(_) => Vec::new(),
        None => {
            let part = options.case.as_deref().unwrap_or_default();
            let mut cases = cases(&stage, options.density, options.seed).await;
            cases.retain(|case| part.is_empty() || case.to_string().contains(part));
            shuffled(cases, options.seed)
        }
    };
    if options.list {
        cases.iter().for_each(|case| println!("{case}"));
    } else if let [case] = cases[..] {
        show(&stage, case, tally).await;
    } else if !cases.is_empty() {
        let mut progress = Progress::new(traffic.name(), cases.len());
        let into = Arc::clone(tally);
        let done = move |played| {
            let mut tally = into.lock();
            tally.add(&played);
            progress.step(tally.breaches.len());
        };
        play(&stage, cases, options.callers, done).await;
    }
    for what in stage.left_behind().await {
        tally.lock().add_stage(traffic.name(), what);
    }
    Arc::into_inner(stage).expect("nobody plays any more").stop().await;
    let after = before.returned().await;
    if after.tasks > before.tasks || after.open_files > before.open_files {
        tally
            .lock()
            .add_stage(traffic.name(), format!("left behind at the end: {after:?} where there were {before:?}"));
    }
}

/// One case alone, with what was seen.
async fn show(stage: &Stage, case: Case, tally: &Mutex<Tally>) {
    let played = once(stage, case, "c0").await;
    println!("{case}\n  seen: {:?}", played.found);
    if let Some(stop_ns) = played.stop_ns {
        println!("  the provider was told to stop after {} µs", stop_ns / 1000);
    }
    tally.lock().add(&played);
}

/// How far a stage is: redrawn on a terminal, a line now and then elsewhere.
struct Progress {
    name: &'static str,
    all: usize,
    done: usize,
    said: Instant,
    begun: Instant,
    redraws: bool,
}

impl Progress {
    fn new(name: &'static str, all: usize) -> Self {
        let now = Instant::now();
        Self { name, all, done: 0, said: now, begun: now, redraws: std::io::stderr().is_terminal() }
    }

    fn step(&mut self, breaches: usize) {
        self.done += 1;
        let every = if self.redraws { Duration::from_millis(100) } else { LINES_EVERY };
        if self.said.elapsed() < every && self.done != self.all {
            return;
        }
        self.said = Instant::now();
        let (start, end) =
            if self.redraws { ("\r", if self.done == self.all { "\n" } else { "" }) } else { ("", "\n") };
        let rate = self.done as f64 / self.begun.elapsed().as_secs_f64();
        eprint!(
            "{start}{:<10} {:>7} of {} cases, {rate:.0} a second, {breaches} breaches {end}",
            self.name, self.done, self.all
        );
        let _ = std::io::stderr().flush();
    }
}
