//! What was probably meant by a value of another type, or by a key that is no field.

use super::{Kind, Mapping, Value, is_word, shorten};
use crate::diagnostic::did_you_mean;

/// Help for a plain value where fields belong.
const NESTED: &str = "it has fields of its own: indent them below it, each as `name: value`";

impl Value<'_> {
    /// The slip that was probably made where the value is not `wanted`.
    pub(super) fn slip(self, wanted: &str) -> Option<String> {
        match (wanted, self.kind()) {
            ("a mapping", Kind::String(text)) => {
                let text = text.trim_start_matches(['-', ' ']);
                let field = text.split_once(':').filter(|(key, _)| is_word(key));
                Some(match field {
                    Some((key, value)) if !value.is_empty() && !value.starts_with(['/', ' ']) => {
                        let field = format!("{key}: {value}");
                        format!(
                            "did you mean `{}`? YAML needs a blank after the colon",
                            shorten(&field)
                        )
                    }
                    Some((_, value)) if value.starts_with(' ') => {
                        format!("did you mean `{}`, without quotes?", shorten(text))
                    }
                    _ => NESTED.to_owned(),
                })
            }
            ("a mapping", Kind::List) => {
                Some("fields belong here, no list: leave out `- ` or `[ ]`".to_owned())
            }
            ("a mapping", Kind::Bool(_) | Kind::Integer(_) | Kind::Number(_)) => {
                Some(NESTED.to_owned())
            }
            ("a list", Kind::String(text)) if text.starts_with('-') => Some(format!(
                "did you mean `- {}`? YAML needs a blank after the dash",
                shorten(text.trim_start_matches(['-', ' ']))
            )),
            ("a list", Kind::Mapping) => {
                let dashed = self.children().find_map(|c| c.key()?.strip_prefix('-'));
                Some(match dashed {
                    Some(key) => {
                        format!(
                            "did you mean `- {}:`? YAML needs a blank after the dash",
                            key.trim()
                        )
                    }
                    None => "put `- ` before the first key to make it a list item".to_owned(),
                })
            }
            ("a list", Kind::String(_) | Kind::Bool(_) | Kind::Integer(_) | Kind::Number(_)) => {
                Some("put each item on a line of its own, behind `- `".to_owned())
            }
            ("text", Kind::Bool(_) | Kind::Integer(_) | Kind::Number(_)) => {
                Some("put it in quotes".to_owned())
            }
            ("a whole number", Kind::String(text)) => {
                let number: i64 = text.trim_end_matches('%').trim().parse().ok()?;
                let quotes = if text.ends_with('%') { "" } else { ", without quotes" };
                Some(format!("did you mean `{number}`{quotes}?"))
            }
            ("`true` or `false`", Kind::String(text)) => {
                let word = text.trim().to_ascii_lowercase();
                matches!(&*word, "true" | "false")
                    .then(|| format!("did you mean `{word}`, without quotes?"))
            }
            _ => None,
        }
    }
}

impl Mapping<'_> {
    /// What was probably meant by a key that is no field.
    pub(super) fn meant(&self, key: &str) -> Option<String> {
        let dashed = key.strip_prefix('-').map(str::trim);
        if let Some(name) = dashed.filter(|name| is_word(name)) {
            return Some(format!("did you mean `- {name}:`? YAML needs a blank after the dash"));
        }
        if let Some((name, rest)) = key.split_once(':').filter(|(n, _)| is_word(n)) {
            let rest = rest.trim();
            let help = format!("did you mean `{name}: {rest}`? YAML needs a blank after the colon");
            return Some(help);
        }
        did_you_mean(key, self.asked.iter().copied()).or_else(|| self.known())
    }

    /// The fields that there are, unless they are too many to be read.
    fn known(&self) -> Option<String> {
        const MOST_NAMES: usize = 10;
        let mut names: Vec<String> = Vec::new();
        for name in self.asked.iter().map(|name| format!("`{name}`")) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let few = (1..=MOST_NAMES).contains(&names.len());
        few.then(|| format!("known are {}", names.join(", ")))
    }
}
