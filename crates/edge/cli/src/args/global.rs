//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice};

/// The data directory unless another one is named.
pub(crate) const DEFAULT_DIR: &str = ".despatch";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Read this configuration file; `despatch config` prints every key.
    #[arg(long, global = true, env = "DESPATCH_CONFIG", value_name = "FILE", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// Use this directory of `despatch up`.
    #[arg(
        long,
        global = true,
        env = "DESPATCH_DATA_DIR",
        default_value = DEFAULT_DIR,
        value_name = "DIR",
        hide_env = true
    )]
    pub(crate) data_dir: PathBuf,
    /// Log more; twice: everything.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Log errors only, and show no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Use colours: auto, always or never.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: ColorChoice,
    /// Print help; `--help` prints more than `-h`.
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
}

impl GlobalArgs {
    /// The level of the log for a command that logs at `usual` unless it is told otherwise.
    pub(crate) fn level(&self, usual: &'static str) -> &'static str {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let usual = LEVELS.iter().position(|level| *level == usual).unwrap_or_default();
        let level = if self.quiet { usual.min(1) } else { usual.saturating_add(self.verbose.into()) };
        LEVELS[level.min(LEVELS.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbose_raises_the_usual_level_and_quiet_leaves_errors() {
        let level = |verbose, quiet, usual| {
            let (config, data_dir, color, help) = (None, PathBuf::new(), ColorChoice::Auto, None);
            GlobalArgs { config, data_dir, verbose, quiet, color, help }.level(usual)
        };
        assert_eq!(
            [level(0, false, "warn"), level(1, false, "warn"), level(9, false, "warn")],
            ["warn", "info", "trace"]
        );
        assert_eq!([level(0, true, "info"), level(0, true, "off")], ["error", "off"]);
    }
}
