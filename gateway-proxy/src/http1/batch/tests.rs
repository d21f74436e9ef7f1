use super::super::outgoing::Framing;
use super::super::socket::{Sent, Shared, Socket, When};
use super::super::wire::{Wire, finish};
use super::*;
use crate::exchange::Received;
use bytes::BytesMut;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

/// Counts how often somebody is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn socket(batch: &Batch, seed: u64) -> Shared<Wire> {
    Socket::new(Wire::of(b"", 8, seed), BytesMut::new(), batch.clone())
}

/// Sends a message without a body.
fn send(socket: &Shared<Wire>, when: When, owner: &Waker) -> Sent {
    let mut socket = socket.borrow_mut();
    socket.begin(Framing::None).extend_from_slice(b"hello");
    let mut cx = Context::from_waker(owner);
    for _ in 0..100 {
        if let Poll::Ready(sent) = socket.poll_send(&mut None::<Received>, when, &mut cx) {
            return sent.unwrap();
        }
    }
    panic!("nothing goes on");
}

fn output(socket: &Shared<Wire>) -> String {
    String::from_utf8(socket.borrow().stream.output.clone()).unwrap()
}

/// Lets what is put off be written; `None` where nobody has asked for that.
fn write(writer: &mut Pin<&mut impl Future<Output = ()>>, woken: &Arc<Woken>) {
    let waker = Waker::from(Arc::clone(woken));
    assert!(writer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn writes_are_put_off_until_the_writer_comes() {
    let batch = Batch::default();
    let mut writer = pin!(batch.clone().write());
    let woken = Arc::default();
    write(&mut writer, &woken);
    let sockets: Vec<_> = (1..20).map(|seed| socket(&batch, seed)).collect();
    for round in 1..3 {
        let owner = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&owner));
        for socket in &sockets {
            assert_eq!(send(socket, When::Soon, &waker), Sent::PutOff);
        }
        assert_eq!(woken.times(), round, "the first wakes the writer");
        assert_eq!(output(&sockets[0]), "hello".repeat(round - 1));
        write(&mut writer, &woken);
        let is_through = |socket: &&Shared<Wire>| socket.borrow().outgoing.is_empty();
        let through = sockets.iter().filter(is_through).count();
        assert!((1..sockets.len()).contains(&through), "{through} of {}", sockets.len());
        // Whose socket takes nothing or too little hears when it does again, and goes on.
        assert!(owner.times() >= sockets.len() - through);
        for socket in &sockets {
            finish(poll_fn(|cx| socket.borrow_mut().poll_rest(cx))).unwrap();
            assert_eq!(output(socket), "hello".repeat(round));
        }
    }
}

#[test]
fn who_is_put_off_does_not_write() {
    let batch = Batch::default();
    let mut writer = pin!(batch.clone().write());
    let woken = Arc::default();
    write(&mut writer, &woken);
    let socket = socket(&batch, 1);
    assert_eq!(send(&socket, When::Soon, Waker::noop()), Sent::PutOff);
    finish(poll_fn(|cx| socket.borrow_mut().poll_rest(cx))).unwrap();
    assert_eq!(output(&socket), "");
    // What must go out now takes that along.
    assert_eq!(send(&socket, When::Now, Waker::noop()), Sent::Whole);
    assert_eq!(output(&socket), "hellohello");
    write(&mut writer, &woken);
    assert_eq!(output(&socket), "hellohello");
}

#[test]
fn nothing_is_put_off_where_nobody_would_write_it() {
    let socket = socket(&Batch::default(), 1);
    assert_eq!(send(&socket, When::Soon, Waker::noop()), Sent::Whole);
    assert_eq!(output(&socket), "hello");
}
