//! Keeps a stack running in a directory until its input ends. It gives servers to inspect with `psql` and `nats`, and
//! is the owner that the tests kill.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use despatch_stack::{Options, Stack};

#[tokio::main]
async fn main() -> ExitCode {
    match hold().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn hold() -> Result<(), Box<dyn Error>> {
    let data_dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(".despatch"), PathBuf::from);
    let stack = Stack::start(Options::new(data_dir).from_env()).await?;
    println!("{}", stack.nats_url());
    println!("{}", stack.database_url());
    // Blocking is fine: nothing else happens in this process meanwhile.
    io::copy(&mut io::stdin(), &mut io::sink())?;
    stack.stop().await?;
    Ok(())
}
