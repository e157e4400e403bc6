//! W3C trace context: what a caller says of its trace, and what a provider is told of ours. Owns the form of
//! `traceparent`; what is malformed, or there twice, counts as absent, as the recommendation has it.

use std::fmt;

use paceline_http::{HeaderMap, HeaderValue};

/// Longest `tracestate` that is passed on to the collector.
const STATE_BYTES_MAX: usize = 512;

/// The trace a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: [u8; 16],
    /// The caller's span; none where the trace begins here.
    pub parent: Option<[u8; 8]>,
    pub sampled: bool,
}

impl Context {
    /// The caller's trace and its `tracestate`, or a new trace of which this share is sampled. `random` gives 64 bits at
    /// a time.
    pub(crate) fn of(headers: &HeaderMap, share: f64, random: impl FnMut() -> u64) -> (Self, Option<String>) {
        let mut all = headers.get_all("traceparent").iter();
        let one = all.next().filter(|_| all.next().is_none());
        let context = Self::begin(one.map(HeaderValue::as_bytes), share, random);
        (context, context.parent.and_then(|_| state(headers)))
    }

    pub(crate) fn begin(traceparent: Option<&[u8]>, share: f64, mut random: impl FnMut() -> u64) -> Self {
        if let Some(context) = traceparent.and_then(parse) {
            return context;
        }
        let (high, low) = (random(), random() | 1);
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&high.to_be_bytes());
        trace[8..].copy_from_slice(&low.to_be_bytes());
        Self { trace, parent: None, sampled: is_within(low, share) }
    }
}

/// The lines of `tracestate` as one; none where they are no text or too long.
fn state(headers: &HeaderMap) -> Option<String> {
    let lines: Option<Vec<&str>> = headers.get_all("tracestate").iter().map(|line| line.to_str().ok()).collect();
    let state = lines?.join(",");
    (!state.is_empty() && state.len() <= STATE_BYTES_MAX).then_some(state)
}

/// By the trace's own digits, so that everybody who decides by them decides alike.
#[allow(clippy::cast_precision_loss)]
fn is_within(low: u64, share: f64) -> bool {
    ((low >> 8) as f64) < share * (1_u64 << 56) as f64
}

/// Reads `00-TRACE-SPAN-FLAGS`; later versions may say more behind it.
fn parse(text: &[u8]) -> Option<Context> {
    let (version, rest) = text.split_at_checked(2)?;
    let version = byte(version)?;
    let (known, more) = rest.split_at_checked(53)?;
    let sound_end = match version {
        0 => more.is_empty(),
        0xff => false,
        _ => more.first().is_none_or(|&byte| byte == b'-'),
    };
    if !sound_end || [known[0], known[33], known[50]] != [b'-'; 3] {
        return None;
    }
    let trace: [u8; 16] = digits(&known[1..33])?;
    let parent: [u8; 8] = digits(&known[34..50])?;
    let flags = byte(&known[51..53])?;
    let sound = trace.iter().any(|&byte| byte != 0) && parent.iter().any(|&byte| byte != 0);
    sound.then_some(Context { trace, parent: Some(parent), sampled: flags & 1 == 1 })
}

fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (to, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *to = byte(pair)?;
    }
    Some(out)
}

/// Two hex digits, lower case only.
fn byte(pair: &[u8]) -> Option<u8> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)
}

/// A `traceparent` for one span of a trace.
#[derive(Clone, Copy, Debug)]
pub struct Traceparent {
    pub context: Context,
    pub span: [u8; 8],
}

impl fmt::Display for Traceparent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("00-")?;
        self.context.trace.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
        formatter.write_str("-")?;
        self.span.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
        write!(formatter, "-{:02x}", u8::from(self.context.sampled))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(text: &str) -> Option<Context> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_caller_s_trace_is_read_and_written_back() {
        let context = Context::begin(Some(GOOD.as_bytes()), 0.0, || 7);
        assert!(context.sampled, "the caller's flag wins over the share");
        let span = context.parent.unwrap_or_default();
        assert_eq!(Traceparent { context, span }.to_string(), GOOD);
        assert!(!Context::begin(Some(GOOD.replace("-01", "-00").as_bytes()), 1.0, || 7).sampled);
    }

    #[test]
    fn what_is_malformed_begins_a_new_trace() {
        for text in [
            "",
            "00",
            "01",
            "01-4bf92f",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            &GOOD.to_uppercase(),
            &GOOD.replace("00-4", "ff-4"),
            &GOOD.replace("00-4", "0-4"),
            &format!("{GOOD}-more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(read(text), None, "{text}");
            assert_eq!(Context::begin(Some(text.as_bytes()), 1.0, || 7).parent, None);
        }
        assert!(read(&format!("cc{}-what-the-future-will-be-like", &GOOD[2..])).is_some());
    }

    #[test]
    fn the_share_of_new_traces_is_kept_and_all_or_none_mean_it() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let kept = |share, random: &mut dyn FnMut() -> u64| {
            (0..10_000).filter(|_| Context::begin(None, share, &mut *random).sampled).count()
        };
        assert_eq!((kept(0.0, &mut random), kept(1.0, &mut random)), (0, 10_000));
        let tenth = kept(0.1, &mut random);
        assert!((850..1150).contains(&tenth), "{tenth}");
    }

    fn headers(all: &[(&'static str, &[u8])]) -> HeaderMap {
        all.iter()
            .filter_map(|(name, value)| {
                Some((paceline_http::HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
            })
            .collect()
    }

    #[test]
    fn a_traceparent_that_is_there_twice_is_none_and_its_state_goes_with_it() {
        let parent = ("traceparent", GOOD.as_bytes());
        let of = |all: &[(&'static str, &[u8])]| Context::of(&headers(all), 0.0, || 7);
        let (context, state) = of(&[parent, ("tracestate", b"a=1"), ("tracestate", b"b=2,c=3")]);
        assert!(context.parent.is_some());
        assert_eq!(state.as_deref(), Some("a=1,b=2,c=3"), "lines of one list");
        let (context, state) = of(&[parent, parent, ("tracestate", b"a=1")]);
        assert_eq!((context.parent, state), (None, None));
        assert_eq!(of(&[("tracestate", b"a=1")]).1, None, "there is no trace it could be of");
        assert_eq!(of(&[parent, ("tracestate", b"a=\xff")]).1, None);
        assert_eq!(of(&[parent, ("tracestate", &[b'a'; STATE_BYTES_MAX + 1])]).1, None);
        assert_eq!(of(&[parent]).1, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_nearly_one_is_read_without_a_panic_and_never_as_nothing(
            edits in proptest::collection::vec((0_usize..60, any::<u8>(), 0_u8..3), 1..4)
        ) {
            let mut bytes = GOOD.as_bytes().to_vec();
            for (at, byte, how) in edits {
                let at = at.min(bytes.len());
                match how {
                    0 => bytes.insert(at, byte),
                    1 if at < bytes.len() => bytes[at] = byte,
                    _ => bytes.truncate(at),
                }
            }
            if let Some(context) = parse(&bytes) {
                prop_assert!(context.trace != [0; 16] && context.parent.is_some_and(|parent| parent != [0; 8]));
                prop_assert!(bytes.starts_with(b"00-") == (bytes[..2] == *b"00") && bytes[..2] != *b"ff");
            }
        }

        #[test]
        fn what_a_provider_is_told_reads_back_as_what_was_meant(
            trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), sampled in any::<bool>()
        ) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let told = Traceparent { context: Context { trace, parent: None, sampled }, span }.to_string();
            prop_assert_eq!(parse(told.as_bytes()), Some(Context { trace, parent: Some(span), sampled }));
            prop_assert_eq!(parse(format!("01{}-more", &told[2..]).as_bytes()), parse(told.as_bytes()));
        }
    }
}
