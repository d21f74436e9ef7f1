//! Compiling the expressions of documents without exhausting memory.

use crate::rules::{Anchor, InvalidRegex, Regex};

/// The most bytes that the compiled expressions of one object have together.
const MAX_BYTES_OF_OBJECT: usize = 256 << 20;
/// The most bytes that those of all objects have together. A host that stands on two listeners
/// counts twice where rules are compiled, within the default limit there.
const MAX_BYTES: usize = 512 << 20;

/// Compiles expressions as long as there is room.
#[derive(Debug)]
pub(crate) struct Expressions {
    left: usize,
    left_of_object: usize,
}

impl Default for Expressions {
    fn default() -> Self {
        Self { left: MAX_BYTES, left_of_object: MAX_BYTES_OF_OBJECT }
    }
}

impl Expressions {
    /// What is compiled from now on belongs to another object.
    pub(super) fn next_object(&mut self) {
        self.left_of_object = MAX_BYTES_OF_OBJECT;
    }

    /// As [`Regex::new`]; where there is no room left, an error without an attempt.
    pub(super) fn compile(
        &mut self,
        source: &str,
        anchor: Anchor,
        ignore_case: bool,
    ) -> Result<Regex, InvalidRegex> {
        for (left, of, limit) in [
            (self.left_of_object, "the object", MAX_BYTES_OF_OBJECT),
            (self.left, "all objects", MAX_BYTES),
        ] {
            if left == 0 {
                let limit = limit >> 20;
                let message =
                    format!("the expressions of {of} need more than {limit} MiB together");
                return Err(InvalidRegex::new(message));
            }
        }
        let regex = Regex::new(source, anchor, ignore_case)?;
        self.left = self.left.saturating_sub(regex.memory());
        self.left_of_object = self.left_of_object.saturating_sub(regex.memory());
        Ok(regex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_not_compiled() {
        // decisions §5
        let mut expressions = Expressions::default();
        assert!(expressions.compile("a+", Anchor::None, false).is_ok());
        expressions.left_of_object = 1;
        assert!(expressions.compile("b+", Anchor::None, false).is_ok());
        let error = expressions.compile("c+", Anchor::None, false).unwrap_err().to_string();
        assert_eq!(error, "the expressions of the object need more than 256 MiB together");
        // The next object has room of its own, as long as there is any.
        expressions.next_object();
        assert!(expressions.compile("c+", Anchor::None, false).is_ok());
        expressions.left = 0;
        let error = expressions.compile("d+", Anchor::None, false).unwrap_err().to_string();
        assert_eq!(error, "the expressions of all objects need more than 512 MiB together");
    }
}
