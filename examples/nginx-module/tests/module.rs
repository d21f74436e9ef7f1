//! Builds the module once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the module.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("nginx-module")
}

/// The module, built; `None` where that cannot be done here.
pub(crate) fn module() -> Option<&'static Path> {
    static MODULE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MODULE.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let is_there = |command: &str| Command::new(command).arg("-v").output().is_ok();
    let sources = Path::new("/usr/share/nginx/src/configure").exists();
    if !(sources && is_there("nginx") && is_there("make")) {
        let why = "the packages nginx, nginx-dev and make are not installed";
        assert!(std::env::var_os("GATEWAY_REQUIRE_TOOLS").is_none(), "{why}");
        println!("SKIPPED: {why}");
        return None;
    }
    // Cargo has put the library there that this test depends on.
    let library = std::env::current_exe().unwrap().with_file_name("libgateway.a");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nginx-module");
    let mut build = Command::new(folder().join("build.sh"));
    let built = build.arg(&out).env("GATEWAY_LIBRARY", library).output().unwrap();
    let told = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{told}");
    // Warnings of linking would be told here too.
    assert_eq!(told, "");
    Some(out.join("ngx_http_gateway_module.so"))
}
