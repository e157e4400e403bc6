//! Strata against a plain count of the same records, and against the minutes that hold them too.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use std::time::Duration;

use paceline_journal::fold::strata::{INPUT_BOUNDS, OUTPUT_BOUNDS, STRATUM_COUNTERS, STRATUM_MEASURES, Stratum};
use paceline_journal::fold::{COUNTERS, Folded, LimitCount, MEASURES, fold, strata_of};
use paceline_journal::{Journal, Options, segments};
use paceline_types::{
    Api, CacheUse, Flags, LimitMask, Metric, Outcome, Percentile, RequestId, TokenSource, Tokens, UsageRecord,
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

fn record(minute: u64, input: u32, output: u32) -> UsageRecord {
    let mut record = UsageRecord::begin(RequestId::default(), minute * 60_000_000 + 1, Api::Chat);
    record.service = "helpdesk".into();
    record.outcome = Outcome::Ok;
    record.token_source = TokenSource::Provider;
    record.tokens = Tokens { input, output, ..Tokens::default() };
    record.ttft_us = 500_000;
    record.ttfv_us = 500_000;
    record.total_us = 2_000_000;
    record.cost_nanousd = 1_234;
    record
}

fn counter(stratum: &Stratum, name: &str) -> i64 {
    stratum.counters[STRATUM_COUNTERS.iter().position(|(known, _)| *known == name).unwrap()]
}

fn cell(name: &str) -> usize {
    STRATUM_MEASURES.iter().position(|(measure, _)| measure.name == name).unwrap()
}

fn any_record() -> impl Strategy<Value = UsageRecord> {
    let lengths = (prop_oneof![Just(0_u32), 0_u32..100_000], 0_u32..2_000);
    (0_u64..40, lengths, 1_u8..13, 0_u32..3, any::<u64>(), -1_i64..5_000).prop_map(
        |(minute, (input, output), outcome, name, judged, cost)| {
            let mut record = record(minute, input, output);
            record.outcome = Outcome::from_number(outcome).unwrap();
            record.use_case = format!("use-case-{name}");
            record.request_bytes = input * 4;
            record.cost_nanousd = cost;
            record.judged = LimitMask(judged & 0xff);
            record.over = LimitMask(judged & 0x0f);
            record
        },
    )
}

proptest! {
    #[test]
    fn strata_split_minutes_and_lose_nothing(records in proptest::collection::vec(any_record(), 0..200)) {
        let folded = folded(&records);
        for (at, (name, _)) in STRATUM_COUNTERS.iter().enumerate() {
            let Some(same) = COUNTERS.iter().position(|(known, _)| known == name) else { continue };
            let strata: i64 = folded.strata.iter().map(|stratum| stratum.counters[at]).sum();
            let minutes: i64 = folded.minutes.iter().map(|minute| minute.counters[same]).sum();
            prop_assert_eq!(strata, minutes, "{}", name);
        }
        for (at, (measure, _)) in STRATUM_MEASURES.iter().enumerate() {
            let Some(same) = MEASURES.iter().position(|known| known.name == measure.name) else { continue };
            let strata: u64 = folded.strata.iter().map(|stratum| stratum.cells[at].sketch.count()).sum();
            let minutes: u64 = folded.minutes.iter().map(|minute| minute.cells[same].n).sum();
            prop_assert_eq!(strata, minutes, "{}", measure.name);
        }
        let over = |limits: &[(Metric, Percentile, LimitCount)]| limits.iter().map(|row| row.2.over).sum::<u64>();
        let strata: u64 = folded.strata.iter().map(|stratum| over(&stratum.limits)).sum();
        let minutes: u64 = folded.minutes.iter().map(|minute| over(&minute.limits)).sum();
        prop_assert_eq!(strata, minutes);
        let (_, again) = strata_of(records.iter().cloned());
        prop_assert_eq!(again.len(), folded.strata.len());
        prop_assert!(again.iter().zip(&folded.strata).all(|(one, other)| one.counters == other.counters));
        for stratum in &folded.strata {
            let mine = records.iter().filter(|record| {
                let minute = record.start_unix_us / 60_000_000;
                let input = INPUT_BOUNDS.partition_point(|&bound| bound <= record.tokens.input);
                let output = OUTPUT_BOUNDS.partition_point(|&bound| bound <= record.tokens.output);
                minute / 10 * 10 == stratum.key.minute
                    && (input, output) == (stratum.key.input_bucket.into(), stratum.key.output_bucket.into())
                    && record.use_case == folded.series[stratum.key.series].use_case
            });
            prop_assert_eq!(counter(stratum, "n"), mine.count() as i64);
        }
    }
}

#[test]
fn lengths_fall_into_the_bucket_that_begins_with_them() {
    let lengths = [(0, 0), (999, 63), (1_000, 64), (3_999, 255), (4_000, 256), (16_000, 999), (64_000, 1_000)];
    let records: Vec<_> = lengths.iter().map(|&(input, output)| record(10, input, output)).collect();
    let mut found: Vec<_> = folded(&records)
        .strata
        .iter()
        .map(|stratum| (stratum.key.input_bucket, stratum.key.output_bucket, counter(stratum, "n")))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [(0, 0, 2), (1, 1, 2), (2, 2, 1), (3, 2, 1), (4, 3, 1)]);
}

#[test]
fn what_failed_before_its_tokens_were_counted_stays_with_its_like() {
    let mut failed = record(10, 0, 0);
    failed.outcome = Outcome::ProviderError;
    failed.token_source = TokenSource::None;
    failed.request_bytes = 4 * 20_000;
    let folded = folded(&[failed]);
    let stratum = &folded.strata[0];
    assert_eq!((stratum.key.input_bucket, counter(stratum, "n_failed"), counter(stratum, "tokens_input")), (3, 1, 0));
    assert_eq!(stratum.cells[cell("total_ms")].n_failed, 1);
}

#[test]
fn sums_are_whole_and_ten_minutes_go_together() {
    let folded = folded(&[record(19, 10, 10), record(10, 10, 10), record(20, 10, 10)]);
    let rows: Vec<_> = folded.strata.iter().map(|stratum| (stratum.key.minute, counter(stratum, "n"))).collect();
    assert_eq!(rows, [(10, 2), (20, 1)]);
    let cells = &folded.strata[0].cells;
    assert_eq!(cells[cell("ttft_ms")].total, 1_000_000);
    assert_eq!(cells[cell("cost_usd")].total, 2_468);
    assert_eq!((cells[cell("input_tokens")].total, cells[cell("output_tokens")].total), (20, 20));
}

#[test]
fn retries_and_cache_hits_are_counted() {
    let mut again = record(10, 10, 10);
    again.attempts = 2;
    let mut hit = record(10, 10, 10);
    hit.cache = CacheUse::Hit;
    let mut hedged = record(10, 10, 10);
    hedged.attempts = 2;
    hedged.flags.set(Flags::HEDGED);
    let folded = folded(&[again, hit, hedged]);
    let told = ["n", "n_retried", "n_cache_hit", "n_hedged", "n_tokens", "n_cost_due"];
    assert_eq!(told.map(|name| counter(&folded.strata[0], name)), [3, 1, 1, 1, 2, 2]);
}
