//! The life of a request: the only place that composes the steps.
