//! The first lines of `up`: where everything is, and what to do next.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use despatch_sandbox::Sandbox;

use crate::local::{DataDir, LocalDeployment};
use crate::version;

/// The orders of the repository.
const SAMPLE: &str = "data/superstore.csv";

/// The header of a deployment that took this long to start. `stood_in_for` are the providers of the sandbox.
pub(super) fn header(
    deployment: &LocalDeployment,
    data_dir: &DataDir,
    stood_in_for: &[&str],
    took: Duration,
) -> Result<String, fmt::Error> {
    let dir = data_dir.path().display();
    let option = data_dir.option();
    let mut text =
        format!("despatch {}   ready in {:.1} s   data in {dir}\n\n", version::brief(), took.as_secs_f64());
    let mut line = |name: &str, at: &str, note: &str| {
        writeln!(text, "{}", format!("  {name:<8}  {at:<33}  {note}").trim_end())
    };
    line(
        "Orders",
        &format!("{}/v1/orders", deployment.address.gateway_url),
        &format!("key: despatch key{option}"),
    )?;
    if let Some(sandbox) = &deployment.sandbox {
        if stood_in_for.contains(&"mail") {
            line("Mail", &format!("{}/mail", sandbox.control_url()), "what customers would have got")?;
        }
        line("Sandbox", &sandbox_line(stood_in_for, sandbox), "")?;
    }
    line("Log", &data_dir.log_file().display().to_string(), &format!("despatch logs --follow{option}"))?;
    let sample = if Path::new(SAMPLE).exists() { SAMPLE } else { "ORDERS.csv" };
    write!(
        text,
        "\nTry, in another terminal:\n  despatch import {sample} --orders 20 --stock{option}\n  \
         despatch status{option}\n  despatch events tail{option}\n\n\
         Ctrl-C stops. What is in flight continues at the next start.\n"
    )?;
    Ok(text)
}

fn sandbox_line(stood_in_for: &[&str], sandbox: &Sandbox) -> String {
    const ALL: usize = 3;
    let names = match stood_in_for {
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
        [] => String::new(),
    };
    if stood_in_for.len() == ALL {
        format!("stands in for {names}; nothing leaves this machine")
    } else {
        format!("{} stands in for {names}", sandbox.control_url())
    }
}
