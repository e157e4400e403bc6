//! Counters and histograms of the gateway as Prometheus text.
