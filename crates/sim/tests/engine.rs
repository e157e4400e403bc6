//! The engine in virtual time: queueing, prefix hits, preemption, stalls, determinism.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss)]

use paceline_sim::engine::{Engine, Next, Work};
use paceline_sim::params::{BatchParams, Preset};
use paceline_sim::simulation::{Arrival, Served, Simulation};

const MS: u64 = 1_000_000;

fn preset(preset: Preset) -> BatchParams {
    BatchParams::preset(preset).unwrap()
}

/// A preset without chance, so that instants can be worked out by hand.
fn exact(kind: Preset) -> BatchParams {
    BatchParams { jitter: 0.0, overhead_sigma: 0.0, ..preset(kind) }
}

fn run(params: BatchParams, arrivals: &[Arrival]) -> Vec<Served> {
    Simulation::new(params, 1).run(arrivals)
}

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[test]
fn one_request_takes_overhead_prefill_and_steps_exactly() {
    let params = exact(Preset::Small);
    let served = &run(params, &[Arrival::new(7 * MS, 1, 1000, 3)])[0];
    assert_eq!(served.admitted, Some(57 * MS));
    assert_eq!(served.ttft(), Some(50 * MS + 11_050_000 + 40 * MS));
    assert_eq!(served.tokens.len(), 3);
    assert_eq!(served.tpot(), Some(11_050_000));
}

#[test]
fn presets_answer_at_the_speed_their_names_promise() {
    let look = |kind, prompt, output| {
        let served = &run(preset(kind), &[Arrival::new(0, 1, prompt, output)])[0];
        (ms(served.ttft().unwrap()), ms(served.tpot().unwrap()))
    };
    let (ttft, tpot) = look(Preset::Small, 1000, 200);
    assert!((70.0..140.0).contains(&ttft) && (10.0..13.0).contains(&tpot), "small {ttft} {tpot}");
    let (ttft, tpot) = look(Preset::Large, 1000, 200);
    assert!((150.0..270.0).contains(&ttft) && (21.0..27.0).contains(&tpot), "large {ttft} {tpot}");
    let (ttft, tpot) = look(Preset::Tiny, 500, 40);
    assert!((10.0..20.0).contains(&ttft) && (4.0..6.0).contains(&tpot), "tiny {ttft} {tpot}");
    for seed in 0..20 {
        let turns = [Arrival::new(0, 1, 96_000, 1), Arrival::new(60_000 * MS, 1, 100_000, 200)];
        let served = &Simulation::new(preset(Preset::Frontier), seed).run(&turns)[1];
        let (ttft, tpot) = (ms(served.ttft().unwrap()), ms(served.tpot().unwrap()));
        assert!((1000.0..2500.0).contains(&ttft) && (15.0..19.0).contains(&tpot), "frontier {ttft} {tpot}");
        assert_eq!(served.cached_tokens, 96_000);
    }
}

#[test]
fn requests_beyond_the_seats_wait_for_one() {
    let params = BatchParams { max_running: 2, ..exact(Preset::Small) };
    let served = run(params, &[0, 1, 2].map(|text| Arrival::new(0, text, 64, 10)));
    assert_eq!(served[0].admitted, served[1].admitted);
    assert_eq!(served[2].admitted, served[0].tokens.last().copied(), "the third starts when a seat falls free");
}

#[test]
fn a_full_queue_refuses() {
    let mut engine = Engine::new(BatchParams { max_waiting: 1, ..exact(Preset::Small) }, 1);
    let work = |id| Work { id, prompt_tokens: 1, chain: Vec::new(), output_tokens: 1 };
    assert!(engine.submit(0, work(1)));
    assert!(!engine.submit(0, work(2)));
}

#[test]
fn a_held_prefix_shortens_the_first_token() {
    let turns = [Arrival::new(0, 1, 6400, 5), Arrival::new(5000 * MS, 1, 6464, 5)];
    let served = run(exact(Preset::Small), &turns);
    assert_eq!((served[0].cached_tokens, served[1].cached_tokens), (0, 6400));
    assert!(served[1].ttft().unwrap() * 3 < served[0].ttft().unwrap());
    let other = run(exact(Preset::Small), &[turns[0].clone(), Arrival::new(5000 * MS, 2, 6464, 5)]);
    assert_eq!(other[1].cached_tokens, 0);
}

#[test]
fn a_prompt_held_whole_still_prefills_its_last_block() {
    let served = run(exact(Preset::Small), &[Arrival::new(0, 1, 640, 2), Arrival::new(1000 * MS, 1, 640, 2)]);
    assert_eq!(served[1].cached_tokens, 576);
}

#[test]
fn a_long_prompt_stalls_the_others() {
    let params = exact(Preset::Small);
    let alone = run(params.clone(), &[Arrival::new(0, 1, 100, 100)]);
    let beside = run(params, &[Arrival::new(0, 1, 100, 100), Arrival::new(200 * MS, 2, 8000, 1)]);
    assert_eq!(alone[0].stall(), Some(11_050_000));
    let stall = beside[0].stall().unwrap();
    assert!(stall > 80 * MS && stall < 100 * MS, "one chunk of 2,048 tokens at a time: {stall}");
}

#[test]
fn decode_slows_with_the_batch() {
    let many: Vec<_> = (0..100).map(|text| Arrival::new(0, text, 10, 50)).collect();
    let served = run(exact(Preset::Small), &many);
    assert_eq!(served[0].tpot().unwrap() / 1000, 16_000, "11 ms and 100 times 50 us");
}

#[test]
fn too_little_memory_preempts_the_youngest_and_everybody_still_ends() {
    let params = BatchParams { kv_tokens: 1024, cache_tokens: 0, ..exact(Preset::Small) };
    let mut simulation = Simulation::new(params.clone(), 1);
    let served = simulation.run(&[1, 2, 3].map(|text| Arrival::new(0, text, 256, 200)));
    assert!(simulation.preemptions() > 0);
    assert!(served.iter().all(|request| request.tokens.len() == 200));
    assert_eq!(served[0].stall(), served[0].stall().filter(|&stall| stall < 40 * MS), "the oldest is never preempted");
    assert!(served[2].stall().unwrap() > 1000 * MS, "the youngest waited for memory");
    let too_large = run(params, &[Arrival::new(0, 1, 5000, 10)]);
    assert_eq!(too_large[0].tokens.len(), 10, "a request larger than the memory runs alone");
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let arrivals: Vec<_> =
        (0..50).map(|index| Arrival::new(index * 20 * MS, index % 7, 300 + index as u32 * 31, 40)).collect();
    let go = |seed| Simulation::new(preset(Preset::Small), seed).run(&arrivals);
    assert_eq!(go(1), go(1));
    assert_ne!(go(1), go(2));
}

#[test]
fn a_request_that_left_frees_its_seat_and_memory() {
    let mut engine = Engine::new(BatchParams { max_running: 1, overhead_ns: 0.0, ..exact(Preset::Small) }, 1);
    for id in [1, 2] {
        engine.submit(0, Work { id, prompt_tokens: 100, chain: Vec::new(), output_tokens: 50 });
    }
    let Next::Ends(now) = engine.step(0) else { panic!("a step runs") };
    assert_eq!(engine.emitted(), [1]);
    engine.cancel(1);
    let Next::Ends(now) = engine.step(now) else { panic!("a step runs") };
    assert_eq!(engine.emitted(), [2]);
    engine.cancel(2);
    assert_eq!((engine.step(now), engine.running(), engine.waiting()), (Next::Idle, 0, 0));
}

#[test]
fn speed_divides_every_latency() {
    let arrivals = [Arrival::new(0, 1, 1000, 20)];
    let plain = run(exact(Preset::Large), &arrivals);
    let fast = run(exact(Preset::Large).at_speed(10.0), &arrivals);
    let (plain, fast) = (plain[0].tokens[19] as f64, fast[0].tokens[19] as f64);
    assert!((plain / fast - 10.0).abs() < 0.001, "{}", plain / fast);
}
