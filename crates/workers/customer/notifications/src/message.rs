//! Messages: the same on every try, byte for byte.
//!
//! Mail is sent at least once. A second copy is harmless because of a Message-ID that never changes, by which mail
//! systems recognise it. So nothing in a message may depend on the time or on chance.

use std::time::SystemTime;

use despatch_domain::link;
use lettre::Message;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::config::{Config, SetupError};
use crate::milestone::Milestone;
use crate::store::Contact;
use crate::template_data::{TemplateData, one_line};
use crate::templates::Templates;

/// The purpose of the link's signature; the gateway verifies the same word.
pub const UNSUBSCRIBE: &str = "unsubscribe";

/// The contents of a message, before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) milestone: Milestone,
    pub(crate) order_id: String,
    /// The number of the parcel or of the review's request, or the refund's id; 0 if there is only one message.
    pub(crate) part: String,
    pub(crate) to: Contact,
    /// The event's data; names and links are added here.
    pub(crate) data: TemplateData,
}

/// Why a message cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    /// The recipient's address is malformed. The error does not repeat it, because errors are logged and logs hold no
    /// personal data.
    #[error("the recipient's e-mail address: {0}")]
    Address(AddressError),
    /// The template does not fit its data.
    #[error("template: {0}")]
    Template(#[from] minijinja::Error),
    /// The parts do not form a message.
    #[error("message: {0}")]
    Message(#[from] lettre::error::Error),
}

/// Writes messages.
pub(crate) struct Composer {
    templates: Templates,
    from: Mailbox,
    shop: String,
    domain: String,
    public_url: String,
    secret: Vec<u8>,
}

impl Composer {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        Ok(Composer {
            templates: Templates::new()?,
            from: config.mailbox()?,
            shop: config.shop_name.clone(),
            domain: config.message_id_domain.clone(),
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            secret: config.link_secret.clone().into_bytes(),
        })
    }

    /// Returns the Message-ID, without angle brackets.
    pub(crate) fn message_id(&self, letter: &Letter) -> String {
        format!("{}.{}.{}@{}", letter.milestone.name(), letter.order_id, letter.part, self.domain)
    }

    /// Writes the message. `date` is the event's time, so that the message is the same on every try.
    pub(crate) fn compose(&self, letter: &Letter, date: SystemTime) -> Result<Message, ComposeError> {
        let name = one_line(&letter.to.name);
        let unsubscribe_url = self.unsubscribe_url(&letter.order_id);
        let complete = TemplateData {
            shop: self.shop.clone(),
            name: name.clone(),
            order: one_line(&letter.to.number),
            unsubscribe_url: unsubscribe_url.clone(),
            order_url: if letter.milestone.is_transactional() {
                link::order_page(&self.public_url, &self.secret, &letter.order_id)
            } else {
                String::new()
            },
            ..letter.data.clone()
        };
        let rendered = self.templates.render(letter.milestone, &complete)?;
        let address = letter.to.email.parse().map_err(ComposeError::Address)?;
        let name = if name.is_empty() { None } else { Some(name) };
        // Encoded text never holds `=_`, so this boundary cannot occur in a part.
        let boundary = format!("=_{}.{}", letter.order_id, letter.part);
        let parts = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(rendered.text))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(rendered.html));
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(one_line(&rendered.subject))
            .message_id(Some(format!("<{}>", self.message_id(letter))))
            .date(date)
            // RFC 8058: one POST to the link unsubscribes.
            .raw_header(header("List-Unsubscribe", format!("<{unsubscribe_url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()))
            // RFC 3834: vacation responders must not answer.
            .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
            .multipart(parts)?;
        Ok(message)
    }

    fn unsubscribe_url(&self, order_id: &str) -> String {
        let token = link::sign(&self.secret, UNSUBSCRIBE, order_id);
        format!("{}/unsubscribe/{order_id}/{token}", self.public_url)
    }
}

/// Creates a header of our own text, which is ASCII and needs neither encoding nor folding.
pub(crate) fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

#[cfg(test)]
pub(crate) mod tests;
