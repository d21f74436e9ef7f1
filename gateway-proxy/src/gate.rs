//! How many may be inside at a time.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Lets so many in at a time, over all threads; any number, and without counting, if there is no
/// limit.
pub(crate) struct Gate {
    most: Option<usize>,
    inside: Arc<AtomicUsize>,
}

/// Held by whoever is inside; the place is free when the last copy is dropped.
#[derive(Clone, Default)]
pub(crate) struct Pass {
    _place: Option<Rc<dyn Any>>,
}

impl Pass {
    fn to(place: impl Any) -> Self {
        Self { _place: Some(Rc::new(place)) }
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { most, inside: Arc::default() }
    }

    /// `None` where it is full.
    pub(crate) fn enter(&self) -> Option<Pass> {
        let Some(most) = self.most else { return Some(Pass::default()) };
        // Whoever finds it full leaves at once, by the drop.
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&self.inside));
        (before < most).then(|| Pass::to(counted))
    }
}

/// The same for each client: an IPv4 address, or the 64 bits of an IPv6 address that one client
/// has to itself.
pub(crate) struct ClientGate {
    most: Option<usize>,
    inside: Clients,
}

type Clients = Arc<Mutex<HashMap<IpAddr, usize>>>;

struct CountedClient {
    client: IpAddr,
    inside: Clients,
}

impl Drop for CountedClient {
    fn drop(&mut self) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.client);
            }
        }
    }
}

impl ClientGate {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { most, inside: Arc::default() }
    }

    /// `None` where it is full for this client.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Pass> {
        let Some(most) = self.most else { return Some(Pass::default()) };
        let client = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
        };
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Pass::to(CountedClient { client, inside: Arc::clone(&self.inside) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_let_in_at_a_time() {
        let gate = Gate::new(Some(2));
        let (one, two) = (gate.enter().unwrap(), gate.enter().unwrap());
        assert!(gate.enter().is_none() && gate.enter().is_none());
        let same = one.clone();
        drop(one);
        assert!(gate.enter().is_none(), "the place is still held");
        drop(same);
        let _three = gate.enter().unwrap();
        assert!(gate.enter().is_none());
        drop(two);
        assert!(gate.enter().is_some());
        let open = Gate::new(None);
        let all: Vec<Pass> = (0..100).filter_map(|_| open.enter()).collect();
        assert_eq!(all.len(), 100);
    }

    #[test]
    fn each_client_has_its_own_limit() {
        let gate = ClientGate::new(Some(1));
        let enter = |text: &str| gate.enter(text.parse().unwrap());
        let one = enter("192.0.2.1");
        assert!(one.is_some() && enter("192.0.2.1").is_none());
        let other = enter("192.0.2.2");
        let net = enter("2001:db8::1");
        assert!(other.is_some() && net.is_some());
        assert!(enter("2001:db8::2").is_none(), "the same network");
        assert!(enter("2001:db8:0:1::1").is_some());
        drop((one, other, net));
        assert!(enter("192.0.2.1").is_some());
        assert!(gate.inside.lock().unwrap().is_empty(), "nobody who left is remembered");
    }
}
