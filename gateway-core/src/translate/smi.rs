//! (being written)

use super::Context;

pub(super) fn translate(context: &mut Context<'_>) {
    let _ = context;
}
