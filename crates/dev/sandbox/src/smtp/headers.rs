//! The three header fields of a mail that the sandbox reads.
//!
//! They are read by hand, as they are on the wire, because a mail parser would read the whole mail for them and decode
//! them.

/// A mail's header fields; empty if missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    /// The Message-ID without angle brackets.
    pub(super) message_id: String,
    /// The subject as on the wire, encoded words included.
    pub(super) subject: String,
    order: String,
}

impl Headers {
    pub(super) fn parse(mail: &[u8]) -> Self {
        let mut headers = Self::default();
        let mut field: Vec<u8> = Vec::new();
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            if matches!(line.first(), Some(b' ' | b'\t')) {
                // A folded line continues the one before (RFC 5322, section 2.2.3).
                field.extend_from_slice(line);
                continue;
            }
            headers.take(&field);
            field.clear();
            if line.is_empty() {
                return headers;
            }
            field.extend_from_slice(line);
        }
        headers.take(&field);
        headers
    }

    fn take(&mut self, field: &[u8]) {
        let field = String::from_utf8_lossy(field);
        let Some((name, value)) = field.split_once(':') else { return };
        let value = value.trim();
        if name.eq_ignore_ascii_case("message-id") {
            value.trim_start_matches('<').trim_end_matches('>').clone_into(&mut self.message_id);
        } else if name.eq_ignore_ascii_case("subject") {
            value.clone_into(&mut self.subject);
        } else if name.eq_ignore_ascii_case("x-order-id") {
            value.clone_into(&mut self.order);
        }
    }

    /// Returns the order of the mail: its `X-Order-Id`, or else the second of the parts of its Message-ID between dots,
    /// as in `<milestone.order.parcel@domain>`.
    pub(super) fn order(&self) -> &str {
        if !self.order.is_empty() {
            return &self.order;
        }
        let (local, _) = self.message_id.split_once('@').unwrap_or((&self.message_id, ""));
        local.split('.').nth(1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_and_oddly_cased_fields_are_read() {
        let mail = b"SUBJECT: one\r\n two\r\nmessage-id:\r\n <sent.b.1@c>\r\n\r\nSubject: body\r\n";
        let headers = Headers::parse(mail);
        assert_eq!(headers.subject, "one two");
        assert_eq!(headers.message_id, "sent.b.1@c");
        assert_eq!(headers.order(), "b");
    }

    #[test]
    fn the_order_field_comes_first() {
        let headers = Headers::parse(b"Message-ID: <a.b@c>\r\nX-Order-Id: o-1\r\n\r\n");
        assert_eq!(headers.order(), "o-1");
        assert_eq!(Headers::parse(b"Message-ID: <random@c>\r\n").order(), "");
    }
}
