//! Random names and passwords. A password is created once per data directory, and only its owner may read it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::StackError;

/// How long a password is, in hexadecimal digits.
const DIGITS: usize = 32;

/// Returns bytes from the kernel's random source.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], StackError> {
    let source = Path::new("/dev/urandom");
    let mut random = [0; N];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(StackError::io("read", source))?;
    Ok(random)
}

/// Returns 32 random hexadecimal digits; safe in URLs, file names and SQL.
pub(crate) fn random_hex() -> Result<String, StackError> {
    Ok(format!("{:0DIGITS$x}", u128::from_ne_bytes(random_bytes()?)))
}

/// Returns the password in `file`; `None` if there is no file. Fails if the file is not whole.
pub(crate) fn stored(file: &Path) -> Result<Option<String>, StackError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StackError::io("read", file)(error)),
    };
    let password = text.trim();
    if password.len() == DIGITS && password.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(password.to_owned()))
    } else {
        Err(StackError::Password {
            file: file.to_owned(),
            found: format!("{} characters", password.chars().count()),
        })
    }
}

/// Creates a password and stores it in `file`.
pub(crate) fn create(file: &Path) -> Result<String, StackError> {
    let password = random_hex()?;
    // Renamed into place whole, so that a process killed here leaves no empty password behind.
    let unfinished = file.with_extension("new");
    write_private(&unfinished, &password)?;
    fs::rename(&unfinished, file).map_err(StackError::io("rename", &unfinished))?;
    Ok(password)
}

/// Writes a file that only its owner may read, in place of an existing one.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<(), StackError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(StackError::io("remove", path)(error));
        }
        _ => {}
    }
    File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{content}"))
        .map_err(StackError::io("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        assert_eq!(stored(&file).unwrap(), None);
        let password = create(&file).unwrap();
        assert_eq!(password.len(), DIGITS);
        assert_eq!(stored(&file).unwrap(), Some(password.clone()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(create(&dir.path().join("other")).unwrap(), password);
    }

    #[test]
    fn half_a_password_is_refused_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        for half in ["", "0123456789abcdef\n"] {
            fs::write(&file, half).unwrap();
            let error = stored(&file).unwrap_err().to_string();
            assert!(error.contains(file.to_str().unwrap()) && error.contains("expected 32"), "{error}");
        }
    }
}
