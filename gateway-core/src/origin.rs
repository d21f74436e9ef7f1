//! Where a value was written: object, field path, file and line.
//!
//! Every rule carries an [`Origin`], and so does every diagnostic and every explanation.

use std::fmt;
use std::sync::Arc;

/// A Kubernetes object as people name it: `HTTPRoute shop/cart`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The kind, for example `HTTPRoute`.
    pub kind: Box<str>,
    /// The namespace; empty for kinds without one.
    pub namespace: Box<str>,
    /// The name within the namespace.
    pub name: Box<str>,
}

impl ObjectRef {
    /// Names an object.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// `kind/namespace/name`, as those read it who compare it octet by octet.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// A place in a file. Lines and columns count from 1; columns count characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file as it was named to the reader, `-` for standard input.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Where a value was written. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The object that holds the value.
    pub object: Arc<ObjectRef>,
    /// The field within the object, for example `spec.rules[2].backendRefs[0].name`;
    /// empty when the whole object is meant.
    pub field: Arc<str>,
    /// The place in a file, when the object was read from one.
    pub span: Option<Span>,
}

impl Origin {
    /// An origin that no file stands behind, for rules made by a program.
    ///
    /// ```
    /// use gateway_core::{ObjectRef, Origin};
    /// let origin = Origin::new(ObjectRef::new("HTTPRoute", "shop", "cart"), "spec.rules[0]");
    /// assert_eq!(origin.to_string(), "HTTPRoute shop/cart: spec.rules[0]");
    /// ```
    pub fn new(object: ObjectRef, field: &str) -> Self {
        Self { object: Arc::new(object), field: field.into(), span: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        Ok(())
    }
}
