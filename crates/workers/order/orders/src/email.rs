//! Usable e-mail addresses of customers.

use despatch_contracts::order::Order;
use email_address::{EmailAddress, Options};

/// The longest address that fits RFC 5321's 256-octet path (section 4.5.3.1) with angle brackets.
const LONGEST: usize = 254;

/// Returns the address as mail is sent to it; `None` if none can be. Whether the mailbox exists is for its mail server to
/// say.
///
/// The syntax is the mail library's, so an address that is kept here is not refused when it is written to. It excludes what
/// no shop's customer has: host names without a dot, addresses in brackets, quoted blanks. The domain is written in ASCII,
/// as every mail server reads it.
pub(crate) fn usable(address: &str) -> Option<String> {
    let syntax = Options::default().with_required_tld().without_domain_literal().without_display_text();
    // The library treats blanks beyond ASCII as letters; they come with text that was copied from a page.
    if address.contains(char::is_whitespace) || EmailAddress::parse_with_options(address, syntax).is_err() {
        return None;
    }
    let (mailbox, domain) = address.rsplit_once('@')?;
    let address = format!("{mailbox}@{}", idna::domain_to_ascii(domain).ok()?);
    (address.len() <= LONGEST).then_some(address)
}

/// Leaves out an e-mail address to which nothing can be sent, because it costs the mails and not the parcel. Returns whether
/// there is one.
pub(crate) fn keep_usable(order: &mut Order) -> bool {
    let usable = order.customer.as_ref().and_then(|customer| usable(&customer.email));
    let is_usable = usable.is_some();
    if let Some(customer) = &mut order.customer {
        customer.email = usable.unwrap_or_default();
    }
    is_usable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_people_have_are_usable() {
        for address in [
            "a@example.com",
            "first.last+shop@mail.example.co.uk",
            "o'neil@example.com",
            "jörg@exämple.de",
            "x@xn--exmple-cua.de",
        ] {
            assert!(usable(address).is_some(), "{address}");
        }
    }

    #[test]
    fn domains_are_written_in_ascii() {
        for (address, written) in [
            ("test@bücher.example", "test@xn--bcher-kva.example"),
            ("Ann@Example.COM", "Ann@example.com"),
            ("jörg@exämple.de", "jörg@xn--exmple-cua.de"),
            ("a@faß.example", "a@xn--fa-hia.example"),
        ] {
            assert_eq!(usable(address).as_deref(), Some(written));
        }
    }

    #[test]
    fn what_is_no_address_is_not() {
        let long = format!("{}@example.com", "a".repeat(65));
        for address in [
            "",
            "a",
            "@",
            "a@",
            "@example.com",
            "a@b",
            "a@@example.com",
            "two..dots@example.com",
            "a b@example.com",
            "a@exa mple.com",
            "a@example..com",
            "a@.example.com",
            "a@example.com.",
            "a@-example.com",
            ".a@example.com",
            "a.@example.com",
            "a@example.com\n",
            "a@example.com, b@example.com",
            "<a@example.com>",
            "a\0@example.com",
            "a@example.com\u{a0}",
            &long,
        ] {
            assert_eq!(usable(address), None, "{address:?}");
        }
    }
}
