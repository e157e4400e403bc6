//! What traffic rules did to a request: its lane, and how the caches answered.

use serde::{Deserialize, Serialize};

/// Priority of traffic. The number is stored in usage records: never renumber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Lane {
    Interactive = 0,
    #[default]
    Standard = 1,
    Batch = 2,
}

impl Lane {
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Standard, Self::Batch];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Standard => "standard",
            Self::Batch => "batch",
        }
    }

    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Interactive,
            1 => Self::Standard,
            2 => Self::Batch,
            _ => return None,
        })
    }
}

/// What the exact cache had to do with a request. The number is stored in usage records: never renumber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CacheUse {
    /// The use case has no cache, or the request cannot be cached.
    #[default]
    None = 0,
    Miss = 1,
    Hit = 2,
    /// Another caller's identical request was under way; its answer served both.
    Shared = 3,
    /// An answer past its time, served while a fresh one is fetched.
    Stale = 4,
    /// The caller asked to pass the cache by.
    Bypassed = 5,
}

impl CacheUse {
    pub const ALL: [Self; 6] = [Self::None, Self::Miss, Self::Hit, Self::Shared, Self::Stale, Self::Bypassed];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Miss => "miss",
            Self::Hit => "hit",
            Self::Shared => "shared",
            Self::Stale => "stale",
            Self::Bypassed => "bypassed",
        }
    }

    /// True when no provider was asked for this request.
    #[must_use]
    pub const fn is_served(self) -> bool {
        matches!(self, Self::Hit | Self::Shared | Self::Stale)
    }

    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }
}

/// Why a provider's prompt cache did or did not help. The number is stored in usage records: never renumber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PrefixUse {
    /// Not known: no regions were hashed, or the provider told no cached tokens.
    #[default]
    None = 0,
    /// The provider read tokens from its cache.
    Hit = 1,
    /// The first time this prefix was seen.
    First = 2,
    /// The same prefix was seen, too long ago.
    Expired = 3,
    Tools = 4,
    System = 5,
    History = 6,
    /// Nothing changed and it was recent: the provider missed by itself (routing, eviction, a prefix too short).
    Provider = 7,
}

impl PrefixUse {
    pub const ALL: [Self; 8] =
        [Self::None, Self::Hit, Self::First, Self::Expired, Self::Tools, Self::System, Self::History, Self::Provider];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hit => "hit",
            Self::First => "first",
            Self::Expired => "expired",
            Self::Tools => "tools",
            Self::System => "system",
            Self::History => "history",
            Self::Provider => "provider",
        }
    }

    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }
}
