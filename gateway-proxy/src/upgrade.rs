//! Connections that go on in another protocol, such as WebSocket: octets both ways.

use crate::shutdown::Draining;
use http::Extensions;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;

/// One side of a connection that may change its protocol.
pub(crate) struct Upgrade(OnUpgrade);

impl Upgrade {
    /// What hyper left with a message that is part of an upgrade.
    pub(crate) fn take(extensions: &mut Extensions) -> Option<Self> {
        extensions.remove::<OnUpgrade>().map(Self)
    }

    /// Copies octets between both sides until one of them ends, or until `grace` after the proxy
    /// is told to stop.
    pub(crate) async fn tunnel(self, other: Self, mut draining: Draining, grace: Duration) {
        let copied = async {
            let (one, two) = tokio::try_join!(self.0, other.0).ok()?;
            let (mut one, mut two) = (TokioIo::new(one), TokioIo::new(two));
            tokio::io::copy_bidirectional(&mut one, &mut two).await.ok()
        };
        let stopped = async {
            draining.begun().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            _ = copied => {}
            () = stopped => {}
        }
    }
}
