//! Listening sockets that another process has opened: the service manager, or the proxy whose place
//! this one takes.

use gateway_core::ListenerKey;
use listenfd::ListenFd;
use socket2::SockRef;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Listening sockets that are there already, for whoever asks for their address.
#[derive(Default)]
pub(crate) struct Inherited {
    /// Those of the service manager, which keeps them open whatever becomes of this process. They
    /// are given out as often as they are asked for.
    managed: Vec<Given>,
    /// Those of the proxy before this one. They are given out once.
    passed: Vec<(Role, Given)>,
}

/// What a socket was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Listener(ListenerKey),
    Admin,
}

struct Given {
    socket: TcpListener,
    address: SocketAddr,
}

impl Given {
    fn new(socket: TcpListener) -> io::Result<Self> {
        let address = socket.local_addr()?;
        if !SockRef::from(&socket).is_listener()? {
            return Err(io::Error::other(format!("the socket at {address} does not listen")));
        }
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    /// Whether connections to `wanted` come here. A socket for both families has those of IPv4,
    /// too.
    fn serves(&self, wanted: SocketAddr) -> bool {
        let is_any = |address: SocketAddr| address.ip().is_unspecified();
        let is_both = || !SockRef::from(&self.socket).only_v6().unwrap_or(true);
        self.address == wanted
            || (self.address.port() == wanted.port()
                && self.address.is_ipv6()
                && is_any(self.address)
                && is_any(wanted)
                && is_both())
    }
}

impl Inherited {
    /// Those that the service manager has opened (`sd_listen_fds(3)`).
    ///
    /// # Errors
    ///
    /// When one of them is no listening TCP socket.
    pub(crate) fn from_environment() -> io::Result<Self> {
        let mut sockets = ListenFd::from_env();
        let mut managed = Vec::new();
        for at in 0..sockets.len() {
            if let Some(socket) = sockets.take_tcp_listener(at)? {
                managed.push(Given::new(socket)?);
            }
        }
        Ok(Self { managed, passed: Vec::new() })
    }

    /// Adds one of the proxy before this one.
    ///
    /// # Errors
    ///
    /// When it is no listening TCP socket.
    pub(crate) fn pass(&mut self, role: Role, socket: TcpListener) -> io::Result<()> {
        self.passed.push((role, Given::new(socket)?));
        Ok(())
    }

    /// The sockets at an address, of which port 0 is any that was used for the same before.
    ///
    /// # Errors
    ///
    /// When the process may have no more files.
    pub(crate) fn take(&mut self, role: Role, wanted: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let is_wanted = |(of, given): &mut (Role, Given)| {
            let is_any_port = wanted.port() == 0 && given.address.ip() == wanted.ip();
            given.address == wanted || (*of == role && is_any_port)
        };
        let passed: Vec<_> = self.passed.extract_if(.., is_wanted).collect();
        if !passed.is_empty() {
            return Ok(passed.into_iter().map(|(_, given)| given.socket).collect());
        }
        let managed = self.managed.iter().filter(|given| given.serves(wanted));
        managed.map(|given| given.socket.try_clone()).collect()
    }

    /// Closes those of the proxy before this one that nobody has asked for.
    pub(crate) fn close_passed(&mut self) {
        self.passed.clear();
    }

    /// The addresses at which the service manager listens.
    pub(crate) fn managed(&self) -> impl Iterator<Item = SocketAddr> {
        self.managed.iter().map(|given| given.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn given(address: &str) -> Given {
        Given::new(TcpListener::bind(address).unwrap()).unwrap()
    }

    fn key(port: u16) -> Role {
        Role::Listener(ListenerKey { address: None, port })
    }

    #[test]
    fn sockets_go_to_who_had_them_or_asks_for_their_address() {
        let mut inherited = Inherited::default();
        let sockets = [key(80), key(80), key(81), Role::Admin].map(|role| {
            let given = given("127.0.0.1:0");
            let address = given.address;
            inherited.passed.push((role, given));
            address
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut take = |role, wanted| {
            let taken = inherited.take(role, wanted).unwrap();
            taken.iter().map(|socket| socket.local_addr().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(take(key(80), SocketAddr::from(([127, 0, 0, 2], 0))), []);
        assert_eq!(take(key(80), any), sockets[..2], "one for each thread");
        assert_eq!(take(key(80), any), [], "given out once");
        assert_eq!(take(key(8081), sockets[2]), [sockets[2]], "called differently now");
        assert_eq!(take(Role::Admin, any), [sockets[3]]);
    }

    #[test]
    fn sockets_of_the_service_manager_stay_with_it() {
        let managed = vec![given("127.0.0.1:0"), given("[::]:0")];
        let [one, both] = [managed[0].address, managed[1].address];
        let mut inherited = Inherited { managed, passed: Vec::new() };
        let mut count = |wanted| inherited.take(key(80), wanted).unwrap().len();
        assert_eq!((count(one), count(one)), (1, 1));
        let any = |address: IpAddr| SocketAddr::new(address, both.port());
        assert_eq!(count(any(Ipv4Addr::UNSPECIFIED.into())), 1, "it is for both families");
        assert_eq!(count(any(Ipv4Addr::LOCALHOST.into())), 0);
        assert_eq!(count(SocketAddr::from(([127, 0, 0, 1], 0))), 0);
    }

    #[test]
    fn what_does_not_listen_is_refused() {
        let connected = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let not_listening = TcpListener::from(std::os::fd::OwnedFd::from(connected));
        assert!(Inherited::default().pass(Role::Admin, not_listening).is_err());
    }
}
