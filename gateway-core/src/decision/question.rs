//! What another service is asked about a request.

use super::Decision;
use super::rewrite::begin_with_slash;
use crate::request::Request;
use crate::request::path::{PathBuffer, Paths};
use crate::rules::{AuthCheck, AuthProtocol, ExternalAuth, PathRewrite};

impl Decision<'_> {
    /// Appends the target that the service of `check`, one of the [`steps`](Decision::steps), is
    /// asked about: the forward path and the query, whatever the rule rewrites; over HTTP behind the
    /// path of the check (gateway-api §13.4).
    ///
    /// `request` is the one that was decided.
    pub fn write_check_target(&self, check: &AuthCheck, request: &impl Request, out: &mut Vec<u8>) {
        match &check.protocol {
            AuthProtocol::Http { path, .. } => {
                let start = out.len();
                out.extend_from_slice(path.strip_suffix('/').unwrap_or(path).as_bytes());
                self.write_path(&PathRewrite::Keep, request, out);
                begin_with_slash(start, out);
            }
            AuthProtocol::Grpc { .. } => self.write_rewritten(&PathRewrite::Keep, request, out),
        }
    }

    /// Appends the target with which a request goes on that [is for
    /// signing in](Decision::is_for_sign_in): the forward path and the query, whatever the rule
    /// rewrites.
    ///
    /// `request` is the one that was decided.
    pub fn write_sign_in_target(&self, request: &impl Request, out: &mut Vec<u8>) {
        self.write_rewritten(&PathRewrite::Keep, request, out);
    }

    /// Whether the request goes to the service of `policy`, one of its [`steps`](Decision::steps),
    /// without being asked for anything, because clients log in there: its path is the
    /// [`base_path`](crate::rules::SignIn::base_path) or below it (virtualserver §16.11). Never
    /// where that is `/`, which would leave nothing guarded.
    ///
    /// `request` is the one that was decided.
    pub fn is_for_sign_in(&self, policy: &ExternalAuth, request: &impl Request) -> bool {
        let Some(sign_in) = &policy.sign_in else { return false };
        let written = sign_in.base_path.split('?').next().unwrap_or_default();
        let mut buffer = PathBuffer::new();
        let base = Paths::of(written.as_bytes(), &self.path_policy(), &mut buffer);
        let Ok(Paths { matched: base, .. }) = base else { return false };
        let base = base.strip_suffix(b"/").unwrap_or(base);
        let is_below = |path: &[u8]| {
            path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let of_view = |paths: Option<Paths<'_>>| paths.is_some_and(|paths| is_below(paths.matched));
        !base.is_empty() && self.with_view(request, |view| of_view(view.paths())) == Some(true)
    }
}
