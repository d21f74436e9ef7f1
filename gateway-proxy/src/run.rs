//! A proxy as a process: signals, the service manager, and other proxies that take its place.

use crate::config::Config;
use crate::error::StartError;
use crate::inherit::Inherited;
use crate::server::{Event, Server};
use crate::systemd::{self, Notifier};
use crate::takeover::{HandOver, Predecessor, Relief};
use std::fmt;
use std::future::pending;
use std::io::{self, Write};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Interval, interval};

/// Runs a proxy until SIGTERM or SIGINT, which let it finish the requests under way; SIGHUP reads
/// the documents and opens the access log again. Sockets that take connections are printed on
/// standard output, one a line, everything else on standard error. `started` hears of the proxy
/// once it serves.
///
/// It listens at sockets that the service manager has opened, tells it what goes on, and takes the
/// place of another proxy, or gives its own away, where [`Config::takeover`] says so.
///
/// # Errors
///
/// As [`Server::start`].
pub fn run(config: Config, started: impl FnOnce(&Server)) -> Result<(), StartError> {
    let takeover = config.takeover.clone();
    // While there is one thread, since the environment is changed.
    let mut inherited = Inherited::from_environment()?;
    let notifier = Notifier::from_environment()?;
    let predecessor = match &takeover {
        Some(path) => Predecessor::ask(path, &mut inherited).map_err(failed(path))?,
        None => None,
    };
    let managed: Vec<_> = inherited.managed().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = Server::start_with(config, inherited, print)?;
        for address in managed {
            if !server.serves(address) {
                say(format_args!("warning: nothing is served at {address}, which was handed over"));
            }
        }
        if let Some(predecessor) = predecessor
            && let Err(error) = predecessor.relieve()
        {
            // It may have been told to stop meanwhile.
            say(format_args!(
                "warning: the proxy before this one does not say that it ends: {error}"
            ));
        }
        let mut successor = takeover.map(|path| Successor::wait_for(&path, &server)).transpose()?;
        let mut watchdog = systemd::watchdog().map(interval);
        notifier.ready();
        started(&server);
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    notifier.reloading();
                    server.reopen_log();
                    // The failure was reported.
                    let _ = server.reload();
                    notifier.ready();
                }
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                relief = relieved(&mut successor) => {
                    say(format_args!("another proxy has taken over"));
                    server.step_aside(|| relief.confirm());
                    return Ok(());
                }
                () = due(&mut watchdog) => if server.is_alive() {
                    notifier.alive();
                },
            }
        }
        notifier.stopping();
        drop(successor);
        server.shutdown();
        Ok(())
    })
}

/// A proxy that may take the place of this one.
struct Successor {
    relief: oneshot::Receiver<Relief>,
    _hand_over: HandOver,
}

impl Successor {
    fn wait_for(path: &Path, server: &Server) -> Result<Self, StartError> {
        let (relieved, relief) = oneshot::channel();
        let hand_over = HandOver::start(path, server.offer()?, relieved).map_err(failed(path))?;
        Ok(Self { relief, _hand_over: hand_over })
    }
}

/// Waits until a successor serves.
async fn relieved(successor: &mut Option<Successor>) -> Relief {
    if let Some(Successor { relief, .. }) = successor {
        match relief.await {
            Ok(relief) => return relief,
            // Nobody can ask any more.
            Err(_) => *successor = None,
        }
    }
    pending().await
}

/// Waits until the service manager has to hear that the proxy is alive.
async fn due(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(interval) => drop(interval.tick().await),
        None => pending().await,
    }
}

fn say(text: fmt::Arguments<'_>) {
    // Whoever reads this may be gone; that is no reason to stop serving.
    let _ = writeln!(io::stderr(), "{text}");
}

fn failed(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |error| StartError::Takeover { path: path.into(), error }
}

fn print(event: Event) {
    // Whoever reads this may be gone; that is no reason to stop serving.
    let _ = match event {
        Event::Listening(_) | Event::Admin(_) => {
            let mut out = io::stdout().lock();
            writeln!(out, "{event}").and_then(|()| out.flush())
        }
        _ => writeln!(io::stderr(), "{event}"),
    };
}
