//! A terminal of 80 columns, as a program sees it.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal. Its reader sees the end once no program has it any more.
pub(crate) struct Terminal {
    /// The side of the person.
    master: File,
    /// The side of the program.
    slave: OwnedFd,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        Terminal { master: File::from(master), slave }
    }

    /// Starts a command whose input, output and errors are this terminal.
    pub(crate) fn spawn(&self, command: &mut Command) -> Child {
        let side = || Stdio::from(self.slave.try_clone().unwrap());
        command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap()
    }

    /// Everything that is written until no program has the terminal any more.
    pub(crate) fn read_to_end(self) -> String {
        let Terminal { mut master, slave } = self;
        drop(slave);
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        // At its end a terminal answers with an error.
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }
}
