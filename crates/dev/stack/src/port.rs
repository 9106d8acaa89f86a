//! Free loopback ports. A server keeps its port from one start to the next unless another program has taken it, so that
//! clients and people find it again.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::error::StackError;

/// Ports to try if others keep taking the chosen one before the server binds it.
pub(crate) const ATTEMPTS: usize = 5;

/// Returns the port noted in `file` if it is free, or else any free one, and notes it.
pub(crate) fn choose(file: &Path) -> Result<u16, StackError> {
    let noted = fs::read_to_string(file).ok().and_then(|port| port.trim().parse().ok());
    if let Some(port) = noted.filter(|port| is_free(*port)) {
        return Ok(port);
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(StackError::Port)?
        .port();
    fs::write(file, format!("{port}\n")).map_err(StackError::io("write", file))?;
    Ok(port)
}

/// Returns whether a server's log says that its port was taken. The port itself proves less, because an outgoing
/// connection may have held it for a moment only.
pub(crate) fn was_taken(log_tail: &str) -> bool {
    log_tail.to_ascii_lowercase().contains("address already in use")
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
        let first = choose(&file).unwrap();
        assert_eq!(choose(&file).unwrap(), first);

        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let second = choose(&file).unwrap();
        assert_ne!(second, first);
        drop(taken);
        assert_eq!(choose(&file).unwrap(), second);
    }
}
