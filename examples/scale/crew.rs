//! The child processes, and how they are told what to do. They end when this one does: their input ends then.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Failure;

pub(crate) struct Hand {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Hand {
    fn hire(role: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(role).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, orders, answers })
    }

    fn tell(&mut self, order: &str) -> Result<(), Failure> {
        Ok(writeln!(self.orders.as_mut().ok_or("no input")?, "{order}")?)
    }

    fn answer(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("a child process has ended early".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.orders = None;
        // Its input has ended; whatever it does now, nobody waits for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process for every share of the connections, and one for its peers.
pub(crate) struct Crew {
    subjects: Vec<(Hand, usize)>,
    peers: Vec<Hand>,
}

impl Crew {
    pub(crate) fn hire(shares: &[usize], memory: bool) -> Result<Self, Failure> {
        let mut crew = Self { subjects: Vec::new(), peers: Vec::new() };
        for (number, share) in (1_u8..).zip(shares) {
            let subject = if memory {
                Hand::hire(&["subject"])?
            } else {
                let mut peer = Hand::hire(&["peer", &SocketAddr::from(([127, 0, 0, number], 0)).to_string()])?;
                let addr = peer.answer()?;
                crew.peers.push(peer);
                Hand::hire(&["subject", &addr])?
            };
            crew.subjects.push((subject, *share));
        }
        Ok(crew)
    }

    /// Anew: the peers let go of what they had.
    pub(crate) fn connect(&mut self) -> Result<(), Failure> {
        self.tell_peers("bury")?;
        for (subject, share) in &mut self.subjects {
            subject.tell(&format!("connect {share}"))?;
        }
        self.answers().map(drop)
    }

    /// Told to all at the same time; their answers.
    pub(crate) fn ask(&mut self, order: &str) -> Result<Vec<String>, Failure> {
        for (subject, _) in &mut self.subjects {
            subject.tell(order)?;
        }
        self.answers()
    }

    pub(crate) fn answers(&mut self) -> Result<Vec<String>, Failure> {
        self.subjects.iter_mut().map(|(subject, _)| subject.answer()).collect()
    }

    /// All peers die.
    pub(crate) fn mute(&mut self) -> Result<(), Failure> {
        self.tell_peers("mute")
    }

    fn tell_peers(&mut self, order: &str) -> Result<(), Failure> {
        self.peers.iter_mut().try_for_each(|peer| peer.tell(order))?;
        self.peers.iter_mut().try_for_each(|peer| peer.answer().map(drop))
    }
}
