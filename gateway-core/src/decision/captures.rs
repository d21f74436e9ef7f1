//! What the parameters of the path that decided stand for.

use super::Decision;
use crate::request::Request;
use std::borrow::Cow;
use std::ops::Range;

/// The parameters of a path template, or the groups of an expression, with what they stand for in
/// a request.
///
/// Values are pieces of the match path: percent-escapes are decoded, but for `%2F`, `%5C`, `%25`
/// and control characters (decisions §2).
///
/// ```
/// # use gateway_core::rules::*;
/// # use gateway_core::{ObjectRef, Origin, PathPolicy, RequestHead, Router};
/// # use std::sync::Arc;
/// # let origin = Origin::new(ObjectRef::new("Rules", "", "example"), "");
/// # let respond = Respond { status: http::StatusCode::OK, content_type: None,
/// #     body: Template::default(), headers: Vec::new(), reason: None, origin: origin.clone() };
/// let path = PathPattern::Exact(PathTemplate::parse("/users/{id}/{name}.{kind}")?);
/// # let action = Action::Respond(Arc::new(respond));
/// # let routes = vec![Route::new(path, Vec::new(), action, origin.clone())];
/// # let host = VirtualHost::new(HostPattern::Any, routes, origin.clone());
/// # let listener = Listener { name: "web".into(), address: None, port: 80,
/// #     protocol: Protocol::Http, mutual_tls: false, tells_grpc: false, paths: PathPolicy::default(), hosts: [host].into_iter().collect(), origin };
/// # let rules = RuleSet { listeners: vec![listener], ..RuleSet::default() };
/// let router = Router::compile(&rules)?;
/// let request = RequestHead::get("example.com", "/users/7/caf%C3%A9.jpg");
/// let captures = router.decide(&request, 0).captures(&request);
/// assert_eq!(captures.get("id"), Some(&b"7"[..]));
/// assert_eq!(captures.get("name"), Some("café".as_bytes()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures<'r> {
    path: Vec<u8>,
    found: Vec<(Cow<'r, str>, Range<usize>)>,
}

impl Captures<'_> {
    /// What a parameter stands for: `id` for `{id}` and `{*id}`, the name of a group, or its number
    /// for groups without one. `None` also for a group that took no part.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(of, _)| *of == name).map(|(_, value)| value)
    }

    /// All names with what they stand for, from left to right.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.found.iter().map(|(name, range)| (&**name, &self.path[range.clone()]))
    }
}

impl<'r> Decision<'r> {
    /// What the parameters of the path that decided stand for. None where no route did, or its
    /// path has no parameters.
    ///
    /// `request` is the one that was decided. This looks at the path of the one route that holds,
    /// again; it allocates.
    pub fn captures(&self, request: &impl Request) -> Captures<'r> {
        let Some(route) = self.route else { return Captures::default() };
        let of_path =
            |path: &[u8]| Captures { path: path.to_vec(), found: route.path.captures(path) };
        let captures = self.with_view(request, |view| view.paths().map(|p| of_path(p.matched)));
        captures.flatten().unwrap_or_default()
    }
}
