//! What programs that are out there rely on: symbols, sizes, offsets, numbers.

use crate::header::Interface;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A program in C that prints sizes, offsets and constants as the header has them.
fn program(interface: &Interface) -> String {
    let mut text = "#include <stdio.h>\n#include \"gateway.h\"\nint main(void) {\n".to_owned();
    for (name, fields) in &interface.structs {
        writeln!(text, "    printf(\"struct {name} %zu\\n\", sizeof({name}));").unwrap();
        for field in fields {
            let (offset, size) =
                (format!("offsetof({name}, {field})"), format!("sizeof((({name} *)0)->{field})"));
            let line = format!("printf(\"  {field} %zu %zu\\n\", {offset}, {size});");
            writeln!(text, "    {line}").unwrap();
        }
    }
    for (name, kind, _) in &interface.constants {
        let (format, cast) = match &**kind {
            "int32_t" | "gw_status" => ("%lld", "long long"),
            _ => ("%llu", "unsigned long long"),
        };
        writeln!(text, "    printf(\"{name} {format}\\n\", ({cast}){name});").unwrap();
    }
    text + "    return 0;\n}\n"
}

/// What C sees of the header.
pub(crate) fn of_header(interface: &Interface, include: &Path) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, path) = (folder.join("layout.c"), folder.join("layout"));
    std::fs::write(&source, program(interface)).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let compiled = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .args([include, &source, Path::new("-o"), &path])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = Command::new(path).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The symbols that a shared library exports, sorted; `None` where no `nm` can tell.
pub(crate) fn symbols(library: &Path) -> Option<Vec<String>> {
    let output =
        Command::new("nm").args(["-D", "--defined-only", "-P"]).arg(library).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    let mut names: Vec<String> = text.lines().filter_map(name).collect();
    names.sort();
    Some(names)
}
