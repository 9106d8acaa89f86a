//! `despatch logs`: the end of the log of `despatch up`, and what is added to it.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use crate::args::LogsArgs;
use crate::local::{DataDir, previous_log};
use crate::output::print_bytes;
use crate::result::{Result, hinted};
use crate::signals;

/// How often the file is looked at for new lines.
const POLL: Duration = Duration::from_millis(200);

/// Prints the last lines; follows the file until it is stopped or its reader goes away.
pub(crate) async fn logs(data_dir: &DataDir, args: &LogsArgs) -> Result {
    let path = data_dir.log_file();
    let mut file = File::open(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => hinted(
            format!("no log in {}", data_dir.path().display()),
            "`despatch up` writes it; --data-dir DIR names another directory\n\
             `despatch run` logs to standard error",
        ),
        _ => hinted(format!("{}: {error}", path.display()), "read it as the user who runs `despatch up`"),
    })?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if text.split_inclusive(|byte| *byte == b'\n').count() < args.lines {
        // Where there is none, or it has just been replaced, what is there has to do.
        let mut earlier = std::fs::read(previous_log(&path)).unwrap_or_default();
        earlier.append(&mut text);
        text = earlier;
    }
    print_bytes(last(&text, args.lines))?;
    if args.follow { follow(&path, file).await } else { Ok(()) }
}

/// Prints what is added to the file, and to the files that replace it.
async fn follow(path: &Path, mut file: File) -> Result {
    let mut stop = std::pin::pin!(signals::stop());
    let mut stdout = std::io::stdout();
    loop {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        match stdout.write_all(&text).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
        if !text.is_empty() {
            continue;
        }
        // Between two files there may be none.
        if let Ok(next) = File::open(path)
            && next.metadata()?.ino() != file.metadata()?.ino()
        {
            // A last line may have been written between the reading and the replacement.
            file.read_to_end(&mut text)?;
            stdout.write_all(&text)?;
            file = next;
            continue;
        }
        tokio::select! {
            asked = &mut stop => return Ok(asked?),
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// The last `count` lines.
fn last(text: &[u8], count: usize) -> &[u8] {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let skipped: usize = lines[..lines.len().saturating_sub(count)].iter().map(|line| line.len()).sum();
    &text[skipped..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_whole() {
        let text = b"one\ntwo\nthree\n";
        assert_eq!(last(text, 2), b"two\nthree\n");
        assert_eq!(last(text, 0), b"");
        assert_eq!(last(text, 9), text);
        assert_eq!(last(b"", 3), b"");
    }
}
