//! The deployment's names for subjects, the stream, consumers and inboxes.

use despatch_contracts::ask_subject;

/// The deployment's names for subjects, the stream and consumers.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: String,
    pub(crate) stream: String,
}

impl Names {
    pub(crate) fn new(namespace: &str) -> Self {
        if namespace.is_empty() {
            Names { prefix: String::new(), stream: "DESPATCH".to_owned() }
        } else {
            Names { prefix: format!("{namespace}."), stream: format!("DESPATCH_{namespace}") }
        }
    }

    /// Returns a subject with the deployment's namespace.
    pub(crate) fn full(&self, subject: &str) -> String {
        format!("{}{subject}", self.prefix)
    }

    /// Returns a subject without the deployment's namespace.
    pub(crate) fn bare<'a>(&self, subject: &'a str) -> &'a str {
        subject.strip_prefix(&self.prefix).unwrap_or(subject)
    }

    /// Returns the subjects of a worker's asks, without the deployment's namespace.
    pub(crate) fn asks(worker: &str) -> String {
        ask_subject(worker, ">")
    }

    /// Returns the name of a handler's durable consumer, which must not contain dots.
    pub(crate) fn consumer(handler: &str) -> String {
        handler.replace('.', "-")
    }
}

/// Returns the prefix of a user's reply subjects, to which no other user may subscribe.
pub(crate) fn inbox(user: &str) -> String {
    format!("_INBOX_{user}")
}
