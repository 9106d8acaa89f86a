//! Mails to suppliers: the same on every try, byte for byte, as mails to customers are.

use std::fmt::Write as _;
use std::time::SystemTime;

use despatch_contracts::stock::DeliveryOverdue;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, SetupError};
use crate::message::{ComposeError, header};
use crate::template_data::one_line;
use crate::templates::Templates;

/// The most rows that a mail lists.
const MOST_LINES: usize = 50;

/// A reminder, before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Reminder {
    pub(crate) due: SystemTime,
    pub(crate) event: DeliveryOverdue,
}

/// Writes reminders.
pub(crate) struct Reminders {
    templates: Templates,
    from: Mailbox,
    shop: String,
    domain: String,
}

/// The values for the template.
#[derive(Serialize)]
struct Data {
    shop: String,
    supplier: String,
    delivery: String,
    due: String,
    lines: Vec<Line>,
    more: usize,
}

#[derive(Serialize)]
struct Line {
    sku: String,
    location: String,
    open: i64,
}

impl Reminders {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Reminders {
            templates: Templates::new()?,
            from: config.mailbox()?,
            shop: config.shop_name.clone(),
            domain: config.message_id_domain.clone(),
        })
    }

    /// Returns the Message-ID, without angle brackets. A delivery's name may have any letters, so its digest stands for it.
    pub(crate) fn message_id(&self, reminder: &Reminder) -> String {
        let mut digest = Sha256::new();
        digest.update(&reminder.event.delivery);
        digest.update([0]);
        digest.update(due(reminder));
        let digest: [u8; 32] = digest.finalize().into();
        let id = digest[..12].iter().fold(String::new(), |mut id, byte| {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        });
        format!("delivery-overdue.{id}@{}", self.domain)
    }

    /// Writes the message. `date` is the event's time, so that the message is the same on every try.
    pub(crate) fn compose(&self, reminder: &Reminder, date: SystemTime) -> Result<Message, ComposeError> {
        let DeliveryOverdue { delivery, supplier, contact, lines, number_of_lines, .. } = &reminder.event;
        let line = |line: &despatch_contracts::stock::DeliveryLine| Line {
            sku: one_line(&line.sku),
            location: one_line(&line.location),
            open: line.expected.saturating_sub(line.booked),
        };
        let shown: Vec<Line> = lines.iter().take(MOST_LINES).map(line).collect();
        let words = Data {
            shop: self.shop.clone(),
            supplier: one_line(supplier),
            delivery: one_line(delivery),
            due: due(reminder),
            more: (*number_of_lines as usize).saturating_sub(shown.len()),
            lines: shown,
        };
        let (subject, text) = self.templates.render_text("delivery-overdue.txt", &words)?;
        let address = contact.parse().map_err(ComposeError::Address)?;
        let name = Some(one_line(supplier)).filter(|name| !name.is_empty());
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(one_line(&subject))
            .message_id(Some(format!("<{}>", self.message_id(reminder))))
            .date(date)
            .header(ContentType::TEXT_PLAIN)
            // RFC 3834: vacation responders must not answer.
            .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
            .body(text)?;
        Ok(message)
    }
}

/// Returns the due time in words. It has no zone of the supplier's, so it says that it is UTC.
fn due(reminder: &Reminder) -> String {
    let due = jiff::Timestamp::try_from(reminder.due).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    due.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use despatch_contracts::stock::DeliveryLine;

    use super::*;

    #[test]
    fn a_reminder_names_what_is_missing_and_is_the_same_on_every_try() {
        let line = |number: i64| DeliveryLine {
            sku: format!("LAMP-{number}"),
            location: "main".into(),
            expected: 40,
            booked: number,
        };
        let reminder = Reminder {
            due: SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_306_400),
            event: DeliveryOverdue {
                delivery: "PO 17/2026".into(),
                supplier: "Acme\r\nBcc: x@y.example".into(),
                contact: "orders@acme.example".into(),
                lines: (0..2).map(line).collect(),
                number_of_lines: 3,
                ..DeliveryOverdue::default()
            },
        };
        let reminders = Reminders {
            templates: Templates::new().unwrap(),
            from: "Quay Street Supplies <orders@shop.example>".parse().unwrap(),
            shop: "Quay Street Supplies".into(),
            domain: "shop.example".into(),
        };
        let compose = || reminders.compose(&reminder, SystemTime::UNIX_EPOCH).unwrap().formatted();
        assert_eq!(compose(), compose());
        let mail = String::from_utf8(compose()).unwrap().replace('\r', "").replace("=\n", "");
        let (head, text) = mail.split_once("\n\n").unwrap();
        for line in ["Subject: Delivery PO 17/2026 is overdue", "Auto-Submitted: auto-generated"] {
            assert!(head.lines().any(|it| it == line), "{line} in\n{head}");
        }
        // A supplier's name adds no recipient.
        let to: Vec<&str> = head.lines().filter(|it| it.starts_with("To: ")).collect();
        assert!(
            matches!(to[..], [to] if to.ends_with(" <orders@acme.example>") && !to.contains("x@y")),
            "{head}"
        );
        assert!(!head.contains("\nBcc:"), "{head}");
        for part in [
            "Hello Acme Bcc: x@y.example,\n",
            "your delivery PO 17/2026 was due 2026-12-03 14:00 UTC, and it has not arrived in full.\n",
            "- 40 =C3=97 LAMP-0, to main\n- 39 =C3=97 LAMP-1, to main\n- and 1 more\n",
            "\nQuay Street Supplies\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let later = Reminder { due: reminder.due + Duration::from_secs(3600), ..reminder.clone() };
        assert_ne!(reminders.message_id(&reminder), reminders.message_id(&later));
    }
}
