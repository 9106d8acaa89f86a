//! The lists outside its crate that name each worker. Each is found by its contents, and an edit that finds nothing is
//! an error: then the list has moved, and this file must follow.

use super::names::Names;
use crate::error::TaskError;
use crate::repository::Repository;

/// The place for a worker's lines in a file.
enum Place {
    /// Before the first line that begins like this and comes after the other one.
    Before { after: &'static str, line: &'static str },
    /// Into the line that begins like this, before the last occurrence of the other text.
    Inside { line: &'static str, before: &'static str },
}

struct Edit {
    file: &'static str,
    place: Place,
    text: &'static str,
}

const EDITS: [Edit; 10] = [
    Edit {
        file: "Cargo.toml",
        place: Place::Before { after: "despatch-domain = ", line: "despatch-order-files = " },
        text: "despatch-{{name}} = { path = \"crates/workers/{{group}}/{{name}}\" }\n",
    },
    Edit {
        file: "crates/core/contracts/src/events.rs",
        place: Place::Before { after: "events! {", line: "}" },
        text: "    {{name}}::{{Event}} => \"{{name}}.{{event}}\", |e| Subject::order(&e.order_id);\n",
    },
    Edit {
        file: "crates/core/contracts/src/events.rs",
        place: Place::Before { after: "use crate::{", line: "};" },
        text: "    {{name}},\n",
    },
    Edit {
        file: "crates/edge/cli/Cargo.toml",
        place: Place::Before { after: "[dependencies]", line: "despatch-notifications" },
        text: "despatch-{{name}}.workspace = true\n",
    },
    Edit {
        file: "crates/edge/cli/src/registry.rs",
        place: Place::Before { after: "fn all()", line: "    ]" },
        text: "        Entry::own(despatch_{{name}}::NAME, despatch_{{name}}::DEFAULTS, despatch_{{name}}::worker),\n",
    },
    Edit {
        file: "docker-compose.yml",
        place: Place::Before { after: "  exceptions:", line: "  # Stands in for Stripe" },
        text: include_str!("../../templates/service.yml"),
    },
    Edit {
        file: "deploy/prometheus/prometheus.yml",
        place: Place::Inside { line: "      - names: [", before: "]" },
        text: ", {{name}}",
    },
    Edit {
        file: "deploy/helm/despatch/templates/_workers.tpl",
        place: Place::Before { after: "{{- define \"despatch.catalogue\" -}}", line: "{{- end }}" },
        text: "{{name}}:\n  handlers: [note]\n  secrets: []\n  calls: []\n",
    },
    Edit {
        file: "docs/kubernetes.md",
        place: Place::Inside { line: "for worker in ", before: "; do" },
        text: " {{name}}",
    },
    Edit {
        file: "CHANGELOG.md",
        place: Place::Before { after: "#### Workers", line: "- Added alerts for operators" },
        text: "- Added the worker `{{name}}`, which notes accepted orders.\n",
    },
];

/// Adds a worker to all lists.
pub(crate) fn add(names: &Names, repository: &mut Repository) -> Result<(), TaskError> {
    for edit in &EDITS {
        let text = repository.read(edit.file)?;
        let text = edit
            .place
            .insert(&text, &names.fill(edit.text))
            .ok_or_else(|| TaskError::List(edit.file.to_owned()))?;
        repository.write(edit.file, text)?;
    }
    Ok(())
}

impl Place {
    fn insert(&self, text: &str, addition: &str) -> Option<String> {
        let (before, behind) = text.split_at(self.offset(text)?);
        Some([before, addition, behind].concat())
    }

    fn offset(&self, text: &str) -> Option<usize> {
        match self {
            Place::Before { after, line } => {
                let first = line_that_begins(text, after)?;
                let second = first + text.get(first..)?.find('\n')? + 1;
                Some(second + line_that_begins(text.get(second..)?, line)?)
            }
            Place::Inside { line, before } => {
                let start = line_that_begins(text, line)?;
                let line = text.get(start..)?.lines().next()?;
                Some(start + line.rfind(before)?)
            }
        }
    }
}

/// Returns the start of the first line that begins with this text.
fn line_that_begins(text: &str, start: &str) -> Option<usize> {
    if text.starts_with(start) { Some(0) } else { text.find(&format!("\n{start}")).map(|at| at + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata;

    #[test]
    fn a_line_goes_where_it_belongs() {
        let text = "[a]\nx = 1\n\n[b]\nx = 2\nlist: [x, y]\n";
        let inserted = |place: Place, addition| place.insert(text, addition).unwrap();
        assert_eq!(
            inserted(Place::Before { after: "[b]", line: "x" }, "w\n"),
            text.replace("x = 2", "w\nx = 2")
        );
        assert_eq!(
            inserted(Place::Inside { line: "list", before: "]" }, ", z"),
            text.replace(", y", ", y, z")
        );
        assert!(Place::Before { after: "[c]", line: "x" }.insert(text, "").is_none());
        assert!(Place::Before { after: "[b]", line: "z" }.insert(text, "").is_none());
        assert!(Place::Inside { line: "list", before: ")" }.insert(text, "").is_none());
    }

    #[test]
    fn every_list_has_a_place_for_a_worker() {
        let names = Names::new("specimen", "customer", "OrderNoted").unwrap();
        let mut repository = Repository::at(metadata::workspace().unwrap().root);
        add(&names, &mut repository).unwrap();
        for edit in &EDITS {
            assert!(repository.read(edit.file).unwrap().contains("specimen"), "{}", edit.file);
        }
    }
}
