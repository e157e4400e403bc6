//! How values are spread: an exponential histogram on the ledger's own grid, or the boundaries that the conventions
//! advise. Knows nothing of requests.

use paceline_plan::document::Histograms;
use paceline_types::Sketch;

use crate::messages::{Buckets, ExponentialPoint, HistogramPoint, KeyValue};

/// Scale of `Sketch`: its bucket `i` is OpenTelemetry's, `(2^(i/32), 2^((i+1)/32)]`.
const SCALE: i32 = 5;
/// Buckets of one point; a wider one is written at a coarser scale, as SDKs do.
const BUCKETS_MAX: usize = 160;

#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    sum: f64,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Exponential(Sketch),
    Explicit { ends: &'static [f64], counts: Box<[u64]> },
}

/// The times of a point, and what it is of.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub start_unix_ns: u64,
    pub now_unix_ns: u64,
    pub attributes: Vec<KeyValue>,
}

/// A point in either form.
pub(crate) enum Point {
    Exponential(ExponentialPoint),
    Explicit(HistogramPoint),
}

impl Distribution {
    pub(crate) fn new(histograms: Histograms, ends: &'static [f64]) -> Self {
        let form = match histograms {
            Histograms::Exponential => Form::Exponential(Sketch::default()),
            Histograms::Explicit => Form::Explicit { ends, counts: vec![0; ends.len() + 1].into() },
        };
        Self { sum: 0.0, form }
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.sum += value;
        match &mut self.form {
            Form::Exponential(sketch) => sketch.add(value),
            Form::Explicit { ends, counts } => counts[ends.partition_point(|&end| end < value)] += 1,
        }
    }

    /// None before the first value.
    pub(crate) fn point(&self, frame: Frame) -> Option<Point> {
        let Frame { start_unix_ns: start_time_unix_nano, now_unix_ns: time_unix_nano, attributes } = frame;
        let sum = Some(self.sum);
        match &self.form {
            Form::Exponential(sketch) => {
                let count = sketch.count();
                let (scale, positive) = buckets(sketch);
                (count > 0).then_some(Point::Exponential(ExponentialPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    count,
                    sum,
                    scale,
                    zero_count: sketch.zeros(),
                    positive,
                }))
            }
            Form::Explicit { ends, counts } => {
                let count = counts.iter().sum();
                (count > 0).then_some(Point::Explicit(HistogramPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    count,
                    sum,
                    bucket_counts: counts.to_vec(),
                    explicit_bounds: ends.to_vec(),
                }))
            }
        }
    }
}

/// The counts side by side, at the finest scale at which they are not too many.
fn buckets(sketch: &Sketch) -> (i32, Option<Buckets>) {
    let all: Vec<(i32, u64)> = sketch.buckets().collect();
    let (Some(&(first, _)), Some(&(last, _))) = (all.first(), all.last()) else { return (SCALE, None) };
    let mut coarser = 0;
    while (last >> coarser).abs_diff(first >> coarser) as usize >= BUCKETS_MAX {
        coarser += 1;
    }
    let offset = first >> coarser;
    let place = |index: i32| (index >> coarser).abs_diff(offset) as usize;
    let mut bucket_counts = vec![0; place(last) + 1];
    for (index, count) in all {
        bucket_counts[place(index)] += count;
    }
    (SCALE - coarser, Some(Buckets { offset, bucket_counts }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exponential(values: &[f64]) -> Option<ExponentialPoint> {
        let mut spread = Distribution::new(Histograms::Exponential, &[]);
        values.iter().for_each(|&value| spread.add(value));
        match spread.point(Frame { start_unix_ns: 1, now_unix_ns: 2, attributes: Vec::new() })? {
            Point::Exponential(point) => Some(point),
            Point::Explicit(_) => None,
        }
    }

    proptest! {
        #[test]
        fn every_value_lies_in_the_bucket_that_counts_it(value in 1e-6_f64..1e6) {
            let point = exponential(&[value]).unwrap_or_default();
            let offset = point.positive.map(|buckets| buckets.offset).unwrap_or_default();
            let base = (-f64::from(point.scale)).exp2().exp2();
            let (low, high) = (base.powi(offset), base.powi(offset + 1));
            prop_assert!(low * (1.0 - 1e-9) < value && value <= high * (1.0 + 1e-9), "{low} {value} {high}");
        }

        #[test]
        fn each_bucket_counts_what_the_conventions_put_there(
            values in proptest::collection::vec(prop_oneof![Just(0.0), 1e-6_f64..1e-3, 1e-3_f64..1e3, 1e3_f64..1e9], 1..200)
        ) {
            let point = exponential(&values).unwrap_or_default();
            let mut wanted = std::collections::BTreeMap::<i32, u64>::new();
            let positive = values.iter().filter(|&&value| value > 0.0);
            // The conventions' own formula at the scale that is told: the bucket of v is ceil(log(v, base)) - 1.
            let index = |value: f64| (value.log2() * f64::from(point.scale).exp2()).ceil() as i32 - 1;
            positive.for_each(|&value| *wanted.entry(index(value)).or_default() += 1);
            let told = point.positive.unwrap_or_default();
            let told = (told.offset..).zip(told.bucket_counts).filter(|(_, count)| *count > 0);
            prop_assert_eq!(told.collect::<std::collections::BTreeMap<_, _>>(), wanted);
            let zeros = values.iter().filter(|&&value| value == 0.0).count() as u64;
            prop_assert_eq!((point.zero_count, point.count), (zeros, values.len() as u64));
            let sum: f64 = values.iter().sum();
            prop_assert!((point.sum.unwrap_or_default() - sum).abs() <= sum * 1e-9);
        }

        #[test]
        fn any_number_has_a_place(values in proptest::collection::vec(any::<f64>(), 1..20)) {
            let point = exponential(&values).unwrap_or_default();
            let counts = point.positive.unwrap_or_default().bucket_counts;
            prop_assert!(counts.len() <= BUCKETS_MAX);
            prop_assert_eq!(counts.iter().sum::<u64>() + point.zero_count, values.len() as u64);
        }

        #[test]
        fn nothing_is_lost_however_wide_and_the_buckets_are_bounded(
            values in proptest::collection::vec(1e-9_f64..1e9, 1..200)
        ) {
            let point = exponential(&values).unwrap_or_default();
            let buckets = point.positive.unwrap_or_default().bucket_counts;
            prop_assert!(buckets.len() <= BUCKETS_MAX);
            prop_assert_eq!(buckets.iter().sum::<u64>(), values.len() as u64);
            prop_assert_eq!(point.count, values.len() as u64);
        }
    }

    #[test]
    fn explicit_boundaries_count_values_up_to_them() {
        let mut spread = Distribution::new(Histograms::Explicit, &[0.1, 1.0]);
        let frame = || Frame { start_unix_ns: 1, now_unix_ns: 2, attributes: Vec::new() };
        assert!(spread.point(frame()).is_none());
        [0.05, 0.1, 0.5, 1.0, 2.0].into_iter().for_each(|value| spread.add(value));
        let Some(Point::Explicit(point)) = spread.point(frame()) else { unreachable!("five values") };
        assert_eq!((point.bucket_counts, point.count, point.sum), (vec![2, 2, 1], 5, Some(3.65)));
    }
}
