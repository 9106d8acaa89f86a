//! The log of `despatch up`: a file of bounded size in the data directory, of the owner's alone.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How large the file grows before it becomes the previous one.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Writes lines. The log's thread drops and counts a line that cannot be written, so a full disk does not stop the process.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    written: u64,
    limit: u64,
}

impl LogFile {
    /// Begins a new file; the last one becomes the previous one.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        LogFile::with_limit(path, LIMIT)
    }

    fn with_limit(path: &Path, limit: u64) -> io::Result<Self> {
        Ok(LogFile { path: path.to_owned(), file: begin(path)?, written: 0, limit })
    }
}

/// Where the previous file is.
pub(crate) fn previous(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

fn begin(path: &Path) -> io::Result<File> {
    // There may be none yet. One that cannot be moved is overwritten: the log stays bounded.
    let _ = rename(path, previous(path));
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written + line.len() as u64 > self.limit
            && let Ok(file) = begin(&self.path)
        {
            self.file = file;
            self.written = 0;
        }
        let written = self.file.write(line)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_the_owners_alone_and_keeps_one_previous_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("up.log");
        let mut log = LogFile::with_limit(&path, 20).unwrap();
        for line in ["the first line\n", "the second line\n", "the third line\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "the third line\n");
        assert_eq!(read(&previous(&path)), "the second line\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        LogFile::create(&path).unwrap();
        assert_eq!((read(&path).as_str(), read(&previous(&path)).as_str()), ("", "the third line\n"));
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_not_counted() {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut log = LogFile { path: PathBuf::from("/dev/null/up.log"), file, written: 0, limit: 20 };
        let error = log.write_all(b"a line that finds no room and no next file\n").unwrap_err();
        assert_eq!((error.kind(), log.written), (io::ErrorKind::StorageFull, 0));
    }
}
