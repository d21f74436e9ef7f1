//! Where hyper's HTTP/2 puts what goes on beside a connection: on the thread of that connection.

use std::future::Future;

/// Runs futures on the present thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
