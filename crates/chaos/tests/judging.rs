//! The judge finds what it is there to find: sound evidence, spoilt in one way at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use paceline_chaos::case::Case;
use paceline_chaos::expect::Ending;
use paceline_chaos::judge::{Evidence, Found, judge};
use paceline_chaos::reference::Reference;
use paceline_chaos::witness::Account;
use paceline_sim::Truth;
use paceline_testkit::{End, Heard};
use paceline_types::{Api, Code, Flags, Outcome, RequestId, TokenSource, Tokens, UsageRecord};

const DEPLOYMENT: &str = "east-openai/east-fast";
const ANSWER: &str = "data: {\"a\":1}\n\ndata: [DONE]\n\n";

/// Everything there is to judge by, owned.
struct Scene {
    case: Case,
    heard: Heard,
    account: Account,
    reference: Reference,
    over_ns: u64,
}

/// A stream that went well.
fn sound() -> Scene {
    scene("chat.stream.nothing.always.stays.plain")
}

fn scene(case: &str) -> Scene {
    let now = Instant::now();
    let id = "0".repeat(32);
    let said = [("x-paceline-request-id", &*id), ("x-paceline-model", "fast"), ("x-paceline-deployment", DEPLOYMENT)];
    let heard = Heard {
        status: 200,
        headers: said.map(|(name, value)| (name.into(), value.into())).to_vec(),
        body: ANSWER.into(),
        end: End::Whole,
        left: None,
        sent: now,
        first: Some(now),
        ended: now,
    };
    let mut record = UsageRecord::begin(RequestId::new(1, 1), 1, Api::Chat);
    record.outcome = Outcome::Ok;
    (record.status, record.provider_status, record.attempts) = (200, 200, 1);
    record.flags.set(Flags::STREAMED);
    record.token_source = TokenSource::Provider;
    record.tokens = Tokens { input: 7, output: 5, ..Tokens::default() };
    record.cost_nanousd = 7 * 1000 + 5 * 8000;
    (record.deployment, record.model) = (DEPLOYMENT.into(), "fast".into());
    let truth = Truth {
        model: "east-fast".into(),
        prompt_tokens: 7,
        output_tokens: 5,
        planned_tokens: 5,
        received_ns: 1,
        end_ns: Some(900),
        streamed: true,
        ..Truth::default()
    };
    Scene {
        case: case.parse().unwrap(),
        heard,
        account: Account { records: vec![record], truths: vec![truth] },
        reference: Reference { status: 200, sent: ANSWER.into(), due: ANSWER.into() },
        over_ns: 1000,
    }
}

impl Scene {
    fn judged(&self) -> (Found, Vec<String>) {
        let judged = judge(&Evidence {
            case: &self.case,
            heard: &self.heard,
            over_ns: self.over_ns,
            length: self.reference.sent.len(),
            account: &self.account,
            disturbed: &self.reference,
            undisturbed: &self.reference,
        });
        (judged.found, judged.breaches.into_iter().map(|breach| breach.what).collect())
    }

    /// The one breach there must be.
    fn breach(&self) -> String {
        let (_, breaches) = self.judged();
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        breaches[0].clone()
    }

    fn record(&mut self) -> &mut UsageRecord {
        &mut self.account.records[0]
    }
}

#[test]
fn a_sound_answer_has_no_breach() {
    assert_eq!(sound().judged().1, Vec::<String>::new());
}

#[test]
fn a_false_end_is_seen() {
    let mut scene = sound();
    scene.heard.body = "data: {\"a\":1}\n\n".into();
    assert!(scene.breach().contains("not the exact answer"));
    scene.heard.body = ANSWER.replace('1', "2").into();
    assert!(scene.breach().contains("equal up to 11"));
}

#[test]
fn a_break_without_need_and_a_silent_answer_are_seen() {
    let mut scene = sound();
    scene.heard.end = End::Broken;
    assert!(scene.breach().contains("the whole answer, and then a break"));
    scene.heard.status = 0;
    scene.heard.body.clear();
    assert!(scene.breach().contains("no answer at all"));
}

/// A stream that the provider cut.
fn cut(event: &str) -> Scene {
    let mut scene = scene("chat.stream.cut@15.always.stays.plain");
    scene.heard.body = format!("data: {{\"a\":1}}\n\n{event}").into();
    scene.heard.end = End::Broken;
    let record = scene.record();
    (record.outcome, record.code) = (Outcome::Truncated, Code::ProviderCut as u16);
    record.token_source = TokenSource::Estimated;
    scene
}

const EVENT: &str = "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"param\":null,\"code\":\"provider_cut\",\"paceline_code\":\"G406\"}}\n\n";

#[test]
fn a_cut_that_is_told_is_sound_and_one_that_is_told_wrongly_is_not() {
    assert_eq!(cut(EVENT).judged().1, Vec::<String>::new());
    assert_eq!(cut("").judged().1, Vec::<String>::new(), "the break alone can tell");
    assert!(cut(&EVENT.replace("G406", "G404")).judged().1[0].contains("which is none of"));
    assert!(cut(&EVENT.replace("\"type\"", "\"kind\"")).breach().contains("not the answer's beginning"));
    let mut clean = cut(EVENT);
    clean.heard.end = End::Whole;
    assert!(clean.breach().contains("not the exact answer"));
    let mut unnoticed = cut(EVENT);
    unnoticed.record().outcome = Outcome::Ok;
    assert!(unnoticed.breach().contains("the record says ok"));
}

#[test]
fn records_are_exactly_one() {
    let mut scene = sound();
    let again = scene.account.records[0].clone();
    scene.account.records.push(again);
    assert!(scene.breach().contains("2 usage records"));
    scene.account.records.clear();
    assert!(scene.breach().contains("0 usage records"));
}

#[test]
fn bills_are_the_truth_or_marked() {
    let mut scene = sound();
    scene.record().tokens.output = 6;
    scene.record().cost_nanousd = 7 * 1000 + 6 * 8000;
    assert!(scene.breach().contains("billed 7 + 6"));
    scene.record().token_source = TokenSource::Estimated;
    assert!(scene.breach().contains("estimated 6 output tokens, there were 5"));
    scene.record().tokens.output = 4;
    assert!(scene.breach().contains("cost 55000 instead of 39000"));
}

/// Sent twice, the second copy gone before the provider had read it.
fn scene_of_a_hedge() -> Scene {
    let mut scene = scene("chat.stream.nothing.always.stays.hedge");
    scene.record().attempts = 2;
    scene.record().flags.set(Flags::HEDGED);
    scene.record().other_cost_nanousd = 7 * 1000;
    scene
}

#[test]
fn attempts_are_the_times_it_was_seen() {
    let mut scene = sound();
    scene.record().attempts = 2;
    assert!(scene.breach().contains("sent 2 times by the record, seen 1 times"));
    let mut scene = scene_of_a_hedge();
    assert_eq!(scene.judged(), (Found::As(Ending::Exact), Vec::new()), "the copy that lost was never read");
    scene.record().attempts = 3;
    assert!(scene.breach().contains("sent 3 times by the record, seen 1 times"));
}

#[test]
fn a_provider_that_works_on_is_seen() {
    let mut scene = sound();
    scene.account.truths[0].end_ns = Some(1000 + 51_000_000);
    assert!(scene.breach().contains("worked on for 51 ms"));
    scene.heard.end = End::Left;
    scene.account.truths[0].end_ns = None;
    scene.account.truths[0].cancelled_ns = Some(1000 + 49_000_000);
    assert_eq!(scene.judged(), (Found::Left, Vec::new()));
}

#[test]
fn another_model_or_a_silent_fallback_is_seen() {
    let mut scene = sound();
    scene.heard.headers[1].1 = "large".into();
    assert!(scene.breach().contains("the answer says \"large\""));
    let mut scene = sound();
    scene.account.truths.push(Truth { model: "west-fast".into(), ..scene.account.truths[0].clone() });
    let west = "west-openai/west-fast";
    (scene.record().deployment, scene.record().attempts) = (west.into(), 2);
    scene.heard.headers[2].1 = west.into();
    assert!(scene.breach().contains("does not say so"));
    scene.record().flags.set(Flags::FALLBACK);
    assert_eq!(scene.judged().1, Vec::<String>::new());
}

#[test]
fn an_attempt_before_retry_after_is_seen() {
    let mut scene = scene("chat.stream.too-many.once.stays.retry");
    scene.record().attempts = 2;
    let asked = Truth { fault: Some("status=429;retry-after=1".into()), end_ns: Some(5), ..Truth::default() };
    scene.account.truths.push(Truth { model: "east-fast".into(), ..asked });
    scene.account.truths[0].received_ns = 800_000_000;
    assert!(scene.judged().1.iter().any(|what| what.contains("Retry-After")));
    scene.account.truths[0].received_ns = 1_000_000_005;
    assert!(!scene.judged().1.iter().any(|what| what.contains("Retry-After")));
}
