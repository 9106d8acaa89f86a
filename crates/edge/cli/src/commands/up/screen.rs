//! The output of `up`: lines, and on a terminal a last line that is renewed in place.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How many texts may wait to be shown.
const ROOM: usize = 256;

/// How long the last texts may take to be shown.
const LAST: Duration = Duration::from_secs(1);

/// Standard output of `up`. A thread of its own writes it. Text that cannot be written is dropped, because a terminal that
/// has gone away, or that somebody has stopped, must not stop the process.
#[derive(Clone)]
pub(super) struct Screen {
    texts: SyncSender<Text>,
    renews: bool,
    quiet: bool,
}

enum Text {
    /// Text above the last line.
    Above(String),
    /// Another last line.
    Last(String),
    /// A line of the log, and where to say whether it was written.
    Log(Vec<u8>, SyncSender<io::Result<()>>),
    /// No last line any more.
    End(SyncSender<()>),
}

impl Screen {
    /// A quiet screen shows nothing but warnings.
    pub(super) fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stdout() };
        let style =
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let last = ProgressBar::with_draw_target(None, target).with_style(style);
        let renews = !last.is_hidden();
        let (texts, received) = sync_channel(ROOM);
        // Without its thread the screen shows nothing, and the process goes on.
        let _ = thread::Builder::new().name("screen".to_owned()).spawn(move || show(&last, &received));
        Screen { texts, renews, quiet }
    }

    /// Whether a line can be renewed in place.
    pub(super) fn renews(&self) -> bool {
        self.renews
    }

    /// Renews the last line.
    pub(super) fn renew(&self, text: String) {
        let _ = self.texts.try_send(Text::Last(text));
    }

    /// Prints text above the last line.
    pub(super) fn print(&self, text: &str) {
        if !self.quiet && !text.is_empty() {
            let _ = self.texts.try_send(Text::Above(text.to_owned()));
        }
    }

    /// Takes the last line away, when everything before is shown.
    pub(super) fn end(&self) {
        let until = Instant::now() + LAST;
        let (ended, wait) = sync_channel(1);
        while let Err(TrySendError::Full(_)) = self.texts.try_send(Text::End(ended.clone())) {
            if Instant::now() >= until {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = wait.recv_timeout(until.saturating_duration_since(Instant::now()));
    }

    /// Standard error, above the last line. A write waits until the line is shown, so it is for a thread alone.
    pub(super) fn stderr(&self) -> impl Write + Send + use<> {
        Above(self.texts.clone())
    }
}

fn show(last: &ProgressBar, texts: &Receiver<Text>) {
    while let Ok(text) = texts.recv() {
        match text {
            Text::Above(text) => {
                let _ = last.suspend(|| {
                    let mut stdout = anstream::stdout();
                    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
                });
            }
            Text::Last(text) => {
                last.set_message(text);
                last.tick();
            }
            Text::Log(line, written) => {
                let _ = written.try_send(last.suspend(|| io::stderr().write_all(&line)));
            }
            Text::End(ended) => {
                last.finish_and_clear();
                let _ = ended.try_send(());
            }
        }
    }
}

/// Writes to standard error above the screen's last line.
struct Above(SyncSender<Text>);

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let gone = || io::Error::from(ErrorKind::BrokenPipe);
        let (written, wait) = sync_channel(1);
        self.0.send(Text::Log(line.to_vec(), written)).map_err(|_| gone())?;
        wait.recv().map_err(|_| gone())??;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
