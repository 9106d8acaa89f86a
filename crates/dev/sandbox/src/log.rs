//! An append-only file of JSON lines, or the same in memory if nothing must outlive the process.
//!
//! A line is written with one write(2) before its answer is sent, which is enough to survive `kill -9`. Lines stay
//! readable by their [`Span`], so rarely used data need not stay in memory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::SandboxError;

/// The place of a part of a log, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

pub(crate) struct Log {
    path: PathBuf,
    store: Store,
    end: u64,
}

enum Store {
    File(File),
    Memory(Vec<u8>),
}

impl Log {
    /// Opens `name` in `dir`, creating both, and locks it against other processes. Without a `dir` the log is in
    /// memory.
    pub(crate) fn open(dir: Option<&Path>, name: &str) -> Result<Self, SandboxError> {
        let Some(dir) = dir else {
            return Ok(Self { path: name.into(), store: Store::Memory(Vec::new()), end: 0 });
        };
        let path = dir.join(name);
        let failed = |source| SandboxError::State { path: path.clone(), source };
        // Mails and addresses are in it, which are nobody else's.
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SandboxError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let end = file.metadata().map_err(failed)?.len();
        Ok(Self { path, store: Store::File(file), end })
    }

    /// Appends `bytes` whole or not at all.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<Span> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        match &mut self.store {
            Store::Memory(memory) => memory.extend_from_slice(bytes),
            Store::File(file) => {
                if let Err(error) = file.write_all(bytes) {
                    // A half line in the middle would damage the log. At the end it is dropped.
                    file.set_len(self.end)?;
                    return Err(error);
                }
            }
        }
        let span = Span { offset: self.end, length };
        self.end += u64::from(length);
        Ok(span)
    }

    /// Appends `value` as one line.
    pub(crate) fn append_json(&mut self, value: &impl serde::Serialize) -> io::Result<Span> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.append(&line)
    }

    /// Returns what was appended at `span`.
    pub(crate) fn read(&self, span: Span) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; span.length as usize];
        self.read_at(span.offset, &mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        match &self.store {
            Store::File(file) => file.read_exact_at(bytes, offset),
            Store::Memory(memory) => {
                let start = usize::try_from(offset).map_err(io::Error::other)?;
                let found = memory.get(start..start + bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
                bytes.copy_from_slice(found);
                Ok(())
            }
        }
    }

    /// Passes every line to `apply`, oldest first, and cuts off a torn last one.
    pub(crate) fn replay<T: DeserializeOwned>(
        &mut self,
        mut apply: impl FnMut(T, Span),
    ) -> Result<(), SandboxError> {
        let mut offset = 0;
        let mut pending = Vec::new();
        let mut read = 0;
        while read < self.end {
            let chunk = (self.end - read).min(1 << 20);
            let before = pending.len();
            // A chunk is at most 1 MiB and fits any usize.
            pending.resize(before + usize::try_from(chunk).unwrap_or(0), 0);
            self.read_at(read, &mut pending[before..]).map_err(|source| self.failed(source))?;
            read += chunk;
            let mut start = 0;
            while let Some(length) = pending[start..].iter().position(|byte| *byte == b'\n') {
                let line = &pending[start..start + length];
                let value = serde_json::from_slice(line).map_err(|source| SandboxError::Damaged {
                    path: self.path.clone(),
                    offset,
                    source,
                })?;
                let length =
                    u32::try_from(length + 1).map_err(|_| self.failed(io::ErrorKind::FileTooLarge.into()))?;
                apply(value, Span { offset, length });
                offset += u64::from(length);
                start += length as usize;
            }
            pending.drain(..start);
        }
        if offset < self.end
            && let Store::File(file) = &self.store
        {
            file.set_len(offset).map_err(|source| self.failed(source))?;
        }
        self.end = offset;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> SandboxError {
        SandboxError::State { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &mut Log) -> Vec<u32> {
        let mut found = Vec::new();
        log.replay(|number: u32, _| found.push(number)).unwrap();
        found
    }

    #[test]
    fn a_torn_last_line_is_forgotten_and_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(Some(dir.path()), "x.jsonl").unwrap();
        log.append_json(&1).unwrap();
        log.append(b"2").unwrap();
        drop(log);

        let mut log = Log::open(Some(dir.path()), "x.jsonl").unwrap();
        assert_eq!(lines(&mut log), [1]);
        let span = log.append_json(&3).unwrap();
        assert_eq!(log.read(span).unwrap(), b"3\n");
        assert_eq!(lines(&mut log), [1, 3]);
    }

    #[test]
    fn damage_before_the_end_is_reported_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(Some(dir.path()), "x.jsonl").unwrap();
        log.append(b"1\nnonsense\n3\n").unwrap();
        let error = log.replay(|_: u32, _| ()).unwrap_err();
        assert!(matches!(error, SandboxError::Damaged { offset: 2, .. }), "{error}");
    }

    #[test]
    fn a_second_process_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let _held = Log::open(Some(dir.path()), "x.jsonl").unwrap();
        let second = Log::open(Some(dir.path()), "x.jsonl");
        assert!(matches!(second, Err(SandboxError::InUse { .. })));
    }

    #[test]
    fn lines_longer_than_a_chunk_are_replayed_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(Some(dir.path()), "x.jsonl").unwrap();
        let text = "x".repeat(3 << 20);
        log.append_json(&text).unwrap();
        log.append_json(&"short").unwrap();
        let mut found = Vec::new();
        log.replay(|line: String, _| found.push(line.len())).unwrap();
        assert_eq!(found, [text.len(), 5]);
    }
}
