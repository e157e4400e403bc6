//! What was seen against what must hold. Each check returns what is wrong, in words; a case without any is sound.

use paceline_sim::Truth;
use paceline_testkit::{End, Heard};
use paceline_types::{Flags, Outcome, TokenSource, UsageRecord};

use crate::answer::{classify, is_beginning};
use crate::case::Case;
use crate::expect::{Ending, endings, outcome_of_code, outcome_of_status};
use crate::reference::Reference;
use crate::stage::{INPUT_NANOUSD, OUTPUT_NANOUSD};
use crate::witness::{Account, seen_at_least};

/// A caller's leaving must have stopped the provider's work within this.
const STOP_NS: u64 = 50_000_000;

/// What a provider asks for with `Retry-After: 1`.
const RETRY_AFTER_NS: u64 = 1_000_000_000;
/// The second place (see `stage`).
const SECOND: &str = "west";

/// Everything there is to judge by.
pub struct Evidence<'a> {
    pub case: &'a Case,
    pub heard: &'a Heard,
    /// When it was over for the caller, on the providers' clock.
    pub over_ns: u64,
    /// Of what the provider of the first deployment sends.
    pub length: usize,
    pub account: &'a Account,
    /// Of the fault at the deployment that answered, and of an answer without any.
    pub disturbed: &'a Reference,
    pub undisturbed: &'a Reference,
}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub what: String,
    /// A time was exceeded: on a busy machine that may be the machine's doing, so it is looked at again alone.
    pub timing: bool,
}

/// What a caller's answer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    As(Ending),
    Left,
    /// None of what may be seen.
    Unsound,
}

/// The judgement of one case.
#[derive(Debug)]
pub struct Judged {
    pub found: Found,
    pub breaches: Vec<Breach>,
    /// From the caller's leaving to the provider's knowing, when it had to be told.
    pub stop_ns: Option<u64>,
}

/// Judges one case.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Judged {
    let mut judge = Judge { evidence, breaches: Vec::new(), stop_ns: None };
    let found = judge.answer();
    if let Some(record) = judge.one_record() {
        judge.outcome(record, found);
        judge.billing(record);
        judge.attempts(record);
        judge.named(record, found);
    }
    judge.paused();
    judge.stopped();
    Judged { found, breaches: judge.breaches, stop_ns: judge.stop_ns }
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    breaches: Vec<Breach>,
    stop_ns: Option<u64>,
}

impl<'a> Judge<'a> {
    fn breach(&mut self, what: impl Into<String>) {
        self.breaches.push(Breach { what: what.into(), timing: false });
    }

    /// The caller gets either the exact bytes or an error in its dialect, and never a false end.
    fn answer(&mut self) -> Found {
        let Evidence { case, heard, disturbed, undisturbed, .. } = *self.evidence;
        let id = heard.header("x-paceline-request-id").unwrap_or_default();
        let allowed = endings(case, self.evidence.length);
        if heard.end == End::Left {
            if !is_beginning(case, heard, &[disturbed.due(id), undisturbed.due(id)]) {
                self.breach("the bytes until the caller left are not the beginning of any answer it may get");
            }
            return Found::Left;
        }
        let ending = match classify(case, heard, disturbed, undisturbed) {
            Ok(ending) => ending,
            Err(what) => {
                self.breach(what);
                return Found::Unsound;
            }
        };
        let meant = |one: &Ending| {
            *one == ending || (*one == Ending::Mended && ending == Ending::Exact && disturbed.due == undisturbed.due)
        };
        if !allowed.iter().any(meant) {
            self.breach(format!("seen {ending:?}, which is none of {allowed:?}"));
        }
        Found::As(ending)
    }

    /// Exactly one usage record; none at all only for a request that nobody took.
    fn one_record(&mut self) -> Option<&'a UsageRecord> {
        let Evidence { heard, account, .. } = *self.evidence;
        match &account.records[..] {
            [record] => Some(record),
            [] if heard.end == End::Left && heard.first.is_none() && account.truths.is_empty() => None,
            records => {
                self.breach(format!("{} usage records instead of one", records.len()));
                None
            }
        }
    }

    fn outcome(&mut self, record: &UsageRecord, found: Found) {
        let Evidence { heard, case, .. } = *self.evidence;
        let wanted = match found {
            Found::As(Ending::Exact | Ending::Mended) => outcome_of_status(heard.status),
            Found::As(Ending::Told) => Outcome::ProviderError,
            Found::As(Ending::Refused(code) | Ending::Broken(code)) => outcome_of_code(code),
            // It may have been over before the caller left, or was about to end otherwise.
            Found::Left | Found::Unsound => return self.left_outcome(record),
        };
        if record.outcome != wanted {
            self.breach(format!("the record says {}, the caller saw {}", record.outcome.name(), wanted.name()));
        }
        if record.status != heard.status {
            self.breach(format!("the record says status {}, the caller saw {}", record.status, heard.status));
        }
        if let Found::As(Ending::Refused(code) | Ending::Broken(code)) = found
            && record.code != code as u16
        {
            self.breach(format!("the record says code {}, the caller was told {}", record.code, code as u16));
        }
        if case.is_assembled() && record.provider_status == 200 && !truths_streamed(self.evidence.account) {
            self.breach("asked whole of the provider although it should have streamed");
        }
        if case.shape.is_streamed() != record.flags.has(Flags::STREAMED) && record.provider_status == 200 {
            self.breach("the record has it wrong whether it was streamed");
        }
    }

    fn left_outcome(&mut self, record: &UsageRecord) {
        if record.outcome == Outcome::InFlight || record.outcome == Outcome::GatewayError && record.provider_status == 0
        {
            self.breach(format!("the caller left; the record says {}", record.outcome.name()));
        }
    }

    /// Tokens billed are the provider's truth, or marked as estimated and not above it; money follows from them.
    fn billing(&mut self, record: &UsageRecord) {
        let Some(truth) = self.answering_truth(record) else {
            // A caller that left at once may have stopped its request on the way.
            let on_the_way = self.evidence.heard.end == End::Left && record.token_source == TokenSource::Estimated;
            if !on_the_way && (record.token_source != TokenSource::None || record.cost_nanousd > 0) {
                self.breach("billed although no provider was reached");
            }
            return;
        };
        let tokens = record.tokens;
        match record.token_source {
            TokenSource::Provider => {
                if (tokens.input, tokens.output) != (truth.prompt_tokens, truth.output_tokens) {
                    self.breach(format!(
                        "billed {} + {} tokens as the provider's, which had {} + {}",
                        tokens.input, tokens.output, truth.prompt_tokens, truth.output_tokens
                    ));
                }
            }
            // Anthropic's first event tells of one output token before there is any.
            TokenSource::Estimated if tokens.output > truth.output_tokens.max(1) => {
                self.breach(format!("estimated {} output tokens, there were {}", tokens.output, truth.output_tokens));
            }
            TokenSource::Estimated => {}
            TokenSource::None if record.outcome == Outcome::Ok => self.breach("an answer without tokens"),
            TokenSource::None => {}
        }
        let refused = record.provider_status != 0 && record.provider_status != 200;
        let reckoned = u64::from(tokens.input) * INPUT_NANOUSD + u64::from(tokens.output) * OUTPUT_NANOUSD;
        let due = if refused { 0 } else { reckoned };
        if u64::try_from(record.cost_nanousd) != Ok(due) {
            self.breach(format!("cost {} instead of {due} billionths of a dollar", record.cost_nanousd));
        }
    }

    /// The truth of the attempt that the record is about: the last at its deployment.
    fn answering_truth(&self, record: &UsageRecord) -> Option<&'a Truth> {
        let model = record.deployment.split('/').nth(1);
        let truths = self.evidence.account.truths.iter();
        truths.filter(|truth| Some(truth.model.as_str()) == model).max_by_key(|truth| truth.received_ns)
    }

    /// A truth for each time the request was sent, and an end for each.
    fn attempts(&mut self, record: &UsageRecord) {
        let truths = &self.evidence.account.truths;
        let left = self.evidence.heard.end == End::Left;
        let counted = usize::from(record.attempts);
        // An attempt whose caller left cannot tell any more that it found its first connection dead.
        let most = counted + usize::from(left && counted > 0);
        // The copy that lost may have been cancelled before the provider had read any of it.
        let least = seen_at_least(record).saturating_sub(usize::from(record.flags.has(Flags::HEDGED)));
        if truths.len() > most || (truths.len() < least && !left) {
            self.breach(format!("sent {counted} times by the record, seen {} times", truths.len()));
        }
    }

    /// The answer says which model and deployment it is of: the one asked for, and the one that was sent to last.
    fn named(&mut self, record: &UsageRecord, found: Found) {
        let Evidence { case, heard, account, .. } = *self.evidence;
        if record.model != case.model() {
            self.breach(format!("the record is of model {:?}", record.model));
        }
        let own = heard.header("x-paceline-code").is_some() || heard.status == 0;
        let said = |name: &str| heard.header(name).unwrap_or_default();
        if !own && (said("x-paceline-model"), said("x-paceline-deployment")) != (case.model(), &*record.deployment) {
            let (model, deployment) = (said("x-paceline-model"), said("x-paceline-deployment"));
            self.breach(format!("the answer says {model:?} at {deployment:?}, the record {:?}", record.deployment));
        }
        let elsewhere = record.deployment.starts_with(SECOND);
        let noted = record.flags.has(Flags::FALLBACK) || record.flags.has(Flags::HEDGE_WON);
        let first_tried = account.truths.iter().any(|truth| !truth.model.starts_with(SECOND));
        // One that nobody answered has no fallback to tell of.
        if elsewhere && first_tried && !noted && !own && found != Found::Left {
            self.breach("another deployment than the first answered, and the record does not say so");
        }
    }

    /// A provider that asked for a pause before the next attempt got it.
    fn paused(&mut self) {
        let truths = &self.evidence.account.truths;
        let asked = |truth: &&Truth| truth.fault.as_deref().is_some_and(|fault| fault.contains("retry-after=1"));
        for truth in truths.iter().filter(asked) {
            let ended_ns = truth.end_ns.unwrap_or(0);
            let early = |other: &Truth| {
                other.model == truth.model
                    && other.received_ns > ended_ns
                    && other.received_ns < ended_ns + RETRY_AFTER_NS
            };
            if truths.iter().any(early) {
                self.breach("asked again before the provider's Retry-After had passed");
            }
        }
    }

    /// Soon after the answer is over for the caller, whoever ended it, nothing is generated for it any more.
    fn stopped(&mut self) {
        let left = self.evidence.heard.end == End::Left;
        for truth in &self.evidence.account.truths {
            let Some(ended_ns) = truth.cancelled_ns.or(truth.end_ns) else { continue };
            let late_ns = ended_ns.saturating_sub(self.evidence.over_ns);
            if left && truth.cancelled_ns.is_some() {
                self.stop_ns = Some(self.stop_ns.unwrap_or(0).max(late_ns));
            }
            if late_ns > STOP_NS {
                let what =
                    format!("the provider worked on for {} ms after it was over for the caller", late_ns / 1_000_000);
                self.breaches.push(Breach { what, timing: true });
            }
        }
    }
}

fn truths_streamed(account: &Account) -> bool {
    account.truths.iter().all(|truth| truth.streamed)
}
