//! Listens at an address, or says who has it and what to do.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use tokio::net::TcpListener;

use crate::result::{Result, hinted};

/// Listens. `otherwise` says how to listen at another address.
pub(crate) async fn listen(address: &str, otherwise: impl Fn(&str) -> String) -> Result<TcpListener> {
    let error = match TcpListener::bind(address).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    let other = free(address).await.unwrap_or_else(|| address.to_owned());
    let what = match error.kind() {
        ErrorKind::AddrInUse => format!("{address} is taken{}", owner(address).unwrap_or_default()),
        ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine"),
        ErrorKind::PermissionDenied => {
            format!("{address} cannot be listened at: ports below 1024 are root's")
        }
        _ => format!("{address} cannot be listened at: {error}"),
    };
    Err(hinted(what, otherwise(&other)))
}

/// The next address on the same host with a free port.
async fn free(address: &str) -> Option<String> {
    let address: SocketAddr = address.parse().ok()?;
    let first = address.port().max(1024).checked_add(1)?;
    for port in first..first.saturating_add(50) {
        let other = SocketAddr::new(address.ip(), port);
        if TcpListener::bind(other).await.is_ok() {
            return Some(other.to_string());
        }
    }
    None
}

/// ` by process 3464 (despatch up)`; `None` where the system does not tell.
fn owner(address: &str) -> Option<String> {
    let port = address.rsplit_once(':')?.1.parse().ok()?;
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let (pid, process) = processes
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .find(|(_, process)| has(process, &sockets))?;
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&line);
    let mut words = words.split('\0').filter(|word| !word.is_empty()).take(2);
    let program = words.next().and_then(|path| path.rsplit('/').next()).unwrap_or("?");
    let command = words.next().map(|word| format!(" {word}")).unwrap_or_default();
    Some(format!(" by process {pid} ({program}{command})"))
}

/// The sockets that listen at this port, by a table of the kernel.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let socket = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        let at = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
        (at == port && *state == LISTEN).then(|| (*inode).to_owned())
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Whether a process has one of these sockets.
fn has(process: &Path, sockets: &[String]) -> bool {
    let files = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .any(|file| file.to_str().is_some_and(|file| sockets.iter().any(|socket| socket == file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_tells_who_listens() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0
   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20 4
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100 0
";
        assert_eq!(listening(table, 8080), ["4711"]);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_with_its_owner_and_a_free_one() {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = first.local_addr().unwrap().to_string();
        let error = listen(&address, |other| format!("despatch up --listen {other}")).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("{address} is taken")), "{error}");
        if Path::new("/proc/net/tcp").exists() {
            assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        }
    }
}
