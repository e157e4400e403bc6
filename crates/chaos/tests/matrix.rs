//! The sampled matrix: every value of every axis with every fault, and cuts and leavings spread over the answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use paceline_chaos::case::Traffic;
use paceline_chaos::matrix::{Density, cases};
use paceline_chaos::play::{play, shuffled};
use paceline_chaos::{Stage, Tally};
use paceline_testkit::Held;
use parking_lot::Mutex;

const SEED: u64 = 1;
const CALLERS: usize = 128;
const CUTS: u32 = 64;

#[test]
fn whatever_goes_wrong_what_must_hold_holds() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let tally = Arc::new(Mutex::new(Tally::default()));
        for traffic in Traffic::ALL.into_iter().filter(|traffic| traffic.is_there()) {
            let before = Held::now();
            let stage = Arc::new(Stage::start(traffic, CALLERS));
            let cases = shuffled(cases(&stage, Density::Sampled(CUTS), SEED).await, SEED);
            let into = Arc::clone(&tally);
            play(&stage, cases, CALLERS, move |played| into.lock().add(&played)).await;
            for what in stage.left_behind().await {
                tally.lock().add_stage(traffic.name(), what);
            }
            Arc::into_inner(stage).unwrap().stop().await;
            let after = before.returned().await;
            assert!(after.tasks <= before.tasks && after.open_files <= before.open_files, "{before:?} → {after:?}");
        }
        let tally = tally.lock();
        println!("{}", tally.table());
        assert!(tally.is_sound(), "{}", tally.findings(SEED));
    });
}
