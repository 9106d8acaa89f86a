//! A connection that does not wait for a server that hangs.
//!
//! A server that is killed closes its connections. One that is stopped, or whose packets are swallowed on the way, leaves
//! them open and never answers. So a connection whose answer is overdue asks whether its server still answers others. A
//! statement that is slow, or waits for a lock, goes on.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::db::frames::{Frames, QUERY, READY, SYNC};

/// How long an answer may be silent before its server is asked.
pub(crate) const SILENCE: Duration = Duration::from_millis(1500);

/// Asks whether a server still answers.
pub(crate) type Asking = Pin<Box<dyn Future<Output = bool> + Send>>;

/// The watch over one connection.
#[derive(Clone)]
pub(crate) struct Watch {
    /// Set once the connection is established. Until then its opener has a limit of its own.
    pub(crate) established: Arc<AtomicBool>,
    /// Asks the server on another connection.
    pub(crate) ask: Arc<dyn Fn() -> Asking + Send + Sync>,
}

/// A stream of PostgreSQL's protocol whose reads fail once its server hangs.
pub(crate) struct Watched<S> {
    stream: S,
    watch: Watch,
    sent: Frames,
    received: Frames,
    /// Answers that are due.
    due: usize,
    /// Whether the server takes no more bytes: a large message may fill every buffer before an answer to it is due.
    blocked: bool,
    /// When something was last sent or received while an answer was due.
    last_word: Instant,
    timer: Pin<Box<Sleep>>,
    asking: Option<Asking>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, watch: Watch) -> Self {
        Watched {
            stream,
            watch,
            sent: Frames::default(),
            received: Frames::default(),
            due: 0,
            blocked: false,
            last_word: Instant::now(),
            timer: Box::pin(sleep(Duration::ZERO)),
            asking: None,
        }
    }

    fn is_established(&self) -> bool {
        self.watch.established.load(Ordering::Relaxed)
    }

    fn wrote(&mut self, bytes: &[u8]) {
        if self.is_established() {
            if self.due == 0 {
                self.last_word = Instant::now();
            }
            self.due += self.sent.count(bytes, &[SYNC, QUERY]);
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        if self.is_established() {
            self.due = self.due.saturating_sub(self.received.count(bytes, &[READY]));
            self.last_word = Instant::now();
            self.asking = None;
        }
    }

    /// Ready once the timer has rung, which is set again at each ring. So a connection that is answered costs no timer.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.as_mut().poll(cx));
        let limit = self.last_word + SILENCE;
        self.timer.as_mut().reset(limit);
        Poll::Ready(())
    }

    /// Ready with an error when the server hangs; pending as long as it may only be slow.
    fn poll_hung(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while self.due > 0 || self.blocked {
            if let Some(asking) = &mut self.asking {
                let answers = ready!(asking.as_mut().poll(cx));
                self.asking = None;
                if !answers {
                    let why = "the server answers neither this connection nor a new one";
                    return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                self.last_word = Instant::now();
            }
            let limit = self.last_word + SILENCE;
            if Instant::now() >= limit {
                self.asking = Some((self.watch.ask)());
                continue;
            }
            ready!(self.poll_timer(cx));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            this.read(&buf.filled()[before..]);
            return Poll::Ready(read);
        }
        this.poll_hung(cx).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let writes = Pin::new(&mut this.stream).poll_write(cx, buf);
        if this.is_established() && writes.is_pending() && !this.blocked {
            (this.blocked, this.last_word) = (true, Instant::now());
        }
        let Poll::Ready(written) = writes else {
            // The connection reads before it writes, so this looks for itself.
            return this.poll_hung(cx).map(Err);
        };
        let written = written?;
        this.blocked = false;
        this.wrote(&buf[..written]);
        // The connection reads before it writes, and after that waits for this timer too.
        if this.due > 0 && this.asking.is_none() && this.poll_timer(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Watched<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// TLS whose streams are [`Watched`].
pub(crate) struct WatchedTls<C> {
    pub(crate) connect: C,
    pub(crate) watch: Watch,
}

impl<S, C> TlsConnect<S> for WatchedTls<C>
where
    C: TlsConnect<S> + Send + 'static,
    C::Stream: Unpin,
    C::Future: Send,
    S: Send + 'static,
{
    type Stream = Watched<C::Stream>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, C::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let Self { connect, watch } = self;
        let connected = connect.connect(stream);
        Box::pin(async move { Ok(Watched::new(connected.await?, watch)) })
    }
}
