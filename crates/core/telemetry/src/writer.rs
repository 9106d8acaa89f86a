//! The thread that writes a destination of the log, so that no task waits for a full disk or for a reader that has
//! stopped.
//!
//! `tracing-appender` has such a thread too, but lines that the destination refuses are lost there without being counted.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines may wait to be written: some seconds of a flood, about a megabyte.
const ROOM: usize = 8192;

/// Interval at which a destination that lost lines is tried again, if nothing else is logged.
const AGAIN: Duration = Duration::from_secs(1);

/// The lines that this process has lost, over all destinations.
static LOST: AtomicU64 = AtomicU64::new(0);

/// The destinations that are in use.
static QUEUES: Mutex<Vec<Weak<Queue>>> = Mutex::new(Vec::new());

/// Returns how many lines this process has lost.
pub(crate) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Waits until everything that was logged so far is written, but no longer than `limit`: for the end of the process.
pub fn flush(limit: Duration) {
    let until = Instant::now() + limit;
    let queues: Vec<_> = {
        let queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.iter().filter_map(Weak::upgrade).collect()
    };
    for queue in queues {
        let (written, wait) = sync_channel(1);
        let mut asked = queue.messages.try_send(Message::Flush(written.clone()));
        while matches!(asked, Err(TrySendError::Full(_))) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
            asked = queue.messages.try_send(Message::Flush(written.clone()));
        }
        // A destination that takes nothing until then loses the rest.
        let _ = wait.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

struct Queue {
    messages: SyncSender<Message>,
    /// Lines that were lost since the log last said so.
    lost: AtomicU64,
}

impl Queue {
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// Passes whole lines to the thread. A line for which there is no room is lost and counted.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Queue>);

impl Lines {
    /// Starts the thread, which ends with the last of the lines' copies. `notice` makes the line that says how many lines
    /// were lost.
    pub(crate) fn to(
        output: impl Write + Send + 'static,
        notice: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let (messages, received) = sync_channel(ROOM);
        let queue = Arc::new(Queue { messages, lost: AtomicU64::new(0) });
        let destination = Destination { output, notice, torn: false, queue: Arc::downgrade(&queue) };
        let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.strong_count() > 0);
        queues.push(Arc::downgrade(&queue));
        // Without its thread a destination loses its lines, and the process goes on.
        let _ = thread::Builder::new().name("log".to_owned()).spawn(move || destination.run(&received));
        Lines(queue)
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.messages.try_send(Message::Line(line.to_vec())).is_err() {
            self.0.lose();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Destination<W, N> {
    output: W,
    notice: N,
    /// Whether the last line was written in part.
    torn: bool,
    queue: Weak<Queue>,
}

impl<W: Write, N: Fn(u64) -> Vec<u8>> Destination<W, N> {
    fn run(mut self, received: &Receiver<Message>) {
        loop {
            let lost = self.queue.upgrade().map_or(0, |queue| queue.lost.load(Ordering::Relaxed));
            let message = if lost == 0 {
                received.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                received.recv_timeout(AGAIN)
            };
            match message {
                Ok(Message::Line(line)) => {
                    if !(self.tell_lost() && self.write(&line))
                        && let Some(queue) = self.queue.upgrade()
                    {
                        queue.lose();
                    }
                }
                Ok(Message::Flush(written)) => {
                    self.tell_lost();
                    let _ = written.try_send(());
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.tell_lost();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Says how many lines were lost; returns whether there is room again.
    fn tell_lost(&mut self) -> bool {
        let Some(queue) = self.queue.upgrade() else { return true };
        let lost = queue.lost.load(Ordering::Relaxed);
        if lost == 0 {
            return true;
        }
        let told = self.write(&(self.notice)(lost));
        if told {
            queue.lost.fetch_sub(lost, Ordering::Relaxed);
        }
        told
    }

    /// Writes a line; returns whether all of it was written.
    fn write(&mut self, line: &[u8]) -> bool {
        if self.torn {
            if self.output.write_all(b"\n").is_err() {
                return false;
            }
            self.torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => break,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.torn = !rest.is_empty() && rest.len() < line.len();
        rest.is_empty() && self.output.flush().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// A destination with a tap: while it is closed, a write waits, or fails if the destination is `full`.
    #[derive(Clone, Default)]
    struct Tap(Arc<(Mutex<Inner>, Condvar)>);

    #[derive(Default)]
    struct Inner {
        stopped: bool,
        full: bool,
        text: Vec<u8>,
    }

    impl Tap {
        fn set(&self, change: impl FnOnce(&mut Inner)) {
            change(&mut self.0.0.lock().unwrap());
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().text.clone()).unwrap()
        }
    }

    impl Write for Tap {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (inner, changed) = &*self.0;
            let mut inner = changed.wait_while(inner.lock().unwrap(), |inner| inner.stopped).unwrap();
            if !inner.full {
                inner.text.extend(bytes);
                return Ok(bytes.len());
            }
            // The last bytes of the disk.
            if inner.text.ends_with(b"\n") && bytes.len() > 3 {
                inner.text.extend(&bytes[..3]);
                return Ok(3);
            }
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(tap: &Tap) -> Lines {
        Lines::to(tap.clone(), |lost| format!("{lost} lost\n").into_bytes())
    }

    fn until(what: &str, mut check: impl FnMut() -> bool) {
        let began = Instant::now();
        while !check() {
            assert!(began.elapsed() < LIMIT, "{what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_reader_that_has_stopped_costs_lines_and_no_time() {
        let tap = Tap::default();
        tap.set(|inner| inner.stopped = true);
        let mut lines = lines(&tap);
        // More than there is room for; without the thread the first would never return.
        for number in 0..ROOM + 100 {
            lines.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        flush(Duration::from_millis(10));
        assert_eq!(tap.text(), "");
        tap.set(|inner| inner.stopped = false);
        // Said by itself, although nothing else is logged.
        until("it says what it lost", || tap.text().contains(" lost\n"));
        until("each line is written or counted", || {
            let text = tap.text();
            let written = text.lines().filter(|line| line.starts_with("line ")).count();
            let said = text.lines().filter_map(|line| line.strip_suffix(" lost")?.parse::<usize>().ok());
            written + said.sum::<usize>() == ROOM + 100
        });
    }

    #[test]
    fn a_full_disk_costs_lines_and_leaves_whole_ones_around_them() {
        let tap = Tap::default();
        let mut lines = lines(&tap);
        let mut say = |line: &str| {
            lines.write_all(line.as_bytes()).unwrap();
            flush(LIMIT);
        };
        say("before\n");
        tap.set(|inner| inner.full = true);
        say("torn apart\n");
        say("not there\n");
        tap.set(|inner| inner.full = false);
        say("after\n");
        assert_eq!(tap.text(), "before\ntor\n2 lost\nafter\n");
        assert!(lost() >= 2);
    }
}
