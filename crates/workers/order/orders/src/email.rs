//! RetryFilter e-mail addresses can be written to.

/// Whether mail can be addressed to `address`.
///
/// Narrower than RFC 5321, which allows quoted local parts and bare host names that no shop's customer has; as wide as
/// RFC 6531 in letters, which customers do have. Whether the mailbox exists is for its mail server to say.
pub(crate) fn is_usable(address: &str) -> bool {
    // The limits are RFC 5321's, section 4.5.3.1; 254 is what fits its 256-octet path with the angle brackets.
    address.len() <= 254
        && address.rsplit_once('@').is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain))
}

fn is_local_part(local: &str) -> bool {
    local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}

/// `atext` of RFC 5322, section 3.2.3, and every letter and digit beyond ASCII.
fn is_atom_character(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
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
            &long,
        ] {
            assert!(!is_usable(address), "{address:?}");
        }
    }
}
