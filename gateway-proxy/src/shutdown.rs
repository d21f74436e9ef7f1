//! Ending without cutting anything off: who serves is told to, and awaited.

use tokio::sync::watch;

/// Tells everything that watches it to finish, and knows when it has.
pub(crate) struct Drain(watch::Sender<bool>);

/// Held as long as something is going on.
#[derive(Clone)]
pub(crate) struct Draining(watch::Receiver<bool>);

impl Drain {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn watch(&self) -> Draining {
        Draining(self.0.subscribe())
    }

    /// Tells everyone to finish.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits until nobody watches any more.
    pub(crate) async fn over(&self) {
        self.0.closed().await;
    }

    /// Whether nobody watches any more.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_closed()
    }
}

impl Draining {
    /// Waits until it is time to finish.
    pub(crate) async fn begun(&mut self) {
        // An error means that the thread that would tell is gone, which is the same.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}
