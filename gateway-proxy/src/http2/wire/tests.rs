use super::*;
use crate::http1::wire::{Wire as Rough, finish};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Waker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn output(wire: &Wire<Rough>) -> (Vec<u8>, usize) {
    let inner = wire.0.borrow();
    (inner.stream.output.clone(), inner.stream.flushed)
}

#[test]
fn what_is_written_in_a_turn_goes_out_at_its_end() {
    let mut wire = Wire::new(Rough::open(b"", usize::MAX), Batch::default());
    for octets in [&b"head"[..], b"", b"data"] {
        finish(wire.write_all(octets)).unwrap();
        finish(wire.flush()).unwrap();
    }
    assert_eq!(output(&wire), (Vec::new(), 0));
    finish(poll_fn(|cx| wire.poll_send(cx))).unwrap();
    assert_eq!(output(&wire), (b"headdata".to_vec(), 8));
    assert_eq!(wire.0.borrow().waiting.capacity(), 0, "no space is held");
}

#[test]
fn large_data_is_neither_held_nor_put_out_of_order() {
    let octets: Vec<u8> = (0..5 * GATHERED).map(|at| (at / 7) as u8).collect();
    for most in [usize::MAX, 1000, 7] {
        let mut wire = Wire::new(Rough::open(b"", most), Batch::default());
        for (at, piece) in [(0, 9), (9, 300), (309, GATHERED), (309 + GATHERED, 3 * GATHERED)] {
            let mut piece = &octets[at..at + piece];
            while !piece.is_empty() {
                let (one, two) = piece.split_at(piece.len() / 2);
                let parts = [IoSlice::new(one), IoSlice::new(two)];
                let written = finish(wire.write_vectored(&parts)).unwrap();
                assert!(wire.0.borrow().waiting.len() <= GATHERED);
                piece = &piece[written..];
            }
        }
        finish(wire.shutdown()).unwrap();
        assert_eq!(output(&wire).0, octets[..309 + 4 * GATHERED], "{most}");
    }
}

#[test]
fn what_comes_is_read() {
    let mut wire = Wire::new(Rough::of(b"settings", usize::MAX, 1), Batch::default());
    let mut octets = Vec::new();
    finish(wire.read_to_end(&mut octets)).unwrap();
    assert_eq!(octets, b"settings");
}

#[test]
fn what_goes_out_may_be_put_off() {
    let batch = Batch::default();
    let mut writer = pin!(batch.clone().write());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(writer.as_mut().poll(&mut cx).is_pending(), "it is there");
    let (near, far) = tokio::io::duplex(1024);
    let mut wire = Wire::new(near, batch);
    finish(wire.write_all(b"head")).unwrap();
    let mut reads = far;
    let mut octets = [0; 16];
    for _ in 0..2 {
        assert!(matches!(wire.poll_send(&mut cx), Poll::Ready(Ok(()))));
        let mut read = ReadBuf::new(&mut octets);
        assert!(Pin::new(&mut reads).poll_read(&mut cx, &mut read).is_pending());
    }
    assert!(writer.as_mut().poll(&mut cx).is_pending());
    assert_eq!(finish(reads.read(&mut octets)).unwrap(), 4);
    // That it fails is told to whom it belongs.
    drop(reads);
    finish(wire.write_all(b"data")).unwrap();
    assert!(matches!(wire.poll_send(&mut cx), Poll::Ready(Ok(()))));
    assert!(writer.as_mut().poll(&mut cx).is_pending());
    assert!(matches!(wire.poll_send(&mut cx), Poll::Ready(Err(_))));
}
