//! Two endpoints that are no use, in the two ways a client can meet.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
use std::thread;

use tokio::net::TcpSocket;

/// A port on which nobody listens: a connection is refused at once. The socket
/// is bound and never listens, so that nobody else can be given the port.
pub struct DeadEnd(TcpSocket);

impl DeadEnd {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        DeadEnd(socket)
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// From now on `address` is reached through it, in as many threads as it takes: a
    /// network that has come up.
    pub fn lead_to(self, address: SocketAddr) {
        // SAFETY: a system call without memory of ours, on a socket that is open.
        let outcome = unsafe { libc::listen(self.0.as_raw_fd(), 64) };
        assert_eq!(outcome, 0, "{}", io::Error::last_os_error());
        // SAFETY: nobody else has the descriptor any more.
        let listener = unsafe { TcpListener::from_raw_fd(self.0.into_raw_fd()) };
        listener.set_nonblocking(false).unwrap();
        let pass_on = |mut from: TcpStream, mut to: TcpStream| {
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(address) else { continue };
                pass_on(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass_on(server, client);
            }
        });
    }
}

/// A server that takes connections and never answers. The kernel completes the
/// handshake for a socket that listens; that nobody ever calls accept is what
/// the client cannot see.
pub struct BlackHole(TcpListener);

impl BlackHole {
    pub fn new() -> Self {
        BlackHole(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}
