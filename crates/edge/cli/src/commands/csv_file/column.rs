//! The columns that a command reads, and why a file does not have them.

/// A column that a command reads.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Column {
    /// In lower case, words joined by `_`.
    pub(in crate::commands) name: &'static str,
    /// Without such a column the whole file is refused.
    pub(in crate::commands) required: bool,
}

/// Why nothing of a file can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) problem: String,
    pub(super) hint: String,
}

impl Unreadable {
    pub(super) fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Unreadable { problem: problem.into(), hint: hint.into() }
    }
}

/// The form of a file: what its first line says.
pub(super) fn form(columns: &[Column]) -> String {
    let names = |required: bool| -> Vec<&str> {
        columns.iter().filter(|column| column.required == required).map(|column| column.name).collect()
    };
    let optional = names(false);
    let also = if optional.is_empty() {
        String::new()
    } else {
        format!("; it may also have {}", optional.join(", "))
    };
    format!("the first line names the columns: {}{also}", names(true).join(","))
}
