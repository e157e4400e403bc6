//! Price: tokens times the plan's table.

use paceline_plan::document::Price;
use paceline_types::Tokens;

/// Billionths of a US dollar, rounded half up; `None` past what a ledger can hold.
#[must_use]
pub fn cost_nanousd(price: &Price, tokens: &Tokens) -> Option<i64> {
    // A provider that reports more cached than input tokens must not make the rest negative.
    let fresh = tokens.input.saturating_sub(tokens.cached).saturating_sub(tokens.cache_write);
    let parts = [
        (fresh, price.input),
        (tokens.cached, price.cached),
        (tokens.cache_write, price.cache_write),
        (tokens.output, price.output),
    ];
    // US dollars per million tokens are thousands of nano-dollars a token.
    let nanousd: f64 = parts.iter().map(|&(count, usd)| f64::from(count) * usd * 1e3).sum();
    #[allow(clippy::cast_possible_truncation)]
    (nanousd.is_finite() && nanousd < 9e18).then(|| (nanousd + 0.5).floor() as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRICE: (f64, f64, f64, f64) = (3.0, 15.0, 0.3, 3.75);

    fn price() -> Price {
        let (input, output, cached, cache_write) = PRICE;
        Price { input, output, cached, cache_write, source: "test".into() }
    }

    #[test]
    fn cached_and_written_tokens_have_their_own_price() {
        let tokens = Tokens { input: 1_000_000, cached: 600_000, cache_write: 100_000, output: 1000, reasoning: 900 };
        // 300k x $3 + 600k x $0.30 + 100k x $3.75 + 1k x $15 per million
        assert_eq!(cost_nanousd(&price(), &tokens), Some(900_000_000 + 180_000_000 + 375_000_000 + 15_000_000));
    }

    #[test]
    fn half_a_nanodollar_rounds_up() {
        let price = Price { input: 0.0005, output: 0.0, cached: 0.0, cache_write: 0.0, source: "test".into() };
        assert_eq!(cost_nanousd(&price, &Tokens { input: 1, ..Tokens::default() }), Some(1));
    }

    proptest! {
        #[test]
        fn more_output_never_costs_less(input in any::<u32>(), cached in any::<u32>(), output in 0_u32..u32::MAX) {
            let tokens = Tokens { input, cached, output, ..Tokens::default() };
            let more = Tokens { output: output + 1, ..tokens };
            prop_assert!(cost_nanousd(&price(), &more) > cost_nanousd(&price(), &tokens));
            prop_assert!(cost_nanousd(&price(), &tokens) >= Some(0));
        }
    }
}
