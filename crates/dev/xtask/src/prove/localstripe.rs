//! The payments worker against localstripe, which is installed from PyPI for the run.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::pypi;
use crate::error::{TaskError, path};
use crate::metadata::cargo;
use crate::run::succeeds;
use crate::scratch::Scratch;

/// The version that this was written for.
const PACKAGE: &str = "localstripe==1.15.10";

/// How long it may take to listen.
const WITHIN: Duration = Duration::from_secs(30);

/// A server that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Installs and starts it, and runs the test.
pub(super) fn run(_: &[String]) -> Result<bool, TaskError> {
    let scratch = Scratch::create("localstripe")?;
    let packages = scratch.path.join("packages");
    if !pypi::install(PACKAGE, &packages)? {
        return Ok(false);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(path(&scratch.path))?;
    let address = listener.local_addr().map_err(path(&scratch.path))?;
    drop(listener);
    let start = "import runpy; runpy.run_module('localstripe', run_name='__main__')";
    let server = Command::new("python3")
        .args(["-c", start, "--from-scratch", "--port", &address.port().to_string()])
        .env("PYTHONPATH", &packages)
        .current_dir(&scratch.path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Server(server.map_err(path(&packages))?);
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > WITHIN {
            eprintln!("localstripe does not listen on {address}");
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let test = ["test", "-p", "despatch-payments", "--test", "payments", "--", "--ignored", "foreign::"];
    succeeds(Command::new(cargo()).args(test).env("LOCALSTRIPE_URL", format!("http://{address}")))
}
