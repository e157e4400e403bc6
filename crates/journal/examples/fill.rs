//! Writes N synthetic usage records into a journal: `cargo run -p paceline-journal --example fill -- DIR N [SEED]`.
//! Three services, four series, streamed chat mostly, one in a hundred failed; records spread over the last ten minutes.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paceline_journal::{Journal, Options};
use paceline_types::{Api, Flags, LimitMask, Metric, Outcome, Percentile, RequestId, TokenSource, Tokens, UsageRecord};

const SERIES: [(&str, &str, &str, &str); 4] = [
    ("helpdesk", "support-chat", "small", "sim/small-8b"),
    ("editor", "code-complete", "fast", "sim/fast-3b"),
    ("helpdesk", "summarise", "small", "sim/small-8b"),
    ("agent", "coding-agent", "large", "sim/large-70b"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fill DIR N [SEED]".into());
    };
    let count: u64 = count.parse()?;
    let mut dice = Dice(arguments.next().map_or(Ok(7), |seed| seed.parse())?);
    let options =
        Options { segment_bytes: 16 << 20, bytes_max: 8 << 30, in_flight_max: 256, sync: Duration::from_secs(1) };
    let (journal, _) = Journal::open(Path::new(&directory), options)?;
    let end_us = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    for index in 0..count {
        let record = record(&mut dice, end_us - 600_000_000 * (count - index) / count);
        let slot = journal.begin(&record);
        if !journal.finish(slot, &record) {
            return Err("the journal is full".into());
        }
    }
    println!("{}", journal.status().appended);
    journal.close();
    Ok(())
}

fn record(dice: &mut Dice, start_us: u64) -> UsageRecord {
    let (service, use_case, model, deployment) = SERIES[dice.below(4) as usize];
    let id = RequestId::new(start_us / 1000, u128::from(dice.next()) << 64 | u128::from(dice.next()));
    let mut record = UsageRecord::begin(id, start_us, Api::Chat);
    record.plan = 0x0123_4567_89ab_cdef;
    record.outcome = Outcome::Ok;
    record.status = 200;
    record.provider_status = 200;
    record.attempts = 1;
    record.flags.set(Flags::STREAMED);
    record.body_us = 120;
    record.sent_us = 180;
    record.headers_us = 20_000;
    record.ttft_us = 100_000 + dice.below(900_000);
    record.ttfv_us = record.ttft_us;
    record.first_us = record.ttft_us;
    record.visible_us = record.ttft_us;
    record.tpot_ns = 8_000_000 + dice.below(20_000_000);
    record.stall_us = 30_000 + dice.below(50_000);
    record.tokens = Tokens { input: 200 + dice.below(3000), output: 20 + dice.below(400), ..Tokens::default() };
    record.total_us = record.ttft_us + record.tpot_ns / 1000 * record.tokens.output;
    record.last_us = record.total_us;
    record.end_us = record.total_us + 50;
    record.overhead_in_ns = 20_000 + dice.below(40_000);
    record.overhead_back_ns = 5_000 + dice.below(10_000);
    record.connect_us = 0;
    record.events = record.tokens.output;
    record.token_source = TokenSource::Provider;
    record.cost_nanousd = i64::from(record.tokens.input) * 150 + i64::from(record.tokens.output) * 600;
    record.request_bytes = record.tokens.input * 4;
    record.response_bytes = record.tokens.output * 180;
    record.judged = mask(&[(Metric::TtftMs, Percentile::P95), (Metric::TpotMs, Percentile::P95)]);
    if record.ttft_us > 950_000 {
        record.over = mask(&[(Metric::TtftMs, Percentile::P95)]);
    }
    if dice.below(100) == 0 {
        record.outcome = Outcome::ProviderError;
        record.over = record.judged;
    }
    record.service = service.into();
    record.use_case = use_case.into();
    record.model = model.into();
    record.deployment = deployment.into();
    record.key = "k_bench001".into();
    record.model_asked = "auto".into();
    record.model_served = model.into();
    record.provider_request = format!("req_{:016x}", dice.next());
    record
}

fn mask(limits: &[(Metric, Percentile)]) -> LimitMask {
    let mut mask = LimitMask::default();
    limits.iter().for_each(|&(metric, percentile)| mask.set(metric, percentile));
    mask
}

/// Knuth's MMIX generator: enough for synthetic load, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ self.0 >> 29
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(((self.next() >> 32) * u64::from(bound)) >> 32).unwrap_or(0)
    }
}
