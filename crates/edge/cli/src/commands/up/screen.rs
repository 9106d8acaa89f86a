//! The output of `up`: lines, and on a terminal a last line that is renewed in place.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Standard output of `up`. It drops text that cannot be written, because a terminal that has gone away must not stop the process.
#[derive(Clone)]
pub(super) struct Screen {
    /// Hidden where standard output is not a terminal.
    renewed: ProgressBar,
    quiet: bool,
}

impl Screen {
    /// A quiet screen shows nothing but warnings.
    pub(super) fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stdout() };
        let style =
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        Screen { renewed: ProgressBar::with_draw_target(None, target).with_style(style), quiet }
    }

    /// Whether a line can be renewed in place.
    pub(super) fn renews(&self) -> bool {
        !self.renewed.is_hidden()
    }

    /// Renews the last line.
    pub(super) fn renew(&self, text: String) {
        self.renewed.set_message(text);
        self.renewed.tick();
    }

    /// Prints text above the last line.
    pub(super) fn print(&self, text: &str) {
        if !self.quiet && !text.is_empty() {
            self.above(|| {
                let mut stdout = anstream::stdout();
                stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
            });
        }
    }

    /// Takes the last line away.
    pub(super) fn end(&self) {
        self.renewed.finish_and_clear();
    }

    /// Standard error, above the last line.
    pub(super) fn stderr(&self) -> impl Write + Send + use<> {
        Above(self.clone())
    }

    fn above(&self, write: impl FnOnce() -> io::Result<()>) {
        // See the type's page.
        let _ = self.renewed.suspend(write);
    }
}

/// Writes to standard error above the screen's last line.
struct Above(Screen);

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.above(|| io::stderr().write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
