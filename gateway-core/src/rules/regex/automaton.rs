//! Deterministic automata of one expression or several.

use super::MAX_REGEX_BYTES;
use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_syntax::hir::Hir;
use std::error::Error;

/// An automaton that tells at every octet which of `expressions` match up to there.
///
/// # Errors
///
/// When it takes more than `limit` bytes.
pub(crate) fn build(
    expressions: &[Hir],
    anchored: bool,
    limit: usize,
) -> Result<dense::DFA<Vec<u32>>, Box<dyn Error>> {
    let nfa = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(MAX_REGEX_BYTES))
        .which_captures(thompson::WhichCaptures::None);
    let nfa = thompson::Compiler::new().configure(nfa).build_many_from_hir(expressions)?;
    let start = if anchored { StartKind::Anchored } else { StartKind::Unanchored };
    let config = dense::Config::new()
        .start_kind(start)
        .match_kind(MatchKind::All)
        .dfa_size_limit(Some(limit))
        .determinize_size_limit(Some(4 * limit));
    Ok(dense::Builder::new().configure(config).build_from_nfa(&nfa)?)
}
