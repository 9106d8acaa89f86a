//! The templates of all messages, compiled into the program and parsed once.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::milestone::Milestone;
use crate::template_data::TemplateData;

macro_rules! embedded {
    ($($name:literal),+) => { &[$(($name, include_str!(concat!("../templates/", $name)))),+] };
}

const SOURCES: &[(&str, &str)] = embedded![
    "layout.html",
    "accepted.html",
    "accepted.txt",
    "despatched.html",
    "despatched.txt",
    "delivered.html",
    "delivered.txt",
    "cancelled.html",
    "cancelled.txt",
    "refunded.html",
    "refunded.txt",
    "review.html",
    "review.txt",
    "review-reminder.html",
    "review-reminder.txt"
];

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
    pub(crate) fn new() -> Result<Self, minijinja::Error> {
        // The ending decides: `.html` is escaped and `.txt` is not.
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
        for (name, source) in SOURCES {
            environment.add_template(name, source)?;
        }
        Ok(Templates { environment })
    }

    /// Renders a milestone's message. The subject is the first line of its text template.
    pub(crate) fn render(
        &self,
        milestone: Milestone,
        data: &TemplateData,
    ) -> Result<Rendered, minijinja::Error> {
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
