//! Labels that documents ask for (virtualserver §2).

use super::grammar::{label_value, qualified_name};
use super::report::Report;
use crate::resource::virtual_server::Label;

/// Tells what is wrong with the keys and values of `labels`.
pub(super) fn check(labels: &[Label], report: &mut Report) {
    for Label { key, value } in labels {
        report.check(value.at, qualified_name(key));
        report.check(value.at, label_value(value));
    }
}
