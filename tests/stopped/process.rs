//! The parent's end: it stops and continues the process, and is its peer.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use socket2::{Domain, Socket, Type};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use crate::child::{CHILD, Flavour, Job, MARK, SMALL, orders};
use crate::pair::{PATIENCE, millis, secs};

/// A process with a connection, and its peer. It is killed with the drop.
pub(crate) struct Process {
    child: Child,
    /// What it says.
    words: Receiver<String>,
    peer: WebSocket<TcpStream>,
    name: String,
}

impl Process {
    pub(crate) fn start(test: &str, flavour: Flavour, job: Job, name: String) -> Self {
        let listener = listener();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(CHILD, orders(listener.local_addr().unwrap(), flavour, job))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = listen(child.stdout.take().unwrap());
        assert_eq!(words.recv_timeout(PATIENCE).as_deref(), Ok("connected"));
        let io = listener.accept().unwrap().0;
        io.set_nodelay(true).unwrap();
        io.set_read_timeout(Some(PATIENCE)).unwrap();
        let peer = WebSocket::from_raw_socket(io, Role::Server, None);
        Self { child, words, peer, name }
    }

    /// For the messages of a test that fails.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What the process says next.
    pub(crate) fn says(&self) -> String {
        self.words.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// It has said nothing, and so no verdict either.
    pub(crate) fn is_kept(&self) {
        if let Ok(word) = self.words.try_recv() {
            panic!("{}: a live peer was closed: {word}", self.name);
        }
    }

    /// The next message. A ping is not answered before the next call of anything but `stop` and `resume`.
    pub(crate) fn read(&mut self) -> Message {
        match self.peer.read() {
            Ok(message) => message,
            Err(error) => panic!("{}: {error}; {:?}", self.name, self.words.recv_timeout(secs(1))),
        }
    }

    /// It pings on, `more` times, and sends nothing else.
    pub(crate) fn pings_on(&mut self, more: u32) {
        for _ in 0..more {
            let message = self.read();
            assert!(message.is_ping(), "{}: {message:?}", self.name);
        }
    }

    /// Sends the pong that is due.
    pub(crate) fn answer(&mut self) {
        self.peer.flush().unwrap();
    }

    /// Takes whatever has arrived, until `until`.
    pub(crate) fn drain(&mut self, until: Instant) {
        self.peer.get_ref().set_read_timeout(Some(millis(20))).unwrap();
        while Instant::now() < until {
            match self.peer.read() {
                Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                other => panic!("{}: {other:?}", self.name),
            }
        }
        self.peer.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// When this returns, none of its threads runs.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
        let start = Instant::now();
        while !self.is_stopped() {
            assert!(start.elapsed() < PATIENCE, "{}: it does not stop", self.name);
            thread::sleep(millis(1));
        }
    }

    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    fn is_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap()).all(|stat| {
            // The name before the state may contain anything.
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With small kernel buffers, so that a peer that goes on reading has soon read all.
fn listener() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(SMALL).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(1).unwrap();
    socket.into()
}

/// The words that the process says, read on a thread until it is gone.
fn listen(stdout: ChildStdout) -> Receiver<String> {
    let (tx, rx) = channel();
    thread::spawn(move || pass_on(stdout, &tx));
    rx
}

fn pass_on(stdout: ChildStdout, words: &Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some((_, word)) = line.split_once(MARK) {
            // If nobody listens any more, the process is about to be killed.
            let _ = words.send(word.to_owned());
        }
    }
}
