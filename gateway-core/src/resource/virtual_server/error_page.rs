//! Error pages (virtualserver §5.6).

use super::{Redirect, Return};
use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::fields::{exactly_one, filled_list, mapping};

/// One entry of `errorPages`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ErrorPage {
    pub(crate) at: At,
    /// 300 to 599.
    pub(crate) codes: Vec<Located<u16>>,
    pub(crate) page: Option<Page>,
}

/// What takes the place of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Page {
    Redirect(Redirect),
    Return(Return),
}

impl ErrorPage {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let at = of.value().at();
        let codes = filled_list(&mut of, "codes", problems).into_iter().filter_map(|code| {
            let status = code.integer(300..=599, problems)?;
            Some(code.located(u16::try_from(status).ok()?))
        });
        let codes = codes.collect();
        let page = exactly_one(&mut of, &["redirect", "return"], problems);
        let page = page.and_then(|kind| {
            let page = mapping(&mut of, kind, problems)?;
            Some(match kind {
                "redirect" => Page::Redirect(Redirect::read(page, problems)),
                _ => Page::Return(Return::read(page, problems)),
            })
        });
        of.finish(problems);
        Self { at, codes, page }
    }
}
