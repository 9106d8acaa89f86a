//! One connection: what it waits for and since when, seen at its reads and at its requests.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long the head of a request may take to arrive, from its first byte or from the beginning of the connection.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may stay open between two requests: longer than load balancers keep theirs, which is 60 s.
const IDLE_WAIT: Duration = Duration::from_secs(75);

/// A request is in progress.
const BUSY: u8 = 0;
/// Nothing was received since the last answer.
const IDLE: u8 = 1;
/// The head of a request arrives.
const HEAD: u8 = 2;

/// The state of a connection.
pub(super) struct Connection {
    pub(super) peer: IpAddr,
    /// Whether there was no room for it, so that it is only told so. Probes are answered all the same.
    pub(super) over_limit: bool,
    began: Instant,
    phase: AtomicU8,
    /// Since when, in milliseconds after `began`.
    since: AtomicU64,
    /// Whether it was asked to close, to make room.
    closing: AtomicBool,
    close: Notify,
}

impl Connection {
    pub(super) fn new(peer: IpAddr, over_limit: bool) -> Self {
        Connection {
            peer,
            over_limit,
            began: Instant::now(),
            phase: AtomicU8::new(HEAD),
            since: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            close: Notify::new(),
        }
    }

    /// Notes that a request is in progress, until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InRequest {
        self.enter(BUSY);
        InRequest(self.clone())
    }

    /// Returns since when no request is in progress; `None` if one is.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        let phase = self.phase.load(Ordering::Relaxed);
        (phase != BUSY).then(|| self.began + Duration::from_millis(self.since.load(Ordering::Relaxed)))
    }

    /// Returns when it has waited for too long; `None` while a request is in progress.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let wait = if self.phase.load(Ordering::Relaxed) == HEAD { HEAD_WAIT } else { IDLE_WAIT };
        self.quiet_since().map(|since| since + wait)
    }

    /// Asks it to close, unless it was asked before. Returns whether it was not.
    pub(super) fn ask_to_close(&self) -> bool {
        let new = !self.closing.swap(true, Ordering::Relaxed);
        if new {
            self.close.notify_one();
        }
        new
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Waits until it is to close. It stays if a request has come in meanwhile.
    pub(super) async fn closed(&self) {
        loop {
            self.close.notified().await;
            if self.quiet_since().is_some() {
                return;
            }
            self.closing.store(false, Ordering::Relaxed);
        }
    }

    fn received(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    fn enter(&self, phase: u8) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(since, Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }
}

/// A request in progress.
pub(super) struct InRequest(Arc<Connection>);

impl Drop for InRequest {
    fn drop(&mut self) {
        self.0.enter(IDLE);
    }
}

/// A connection's stream, which notes when something is received.
pub(super) struct Watched(pub(super) TcpStream, pub(super) Arc<Connection>);

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.1.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
