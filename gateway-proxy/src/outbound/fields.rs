//! The fields of a request to a backend.

use gateway_core::EditHeaders;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRAILER};
use std::borrow::Cow;

/// The fields of a request to a backend: a list, most of which is the client's own. Headers are short:
/// to compare a few names costs less than to hash each of them, and lines are written as they are.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<Line<'a>>);

type Line<'a> = (Cow<'a, HeaderName>, Cow<'a, HeaderValue>);

impl<'a> Fields<'a> {
    pub(super) fn with_capacity(lines: usize) -> Self {
        Self(Vec::with_capacity(lines))
    }

    /// The lines in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of the first line of the name.
    pub(super) fn get(&self, name: &HeaderName) -> Option<&Cow<'a, HeaderValue>> {
        self.values(name).next()
    }

    /// The values of all lines of the name.
    pub(super) fn values(&self, name: &HeaderName) -> impl Iterator<Item = &Cow<'a, HeaderValue>> {
        self.0.iter().filter(move |(other, _)| **other == *name).map(|(_, value)| value)
    }

    /// Adds a line.
    pub(super) fn push(&mut self, name: Cow<'a, HeaderName>, value: Cow<'a, HeaderValue>) {
        self.0.push((name, value));
    }

    /// Replaces all lines of the name by one.
    pub(super) fn insert(&mut self, name: Cow<'a, HeaderName>, value: Cow<'a, HeaderValue>) {
        self.drop_lines(&name);
        self.push(name, value);
    }

    /// Takes the first line of the name out.
    pub(super) fn take(&mut self, name: &HeaderName) -> Option<Cow<'a, HeaderValue>> {
        let at = self.0.iter().position(|(other, _)| **other == *name)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn drop_lines(&mut self, name: &HeaderName) {
        // Most often there are none.
        if self.get(name).is_some() {
            self.0.retain(|(other, _)| **other != *name);
        }
    }

    /// The same fields in the form in which HTTP/2 sends them.
    pub(super) fn into_map(self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for (name, value) in self.0 {
            // One that is full stays as it is.
            let _ = map.try_append(name.into_owned(), value.into_owned());
        }
        map
    }
}

impl<'r: 'a, 'a> EditHeaders<'r> for Fields<'a> {
    fn drop_all(&mut self) {
        // What is about the connection is not here in the first place.
        let stays = |name: &HeaderName| matches!(*name, HOST | CONTENT_LENGTH | TRAILER);
        self.0.retain(|(name, value)| stays(name) && !value.is_empty());
    }

    fn drop_unusual(&mut self) {
        // Names are in lower case.
        let is_usual = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
        self.0.retain(|(name, _)| name.as_str().bytes().all(is_usual));
    }

    fn remove(&mut self, name: &'r HeaderName) {
        self.drop_lines(name);
    }

    fn set(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        self.insert(Cow::Borrowed(name), value);
    }

    fn append(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        self.push(Cow::Borrowed(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the same changes to a list and to the map that it takes the place of.
    fn both(edit: impl Fn(&mut dyn FnMut(Change<'_>))) {
        let start: HeaderMap = [
            ("host", "a.example"),
            ("x-a", "1"),
            ("x_b", "2"),
            ("x-a", "3"),
            ("trailer", "x-a"),
            ("content-length", "5"),
        ]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        });
        let mut map = start.clone();
        let mut list = Fields::default();
        start.iter().for_each(|(name, value)| list.push(Cow::Borrowed(name), Cow::Borrowed(value)));
        edit(&mut |change| {
            change.make(&mut map);
            change.make(&mut list);
        });
        assert_eq!(list.into_map(), map);
    }

    enum Change<'a> {
        DropAll,
        DropUnusual,
        Remove(&'a str),
        Set(&'a str, &'static str),
        Append(&'a str, &'static str),
    }

    impl Change<'_> {
        fn make(&self, headers: &mut impl EditHeaders<'static>) {
            let name = |name: &&str| -> &'static HeaderName {
                Box::leak(Box::new(HeaderName::from_bytes(name.as_bytes()).unwrap()))
            };
            let value = |value| Cow::Owned(HeaderValue::from_static(value));
            match self {
                Self::DropAll => headers.drop_all(),
                Self::DropUnusual => headers.drop_unusual(),
                Self::Remove(it) => headers.remove(name(it)),
                Self::Set(it, text) => headers.set(name(it), value(text)),
                Self::Append(it, text) => headers.append(name(it), value(text)),
            }
        }
    }

    #[test]
    fn changes_come_to_the_same_as_in_a_map() {
        both(|_| {});
        both(|make| make(Change::DropAll));
        both(|make| make(Change::DropUnusual));
        for name in ["x-a", "x_b", "x-none"] {
            both(|make| make(Change::Remove(name)));
            both(|make| make(Change::Set(name, "4")));
            both(|make| {
                make(Change::Append(name, "4"));
                make(Change::Append(name, "5"));
            });
        }
    }
}
