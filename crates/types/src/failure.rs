//! The one failure type at the edge: what happened, whose fault, whether to retry, what to do next.

use crate::Code;

/// Whose doing a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Caller,
    /// A rule of the organisation's standards.
    Standards,
    Provider,
    Gateway,
}

/// Why a request was not served. `detail` never holds prompt text, answer text or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    /// What happened, with the names involved: `service "helpdesk" has no use case "chta"`.
    pub detail: String,
    /// What to do next; empty means the code's own advice.
    pub hint: String,
    /// Whole seconds after which a retry makes sense.
    pub retry_after_s: Option<u32>,
}

impl Failure {
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: String::new(), retry_after_s: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The sentence for the caller: detail, advice, and where to read more.
    #[must_use]
    pub fn message(&self) -> String {
        let row = self.code.row();
        let hint = if self.hint.is_empty() { row.advice } else { &self.hint };
        format!("{}. {} [paceline {}: run `paceline explain {}`]", self.detail, hint, row.code, row.code)
    }
}
