//! What went wrong in other gateways, class by class, and the tests that keep it from going wrong here. Those that had no
//! place of their own are below; a test of the repository checks that each one named exists.
//!
//! | class of fault seen in other gateways | tests |
//! |---|---|
//! | 1 a stream whose provider died ends as if it were whole, or hangs | `a_stream_whose_provider_dies_never_looks_finished`, `test_a_stream_without_its_terminal_event_is_an_error` |
//! | 2 pieces of a stream are lost | `test_events_cut_anywhere_pass_unchanged`, `a_chunk_leaves_as_the_very_bytes_it_came_in` |
//! | 3 a stream its caller left is not billed | `a_caller_that_leaves_in_mid_stream_is_billed_for_what_was_generated` |
//! | 4 errors inside a stream are swallowed, unknown fields lost | `an_error_told_inside_a_stream_reaches_caller_and_record`, `all_edits_together_keep_key_order_and_unknown_fields` |
//! | 5 large bodies fail, usage is counted twice | `five_megabytes_pass_untouched_around_the_splices`, `usage_told_twice_is_counted_once` |
//! | 6 usage that comes last or split over reads is missed, limits misjudge streams | `every_cut_in_two_and_every_single_byte_give_the_same`, `streams_are_held_to_token_limits_by_what_they_took` |
//! | 7 a stream's tokens are not the provider's | `test_tokens_are_the_provider_s`, `whatever_goes_wrong_what_must_hold_holds` |
//! | 8 usage on every chunk cuts a stream, streams pile up in memory | `usage_on_every_chunk_neither_cuts_nor_counts_twice`, `what_is_too_large_to_keep_waits_for_its_slowest_reader` |
//! | 9 tasks, sockets and memory are never given back | `whatever_goes_wrong_what_must_hold_holds`, `a_request_that_panics_gives_back_what_it_held_and_has_one_record` |
//! | 10 indexes of prompts and identifiers grow without bound | `memory_is_bounded_and_recent_prompts_survive`, `the_newest_are_remembered_and_the_rest_forgotten` |
//! | 11 one deployment gets everything while others idle | `a_deployment_at_its_bound_hands_on_to_the_next`, `one_that_does_worse_than_its_peers_is_ejected_for_a_while` |
//! | 12 a prefix feature silently does nothing | `test_anthropic_gets_a_mark_once_a_prefix_repeats_and_misses_have_a_cause` |
//! | 13 re-written bodies defeat the provider's prompt cache | `test_any_order_and_spacing_survives`, `test_a_body_that_needs_nothing_passes_byte_for_byte` |
//! | 14 no deadline upstream, collapse over a thousand callers, counts wrong after a cancel, first token taken at the wrong event | `test_a_provider_given_up_on_is_left`, `a_thousand_callers_queue_for_a_deployment_and_its_bound_is_never_exceeded`, `who_gives_up_leaves_the_queue_and_hands_on_what_it_was_given`, `times_are_those_of_events_with_tokens` |
//! | 15 a cache leaks between tenants, streams never hit it, a lock is held too long | `nothing_leaks_from_service_to_service_unless_the_standards_say_so`, `the_second_answer_is_the_first_one_again_and_costs_nothing`, `a_thousand_callers_never_exceed_what_they_may` |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use paceline_plan::document::Document;
use paceline_plan::sample;
use paceline_testkit::{Answer, Connection, Event, SimProvider, TestGateway, post, until};
use paceline_types::{Outcome, TokenSource};
use serde_json::json;

const CHAT: (&str, &str) =
    ("/v1/chat/completions", r#"{"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]}"#);
const RESPONSES: (&str, &str) = ("/v1/responses", r#"{"model":"small","stream":true,"input":"hi"}"#);
const MESSAGES: (&str, &str) = (
    "/v1/messages",
    r#"{"model":"claude","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
);
const STREAMS: [(&str, &str); 3] = [CHAT, RESPONSES, MESSAGES];

fn provider() -> SimProvider {
    SimProvider::start(&json!({"default_preset": "instant", "models": [
        {"name": "gpt-5.4-mini", "preset": "paced", "token_ms": 1},
        {"name": "claude-haiku-4-5", "preset": "paced", "token_ms": 1},
    ]}))
}

fn start(provider: &SimProvider, change: impl Fn(&mut Document)) -> TestGateway {
    let mut document = sample::document(&provider.base_url());
    change(&mut document);
    TestGateway::start(&document)
}

/// As a service whose requests pass as they are.
async fn ask(gateway: &TestGateway, call: (&str, &str), headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {}", sample::key_text("watcher"));
    let mut all = vec![("authorization", &*bearer)];
    all.extend(headers);
    post(gateway.address(), call.0, &all, call.1).await
}

/// An event's number in its stream, where it has one.
fn sequence_number(event: &Event) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(&event.data).ok()?["sequence_number"].as_u64()
}

fn looks_finished(answer: &Answer) -> bool {
    ["data: [DONE]", "message_stop", "response.completed"].iter().any(|end| answer.text().contains(end))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_provider_dies_never_looks_finished() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    let tokens = ("x-sim-output-tokens", "20");
    for call in STREAMS {
        let whole = ask(&gateway, call, &[tokens]).await;
        assert!(whole.complete && looks_finished(&whole), "{}", whole.text());
        // In the middle of its tokens, and with a clean end of the connection in place of its terminal event.
        let middle = format!("cut={}", whole.body.len() / 2);
        for fault in [&*middle, "no-terminal"] {
            let cut = ask(&gateway, call, &[tokens, ("x-sim-fault", fault)]).await;
            assert_eq!((cut.status, cut.complete, looks_finished(&cut)), (200, false, false), "{fault} {}", cut.text());
            let last = cut.events().pop().unwrap().data;
            assert!(fault != "no-terminal" || last.contains("G406"), "where an event may follow it says why: {last}");
            let numbers: Vec<u64> = cut.events().iter().filter_map(sequence_number).collect();
            assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1), "{numbers:?}");
        }
    }
    let outcomes: Vec<_> = gateway.recorded(9).await.iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::Truncated, Outcome::Truncated].repeat(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_in_mid_stream_is_billed_for_what_was_generated() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    for (path, body) in STREAMS {
        let mut caller = Connection::open(gateway.address()).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nx-sim-output-tokens: 100000\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            sample::key_text("watcher"),
            body.len()
        );
        caller.send(head.as_bytes()).await;
        for _ in 0..8 {
            caller.read_more().await;
        }
    }
    let records = gateway.recorded(3).await;
    let truths = provider.truths().await;
    for record in records {
        assert_eq!((record.outcome, record.token_source), (Outcome::Cancelled, TokenSource::Estimated));
        let truth = truths.iter().find(|truth| truth.request_id == record.id.to_string()).expect("its truth");
        assert!(record.tokens.output > 0 && record.cost_nanousd > 0, "{}", truth.api);
        assert!(record.tokens.output <= truth.output_tokens + 1, "{}: {}", truth.api, record.tokens.output);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_told_inside_a_stream_reaches_caller_and_record() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    let fails = [("x-sim-output-tokens", "20"), ("x-sim-fault", "error-event=5"), ("x-sim-seed", "3")];
    for (call, tokens_before) in [(CHAT, 5), (MESSAGES, 5)] {
        let direct = post(provider.address(), call.0, &fails, &call.1.replace("small", "gpt-5.4-mini")).await;
        let answer = ask(&gateway, call, &fails).await;
        assert!(answer.text().contains("error") && !looks_finished(&answer), "{}", answer.text());
        let (last, theirs) = (answer.events().pop().unwrap(), direct.events().pop().unwrap());
        assert_eq!((last.name, last.data), (theirs.name, theirs.data), "the provider's own words");
        assert!(answer.events().len() > tokens_before);
    }
    for record in gateway.recorded(2).await {
        assert_eq!((record.outcome, record.events), (Outcome::ProviderError, 5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_told_twice_is_counted_once() {
    require_sound_usage("usage-doubled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_on_every_chunk_neither_cuts_nor_counts_twice() {
    require_sound_usage("usage-every-chunk").await;
}

async fn require_sound_usage(fault: &str) {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    for call in STREAMS {
        let answer = ask(&gateway, call, &[("x-sim-output-tokens", "12"), ("x-sim-fault", fault)]).await;
        assert!(answer.complete && looks_finished(&answer), "{fault}: {}", answer.text());
    }
    let truths = provider.truths().await;
    for record in gateway.recorded(3).await {
        let truth = truths.iter().find(|truth| truth.request_id == record.id.to_string()).expect("its truth");
        assert_eq!((record.outcome, record.token_source), (Outcome::Ok, TokenSource::Provider), "{fault}");
        assert_eq!((record.tokens.input, record.tokens.output), (truth.prompt_tokens, truth.output_tokens), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_held_to_token_limits_by_what_they_took() {
    let provider = provider();
    // Room for two streams as they are expected to be, for many as they are.
    let gateway = start(&provider, |document| document.services[0].rates.tokens_per_minute = Some(2500));
    for call in [CHAT, MESSAGES] {
        for number in 0..8 {
            let answer = ask(&gateway, call, &[("x-sim-output-tokens", "10")]).await;
            assert_eq!(answer.status, 200, "{number}: {}", answer.text());
        }
    }
    // One that takes more than it was expected to is owed by those after it.
    assert_eq!(ask(&gateway, CHAT, &[("x-sim-output-tokens", "2400")]).await.status, 200);
    let refused = ask(&gateway, CHAT, &[("x-sim-output-tokens", "10")]).await;
    assert_eq!((refused.status, refused.header("x-paceline-code")), (429, Some("G602")), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_at_its_bound_hands_on_to_the_next() {
    let provider = provider();
    let gateway = start(&provider, |document| {
        let small = document.models.iter_mut().find(|model| model.name == "small").expect("the model");
        small.deployments = vec!["openai/gpt-5.4-mini".into(), "openai/gpt-5.4".into()];
        document.models.retain(|model| model.name != "large");
        document.use_cases.iter_mut().for_each(|use_case| use_case.models.retain(|model| model != "large"));
        document.tasks.retain(|task| task.model != "large");
        document.deployments[0].rates.requests_in_flight = Some(1);
        document.deployments[0].queue.requests_max = 0;
    });
    let busy = ask(&gateway, CHAT, &[("x-sim-output-tokens", "300")]);
    let other = async {
        until("the first deployment is at its bound", || async { (provider.connections() > 0).then_some(()) }).await;
        ask(&gateway, CHAT, &[("x-sim-output-tokens", "3")]).await
    };
    let (busy, other) = tokio::join!(busy, other);
    let by = |answer: &Answer| answer.header("x-paceline-deployment").map(str::to_owned);
    assert_eq!((by(&busy).as_deref(), by(&other).as_deref()), (Some("openai/gpt-5.4-mini"), Some("openai/gpt-5.4")));
}
