//! One proxy in the place of another without a connection lost: the new one asks at a socket of the
//! old one, and gets its listening sockets with all that waits there to be accepted. Once its own
//! table is in force it says so, and the old one finishes what it has. Until then both take
//! connections; if the new one does not get that far, the old one goes on.
//!
//! What is said: the old one sends the length of a list (4 octets, big-endian), the list in JSON,
//! then the sockets, some with each octet that follows; the new one answers with an octet when its
//! table is in force, and the old one with another when it takes no more connections.

use crate::inherit::{Inherited, Role};
use gateway_core::ListenerKey;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Sockets that go with one octet; the kernel takes at most 253.
const TOGETHER: usize = 64;

/// How long each side may take to send what it has at hand.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most octets of the list, so that nobody makes a proxy hold more.
const LIST: usize = 16 << 20;

/// A socket, and what it is for.
pub(crate) type Offer = (Role, TcpListener);

/// The proxy whose place this one takes.
pub(crate) struct Predecessor(UnixStream);

impl Predecessor {
    /// Asks whoever listens at `path` for its sockets. `None` where nobody does.
    ///
    /// # Errors
    ///
    /// When somebody listens who gives no sockets.
    pub(crate) fn ask(path: &Path, inherited: &mut Inherited) -> io::Result<Option<Self>> {
        let mut stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error) => {
                return match error.kind() {
                    // Nobody was here before, or ended without being able to tidy up.
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                    _ => Err(error),
                };
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LIST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut list = vec![0; length];
        stream.read_exact(&mut list)?;
        let list: Vec<Value> = serde_json::from_slice(&list)?;
        let roles = list.iter().map(role).collect::<Option<Vec<Role>>>();
        let roles = roles.ok_or(io::ErrorKind::InvalidData)?;
        let mut sockets = Vec::with_capacity(roles.len());
        while sockets.len() < roles.len() {
            receive(&stream, &mut sockets)?;
        }
        for (role, socket) in roles.into_iter().zip(sockets) {
            inherited.pass(role, socket.into())?;
        }
        Ok(Some(Self(stream)))
    }

    /// Says that this proxy serves, and waits until the other one takes no more connections.
    ///
    /// # Errors
    ///
    /// When the other one is gone, or does not answer in time.
    pub(crate) fn relieve(mut self) -> io::Result<()> {
        self.0.write_all(&[1])?;
        self.0.read_exact(&mut [0])
    }
}

fn role(listed: &Value) -> Option<Role> {
    if listed["admin"] == true {
        return Some(Role::Admin);
    }
    let port = listed["port"].as_u64()?.try_into().ok()?;
    let address = match &listed["address"] {
        Value::Null => None,
        address => Some(address.as_str()?.parse().ok()?),
    };
    Some(Role::Listener(ListenerKey { address, port }))
}

fn listed(role: Role) -> Value {
    match role {
        Role::Admin => json!({"admin": true}),
        Role::Listener(ListenerKey { address, port }) => {
            json!({"address": address.map(|address| address.to_string()), "port": port})
        }
    }
}

fn receive(stream: &UnixStream, sockets: &mut Vec<OwnedFd>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(TOGETHER))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(stream, &mut [IoSliceMut::new(&mut octet)], &mut control, flags)?;
    let before = sockets.len();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            sockets.extend(more);
        }
    }
    let is_cut = received.flags.contains(ReturnFlags::CTRUNC);
    if received.bytes == 0 || sockets.len() == before || is_cut {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn send(mut stream: &UnixStream, offers: &[Offer]) -> io::Result<()> {
    let list: Vec<Value> = offers.iter().map(|(role, _)| listed(*role)).collect();
    let list = serde_json::to_vec(&list)?;
    let length = u32::try_from(list.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&list)?;
    for some in offers.chunks(TOGETHER) {
        let sockets: Vec<BorrowedFd<'_>> = some.iter().map(|(_, socket)| socket.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(TOGETHER))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        // There is room for so many.
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        sendmsg(stream, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

/// Waits for the proxy that takes this one's place. Dropped, it does not any more.
pub(crate) struct HandOver {
    path: PathBuf,
    /// Closed, it ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<bool>>,
}

impl HandOver {
    /// Listens at `path`, in place of whoever did before. `offer` makes what is handed over;
    /// `relieved` hears when another proxy serves in the place of this one, which then has to stop.
    ///
    /// # Errors
    ///
    /// When there is no listening at `path`.
    pub(crate) fn start(
        path: &Path,
        offer: impl Fn() -> io::Result<Vec<Offer>> + Send + 'static,
        relieved: oneshot::Sender<Relief>,
    ) -> io::Result<Self> {
        let listener = bind(path)?;
        let (stop, stopped) = UnixStream::pair()?;
        let wait = Wait { listener, stopped };
        let thread = std::thread::Builder::new().name("takeover".into());
        let thread = thread.spawn(move || wait.run(&offer, relieved))?;
        Ok(Self { path: path.to_owned(), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        self.stop = None;
        // Once another proxy has taken over, the name is its own.
        if self.thread.take().is_some_and(|thread| thread.join().is_ok_and(|relieved| !relieved)) {
            // Whoever has removed it did what is done here.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The word of a proxy that it serves, which waits to hear that this one takes no more connections.
pub(crate) struct Relief(UnixStream);

impl Relief {
    /// Says that this proxy takes no more connections.
    pub(crate) fn confirm(mut self) {
        // If it is gone, there is nobody to tell.
        let _ = self.0.write_all(&[1]);
    }
}

/// Binds a name at once and for its owner alone: nobody else may have the sockets.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(name);
    // One of a process with the same number that has ended.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    let renamed = fs::set_permissions(&new, Permissions::from_mode(0o600))
        .and_then(|()| listener.set_nonblocking(true))
        .and_then(|()| fs::rename(&new, path));
    match renamed {
        Ok(()) => Ok(listener),
        Err(error) => {
            // The first error is the one to tell.
            let _ = fs::remove_file(&new);
            Err(error)
        }
    }
}

/// The thread that hands over.
struct Wait {
    listener: UnixListener,
    stopped: UnixStream,
}

impl Wait {
    /// Hands over to whoever asks, until one of them says that it serves. Tells whether one did.
    fn run(
        self,
        offer: &impl Fn() -> io::Result<Vec<Offer>>,
        relieved: oneshot::Sender<Relief>,
    ) -> bool {
        while self.until_readable(&self.listener) {
            let Ok((stream, _)) = self.listener.accept() else { continue };
            // One that fails is gone, and this proxy goes on.
            if let Ok(true) = self.hand_over(&stream, offer) {
                // The other end is there as long as the proxy has not stopped anyway.
                let _ = relieved.send(Relief(stream));
                return true;
            }
        }
        false
    }

    fn hand_over(
        &self,
        mut stream: &UnixStream,
        offer: &impl Fn() -> io::Result<Vec<Offer>>,
    ) -> io::Result<bool> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        send(stream, &offer()?)?;
        // Compiling a large table takes its time.
        let mut word = [0];
        Ok(self.until_readable(stream) && stream.read(&mut word)? == 1)
    }

    /// Waits until there is something to read; `false` if the proxy stops first.
    fn until_readable(&self, socket: &impl AsFd) -> bool {
        loop {
            let mut sockets =
                [PollFd::new(&self.stopped, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
            match poll(&mut sockets, None) {
                Ok(_) => return sockets[0].revents().is_empty(),
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("gateway-{name}-{}.sock", std::process::id()))
    }

    fn listen(count: usize) -> (Vec<TcpListener>, Vec<SocketAddr>) {
        let sockets: Vec<_> =
            (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
        (sockets, addresses)
    }

    #[test]
    fn nobody_is_no_predecessor() {
        let path = path("nobody");
        let ask = || Predecessor::ask(&path, &mut Inherited::default()).unwrap().is_none();
        assert!(ask(), "there is no such file");
        drop(UnixListener::bind(&path).unwrap());
        assert!(ask(), "left behind");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn many_sockets_go_over_and_only_who_serves_relieves() {
        let path = path("many");
        // More than go at once.
        let (sockets, addresses) = listen(TOGETHER + 2);
        let key = |i: usize| ListenerKey { address: None, port: i as u16 };
        let offer = move || {
            let offers = sockets.iter().enumerate();
            offers
                .map(|(i, s)| {
                    let role = if i == 0 { Role::Admin } else { Role::Listener(key(i)) };
                    Ok((role, s.try_clone()?))
                })
                .collect()
        };
        let (relieved, mut relief) = oneshot::channel();
        let hand_over = HandOver::start(&path, offer, relieved).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // One that does not get to serve changes nothing.
        drop(Predecessor::ask(&path, &mut Inherited::default()).unwrap().unwrap());
        let mut inherited = Inherited::default();
        let predecessor = Predecessor::ask(&path, &mut inherited).unwrap().unwrap();
        assert!(relief.try_recv().is_err());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        for (i, address) in addresses.iter().enumerate() {
            let role = if i == 0 { Role::Admin } else { Role::Listener(key(i)) };
            let taken = inherited.take(role, any).unwrap();
            assert_eq!(taken.len(), 1);
            assert_eq!(taken[0].local_addr().unwrap(), *address);
        }
        let relieving = std::thread::spawn(|| predecessor.relieve());
        relief.blocking_recv().unwrap().confirm();
        relieving.join().unwrap().unwrap();
        drop(hand_over);
        assert!(path.exists(), "it belongs to the other one now");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn it_ends_with_the_proxy_even_while_another_one_starts() {
        let path = path("ends");
        let (relieved, _relief) = oneshot::channel();
        let hand_over = HandOver::start(&path, || Ok(Vec::new()), relieved).unwrap();
        let starting = Predecessor::ask(&path, &mut Inherited::default()).unwrap().unwrap();
        drop(hand_over);
        assert!(!path.exists());
        assert!(starting.relieve().is_err(), "there is nobody to relieve");
    }
}
