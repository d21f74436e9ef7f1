//! Gives answers that no backend gives.

use crate::abi::Stream;
use crate::head::Head;
use embedding::Answer;
use gateway_core::Request;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;

/// Answers a request that nothing has been answered yet.
pub(crate) fn give(mut answer: Answer, head: Option<&Head>, stream: &mut Stream<'_>) {
    let has_body = !matches!(answer.status.as_u16(), 100..=199 | 204 | 304);
    if has_body {
        answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    }
    if !has_body || head.is_some_and(|head| head.method() == "HEAD") {
        answer.body.clear();
    }
    let mut lines = vec![(&b":status"[..], answer.status.as_str().as_bytes())];
    lines.extend(fields(&answer));
    stream.answer(&lines, &answer.body);
}

/// Answers in place of whatever answer is under way.
pub(crate) fn give_instead(answer: &Answer, stream: &mut Stream<'_>) {
    let lines: Vec<_> = fields(answer).collect();
    stream.answer_instead(answer.status.as_u16(), &lines, &answer.body);
}

fn fields(answer: &Answer) -> impl Iterator<Item = (&[u8], &[u8])> {
    answer.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}
