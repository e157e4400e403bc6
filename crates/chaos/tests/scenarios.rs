//! What an operator fears, played on real sockets: more callers than a limit allows, a provider that goes down under
//! load, plans that change under load. Shares and times are printed; what must hold is asserted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use paceline_chaos::Traffic;
use paceline_chaos::load::{Asked, Load, most_at_once};
use paceline_chaos::stage::document;
use paceline_plan::document::Document;
use paceline_sim::Truth;
use paceline_sim::fault::DefaultFault;
use paceline_testkit::{SimProvider, TestGateway, until};
use serde_json::json;

/// Deployments `east` and `west`, with a model that takes a little time.
fn providers() -> [SimProvider; 2] {
    ["east", "west"].map(|place| {
        SimProvider::start(&json!({"default_preset": "instant", "models": [
            {"name": format!("{place}-fast"), "preset": "instant"},
            {"name": format!("{place}-slow"), "preset": "paced", "token_ms": 2},
        ]}))
    })
}

fn load(gateway: &TestGateway, callers: usize) -> Load {
    Load { gateway: gateway.address(), callers, model: "slow", streamed: true, output_tokens: 5 }
}

async fn truths(providers: &[SimProvider; 2]) -> Vec<Truth> {
    let mut truths = providers[0].truths().await;
    truths.extend(providers[1].truths().await);
    truths
}

async fn quiet(gateway: &TestGateway) {
    until("nothing in flight", || async { (gateway.gateway().status().in_flight == 0).then_some(()) }).await;
}

fn plan(providers: &[SimProvider; 2], change: impl Fn(&mut Document)) -> Document {
    let mut document = document(Traffic::Plain, 1, providers);
    document.gateway.idle_connections_per_provider_max = 2000;
    change(&mut document);
    document
}

/// A thousand callers, or as many as there can be sockets for.
fn crowd() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let sockets: usize = line.split_whitespace().nth(3).and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
    (sockets.saturating_sub(200) / 4).min(1000)
}

const AT_ONCE: u32 = 20;

/// A thousand callers at once; each gets its answer, and the deployment never has more than its bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_queue_for_a_deployment_and_its_bound_is_never_exceeded() {
    let callers = crowd();
    let providers = providers();
    let document = plan(&providers, |document| {
        for deployment in &mut document.deployments {
            deployment.rates.requests_in_flight = Some(AT_ONCE);
            deployment.queue.requests_max = 2000;
        }
        // Waiting is what is tested here, not giving up.
        for use_case in &mut document.use_cases {
            (use_case.deadlines.first_token_ms, use_case.deadlines.total_ms) = (60_000, 60_000);
        }
    });
    let gateway = TestGateway::start(&document);
    let asked = load(&gateway, callers).once().await;
    quiet(&gateway).await;
    let failed: Vec<&Asked> = asked.iter().filter(|asked| !asked.whole).collect();
    assert!(failed.is_empty(), "{} failed, the first: {:?}", failed.len(), failed[0]);
    let truths = truths(&providers).await;
    let most = most_at_once(&truths);
    println!("{callers} callers, bound {AT_ONCE}: at most {most} at once at the provider");
    assert_eq!(truths.len(), callers);
    assert!(most <= AT_ONCE as usize && most > 1, "{most}");
    assert_eq!(gateway.records().more().len(), callers);
}

/// A thousand callers of one key that may have so many requests in flight: those beyond are refused, with the reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_of_one_key_never_exceed_its_limit() {
    let callers = crowd();
    let providers = providers();
    let document = plan(&providers, |document| {
        for key in &mut document.keys {
            key.rates.requests_in_flight = Some(AT_ONCE);
        }
    });
    let gateway = TestGateway::start(&document);
    let asked = load(&gateway, callers).once().await;
    quiet(&gateway).await;
    let truths = truths(&providers).await;
    let (served, refused): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| asked.whole);
    let most = most_at_once(&truths);
    println!("{callers} callers, limit {AT_ONCE}: {} served, at most {most} at once at the provider", served.len());
    assert!(most <= AT_ONCE as usize, "{most}");
    assert_eq!(truths.len(), served.len());
    assert!(served.len() >= AT_ONCE as usize && !refused.is_empty());
    assert!(refused.iter().all(|asked| asked.status == 429 && asked.code.as_deref() == Some("G603")));
    let again = load(&gateway, AT_ONCE as usize / 2).once().await;
    assert!(again.iter().all(|asked| asked.whole), "every reservation came back: {again:?}");
}

/// One of two deployments goes down in the middle of a load and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_deployments_goes_down_under_load() {
    let providers = providers();
    let document = {
        let mut document = document(Traffic::Fallback, 1, &providers);
        document.traffic.breaker.requests_min = 10;
        document.traffic.breaker.open_ms = 500;
        document
    };
    let gateway = TestGateway::start(&document);
    let begun = Instant::now();
    let (down, back, end) =
        (begun + Duration::from_secs(1), begun + Duration::from_secs(3), begun + Duration::from_secs(5));
    let running = tokio::spawn({
        let load = load(&gateway, 64);
        async move { load.until(end).await }
    });
    let sick = |fault: &str| DefaultFault { fault: fault.into(), model: None, probability: 1.0, count: None };
    tokio::time::sleep_until(down.into()).await;
    // Nothing new is answered; what has begun goes on.
    providers[0].simulator().faults().set(sick("reset")).unwrap();
    tokio::time::sleep_until(back.into()).await;
    providers[0].simulator().faults().clear();
    let asked = running.await.unwrap();
    quiet(&gateway).await;
    let failed: Vec<&Asked> = asked.iter().filter(|asked| !asked.whole).collect();
    let recovered = failed.last().map_or(Duration::ZERO, |last| last.ended.saturating_duration_since(down));
    let served_by = |place: &str, from: Instant, to: Instant| {
        let named = |asked: &&Asked| asked.deployment.as_deref().is_some_and(|name| name.starts_with(place));
        asked.iter().filter(|asked| asked.began >= from && asked.began < to).filter(named).count()
    };
    println!(
        "outage of one of two deployments: {} of {} requests failed ({:.3} %), the last {} ms after it began; served by east/west before {}/{}, during {}/{}, after {}/{}",
        failed.len(),
        asked.len(),
        failed.len() as f64 * 100.0 / asked.len() as f64,
        recovered.as_millis(),
        served_by("east", begun, down),
        served_by("west", begun, down),
        served_by("east", down, back),
        served_by("west", down, back),
        served_by("east", back, end),
        served_by("west", back, end),
    );
    assert!(failed.len() * 100 <= asked.len(), "at most one in a hundred: {:?}", failed.first());
    assert!(served_by("west", down, back) > 0);
    assert_eq!(gateway.records().more().len(), asked.len());
}

/// Plans change several times a second under load; each request runs under one of them, and none fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_change_under_load_and_no_request_fails() {
    let providers = providers();
    let plans: Vec<Document> = (0..4)
        .map(|number: u64| {
            plan(&providers, |document| {
                // One of them brings new pools, too.
                document.gateway.idle_connection_ms = if number == 3 { 40_000 } else { 50_000 };
                for use_case in &mut document.use_cases {
                    use_case.deadlines.total_ms += number;
                }
            })
        })
        .collect();
    let gateway = TestGateway::start(&plans[0]);
    let end = Instant::now() + Duration::from_secs(6);
    let running = tokio::spawn({
        let load = load(&gateway, 48);
        async move { load.until(end).await }
    });
    let mut swaps = 0;
    while !running.is_finished() {
        gateway.apply(&plans[swaps % plans.len()]);
        swaps += 1;
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    let asked = running.await.unwrap();
    quiet(&gateway).await;
    let failed: Vec<&Asked> = asked.iter().filter(|asked| !asked.whole).collect();
    println!("{swaps} plan swaps under {} requests: {} failed", asked.len(), failed.len());
    assert!(failed.is_empty(), "{:?}", failed.first());
    let records = gateway.records().more();
    assert_eq!(records.len(), asked.len());
    let under: HashSet<u64> = records.iter().map(|record| record.plan).collect();
    assert_eq!(under.len(), plans.len(), "every plan was in force for some request");
}

/// Money is spent up to a day's limit, and over it by no more than what was in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_never_exceeds_its_limit_by_more_than_what_is_in_flight() {
    const AT_ONCE: i64 = 64;
    const LIMIT_NANOUSD: i64 = 10_000_000;
    let providers = providers();
    let document = plan(&providers, |document| {
        for service in &mut document.services {
            service.rates.usd_per_day = Some(LIMIT_NANOUSD as f64 / 1e9);
        }
    });
    let gateway = TestGateway::start(&document);
    // A crowd at first, of which each reserves the most it may cost; then one by one, as close to the limit as they come.
    let crowd = Instant::now() + Duration::from_secs(1);
    let mut asked = load(&gateway, AT_ONCE as usize).until(crowd).await;
    quiet(&gateway).await;
    loop {
        asked.extend(load(&gateway, 1).once().await);
        if !asked.last().unwrap().whole {
            break;
        }
    }
    quiet(&gateway).await;
    let records = gateway.records().more();
    let costs: Vec<i64> = records.iter().map(|record| record.cost_nanousd).collect();
    let (spent, dearest): (i64, i64) = (costs.iter().sum(), costs.iter().copied().max().unwrap_or(0));
    println!("money: limit {LIMIT_NANOUSD} billionths, spent {spent}, the dearest request {dearest}");
    assert!(spent <= LIMIT_NANOUSD + dearest * AT_ONCE && spent > LIMIT_NANOUSD / 2, "{spent}");
    let refused: Vec<&Asked> = asked.iter().filter(|asked| !asked.whole).collect();
    assert!(refused.iter().all(|asked| asked.code.as_deref() == Some("G604")), "{:?}", refused.first());
    assert!(!refused.is_empty());
}

/// A journal at its disk bound: by the plan, the gateway serves on and counts what it could not record, or refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_journal_is_served_past_or_refused_for_as_the_plan_says() {
    use paceline_plan::document::WhenFull;
    for when_full in [WhenFull::Serve, WhenFull::Refuse] {
        let providers = providers();
        let document = plan(&providers, |document| {
            document.gateway.journal.segment_bytes = 64 << 10;
            document.gateway.journal.bytes_max = 256 << 10;
            document.gateway.journal.when_full = when_full;
        });
        let gateway = TestGateway::start(&document);
        let mut asked = Vec::new();
        for _ in 0..20 {
            asked.extend(Load { model: "fast", ..load(&gateway, 50) }.once().await);
        }
        quiet(&gateway).await;
        let status = gateway.gateway().journal().status();
        let whole = asked.iter().filter(|asked| asked.whole).count();
        println!(
            "journal full, {when_full:?}: {whole} of {} served, {} recorded, {} dropped",
            asked.len(),
            status.appended,
            status.dropped
        );
        assert!(status.full && status.appended < asked.len() as u64);
        match when_full {
            WhenFull::Serve => {
                assert_eq!(whole, asked.len());
                assert_eq!(status.appended + status.dropped, asked.len() as u64);
            }
            WhenFull::Refuse => {
                assert!(whole < asked.len() && whole as u64 <= status.appended);
                let mut refused = asked.iter().filter(|asked| !asked.whole);
                assert!(refused.all(|asked| asked.code.as_deref() == Some("G503")));
            }
        }
        gateway.stop().await;
    }
}

/// Identical requests at once share one call; the caller that began it leaves, and takes nothing from the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_requests_share_one_call_though_the_first_caller_leaves() {
    use paceline_chaos::case::Case;
    use paceline_chaos::request::{Names, bytes};
    use paceline_testkit::{End, Leave, call};
    const FOLLOWERS: usize = 60;
    let stage = paceline_chaos::Stage::start(Traffic::Cache, FOLLOWERS);
    let case: Case = "chat.stream.nothing.always.leaves+20.cache".parse().unwrap();
    let request = |tag: String| {
        let names = Names { tag: &tag, unique: "one", seed: 1 };
        bytes(&case, &names, &paceline_chaos::Stage::key(), "east-slow")
    };
    let address = stage.gateway.address();
    let first = request("first".into());
    let leader =
        tokio::spawn(async move { call(address, &first, Leave::After(Duration::from_millis(20)), false).await });
    let log = stage.providers[0].simulator().log().clone();
    until("the first request to be under way", || async { (log.sums().in_flight == 1).then_some(()) }).await;
    let followers = (0..FOLLOWERS).map(|number| request(format!("f{number}")));
    let followers: Vec<_> = followers
        .map(|request| tokio::spawn(async move { call(address, &request, Leave::Stays, false).await }))
        .collect();
    assert_eq!(leader.await.unwrap().end, End::Left);
    let mut bodies = HashSet::new();
    for follower in followers {
        let heard = follower.await.unwrap();
        assert_eq!((heard.status, heard.end), (200, End::Whole));
        bodies.insert(heard.body);
    }
    assert_eq!(bodies.len(), 1, "all heard the same");
    let truths = stage.providers[0].truths().await;
    println!("{FOLLOWERS} followers of a call whose first caller left: {} calls at the provider", truths.len());
    assert_eq!((truths.len(), truths[0].ended), (1, "finished"));
    quiet(&stage.gateway).await;
    assert_eq!(stage.gateway.records().more().len(), FOLLOWERS + 1, "each has its record");
    stage.stop().await;
}
