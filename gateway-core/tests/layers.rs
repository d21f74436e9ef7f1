//! The layers of the engine: which module may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with the layers that it may use, all of which stand above it.
///
/// Data flows through `compile` to `matcher` to `decision`; code leans the other way, since a
/// matcher makes decisions and compiling builds the matcher's tables.
const LAYERS: &[(&str, &[&str])] = &[
    ("origin", &[]),
    ("diagnostic", &["origin"]),
    ("base64", &[]),
    ("request", &["base64"]),
    ("hash", &[]),
    ("sort", &[]),
    ("state", &[]),
    ("rules", &["origin", "hash", "sort", "request"]),
    ("limits", &["request", "rules"]),
    // The one part of `request` that knows rules: it reads the fields that conditions name.
    ("request::field", &["hash", "request", "rules"]),
    ("resource", &["origin", "diagnostic", "base64", "rules"]),
    ("translate", &["origin", "diagnostic", "sort", "request", "rules", "resource"]),
    ("decision", &["origin", "request", "rules", "request::field"]),
    ("matcher", &["hash", "request", "rules", "limits", "request::field", "decision"]),
    ("compile", &["origin", "diagnostic", "hash", "request", "rules", "limits", "matcher"]),
    (
        "explain",
        &[
            "origin",
            "diagnostic",
            "sort",
            "request",
            "rules",
            "request::field",
            "decision",
            "matcher",
        ],
    ),
    ("lint", &["origin", "diagnostic", "request", "rules", "request::field"]),
];

#[test]
fn layers_use_only_what_stands_above_them() {
    for (at, (layer, uses)) in LAYERS.iter().enumerate() {
        for used in *uses {
            assert!(LAYERS[..at].iter().any(|(above, _)| above == used), "{layer} -> {used}");
        }
    }
}

#[test]
fn modules_use_what_their_layer_may_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let exports = exports(&without_tests(&read(&root.join("lib.rs"))));
    let mut found: BTreeMap<(&str, &str), String> = BTreeMap::new();
    let mut strangers = BTreeSet::new();
    for file in sources(&root) {
        let module = module_of(file.strip_prefix(&root).unwrap());
        for (line, text) in (1..).zip(without_tests(&read(&file)).lines()) {
            for used in paths(text, &module) {
                let root = used.first().and_then(|name| exports.get(name));
                let used = root.unwrap_or(&used);
                match (layer_of(&module), layer_of(used)) {
                    (Some(from), Some(to)) if from == to => {}
                    (Some(from), Some(to)) => {
                        let place = || format!("{}:{line}: {}", file.display(), text.trim());
                        found.entry((from, to)).or_insert_with(place);
                    }
                    _ => {
                        strangers.insert(format!("{}:{line}: {}", file.display(), text.trim()));
                    }
                }
            }
        }
    }
    assert!(strangers.is_empty(), "modules that are in no layer: {strangers:#?}");

    let allowed: BTreeSet<_> =
        LAYERS.iter().flat_map(|(from, uses)| uses.iter().map(move |to| (*from, *to))).collect();
    let forbidden: Vec<_> = found.iter().filter(|(arrow, _)| !allowed.contains(*arrow)).collect();
    assert!(forbidden.is_empty(), "arrows that the table does not allow: {forbidden:#?}");
    let unused: Vec<_> = allowed.iter().filter(|arrow| !found.contains_key(*arrow)).collect();
    assert!(unused.is_empty(), "arrows of the table that nothing uses any more: {unused:?}");
}

#[test]
fn arrows_are_found_however_they_are_written() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("matcher", "use crate::rules::{Field, Listener};", &["rules::Field", "rules::Listener"]),
        ("matcher", "use crate::{Origin, rules::Field};", &["Origin", "rules::Field"]),
        ("matcher::trie", "pub(crate) use super::super::rules::Route;", &["rules::Route"]),
        ("matcher", "use super::compile;", &["compile"]),
        ("matcher::trie", "    super::range(x)", &["matcher::range"]),
        ("explain", "let near = crate::nearest(a, b);", &["nearest"]),
        (
            "explain",
            "f(crate::rules::Test::Present, crate::origin::none())",
            &["rules::Test::Present", "origin::none"],
        ),
        ("explain", "//! like crate::compile", &[]),
        ("explain", "let x = 1; // as crate::compile does", &[]),
        ("explain", "mycrate::compile()", &[]),
    ];
    for (module, text, want) in cases {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let found: Vec<String> = paths(text, &module).iter().map(|path| path.join("::")).collect();
        assert_eq!(found, *want, "{text}");
    }
}

/// The layer of a module or item: the longest name in the table that its path begins with.
fn layer_of(path: &[String]) -> Option<&'static str> {
    let begins = |name: &str| {
        let mut own = path.iter();
        name.split("::").all(|part| own.next().is_some_and(|own| own == part))
    };
    LAYERS.iter().map(|(name, _)| *name).filter(|name| begins(name)).max_by_key(|name| name.len())
}

/// What `pub use` in `lib.rs` puts at the root: each name with its real path.
fn exports(lib: &str) -> BTreeMap<String, Vec<String>> {
    let mut exports = BTreeMap::new();
    for statement in lib.split(';') {
        if let Some((_, tree)) = statement.split_once("pub use ") {
            for path in leaves(tree) {
                exports.extend(path.last().cloned().map(|name| (name, path)));
            }
        }
    }
    exports
}

/// The paths within the crate that a line of `module` names, from the root.
fn paths(line: &str, module: &[String]) -> Vec<Vec<String>> {
    let code = line.split("//").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = ["crate::", "super::"].iter().filter_map(|start| rest.find(start)).min() {
        let (before, path) = rest.split_at(at);
        rest = &path["crate::".len()..];
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let mut base = if path.starts_with("crate") { &[] } else { &module[..module.len() - 1] };
        while let Some(above) = rest.strip_prefix("super::") {
            rest = above;
            base = &base[..base.len() - 1];
        }
        found.extend(leaves(rest).into_iter().map(|leaf| [base, &leaf].concat()));
    }
    found
}

/// The paths of a `use` tree, which may be cut off or followed by anything.
fn leaves(tree: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let end = tree.find(|c| !is_part(c) && c != ':').unwrap_or(tree.len());
    let (head, rest) = tree.split_at(end);
    let head: Vec<String> = head.split("::").filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let Some(group) = rest.strip_prefix('{') else { return vec![head] };
    let mut depth = 0;
    let entries = group.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == ','
    });
    let entries = entries.map(str::trim).filter(|entry| entry.starts_with(is_part));
    let leaves: Vec<_> = entries.flat_map(leaves).map(|leaf| [&head[..], &leaf].concat()).collect();
    // A group that goes on in the next line: what matters stands before it.
    if leaves.is_empty() { vec![head] } else { leaves }
}

/// The module that a file below `src` holds.
fn module_of(file: &Path) -> Vec<String> {
    file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

/// All files of modules, without those that only tests consist of.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("sources can be listed") {
        let path = entry.expect("sources can be listed").path();
        match path.file_stem().and_then(|name| name.to_str()) {
            Some("tests" | "lib") => {}
            _ if path.is_dir() => files.extend(sources(&path)),
            _ => files.push(path),
        }
    }
    files
}

/// The text up to the unit tests, which stand last and may use anything.
fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
