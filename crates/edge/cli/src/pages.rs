//! The page of a reason under `docs/exceptions`.

use despatch_domain::Reason;
use include_dir::{Dir, include_dir};

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../../docs/exceptions");

/// The word that stands for the case in the pages' commands.
const CASE: &str = "CASE";

/// The page of a reason code, with the case's number in its commands; `None` when there is none.
pub(crate) fn page(code: &str, case: i64) -> Option<String> {
    Some(text(code)?.replace(CASE, &case.to_string()))
}

fn text(code: &str) -> Option<&'static str> {
    // A code is no path: only those of the registry have a page.
    let reason = Reason::parse(code)?;
    PAGES.get_file(format!("{reason}.md"))?.contents_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_that_an_event_can_die_of_has_a_page_and_every_page_a_reason() {
        for reason in Reason::ALL.iter().filter(|reason| reason.triage().is_some()) {
            let page =
                text(reason.code()).unwrap_or_else(|| panic!("docs/exceptions/{reason}.md is missing"));
            assert!(page.starts_with("# ") && page.contains("\n## Steps\n"), "{reason}");
        }
        for file in PAGES.files() {
            let code = file.path().file_stem().unwrap().to_str().unwrap();
            let triage = Reason::parse(code).and_then(Reason::triage);
            assert!(code == "README" || triage.is_some(), "{code} is no reason that an event can die of");
        }
    }
}
