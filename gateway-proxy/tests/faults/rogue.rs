//! A backend that misbehaves as it is told, or as dice say.

mod http1;
mod http2;

use crate::dice::Dice;
use crate::fault::Fault;
use crate::ledger::Ledger;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

/// A backend; gone with all its connections when it is dropped.
pub struct Rogue {
    pub address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct State {
    ledger: Arc<Ledger>,
    dice: Mutex<Dice>,
    /// What it does, each as often as the others.
    faults: Vec<Fault>,
    /// Ends all connections.
    hang_up: Notify,
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Rogue {
    /// One that speaks HTTP/1.1.
    pub fn http1(ledger: &Arc<Ledger>, dice: Dice, faults: &[Fault]) -> Self {
        Self::start(ledger, dice, faults, http1::serve)
    }

    /// One that speaks HTTP/2.
    pub fn http2(ledger: &Arc<Ledger>, dice: Dice, faults: &[Fault]) -> Self {
        Self::start(ledger, dice, faults, http2::serve)
    }

    fn start<F>(
        ledger: &Arc<Ledger>,
        dice: Dice,
        faults: &[Fault],
        serve: impl Fn(Arc<State>, TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = Arc::new(State {
            ledger: Arc::clone(ledger),
            dice: Mutex::new(dice),
            faults: faults.to_vec(),
            hang_up: Notify::new(),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let (address, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().unwrap().block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                address.send(listener.local_addr().unwrap()).unwrap();
                let accepting = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let open = Open::new(&shared);
                        let served = serve(Arc::clone(&shared), stream);
                        let shared = Arc::clone(&shared);
                        tokio::spawn(async move {
                            tokio::select! { () = served => {} () = shared.hang_up.notified() => {} }
                            drop(open);
                        });
                    }
                };
                tokio::select! { () = accepting => {} _ = stopped => {} }
            });
        });
        let address = started.recv().unwrap();
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Closes all connections, whatever goes on there.
    pub fn hang_up(&self) {
        self.state.hang_up.notify_waiters();
    }

    /// Most connections that were open at once.
    pub fn most_connections(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

impl State {
    fn draw(&self) -> Fault {
        *self.dice.lock().unwrap().pick(&self.faults)
    }
}

/// A connection, counted as long as it lives.
struct Open(Arc<State>);

impl Open {
    fn new(state: &Arc<State>) -> Self {
        let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
        state.most.fetch_max(open, Ordering::SeqCst);
        Self(Arc::clone(state))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
