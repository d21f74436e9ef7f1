//! Programs in C and C++ that use the library, compiled with whatever `cc` and `c++` are.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod compile;
mod suite;

use compile::compile;

#[test]
fn the_calls_of_every_host() {
    compile("smoke.c").run(&[]);
}
