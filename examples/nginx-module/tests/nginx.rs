//! nginx as a child, with the module.

use crate::module::module;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that happens at once on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder for the configuration, the documents and the logs of an nginx.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("nginx-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        // At once, so that nobody sees a half of it.
        let draft = self.0.join(format!("{name}.draft"));
        fs::write(&draft, text).unwrap();
        fs::rename(&draft, self.0.join(name)).unwrap();
    }

    /// Writes `nginx.conf` with this within `http`.
    pub(crate) fn configure(&self, workers: u32, http: &str) {
        let folder = self.0.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
            .concat();
        self.write(
            "nginx.conf",
            &format!(
                "load_module {};\nworker_processes {workers};\nuser root;\npid {folder}/pid;\n\
                 error_log {folder}/error.log notice;\nevents {{}}\nhttp {{\naccess_log off;\n\
                 {temporary}{http}}}\n",
                module().unwrap().display()
            ),
        );
    }

    fn command(&self) -> Command {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&self.0).arg("-c").arg(self.0.join("nginx.conf"));
        command.arg("-e").arg(self.0.join("error.log"));
        command
    }

    /// Runs `nginx -t`.
    pub(crate) fn test(&self) -> Output {
        // To standard error, as it is for users.
        let mut command = self.command();
        command.arg("-t").args(["-e", "stderr"]).output().unwrap()
    }

    /// Starts nginx, which listens at this address then.
    pub(crate) fn start(self, address: SocketAddr) -> Nginx {
        let mut command = self.command();
        command.args(["-g", "daemon off;"]).stdin(Stdio::null()).stderr(Stdio::null());
        let mut nginx = Nginx { child: command.spawn().unwrap(), folder: self };
        let listens = || TcpStream::connect(address).is_ok();
        nginx.wait("nginx listens", listens);
        nginx
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An nginx that runs, until it is dropped.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) folder: Folder,
}

impl Nginx {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.0.join("error.log")).unwrap_or_default()
    }

    /// Waits until that is so.
    pub(crate) fn wait(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: nginx ended\n{}", self.log());
            assert!(start.elapsed() < PATIENCE, "{what}\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.signal("TERM");
        let _ = self.child.wait();
    }
}

/// Addresses of which nobody else on this machine has been told.
pub(crate) fn addresses(count: usize) -> Vec<SocketAddr> {
    let all: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    all.iter().map(|listener| listener.local_addr().unwrap()).collect()
}
