//! What a request's body is read from: pieces that are there, or a caller's body that is still coming in.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::server::{BodyError, BodyStream};

pub(in crate::upstream) enum Source<'a> {
    Parts { all: Vec<Bytes>, left: VecDeque<Bytes> },
    Stream(&'a mut BodyStream),
}

impl Source<'_> {
    pub(in crate::upstream) fn parts(mut all: Vec<Bytes>) -> Self {
        all.retain(|part| !part.is_empty());
        Self::Parts { left: all.iter().cloned().collect(), all }
    }

    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Parts { all, .. } => Some(all.iter().map(|part| part.len() as u64).sum()),
            Self::Stream(body) => body.length(),
        }
    }

    /// True when nothing is left.
    pub(super) fn is_end(&self) -> bool {
        match self {
            Self::Parts { left, .. } => left.is_empty(),
            Self::Stream(body) => body.is_end(),
        }
    }

    /// True when it can be read from its beginning, as `rewind` does.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Parts { .. } => true,
            Self::Stream(body) => !body.is_touched() && body.fault().is_none(),
        }
    }

    pub(super) fn rewind(&mut self) {
        if let Self::Parts { all, left } = self {
            *left = all.iter().cloned().collect();
        }
    }

    /// True while it is the caller who is waited for.
    pub(super) fn is_caller(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// The next piece; `None` at the end.
    pub(super) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        match self {
            Self::Parts { left, .. } => Poll::Ready(Ok(left.pop_front())),
            Self::Stream(body) => body.poll_chunk(context),
        }
    }
}
