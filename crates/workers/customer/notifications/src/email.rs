//! E-mail addresses that mail can be sent to.

use email_address::{EmailAddress, Options};

/// The longest address that fits RFC 5321's 256-octet path (section 4.5.3.1) with angle brackets.
const LONGEST: usize = 254;

/// Returns whether mail can be sent to `address`. Whether the mailbox exists is for its mail server to say.
///
/// The syntax is the mail library's. It
/// excludes what no shop's customer has: host names without a dot, addresses in brackets, quoted blanks.
pub(crate) fn is_usable(address: &str) -> bool {
    let syntax = Options::default().with_required_tld().without_domain_literal().without_display_text();
    // The library treats blanks beyond ASCII as letters; they come with text that was copied from a page.
    address.len() <= LONGEST
        && !address.contains(char::is_whitespace)
        && EmailAddress::parse_with_options(address, syntax).is_ok()
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
            assert!(is_usable(address), "{address}");
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
            assert!(!is_usable(address), "{address:?}");
        }
    }
}
