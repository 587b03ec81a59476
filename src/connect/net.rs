//! What dialling asks of the system. It is one trait, so that the tests can dial in a world of their own (`world/`).

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::progress::{Progress, ProgressIo};
use crate::tcp::{TcpOptions, TcpOptionsError, TcpProgress};

/// The permit of one of the system's lookups.
pub(super) type Permit = SemaphorePermit<'static>;

pub(super) trait Net: Sync {
    type Tcp: AsyncRead + AsyncWrite + Unpin + Send;

    /// One permit for each of the system's lookups that may run at a time.
    fn permits(&self) -> &'static Semaphore;

    /// Asks the system for the addresses of a name. This cannot be cancelled, and it holds the permit until it is over, however
    /// long the caller waits.
    fn look_up(&self, host: String, port: u16, permit: Permit) -> JoinHandle<io::Result<Vec<SocketAddr>>>;

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Tcp>> + Send;

    fn apply(&self, options: &TcpOptions, tcp: &Self::Tcp) -> Result<(), TcpOptionsError>;

    fn progress(&self, io: &ProgressIo<Self::Tcp>) -> io::Result<Arc<dyn Progress>>;
}

/// The real one.
pub(super) struct System;

/// The system's resolver blocks a thread, and cannot be cancelled: where no name server answers, glibc gives up after 10 s
/// for each of up to three. Were there no limit, a program that dials again and again would fill tokio's 512 blocking
/// threads, and its files and everything else there would wait. A sixteenth of them at 20 ms each is 1,600 names a second.
static LOOKUPS: Semaphore = Semaphore::const_new(32);

impl Net for System {
    type Tcp = TcpStream;

    fn permits(&self) -> &'static Semaphore {
        &LOOKUPS
    }

    fn look_up(&self, host: String, port: u16, permit: Permit) -> JoinHandle<io::Result<Vec<SocketAddr>>> {
        blocking(permit, move || Ok((host, port).to_socket_addrs()?.collect()))
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<TcpStream>> + Send {
        TcpStream::connect(address)
    }

    fn apply(&self, options: &TcpOptions, tcp: &TcpStream) -> Result<(), TcpOptionsError> {
        options.apply(tcp)
    }

    /// The socket itself where it can be asked, else the bytes that pass.
    fn progress(&self, io: &ProgressIo<TcpStream>) -> io::Result<Arc<dyn Progress>> {
        if !TcpProgress::IS_SUPPORTED {
            return Ok(Arc::new(io.handle()));
        }
        match TcpProgress::new(io.get_ref()) {
            Ok(source) => Ok(Arc::new(source)),
            // Multipath TCP, if the system puts it in the place of TCP.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Arc::new(io.handle())),
            Err(error) => Err(error),
        }
    }
}

/// The permit is the thread's own: it outlives whoever waits.
pub(super) fn blocking<T: Send + 'static>(
    permit: Permit,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> JoinHandle<io::Result<T>> {
    spawn_blocking(move || {
        let _permit = permit;
        call()
    })
}
