//! A configuration's problems, as text.

use std::fmt;

use serde_json::{Value, json};

use super::origin::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Where it has to be corrected.
    pub(crate) at: Origin,
    /// The key, or the variable.
    pub(crate) key: String,
    /// The expected value and the one that was found.
    pub(crate) text: String,
}

impl Problem {
    /// For programs.
    pub(crate) fn as_json(&self) -> Value {
        let (line, variable) = match &self.at {
            Origin::File(line) => (Some(line), None),
            Origin::Variable(name) => (None, Some(name)),
            Origin::Running | Origin::Default => (None, None),
        };
        json!({ "line": line, "variable": variable, "key": self.key, "text": self.text })
    }

    /// Where to look, for people.
    fn place(&self) -> String {
        match &self.at {
            Origin::File(line) => format!("line {line}"),
            Origin::Variable(_) => "environment".to_owned(),
            Origin::Running => "running".to_owned(),
            Origin::Default => "not set".to_owned(),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The operator's file, if there is one.
    pub(crate) file: Option<String>,
    /// At least one.
    pub(crate) problems: Vec<Problem>,
}

impl ConfigError {
    /// A file that cannot be read.
    pub(crate) fn unreadable(file: String, error: &std::io::Error) -> Self {
        let problem = Problem { at: Origin::Default, key: String::new(), text: error.to_string() };
        ConfigError { file: Some(file), problems: vec![problem] }
    }

    /// Every problem with its key.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.problems.iter().map(|problem| format!("{}: {}", problem.key, problem.text)).collect()
    }

    /// Both, or everything that is wrong with either.
    pub(crate) fn together<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
            (Err(one), Err(other)) => Err(ConfigError {
                file: one.file.or(other.file),
                problems: [one.problems, other.problems].concat(),
            }),
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// `shop.toml, 2 problems`, and a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut problems: Vec<&Problem> = self.problems.iter().collect();
        problems.sort();
        problems.dedup();
        if let ([Problem { key, text, .. }], Some(file)) = (&problems[..], &self.file)
            && key.is_empty()
        {
            return write!(f, "{file}: {text}");
        }
        let in_the_file = problems.iter().any(|problem| matches!(problem.at, Origin::File(_)));
        let subject = self.file.as_deref().filter(|_| in_the_file).unwrap_or("the configuration");
        let count = problems.len();
        write!(f, "{subject}, {count} {}", if count == 1 { "problem" } else { "problems" })?;
        f.write_str(&lines(&problems))
    }
}

/// The problems in aligned columns, each on a line of its own.
fn lines(problems: &[&Problem]) -> String {
    let width = |column: fn(&Problem) -> String| {
        problems.iter().map(|problem| column(problem).chars().count()).max().unwrap_or_default()
    };
    let (place, key) = (width(Problem::place), width(|problem| problem.key.clone()));
    let line = |problem: &&Problem| {
        format!("\n  {:<place$}  {:<key$}  {}", problem.place(), problem.key, problem.text)
    };
    problems.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_line_in_the_files_order() {
        let problem = |at, key: &str, text: &str| Problem { at, key: key.to_owned(), text: text.to_owned() };
        let error = ConfigError {
            file: Some("shop.toml".into()),
            problems: vec![
                problem(Origin::Default, "nats_url", "expected a URL, found nothing"),
                problem(Origin::File(12), "labels.rules[2]", "carrier is needed"),
                problem(Origin::File(3), "gatway", "no such table; did you mean gateway?"),
                problem(Origin::File(3), "gatway", "no such table; did you mean gateway?"),
            ],
        };
        let expected = "\
shop.toml, 3 problems
  line 3   gatway           no such table; did you mean gateway?
  line 12  labels.rules[2]  carrier is needed
  not set  nats_url         expected a URL, found nothing";
        assert_eq!(error.to_string(), expected);
        let missing = ConfigError::unreadable("x.toml".into(), &std::io::ErrorKind::NotFound.into());
        assert_eq!(missing.to_string(), "x.toml: entity not found");
    }
}
