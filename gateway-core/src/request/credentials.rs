//! What requests present in `Authorization`.

use super::Request;
use crate::base64;
use std::fmt;

/// The name and the password that a request presents (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name: not empty, and without `:`.
    pub user: Vec<u8>,
    /// The password, which may be empty.
    pub password: Vec<u8>,
}

impl Credentials {
    /// Those of `request`; `None` where there are none, or not in the form that RFC 7617 asks for.
    /// Several lines of `Authorization` are none: two programs might go by different ones.
    pub fn of(request: &impl Request) -> Option<Self> {
        let text = std::str::from_utf8(authorization(request, b"basic")?).ok()?;
        let octets = base64::decode(text)?;
        let colon = octets.iter().position(|b| *b == b':').filter(|at| *at > 0)?;
        let (user, password) = (octets[..colon].to_vec(), octets[colon + 1..].to_vec());
        Some(Self { user, password })
    }
}

impl fmt::Debug for Credentials {
    /// Passwords do not show in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = String::from_utf8_lossy(&self.user);
        f.debug_struct("Credentials").field("user", &user).finish_non_exhaustive()
    }
}

/// The bearer token of a request (RFC 6750); `None` as for [`Credentials::of`].
pub(crate) fn bearer_token(request: &impl Request) -> Option<&[u8]> {
    authorization(request, b"bearer")
}

/// What stands behind the scheme in the one line of `Authorization`.
fn authorization<'q>(request: &'q impl Request, scheme: &[u8]) -> Option<&'q [u8]> {
    let mut lines = request.headers("authorization");
    let line = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    let (name, rest) = line.trim_ascii().split_at_checked(scheme.len())?;
    let is_of_scheme = name.eq_ignore_ascii_case(scheme) && rest.starts_with(b" ");
    is_of_scheme.then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestHead;

    fn read<T>(lines: &[&str], of: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let headers: Vec<_> = lines.iter().map(|line| ("authorization", *line)).collect();
        of(&RequestHead::get("a.example", "/").headers(&headers))
    }

    #[test]
    fn names_and_passwords() {
        // RFC 7617 §2, virtualserver §16.3
        for (lines, want) in [
            (&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="][..], Some(("Aladdin", "open sesame"))),
            (&["bASIC   YTpiOmM= "], Some(("a", "b:c"))),
            (&["Basic YTo="], Some(("a", ""))),
            // No name, no colon, no base64, another scheme, nothing.
            (&["Basic OmI="], None),
            (&["Basic YQ=="], None),
            (&["Basic YTpi!"], None),
            (&["Basic"], None),
            (&["BasicYTpi"], None),
            (&["Bearer YTpi"], None),
            (&[""], None),
            (&[], None),
            // Whose would it be?
            (&["Basic YTpi", "Basic YTpi"], None),
        ] {
            let got = read(lines, |request| Credentials::of(request));
            let got = got.as_ref().map(|it| (&it.user[..], &it.password[..]));
            assert_eq!(got, want.map(|(u, p)| (u.as_bytes(), p.as_bytes())), "{lines:?}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = read(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], |request| {
            format!("{:?}", Credentials::of(request))
        });
        assert_eq!(shown, r#"Some(Credentials { user: "Aladdin", .. })"#);
    }

    #[test]
    fn bearer_tokens() {
        // RFC 6750 §2.1, virtualserver §16.4
        for (lines, want) in [
            (&["Bearer a.b.c"][..], Some("a.b.c")),
            (&["bearer  a.b.c "], Some("a.b.c")),
            (&["Bearer a.b.c", "Bearer d.e.f"], None),
            (&["Basic YTpi"], None),
            (&["Bearera.b.c"], None),
            (&[], None),
        ] {
            let got = read(lines, |request| bearer_token(request).map(<[u8]>::to_vec));
            assert_eq!(got.as_deref(), want.map(str::as_bytes), "{lines:?}");
        }
    }
}
