//! A whole call in one line, for control traffic and tests: send, gather the answer.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};

use super::error::{AnswerError, SendError};
use super::{Deadlines, RequestHead, Upstream};

/// An answer gathered whole.
#[derive(Debug, Clone)]
pub struct Called {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub reconnected: bool,
}

impl Called {
    /// The body as text, for a person or a test.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why a call has no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("answer over {0} bytes")]
    TooLarge(usize),
}

/// Bound on a gathered answer.
const CALL_BYTES_MAX: usize = 256 * 1024 * 1024;

impl Upstream {
    /// Sends `body` and gathers the whole answer. `deadlines.head` also bounds every wait inside the body.
    ///
    /// # Errors
    /// When there is no answer, or it does not come whole.
    pub async fn call(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
        deadlines: Deadlines,
    ) -> Result<Called, CallError> {
        let mut answer = self.send(RequestHead::new(method, path, headers), vec![body.into()], deadlines).await?;
        answer.set_deadline(deadlines.head);
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > CALL_BYTES_MAX {
                return Err(CallError::TooLarge(CALL_BYTES_MAX));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(&mut answer.headers);
        Ok(Called { status: answer.status, headers, body: body.freeze(), reconnected: answer.reconnected })
    }

    /// `GET path`, without deadlines.
    ///
    /// # Errors
    /// As [`Upstream::call`].
    pub async fn get(&self, path: &str) -> Result<Called, CallError> {
        self.call(&Method::GET, path, &HeaderMap::new(), Bytes::new(), Deadlines::default()).await
    }

    /// `POST path`, without deadlines.
    ///
    /// # Errors
    /// As [`Upstream::call`].
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Called, CallError> {
        self.call(&Method::POST, path, &HeaderMap::new(), body, Deadlines::default()).await
    }
}
