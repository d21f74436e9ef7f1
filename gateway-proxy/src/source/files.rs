//! Files and folders, and whether they have changed.

use crate::config::Source;
use gateway_core::{Diagnostic, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file with documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What diagnostics call it: its path, `-` for standard input.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Files and folders that documents are read from, again and again.
#[derive(Debug)]
pub struct Sources {
    from: Vec<Source>,
    /// What was read last, by path: what cannot be read any more stays as it was.
    last: BTreeMap<PathBuf, Vec<u8>>,
    stdin: Option<Vec<u8>>,
    seen: Seen,
}

/// What files looked like at some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    stamps: BTreeMap<PathBuf, Option<Stamp>>,
    /// Of the contents; files may change without another stamp.
    hash: u64,
}

/// Which file it is, its length, and when it was written.
type Stamp = (u64, u64, SystemTime);

/// A file younger than this may change again without another time stamp.
const YOUNG: Duration = Duration::from_secs(3);

impl Sources {
    /// Documents are read from these, in this order.
    pub fn new(from: Vec<Source>) -> Self {
        Self { from, last: BTreeMap::new(), stdin: None, seen: Seen::default() }
    }

    /// Reads everything. What cannot be read is an error, and stays as it was read last: files,
    /// and folders that are gone or closed to us with all that was in them.
    pub fn read(&mut self) -> (Vec<Text>, Vec<Diagnostic>) {
        let mut texts = Vec::new();
        let mut problems = Vec::new();
        let mut read = BTreeMap::new();
        let mut kept = BTreeMap::new();
        for source in &self.from {
            match source {
                Source::Text { name, text } => {
                    texts.push(Text { name: name.clone(), bytes: text.clone().into_bytes() });
                }
                Source::Stdin => {
                    let bytes = self.stdin.get_or_insert_with(|| {
                        let mut bytes = Vec::new();
                        if let Err(error) = io::stdin().lock().read_to_end(&mut bytes) {
                            problems.push(unreadable("standard input", &error));
                        }
                        bytes
                    });
                    texts.push(Text { name: "-".into(), bytes: bytes.clone() });
                }
                Source::Path(root) => {
                    for path in self.files_of(root, &mut problems) {
                        let name = path.display().to_string();
                        match self.content(&path) {
                            Ok(bytes) => {
                                texts.push(Text { name, bytes: bytes.clone() });
                                read.insert(path, bytes);
                            }
                            Err(error) => {
                                problems.push(unreadable(&name, &error));
                                if let Some(bytes) = self.last.get(&path) {
                                    texts.push(Text { name, bytes: bytes.clone() });
                                    kept.insert(path, bytes.clone());
                                }
                            }
                        }
                    }
                }
            }
        }
        let hash = hash(&read);
        read.append(&mut kept);
        self.last = read;
        self.seen = Seen { stamps: self.stamps(), hash };
        (texts, problems)
    }

    /// Whether files differ from what was read last. They are looked at twice, with `settle` in
    /// between, until both looks agree: whoever writes them is done then.
    pub(crate) fn changed(&self, settle: impl Fn()) -> bool {
        if !self.differs(&self.seen) {
            return false;
        }
        // A file that is written all the time is read all the same.
        for _ in 0..20 {
            let now = self.look_at_files();
            settle();
            if self.look_at_files() == now {
                return now.hash != self.seen.hash || now.stamps.keys().ne(self.seen.stamps.keys());
            }
        }
        true
    }

    fn differs(&self, seen: &Seen) -> bool {
        let stamps = self.stamps();
        let young = stamps
            .values()
            .flatten()
            .any(|(_, _, modified)| modified.elapsed().is_ok_and(|age| age < YOUNG));
        stamps != seen.stamps || (young && self.look_at_files().hash != seen.hash)
    }

    fn look_at_files(&self) -> Seen {
        let stamps = self.stamps();
        let contents = stamps.keys().filter_map(|p| Some((p.clone(), self.content(p).ok()?)));
        Seen { hash: hash(&contents.collect()), stamps }
    }

    fn stamps(&self) -> BTreeMap<PathBuf, Option<Stamp>> {
        let roots =
            self.from.iter().filter_map(|s| if let Source::Path(p) = s { Some(p) } else { None });
        let stamp = |path: &Path| {
            let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
            Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
        };
        roots
            .flat_map(|root| self.files_of(root, &mut Vec::new()))
            .map(|path| {
                let stamp = stamp(&path);
                (path, stamp)
            })
            .collect()
    }

    /// What a file holds. Pipes can be read only once.
    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.last.get(path) {
            Some(bytes) if is_special(path) => Ok(bytes.clone()),
            _ => fs::read(path),
        }
    }

    /// A file itself, whatever it is called; the document files below a folder, sorted.
    fn files_of(&self, root: &Path, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if root.is_dir() {
            self.collect(root, &mut found, &mut BTreeSet::new(), problems);
        } else {
            found.extend(self.known_below(root));
            if found.is_empty() {
                found.push(root.to_owned());
            }
        }
        found
    }

    /// What was read last of a folder.
    fn known_below(&self, folder: &Path) -> impl Iterator<Item = PathBuf> {
        self.last.keys().filter(move |path| path.starts_with(folder)).cloned()
    }

    /// Hidden entries are left out: editors leave copies there, and Kubernetes keeps the versions of
    /// a mounted ConfigMap in `..data` and links to it.
    fn collect(
        &self,
        folder: &Path,
        found: &mut Vec<PathBuf>,
        entered: &mut BTreeSet<PathBuf>,
        problems: &mut Vec<Diagnostic>,
    ) {
        // Links may lead back to where they are.
        if !fs::canonicalize(folder).is_ok_and(|real| entered.insert(real)) {
            return;
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut paths: Vec<PathBuf> = match entries {
            Ok(entries) => entries.iter().map(fs::DirEntry::path).collect(),
            Err(error) => {
                problems.push(unreadable(&folder.display().to_string(), &error));
                found.extend(self.known_below(folder));
                return;
            }
        };
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_none_or(|n| n.as_encoded_bytes().starts_with(b"."));
            if hidden {
                continue;
            }
            if path.is_dir() {
                self.collect(&path, found, entered, problems);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
                && !is_special(&path)
            {
                found.push(path);
            }
        }
    }
}

/// Whether it is a pipe, a socket or a device: reading one may wait for ever.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

fn hash(contents: &BTreeMap<PathBuf, Vec<u8>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    hasher.finish()
}

fn unreadable(what: &str, error: &io::Error) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "unreadable-file",
        object: None,
        field: "".into(),
        span: None,
        message: format!("cannot read `{what}`: {error}"),
        help: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!(
                "gateway-files-{}-{}",
                std::process::id(),
                NEXT.fetch_add(1, Ordering::Relaxed)
            );
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn names(&self, texts: &[Text]) -> Vec<String> {
            let cut =
                |t: &Text| Path::new(&t.name).strip_prefix(&self.0).unwrap().display().to_string();
            texts.iter().map(cut).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_folder_is_read_in_order_without_hidden_entries() {
        let folder = Folder::new();
        for name in ["b.yaml", "a.yml", "sub/c.json", "notes.txt", ".d.yaml", "..data/e.yaml"] {
            folder.write(name, name);
        }
        std::os::unix::fs::symlink(&folder.0, folder.0.join("sub/loop")).unwrap();
        let mut sources = Sources::new(vec![Source::Path(folder.0.clone())]);
        let (texts, problems) = sources.read();
        assert_eq!(problems, []);
        assert_eq!(folder.names(&texts), ["a.yml", "b.yaml", "sub/c.json"]);
    }

    #[test]
    fn changes_are_noticed_and_nothing_else() {
        let folder = Folder::new();
        folder.write("a.yaml", "one");
        let mut sources = Sources::new(vec![Source::Path(folder.0.clone())]);
        sources.read();
        let changed = |sources: &Sources| sources.changed(|| ());
        assert!(!changed(&sources), "nothing happened");
        folder.write("a.yaml", "two");
        assert!(changed(&sources), "same length");
        sources.read();
        folder.write("a.yaml", "two");
        assert!(!changed(&sources), "written again with the same text");
        folder.write("b.yaml", "");
        assert!(changed(&sources), "a new empty file");
        sources.read();
        fs::remove_file(folder.0.join("b.yaml")).unwrap();
        assert!(changed(&sources), "a file less");
    }

    #[test]
    fn the_swap_of_a_config_map_is_noticed() {
        let folder = Folder::new();
        folder.write("..1/a.yaml", "one");
        folder.write("..2/a.yaml", "two");
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, folder.0.join(name)).unwrap();
        };
        link("..1", "..data");
        link("..data/a.yaml", "a.yaml");
        let mut sources = Sources::new(vec![Source::Path(folder.0.clone())]);
        assert_eq!(sources.read().0[0].bytes, b"one");
        link("..2", "..new");
        fs::rename(folder.0.join("..new"), folder.0.join("..data")).unwrap();
        assert!(sources.changed(|| ()));
        assert_eq!(sources.read().0[0].bytes, b"two");
    }

    #[test]
    fn a_folder_that_is_gone_stays_as_it_was() {
        let folder = Folder::new();
        folder.write("conf/a.yaml", "one");
        folder.write("conf/sub/b.yaml", "two");
        let (root, away) = (folder.0.join("conf"), folder.0.join("away"));
        let mut sources = Sources::new(vec![Source::Path(root.clone())]);
        let (texts, _) = sources.read();
        assert_eq!(folder.names(&texts), ["conf/a.yaml", "conf/sub/b.yaml"]);
        fs::rename(&root, &away).unwrap();
        assert!(sources.changed(|| ()), "an error to be told");
        let (kept, problems) = sources.read();
        assert_eq!(kept, texts);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(!sources.changed(|| ()), "told once");
        fs::rename(&away, &root).unwrap();
        assert!(sources.changed(|| ()), "it is back");
        assert_eq!(sources.read(), (texts, vec![]));
        fs::remove_dir_all(root.join("sub")).unwrap();
        assert_eq!(folder.names(&sources.read().0), ["conf/a.yaml"], "removed on purpose");
    }

    #[test]
    fn pipes_are_read_once_and_only_where_they_are_named() {
        let folder = Folder::new();
        let pipe = folder.0.join("pipe.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut all = Sources::new(vec![Source::Path(folder.0.clone())]);
        assert_eq!(all.read(), (vec![], vec![]), "nobody writes to it: it would be waited for");
        let mut named = Sources::new(vec![Source::Path(pipe.clone())]);
        let writer = std::thread::spawn(move || fs::write(pipe, "one").unwrap());
        assert_eq!(named.read().0[0].bytes, b"one");
        writer.join().unwrap();
        assert!(!named.changed(|| ()));
        assert_eq!(named.read().0[0].bytes, b"one");
    }

    #[test]
    fn what_cannot_be_read_is_an_error_with_its_path() {
        let mut sources = Sources::new(vec![Source::Path("/nowhere/a.yaml".into())]);
        let (texts, problems) = sources.read();
        assert_eq!(texts, []);
        assert_eq!(
            problems[0].to_string(),
            "error[unreadable-file]: cannot read `/nowhere/a.yaml`: \
             No such file or directory (os error 2)"
        );
    }
}
