//! Plays a script: turns "so many tokens exist" into the next piece of a streamed answer, one event at a time, and says
//! to the recorder what went out. Applies the faults that are part of the stream's content or of its pace.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use paceline_types::Api;
use tokio::time::Sleep;

use crate::fault::Fault;
use crate::feed::Pace;
use crate::script::{Kind, Script};
use crate::truth::Recorder;
use crate::wire::{self, Form};

/// A streamed answer that generation has begun for.
pub(crate) struct Play {
    script: Script,
    form: Box<dyn Form>,
    pace: Pace,
    per_event: u32,
    sent: u32,
    stage: Stage,
    stall: Option<(Duration, u32)>,
    stalling: Option<Pin<Box<Sleep>>>,
    error_at: Option<u32>,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Tokens,
    Over,
}

impl Play {
    #[must_use]
    pub(crate) fn new(api: Api, script: Script, pace: Pace, per_event: u32, fault: &Fault) -> Self {
        Self {
            form: wire::streamed(api, &script),
            script,
            pace,
            per_event: per_event.max(1),
            sent: 0,
            stage: Stage::Open,
            stall: fault.stall,
            stalling: None,
            error_at: fault.error_event,
            scratch: Vec::with_capacity(512),
        }
    }

    /// True when there is nothing more to come.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// The next piece: whole events.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>, recorder: &mut Recorder) -> Poll<Option<Bytes>> {
        let frames = match self.stage {
            Stage::Over => return Poll::Ready(None),
            Stage::Open => {
                self.stage = Stage::Tokens;
                let frames = self.form.open(&self.script, &mut self.scratch);
                if self.scratch.is_empty() {
                    return self.poll_piece(cx, recorder);
                }
                frames
            }
            Stage::Tokens if self.error_at.is_some_and(|at| self.sent >= at) => {
                self.stage = Stage::Over;
                self.form.error(&self.script, &mut self.scratch)
            }
            Stage::Tokens => ready!(self.poll_tokens(cx, recorder)),
        };
        recorder.truth.frames += frames;
        let piece = Bytes::copy_from_slice(&self.scratch);
        self.scratch.clear();
        Poll::Ready(Some(piece))
    }

    fn poll_tokens(&mut self, cx: &mut Context<'_>, recorder: &mut Recorder) -> Poll<u32> {
        ready!(self.poll_stall(cx));
        let (kind, kind_end) = self.script.kind(self.sent);
        let to = (self.sent + self.per_event).min(kind_end);
        let exist = ready!(self.pace.poll_more(cx, to - 1));
        debug_assert!(exist >= to);
        let mut frames = self.form.tokens(&self.script, self.sent, to, &mut self.scratch);
        recorder.tokens(self.script.output_tokens(to - self.sent), kind != Kind::Reasoning);
        recorder.truth.events += self.script.choices;
        self.sent = to;
        if to == self.script.total() {
            self.stage = Stage::Over;
            frames += if self.error_at.is_some_and(|at| at <= to) {
                self.form.error(&self.script, &mut self.scratch)
            } else {
                self.form.close(&self.script, &mut self.scratch)
            };
        }
        Poll::Ready(frames)
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((length, _)) = self.stall.take_if(|(_, token)| *token <= self.sent) {
            self.stalling = Some(Box::pin(tokio::time::sleep(length)));
        }
        if let Some(sleep) = &mut self.stalling {
            ready!(sleep.as_mut().poll(cx));
            self.stalling = None;
        }
        Poll::Ready(())
    }
}

/// Waits until a whole answer's tokens exist, and says to the recorder when they did.
pub(crate) async fn generate(
    script: &Script,
    pace: &mut Pace,
    stall: Option<(Duration, u32)>,
    recorder: &mut Recorder,
) {
    let mut have = 0;
    let mut stall = stall;
    while have < script.total() {
        if let Some((length, _)) = stall.take_if(|(_, token)| *token <= have) {
            tokio::time::sleep(length).await;
        }
        let exist = std::future::poll_fn(|cx| pace.poll_more(cx, have)).await;
        let (kind, kind_end) = script.kind(have);
        let to = exist.min(kind_end);
        recorder.tokens(script.output_tokens(to - have), kind != Kind::Reasoning);
        have = to;
    }
}
