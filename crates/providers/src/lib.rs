//! Provider dialects: request scan and splice, stream watch, usage, error shapes.
