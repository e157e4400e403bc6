//! Which cases there are. Cuts and leavings need the answers' lengths, which a stage measures; everything else is a
//! list. The sampled matrix has every value of every axis with every other fault, and of the cuts and the leavings as
//! many as are asked for.

use paceline_sim::seed::Seed;
use paceline_types::Api;

use crate::case::{Caller, Case, Reach, Shape, Traffic};
use crate::request::output_tokens;
use crate::stage::Stage;
use crate::wrong::{SIMPLE, STATUSES, Wrong};

/// The APIs of the matrix.
pub const APIS: [Api; 5] = [Api::Chat, Api::Completions, Api::Responses, Api::Messages, Api::Embeddings];
/// Of a response's head, in bytes: leaving may come before the body.
const HEAD: u32 = 600;
/// Longest a caller waits before it leaves: past the end of the slow model's answer.
const LEAVES_MS_MAX: u32 = 110;

/// How much of the matrix.
#[derive(Clone, Copy, Debug)]
pub enum Density {
    /// Every byte, every fault with many leavings.
    Full,
    /// About so many cuts, and as many leavings, for each kind of answer.
    Sampled(u32),
}

/// Lengths of the plain and of the compressed answer of one kind.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    plain: u32,
    gzip: u32,
}

/// The cases of one stage's traffic.
pub async fn cases(stage: &Stage, density: Density, seed: u64) -> Vec<Case> {
    let mut seed = Seed::new(seed);
    let mut cases = Vec::new();
    for api in APIS {
        for &shape in Shape::of(api) {
            let lengths = lengths(stage, api, shape).await;
            for &reach in reaches(stage.traffic) {
                let case =
                    Case { api, shape, wrong: Wrong::Nothing, reach, caller: Caller::Stays, traffic: stage.traffic };
                let mut list = List { case, lengths, density, seed: &mut seed, cases: &mut cases };
                list.staying();
                list.leaving();
            }
        }
    }
    cases
}

/// Where attempts differ there is something to reach.
const fn reaches(traffic: Traffic) -> &'static [Reach] {
    match traffic {
        Traffic::Retry => &[Reach::Always, Reach::Once],
        Traffic::Fallback | Traffic::Hedge => &[Reach::Always, Reach::Once, Reach::First],
        _ => &[Reach::Always],
    }
}

async fn lengths(stage: &Stage, api: Api, shape: Shape) -> Lengths {
    let case =
        Case { api, shape, wrong: Wrong::Nothing, reach: Reach::Always, caller: Caller::Stays, traffic: stage.traffic };
    let case = Case { shape: case.upstream_shape(), ..case };
    let (provider, model) = stage.answered_by(None, &case);
    let length = async |wrong| {
        let reference = stage.references.of(&case, wrong, provider.address(), &model).await;
        u32::try_from(reference.sent.len()).unwrap_or(u32::MAX)
    };
    Lengths { plain: length(Wrong::Nothing).await, gzip: length(Wrong::Gzip).await }
}

/// Cases of one kind of answer in the making.
struct List<'a> {
    case: Case,
    lengths: Lengths,
    density: Density,
    seed: &'a mut Seed,
    cases: &'a mut Vec<Case>,
}

impl List<'_> {
    fn push(&mut self, wrong: Wrong, caller: Caller) {
        let case = Case { wrong, caller, ..self.case };
        if wrong.applies(case.api, case.upstream_shape()) {
            self.cases.push(case);
        }
    }

    /// Faults without a number of bytes.
    fn faults(&self) -> Vec<Wrong> {
        let mut faults: Vec<Wrong> = SIMPLE.to_vec();
        faults.extend(STATUSES.map(Wrong::Status));
        let tokens = output_tokens(self.case.model());
        for token in 0..tokens {
            faults.extend([Wrong::Stall(token), Wrong::ErrorEvent(token)]);
        }
        faults.extend([0, 1, tokens - 1].map(Wrong::LongStall));
        faults
    }

    fn staying(&mut self) {
        for wrong in self.faults() {
            self.push(wrong, Caller::Stays);
        }
        for byte in self.bytes(self.lengths.plain) {
            self.push(Wrong::Cut(byte), Caller::Stays);
            self.push(Wrong::End(byte), Caller::Stays);
            self.push(Wrong::ResetCut(byte), Caller::Stays);
        }
        for byte in self.bytes(self.lengths.gzip) {
            self.push(Wrong::GzipCut(byte), Caller::Stays);
        }
    }

    fn leaving(&mut self) {
        for byte in self.bytes(self.lengths.plain + HEAD) {
            let resets = byte % 2 == 1;
            self.push(Wrong::Nothing, if resets { Caller::ResetsAt(byte) } else { Caller::LeavesAt(byte) });
        }
        for ms in self.moments() {
            let resets = ms % 2 == 1;
            self.push(Wrong::Nothing, if resets { Caller::ResetsAfter(ms) } else { Caller::LeavesAfter(ms) });
        }
        let each = match self.density {
            Density::Full => 8,
            Density::Sampled(_) => 1,
        };
        for wrong in self.faults().into_iter().filter(|wrong| *wrong != Wrong::Nothing) {
            for _ in 0..each {
                let ms = self.below(LEAVES_MS_MAX);
                let byte = self.below(self.lengths.plain + HEAD);
                let caller =
                    [Caller::LeavesAfter(ms), Caller::ResetsAfter(ms), Caller::LeavesAt(byte), Caller::ResetsAt(byte)]
                        [self.below(4) as usize];
                self.push(wrong, caller);
            }
        }
    }

    /// Places to cut or leave at, up to and with the end.
    fn bytes(&mut self, length: u32) -> Vec<u32> {
        match self.density {
            Density::Full => (0..=length).collect(),
            Density::Sampled(count) => {
                let step = (length / count.max(1)).max(1);
                let mut bytes: Vec<u32> =
                    (0..length).step_by(step as usize).map(|from| from + self.below(step)).collect();
                bytes.extend([0, 1, length.saturating_sub(2), length.saturating_sub(1), length]);
                bytes
            }
        }
    }

    fn moments(&mut self) -> Vec<u32> {
        match self.density {
            Density::Full => (0..LEAVES_MS_MAX).collect(),
            Density::Sampled(count) => (0..count.div_ceil(4)).map(|_| self.below(LEAVES_MS_MAX)).collect(),
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn below(&mut self, bound: u32) -> u32 {
        (self.seed.unit() * f64::from(bound)) as u32
    }
}
