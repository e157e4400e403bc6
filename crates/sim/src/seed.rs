//! Seeded randomness of the simulator: SplitMix64 and the few distributions the engine and the answers draw from.
//! Reproducible across platforms; not for secrets.

/// A stream of pseudo-random numbers that depends on nothing but its seed.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in `0.0..1.0`.
    #[allow(clippy::cast_precision_loss)]
    pub const fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal with this median; `sigma` is the standard deviation of the logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }
}

/// Spreads one number over all bits (the finaliser of SplitMix64).
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Folds bytes into a running hash, eight at a time.
#[must_use]
pub fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = mix(seed ^ bytes.len() as u64);
    for part in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        hash = mix(hash ^ u64::from_le_bytes(word));
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
        let draw = |seed| {
            let mut seed = Seed::new(seed);
            (0..8).map(|_| seed.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_log_normal_has_its_median_in_the_middle() {
        let mut seed = Seed::new(7);
        let mut values: Vec<f64> = (0..4001).map(|_| seed.log_normal(200.0, 0.8)).collect();
        values.sort_by(f64::total_cmp);
        assert!((180.0..220.0).contains(&values[2000]), "{}", values[2000]);
        assert!(values[3800] > 500.0, "a long tail");
    }

    #[test]
    fn hashes_depend_on_every_byte_and_on_length() {
        assert_ne!(hash_bytes(1, b"abc"), hash_bytes(1, b"abd"));
        assert_ne!(hash_bytes(1, b"abc"), hash_bytes(1, b"abc\0"));
        assert_ne!(hash_bytes(1, b"abc"), hash_bytes(2, b"abc"));
    }
}
