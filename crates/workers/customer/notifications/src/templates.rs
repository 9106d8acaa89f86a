//! The templates of all messages, compiled into the program and parsed once.

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use crate::milestone::Milestone;
use crate::template_data::TemplateData;

/// Two for each milestone, by its name: `accepted.html` and `accepted.txt`; the layout of all HTML; and texts to suppliers.
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
        let (subject, text) = self.render_text(&format!("{}.txt", milestone.name()), data)?;
        let html = self.environment.get_template(&format!("{}.html", milestone.name()))?;
        let html = html.render(Serde(Page { subject: &subject, data }))?;
        Ok(Rendered { subject, text, html })
    }

    /// Renders a text template. Returns the subject, which is its first line, and the text after it.
    pub(crate) fn render_text(&self, name: &str, data: &impl Serialize) -> Result<(String, String), Error> {
        let text = self.environment.get_template(name)?.render(Serde(data))?;
        let (first, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok((first.strip_prefix(SUBJECT).unwrap_or(first).to_owned(), text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
