//! Who gets a copy of a request.

use super::Router;
use super::outcome::checked;
use crate::decision::{Decision, Forwarding, Outcome};
use crate::request::Request;
use crate::rules::Mirror;

impl Router {
    /// The copies that are sent of a request which `decision`, one of this router's, forwards
    /// (gateway-api §13.2). Each is a decision of its own whose outcome is [`Outcome::Forward`]: it
    /// says where the copy goes and what is changed in it. No step comes before.
    ///
    /// Every mirror draws for itself, from what it makes of `draw`; mirrors to Services that do not
    /// admit the caller or cannot be trusted get nothing. TrafficSplits do not send copies on.
    ///
    /// `request` is the one that was decided, and `draw` what it was decided with.
    pub fn mirrors<'r, R: Request>(
        &'r self,
        decision: &Decision<'r>,
        request: &R,
        draw: u64,
    ) -> impl Iterator<Item = Decision<'r>> {
        let mirrors = match decision.outcome {
            Outcome::Forward(to) => &*to.forward.mirrors,
            _ => &[],
        };
        let drawn = mirrors.iter().enumerate().filter(move |(i, mirror)| takes(mirror, *i, draw));
        drawn.filter_map(move |(_, mirror)| self.copy(mirror, decision, request))
    }

    fn copy<'r, R: Request>(
        &'r self,
        mirror: &'r Mirror,
        decision: &Decision<'r>,
        request: &R,
    ) -> Option<Decision<'r>> {
        let forward = &*mirror.forward;
        let (id, port) = (forward.target.service, forward.target.port);
        let service = self.rules().service(id);
        let copy = Forwarding { forward, service, id, port, split: None };
        let outcome = decision.with_view(request, |view| checked(copy, view))?;
        let admitted = matches!(outcome, Outcome::Forward(_));
        let copy = Decision { outcome, addressed: None, guarded: false, ..*decision };
        admitted.then_some(copy)
    }
}

/// Whether the mirror of this index takes the request.
fn takes(mirror: &Mirror, index: usize, draw: u64) -> bool {
    let drawn = u128::from(spread(draw, index as u64 + 1));
    // Fits: less than 2^64 times less than 2^32.
    (drawn * u128::from(mirror.denominator)) >> 64 < u128::from(mirror.numerator)
}

/// Draws that have nothing to do with each other, nor with `draw` itself: those of SplitMix64 with
/// that seed.
fn spread(draw: u64, nth: u64) -> u64 {
    let mut z = draw.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_splitmix64() {
        // Vigna's reference implementation, seed 1234567.
        let got: Vec<u64> = (1..=3).map(|nth| spread(1_234_567, nth)).collect();
        let want =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(got, want);
    }
}
