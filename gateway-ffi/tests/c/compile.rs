//! Compiles C and runs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

/// Warnings are errors: the header has to be clean for everybody.
const FLAGS: [&str; 7] =
    ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wno-missing-field-initializers", "-O2", "-g"];

/// A program that was compiled.
pub(crate) struct Program {
    path: PathBuf,
}

/// The folder of the crate.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put the library that this test is linked with.
pub(crate) fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Whether a tool is there that this machine need not have. Where it is not this says so, and it is
/// a failure if `GATEWAY_REQUIRE_TOOLS` is set.
pub(crate) fn has_tool(name: &str) -> bool {
    let has = Command::new(name).arg("--version").output().is_ok();
    if !has {
        assert!(std::env::var_os("GATEWAY_REQUIRE_TOOLS").is_none(), "there is no {name}");
        println!("SKIPPED: there is no {name}");
    }
    has
}

/// Whether C++ can be compiled.
pub(crate) fn has_cpp() -> bool {
    has_tool(&std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned()))
}

/// Compiles `tests/c/SOURCE`, and links it with the shared library.
pub(crate) fn compile(source: &str) -> Program {
    compile_with(source, source, &[])
}

/// The same as a program of another name, with more flags.
pub(crate) fn compile_with(source: &str, name: &str, flags: &[&str]) -> Program {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace('.', "-"));
    let is_cpp = source.ends_with(".cpp");
    let compiler = if is_cpp { ("CXX", "c++", "-std=c++17") } else { ("CC", "cc", "-std=c11") };
    let command = std::env::var(compiler.0).unwrap_or_else(|_| compiler.1.to_owned());
    let mut command = Command::new(command);
    command.arg(compiler.2).args(FLAGS).args(flags);
    command.arg("-I").arg(folder().join("include"));
    command.arg(folder().join("tests/c").join(source)).arg("-o").arg(&path);
    command.arg("-L").arg(libraries()).args(["-lgateway", "-lpthread"]);
    expect_success(command);
    Program { path }
}

/// Runs a command that has to succeed; hands back what it wrote.
pub(crate) fn expect_success(mut command: Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{out}\n{err}");
    out.into_owned()
}

/// The command, which finds the library. Cargo names other folders too, where an older one may be.
fn with_library(mut command: Command) -> Command {
    command.env("LD_LIBRARY_PATH", libraries());
    command
}

impl Program {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        with_library(command)
    }

    /// Runs it; it has to succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        expect_success(self.command(arguments))
    }

    /// Runs it under another program; it has to succeed.
    pub(crate) fn run_under(&self, tool: &[&str], arguments: &[&str]) -> String {
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).arg(&self.path).args(arguments);
        expect_success(with_library(command))
    }

    /// Runs it with that as standard input; hands back its standard output.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = thread::scope(|scope| {
            // It may stop reading early, which its status tells.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().unwrap()
        });
        assert!(output.status.success(), "{}", output.status);
        output.stdout
    }
}
