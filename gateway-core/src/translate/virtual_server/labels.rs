//! Labels that documents ask for (virtualserver §2).

use super::grammar::{label_value, qualified_name};
use super::report::Report;
use crate::resource::virtual_server::Label;

/// Tells what is wrong with the keys and values of `labels`; whether nothing is.
pub(super) fn check(labels: &[Label], report: &mut Report) -> bool {
    let mut all_right = true;
    for Label { key, value } in labels {
        all_right &= report.check(value.at, qualified_name(key)).is_some();
        all_right &= report.check(value.at, label_value(value)).is_some();
    }
    all_right
}
