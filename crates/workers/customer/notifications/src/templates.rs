//! The templates of all messages, compiled into the program and parsed once.

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use crate::milestone::Milestone;
use crate::template_data::TemplateData;

/// Two for each milestone, by its name: `accepted.html` and `accepted.txt`; and the layout of all HTML.
static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The beginning of the first line of every text template.
const SUBJECT: &str = "Subject: ";

/// All templates.
pub(crate) struct Templates {
    environment: Environment<'static>,
}

/// A rendered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Templates {
    pub(crate) fn new() -> Result<Self, Error> {
        // The ending decides: `.html` is escaped and `.txt` is not.
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
        for file in SOURCES.files() {
            let text = file.path().to_str().zip(file.contents_utf8());
            let (name, source) = text.ok_or_else(|| {
                Error::new(ErrorKind::BadInclude, format!("{}: expected UTF-8", file.path().display()))
            })?;
            environment.add_template(name, source)?;
        }
        Ok(Templates { environment })
    }

    /// Renders a milestone's message. The subject is the first line of its text template.
    pub(crate) fn render(&self, milestone: Milestone, data: &TemplateData) -> Result<Rendered, Error> {
        #[derive(Serialize)]
        struct Page<'a> {
            subject: &'a str,
            #[serde(flatten)]
            data: &'a TemplateData,
        }
        let template =
            |ending: &str| self.environment.get_template(&format!("{}.{ending}", milestone.name()));
        let text = template("txt")?.render(Serde(data))?;
        let (first, text) = text.split_once('\n').unwrap_or((&text, ""));
        let subject = first.strip_prefix(SUBJECT).unwrap_or(first);
        let html = template("html")?.render(Serde(Page { subject, data }))?;
        Ok(Rendered { subject: subject.to_owned(), text: text.to_owned(), html })
    }
}

#[cfg(test)]
mod tests;
