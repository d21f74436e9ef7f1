//! Which subroutes may stand below which routes (virtualserver §6.2).

use super::Delegation;
use super::routes::Entry;
use crate::resource::document::At;
use crate::translate::virtual_server::path::{NormalPath, PathKind};
use std::collections::{BTreeMap, BTreeSet};

/// Why a VirtualServerRoute cannot take over.
#[derive(Debug)]
pub(super) struct Misfit {
    /// Where in the VirtualServerRoute.
    pub(super) at: At,
    pub(super) message: String,
}

/// Of each subroute, the route that it takes over from. `from` are all routes that delegate to the
/// VirtualServerRoute: one, or several with expressions.
pub(super) fn fit<'f, 'r>(
    from: &[&'f Delegation<'r>],
    found: &Entry<'_>,
) -> Result<Vec<&'f Delegation<'r>>, Misfit> {
    match from {
        [one] if one.path.kind != PathKind::Regex => {
            below(&one.path, found)?;
            Ok(vec![*one; found.paths.len()])
        }
        _ => same_set(from, found),
    }
}

/// Whether all subroutes lie below a path that is no expression. Prefixes are plain text: `/coffee`
/// admits `/coffeeshop`.
fn below(path: &NormalPath, found: &Entry<'_>) -> Result<(), Misfit> {
    let is_exact = path.kind == PathKind::Exact;
    if is_exact && found.paths.len() != 1 {
        let message = format!(
            "the path `{}` takes exactly one subroute, found {}",
            path.text,
            found.paths.len()
        );
        return Err(Misfit { at: At::default(), message });
    }
    for (at, own) in &found.paths {
        let (fits, rule) = match is_exact {
            true => (own.text == path.text, "be equal to"),
            false => (own.text.starts_with(&*path.text), "begin with"),
        };
        if !fits {
            let message = match own.kind == path.kind {
                true => format!("`{}` must {rule} `{}`", own.text, path.text),
                false => format!(
                    "`{}` is {}, but the route delegates `{}`, {}",
                    own.text,
                    own.kind.as_str(),
                    path.text,
                    path.kind.as_str()
                ),
            };
            return Err(Misfit { at: *at, message });
        }
    }
    Ok(())
}

/// Whether the expressions of the subroutes are those of the routes, none more and none less.
fn same_set<'f, 'r>(
    from: &[&'f Delegation<'r>],
    found: &Entry<'_>,
) -> Result<Vec<&'f Delegation<'r>>, Misfit> {
    let by_path: BTreeMap<&str, &'f Delegation<'r>> =
        from.iter().map(|delegation| (&*delegation.path.text, *delegation)).collect();
    let of_subroute = |(at, own): &(At, NormalPath)| {
        by_path.get(&*own.text).copied().ok_or_else(|| Misfit {
            at: *at,
            message: format!("no route delegates the very expression `{}`", own.text),
        })
    };
    let fitting = found.paths.iter().map(of_subroute).collect::<Result<Vec<_>, _>>()?;
    let own: BTreeSet<&str> = found.paths.iter().map(|(_, own)| &*own.text).collect();
    match by_path.keys().find(|path| !own.contains(*path)) {
        Some(path) => {
            let message = format!("no subroute has the path `{path}`");
            Err(Misfit { at: At::default(), message })
        }
        None => Ok(fitting),
    }
}
