//! Errors on standard error: the failure, its causes, and what to do about it.

use std::error::Error;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use despatch_runtime::{connect_hint, error_chain};

use crate::result::Hinted;

/// Prints `error: …` and, where the error knows what to do, a blank line and `hint: …`.
pub(crate) fn print_error(error: &(dyn Error + 'static)) {
    // Nobody is left to be told where standard error is closed.
    let _ = anstream::stderr().write_all(as_text(error).as_bytes());
}

fn as_text(error: &(dyn Error + 'static)) -> String {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let what = error_chain(error);
    let hinted = error.downcast_ref::<Hinted>().map(|hinted| hinted.hint.clone());
    match hinted.or_else(|| connect_hint(error)) {
        None => format!("{red}error:{red:#} {what}\n"),
        Some(hint) => {
            let hint = hint.replace('\n', "\n      ");
            format!("{red}error:{red:#} {what}\n\n{cyan}hint:{cyan:#} {hint}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::hinted;

    #[test]
    fn a_hint_follows_its_error() {
        let error = hinted("no despatch runs in ./d", "despatch up\nor --data-dir DIR");
        let text = anstream::adapter::strip_str(&as_text(&*error)).to_string();
        assert_eq!(text, "error: no despatch runs in ./d\n\nhint: despatch up\n      or --data-dir DIR\n");
        let text = anstream::adapter::strip_str(&as_text(&std::fmt::Error)).to_string();
        assert_eq!(text, format!("error: {}\n", std::fmt::Error));
    }
}
