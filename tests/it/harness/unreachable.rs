//! Two endpoints that are no use, in the two ways a client can meet.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

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
