//! Free loopback ports. A server keeps its port from one start to the next, so that clients and people find it again.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;

use crate::error::{Program, StackError};
use crate::{private, secret};

/// Ports to try if others keep taking the chosen one before the server binds it.
pub(crate) const ATTEMPTS: usize = 5;

/// Below the ports that systems give to outgoing connections. While a server is down, a client that connects to its
/// port could otherwise get that very port as its own, and the server would find it taken.
const CANDIDATES: Range<u16> = 20_000..32_000;

/// The port that a server needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Preferably the last one: nobody has been told yet.
    Any,
    /// The last one, where clients look for the server.
    Same,
}

/// Returns the port noted in `file` if it is free. Otherwise notes and returns another one, or fails if `wanted` is the
/// same.
pub(crate) fn choose(program: Program, file: &Path, wanted: Wanted) -> Result<u16, StackError> {
    let noted = fs::read_to_string(file).ok().and_then(|port| port.trim().parse().ok());
    match (noted, wanted) {
        (Some(port), _) if is_free(port) => return Ok(port),
        (Some(port), Wanted::Same) => return Err(StackError::PortTaken { program, port }),
        _ => {}
    }
    let port = any_free()?;
    private::file()
        .write(true)
        .truncate(true)
        .open(file)
        .and_then(|mut file| writeln!(file, "{port}"))
        .map_err(StackError::io("write", file))?;
    Ok(port)
}

/// Returns whether a server's log says that its port was taken. The port itself proves less, because an outgoing
/// connection may have held it for a moment only.
pub(crate) fn was_taken(log_tail: &str) -> bool {
    log_tail.to_ascii_lowercase().contains("address already in use")
}

fn any_free() -> Result<u16, StackError> {
    let span = CANDIDATES.end - CANDIDATES.start;
    for _ in 0..64 {
        let port = CANDIDATES.start + u16::from_ne_bytes(secret::random_bytes()?) % span;
        if is_free(port) {
            return Ok(port);
        }
    }
    // Nearly all of them are taken: the system knows a free one if there is any.
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(StackError::Port)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_until_another_program_takes_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("port");
        let choose = |wanted| choose(Program::Nats, &file, wanted);
        let first = choose(Wanted::Any).unwrap();
        assert!(CANDIDATES.contains(&first), "{first}");
        assert_eq!(choose(Wanted::Any).unwrap(), first);

        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let refused = choose(Wanted::Same);
        assert!(matches!(refused, Err(StackError::PortTaken { port, .. }) if port == first), "{refused:?}");
        let second = choose(Wanted::Any).unwrap();
        assert_ne!(second, first);
        drop(taken);
        assert_eq!(choose(Wanted::Same).unwrap(), second);
    }
}
