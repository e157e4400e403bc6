//! Connections by caller's address: how many one address may hold, so that one runaway client does not take every
//! place. Behind a load balancer all callers share its address: the bound is off unless it is set.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Open connections by address.
#[derive(Debug)]
pub(super) struct Crowd {
    most: u32,
    open: Mutex<FxHashMap<IpAddr, u32>>,
}

/// One connection's place among its address's. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Among {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    /// None for no bound.
    pub(super) fn new(most: u32) -> Option<Arc<Self>> {
        (most > 0).then(|| Arc::new(Self { most, open: Mutex::default() }))
    }

    /// A place for one more connection of an address; none when it has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Among> {
        let address = address.to_canonical();
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Among { crowd: Arc::clone(self), address })
    }
}

impl Drop for Among {
    fn drop(&mut self) {
        let mut open = self.crowd.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_places_and_gives_them_back() {
        assert!(Crowd::new(0).is_none());
        let crowd = Crowd::new(2).unwrap();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mapped = "::ffff:10.0.0.1".parse().unwrap();
        let first = crowd.enter(one).unwrap();
        let _second = crowd.enter(mapped).unwrap();
        assert!(crowd.enter(one).is_none() && crowd.enter(other).is_some());
        drop(first);
        assert!(crowd.enter(one).is_some());
        drop(crowd.enter(other));
        assert_eq!(crowd.open.lock().len(), 1, "addresses without a connection are forgotten");
    }
}
