//! Random names and passwords. A password is created once per data directory, and only its owner may read it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::StackError;

/// Returns 32 hexadecimal digits from the kernel's random source; safe in URLs, file names and SQL.
pub(crate) fn random_hex() -> Result<String, StackError> {
    let source = Path::new("/dev/urandom");
    let mut random = [0; 16];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(StackError::io("read", source))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

/// Returns the password in `file`; creates and stores it on the first call.
pub(crate) fn password(file: &Path) -> Result<String, StackError> {
    if let Ok(password) = fs::read_to_string(file) {
        return Ok(password.trim().to_owned());
    }
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
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
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
        let password = super::password(&file).unwrap();
        assert_eq!(password.len(), 32);
        assert_eq!(super::password(&file).unwrap(), password);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(super::password(&dir.path().join("other")).unwrap(), password);
    }
}
