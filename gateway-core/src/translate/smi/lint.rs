//! Expressions that mean something else than they seem to.

use crate::diagnostic::Diagnostic;
use crate::origin::Origin;

/// SMI-L01: a path expression is open at its end (smi H-6).
pub(super) fn path(expression: &str, origin: &Origin) -> Option<Diagnostic> {
    let before = expression.strip_suffix(|last: char| last.is_ascii_alphanumeric())?;
    // After a backslash, letters and digits are classes or anchors.
    let backslashes = before.len() - before.trim_end_matches('\\').len();
    if backslashes % 2 == 1 {
        return None;
    }
    let message = format!("`{expression}` also matches longer segments");
    let help = "put `$` at its end to match nothing longer, or `(/|$)` to match whole segments";
    Some(Diagnostic::notice("SMI-L01", origin, message).help(help))
}

/// SMI-L02 and SMI-L03: a cookie condition is looser, or stricter, than it looks (smi §4.4).
pub(super) fn cookie(expression: &str, origin: &Origin) -> Option<Diagnostic> {
    let proposal = |pair: &str| format!(r"did you mean `(^|;\s*){pair}(\s*;|$)`?");
    if is_pair(expression) {
        let message = format!(
            "`{expression}` is looked for anywhere in the field, so `x{expression}` and \
             `{expression}x` hold as well"
        );
        return Some(Diagnostic::notice("SMI-L02", origin, message).help(proposal(expression)));
    }
    let pair = expression.strip_prefix("^(.*?;)?(")?.strip_suffix(")(;.*)?$")?;
    let message = "browsers put a blank after each `;`, so this misses the cookie where it is not \
                   the first";
    is_pair(pair).then(|| Diagnostic::notice("SMI-L03", origin, message).help(proposal(pair)))
}

/// Whether `text` is `name=value` without anything that could be an anchor.
fn is_pair(text: &str) -> bool {
    let plain = |part: &str| {
        let operator = |c: char| c.is_whitespace() || r"^$|()[]{}*+?\;".contains(c);
        !part.is_empty() && !part.contains(operator)
    };
    text.split_once('=').is_some_and(|(name, value)| plain(name) && plain(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ObjectRef;

    fn origin() -> Origin {
        Origin::new(ObjectRef::new("HTTPRouteGroup", "default", "g"), "spec.matches[0]")
    }

    #[test]
    fn open_ends_are_named() {
        // smi H-6, SMI-L01
        for (expression, want) in [
            ("/metrics", true),
            ("/v1", true),
            ("/a|/b", true),
            (r"/\\d", true),
            ("/metrics$", false),
            ("/metrics/", false),
            ("/metrics.*", false),
            ("/metrics(/|$)", false),
            (r"/v\d", false),
            (r"/v1\z", false),
            ("", false),
        ] {
            let found = path(expression, &origin());
            assert_eq!(found.is_some(), want, "{expression}");
            assert!(found.is_none_or(|d| d.code == "SMI-L01"), "{expression}");
        }
    }

    #[test]
    fn cookie_conditions_get_the_proposal_of_the_specification() {
        // smi §4.4, SMI-L02, SMI-L03
        for (expression, want) in [
            ("version=beta", Some("SMI-L02")),
            ("version=1.2", Some("SMI-L02")),
            ("^(.*?;)?(version=beta)(;.*)?$", Some("SMI-L03")),
            (r"(^|;\s*)version=beta(\s*;|$)", None),
            ("^version=beta$", None),
            ("^version=beta", None),
            (".*version=beta.*", None),
            ("version", None),
            ("=beta", None),
        ] {
            let found = cookie(expression, &origin());
            assert_eq!(found.as_ref().map(|d| d.code), want, "{expression}");
        }
        for expression in ["version=beta", "^(.*?;)?(version=beta)(;.*)?$"] {
            let help = cookie(expression, &origin()).unwrap().help;
            assert_eq!(help.as_deref(), Some(r"did you mean `(^|;\s*)version=beta(\s*;|$)`?"));
        }
    }
}
