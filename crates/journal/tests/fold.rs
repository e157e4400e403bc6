//! The fold against a plain count of the same records.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use std::time::Duration;

use paceline_journal::fold::{COUNTERS, EVENTS, EventCount, Folded, LimitCount, MEASURES, Minute, fold};
use paceline_journal::{Journal, Options, segments};
use paceline_types::{
    Api, CacheUse, Code, Flags, LimitMask, Metric, Outcome, Percentile, PrefixUse, RequestId, TokenSource, Tokens,
    UNDEFINED, UsageRecord,
};
use proptest::prelude::*;

const OPTIONS: Options =
    Options { segment_bytes: 1 << 20, bytes_max: 1 << 30, in_flight_max: 4, sync: Duration::from_secs(3600) };

fn folded(records: &[UsageRecord]) -> Folded {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(home.path(), OPTIONS).unwrap();
    records.iter().for_each(|record| assert!(journal.finish(None, record)));
    fold(&segments(home.path()).unwrap()[0].path, 0, u32::MAX).unwrap()
}

fn any_record() -> impl Strategy<Value = UsageRecord> {
    let numbers =
        (0_u64..4, 1_u8..13, 0_u8..7, 0_u32..3, any::<bool>(), prop_oneof![Just(UNDEFINED), 1_u32..5_000_000]);
    (numbers, -1_i64..5_000, 0_u32..900, 0_u64..1 << 40, any::<u64>()).prop_map(
        |(numbers, cost, tokens, judged, over)| {
            let (minute, outcome, api, name, streamed, time) = numbers;
            let mut record = UsageRecord::begin(
                RequestId::default(),
                minute * 60_000_000 + 59_999_999,
                Api::from_number(api).unwrap(),
            );
            record.outcome = Outcome::from_number(outcome).unwrap();
            record.service = format!("service-{name}");
            record.plan = u64::from(name);
            record.ttft_us = time;
            record.total_us = time;
            record.overhead_in_ns = time;
            record.overhead_back_ns = tokens;
            record.cost_nanousd = cost;
            record.tokens = Tokens { input: tokens, output: tokens / 3, ..Tokens::default() };
            record.token_source = if tokens > 450 { TokenSource::Estimated } else { TokenSource::Provider };
            record.judged = LimitMask(judged);
            record.over = LimitMask(over & judged);
            if streamed {
                record.flags.set(Flags::STREAMED);
            }
            record
        },
    )
}

fn counter(minute: &Minute, name: &str) -> i64 {
    minute.counters[COUNTERS.iter().position(|(known, _)| *known == name).unwrap()]
}

fn total(folded: &Folded, name: &str) -> i64 {
    folded.minutes.iter().map(|minute| counter(minute, name)).sum()
}

proptest! {
    #[test]
    fn minutes_add_up_to_the_records(records in proptest::collection::vec(any_record(), 0..200)) {
        let folded = folded(&records);
        prop_assert_eq!(&folded.records, &records);
        let records: Vec<UsageRecord> = records.into_iter().filter(|record| record.api != Api::Models).collect();
        let count = |test: &dyn Fn(&UsageRecord) -> bool| records.iter().filter(|record| test(record)).count() as i64;
        prop_assert_eq!(total(&folded, "n"), records.len() as i64);
        prop_assert_eq!(total(&folded, "n_ok"), count(&|record| record.outcome == Outcome::Ok));
        prop_assert_eq!(total(&folded, "n_tokens_estimated"), count(&|record| record.token_source == TokenSource::Estimated));
        prop_assert_eq!(total(&folded, "cost_nanousd"), records.iter().map(|record| record.cost_nanousd.max(0)).sum::<i64>());
        prop_assert_eq!(total(&folded, "tokens_input"), records.iter().map(|record| i64::from(record.tokens.input)).sum::<i64>());
        prop_assert!(total(&folded, "n_cost") <= total(&folded, "n_cost_due"));
        for (at, name) in [(1_u8, "n_ok"), (6, "n_cancelled"), (12, "n_lost")] {
            prop_assert_eq!(total(&folded, name), count(&|record| record.outcome as u8 == at));
        }
        for minute in &folded.minutes {
            let of = |record: &&UsageRecord| {
                record.start_unix_us / 60_000_000 == minute.minute
                    && record.service == folded.series[minute.series].service
            };
            let mine: Vec<_> = records.iter().filter(of).collect();
            prop_assert_eq!(counter(minute, "n"), mine.len() as i64);
            for (metric, percentile, counted) in &minute.limits {
                let judged = mine.iter().filter(|record| record.judged.contains(*metric, *percentile)).count() as u64;
                let over = mine.iter().filter(|record| record.over.contains(*metric, *percentile)).count() as u64;
                prop_assert_eq!(counted, &LimitCount { n: judged, over });
            }
            for (cell, measure) in minute.cells.iter().zip(&MEASURES) {
                prop_assert_eq!(cell.sketch.count(), cell.n, "{}", measure.name);
            }
            let failed = mine.iter().filter(|record| record.outcome.is_failure()).count() as u64;
            prop_assert_eq!(minute.cells[4].n_failed, failed);
        }
    }
}

#[test]
fn failures_count_as_infinite_and_callers_own_ends_not_at_all() {
    let made = |outcome, streamed| {
        let mut record = UsageRecord::begin(RequestId::default(), 0, Api::Chat);
        record.outcome = outcome;
        record.ttft_us = 500_000;
        record.total_us = 700_000;
        if streamed {
            record.flags.set(Flags::STREAMED);
        }
        record.judged.set(Metric::TtftMs, Percentile::P95);
        record
    };
    let folded = folded(&[
        made(Outcome::Ok, true),
        made(Outcome::Truncated, true),
        made(Outcome::ProviderError, false),
        made(Outcome::Cancelled, true),
        made(Outcome::Refused, false),
    ]);
    let cells = &folded.minutes[0].cells;
    let figures = |name: &str| {
        let at = MEASURES.iter().position(|measure| measure.name == name).unwrap();
        (cells[at].n, cells[at].n_failed, cells[at].sum)
    };
    assert_eq!(figures("ttft_ms"), (1, 1, 500.0));
    assert_eq!(figures("total_ms"), (1, 2, 700.0));
    assert_eq!(figures("overhead_us"), (0, 0, 0.0));
    assert_eq!(folded.minutes[0].limits, [(Metric::TtftMs, Percentile::P95, LimitCount { n: 5, over: 0 })]);
}

fn event(folded: &Folded, name: &str) -> EventCount {
    let at = EVENTS.iter().position(|(known, _)| *known == name).unwrap();
    let rows = folded.minutes.iter().flat_map(|minute| &minute.events).filter(|row| row.0 == at);
    rows.fold(EventCount::default(), |sum, (_, row)| EventCount {
        n: sum.n + row.n,
        nanousd: sum.nanousd + row.nanousd,
    })
}

fn answered() -> UsageRecord {
    let mut record = UsageRecord::begin(RequestId::default(), 0, Api::Chat);
    record.outcome = Outcome::Ok;
    record.attempts = 1;
    record.tokens = Tokens { input: 100, output: 40, ..Tokens::default() };
    record.token_source = TokenSource::Provider;
    record.cost_nanousd = 500;
    record
}

#[test]
fn what_traffic_rules_did_is_counted_as_events_with_the_money_it_stands_for() {
    let mut hit = answered();
    hit.cache = CacheUse::Hit;
    hit.cost_nanousd = 0;
    hit.default_cost_nanousd = 700;
    let mut hedged = answered();
    hedged.flags.set(Flags::HEDGED | Flags::HEDGE_WON);
    hedged.attempts = 2;
    hedged.other_cost_nanousd = 90;
    let mut retried = answered();
    retried.flags.set(Flags::FALLBACK | Flags::CAP_ADDED | Flags::ENDED_BY_LENGTH);
    retried.attempts = 3;
    retried.other_cost_nanousd = 10;
    retried.queue_us = 2_500;
    retried.prefix = PrefixUse::System;
    let mut refused = answered();
    refused.outcome = Outcome::Refused;
    refused.code = Code::UsdPerDay as u16;
    let folded = folded(&[hit, hedged, retried, refused]);
    let count = |n, nanousd| EventCount { n, nanousd };
    assert_eq!(event(&folded, "cache_hit"), count(1, 700));
    assert_eq!(event(&folded, "hedged"), count(1, 90));
    assert_eq!(event(&folded, "hedge_won"), count(1, 0));
    assert_eq!(event(&folded, "retried"), count(1, 10));
    for name in ["fallback", "cut_by_cap", "queued", "prefix_system", "refused_usd_per_day"] {
        assert_eq!(event(&folded, name), count(1, 0), "{name}");
    }
    assert_eq!(event(&folded, "cache_miss"), count(0, 0));
    assert_eq!(total(&folded, "other_nanousd"), 100);
}

#[test]
fn an_answer_from_the_cache_brings_no_tokens_and_no_cost() {
    let mut hit = answered();
    hit.cache = CacheUse::Shared;
    hit.default_cost_nanousd = 700;
    let folded = folded(&[hit, answered()]);
    assert_eq!(total(&folded, "n_ok"), 2);
    assert_eq!((total(&folded, "tokens_input"), total(&folded, "n_tokens")), (100, 1));
    assert_eq!((total(&folded, "n_cost_due"), total(&folded, "n_cost"), total(&folded, "n_compared")), (1, 1, 0));
    let lengths = MEASURES.iter().position(|measure| measure.name == "output_tokens").unwrap();
    assert_eq!((folded.minutes[0].cells[lengths].n, folded.minutes[0].cells[lengths].sum), (1, 40.0));
}

#[test]
fn money_is_added_up_by_day_and_by_everyone_it_counts_for() {
    let on = |day: u64, key: &str, other: i64| {
        let mut record = answered();
        record.start_unix_us = day * 86_400_000_000 + 5;
        record.key = key.into();
        record.other_cost_nanousd = other;
        record
    };
    let mut unknown = on(3, "k_1", 0);
    unknown.cost_nanousd = -1;
    let folded = folded(&[on(3, "k_1", 0), on(3, "k_1", 20), on(4, "k_1", 0), on(3, "k_2", 0), unknown]);
    let rows: Vec<_> = folded.spent.iter().map(|row| (row.day, row.key.as_str(), row.nanousd)).collect();
    assert_eq!(rows, [(3, "k_1", 1020), (4, "k_1", 500), (3, "k_2", 500)]);
}
