//! The ids of a command's requests. The first request has the command's own id, the second one the same with `.part2`. So the command's
//! id repeats all of them, whatever the number of its rows is.

use crate::result::{Result, hinted};

/// The text between a command's id and the number of a request.
const PART: &str = ".part";

/// The longest id of a command in bytes. The gateway takes 100, and `.part` with a number must fit too.
const LONGEST: usize = 80;

/// Returns the id of a command's request; the first one has the number 1.
pub(super) fn part(id: &str, number: usize) -> String {
    if number == 1 { id.to_owned() } else { format!("{id}{PART}{number}") }
}

/// Returns the command's id and the number of the request that has this id.
pub(super) fn of_part(id: &str) -> (&str, usize) {
    let part = id.rsplit_once(PART).and_then(|(id, number)| Some((id, number.parse().ok()?)));
    part.unwrap_or((id, 1))
}

/// Checks an id that a person chose.
pub(super) fn check(id: &str) -> Result {
    if id.is_empty() || id.len() > LONGEST {
        let found = format!("--request-id: expected 1 to {LONGEST} characters, found {}", id.len());
        return Err(hinted(found, "choose a short id, e.g. the number of a delivery note"));
    }
    let (command, _) = of_part(id);
    if command != id {
        let found =
            format!("--request-id: expected the id of a whole command, found {id:?}, which is a part of one");
        return Err(hinted(found, format!("--request-id {command} repeats the whole command")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_part_is_no_id_of_a_command() {
        for number in [1, 2, 400] {
            assert_eq!(of_part(&part("DN-1", number)), ("DN-1", number));
        }
        for id in ["DN-1", "2026.partial", "a.part", "file-8feb8417d2c2c6e565360c34"] {
            assert!(check(id).is_ok(), "{id}");
        }
        let problem = check("DN-1.part3").unwrap_err();
        assert!(problem.to_string().contains("a part of one"), "{problem}");
        assert!(check("").is_err() && check(&"x".repeat(81)).is_err());
    }
}
