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

    /// A subject with the deployment's namespace.
    pub(crate) fn full(&self, subject: &str) -> String {
        format!("{}{subject}", self.prefix)
    }

    /// A subject without the deployment's namespace.
    pub(crate) fn bare<'a>(&self, subject: &'a str) -> &'a str {
        subject.strip_prefix(&self.prefix).unwrap_or(subject)
    }

    /// Where a worker consumes what operators ask of it, without the deployment's namespace.
    pub(crate) fn asks(worker: &str) -> String {
        ask_subject(worker, ">")
    }

    /// A handler's durable consumer: dots are not allowed in its name.
    pub(crate) fn consumer(handler: &str) -> String {
        handler.replace('.', "-")
    }
}

/// Where a user consumes answers: nobody else may listen there.
pub(crate) fn inbox(user: &str) -> String {
    format!("_INBOX_{user}")
}
