//! Form-encoded parameters, with Stripe's `metadata[name]` nesting.

use url::form_urlencoded;

use super::refusal::Refusal;
use crate::digest;

/// Name and value pairs, such as an intent's metadata.
pub(super) type Pairs = Vec<(Box<str>, Box<str>)>;

/// A request's parameters in the order they were sent.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if std::str::from_utf8(body).is_err() || body.first() == Some(&b'{') {
            return Err(Refusal::malformed("The request body is not form-encoded."));
        }
        Ok(Self(form_urlencoded::parse(body).into_owned().collect()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| Refusal::missing(name))
    }

    /// Returns a positive amount in minor units.
    pub(super) fn amount(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse() {
            Ok(amount) if amount > 0 => Ok(Some(amount)),
            Ok(_) | Err(_) => Err(Refusal::bad_integer(name, value)),
        }
    }

    /// Returns `metadata[…]`, within Stripe's limits: 50 names of 40 characters, values of 500.
    pub(super) fn metadata(&self) -> Result<Pairs, Refusal> {
        let mut pairs = Pairs::new();
        for (name, value) in &self.0 {
            let inner = name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']'));
            let Some(inner) = inner else { continue };
            if inner.is_empty() || inner.chars().count() > 40 || value.chars().count() > 500 {
                let message = "Metadata names have 1 to 40 characters and values up to 500.";
                return Err(Refusal::bad_value(name, message));
            }
            pairs.push((inner.into(), value.as_str().into()));
        }
        if pairs.len() > 50 {
            return Err(Refusal::bad_value("metadata", "Metadata has up to 50 entries."));
        }
        Ok(pairs)
    }

    /// Refuses names that are neither in `known` nor nested in one of them.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let root = |name: &str| name.split('[').next().unwrap_or_default().to_owned();
        match self.0.iter().find(|(name, _)| !known.contains(&root(name).as_str())) {
            Some((name, _)) => Err(Refusal::unknown_param(name)),
            None => Ok(()),
        }
    }

    /// Returns what an idempotency key stands for: the endpoint and its parameters, in whatever order.
    pub(super) fn fingerprint(&self, path: &str) -> u64 {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort();
        let mut parts = vec![path.as_bytes()];
        for (name, value) in sorted {
            parts.extend([name.as_bytes(), value.as_bytes()]);
        }
        digest::narrow(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_ignores_order_and_nothing_else() {
        let print = |body: &str, path| Form::parse(body.as_bytes()).unwrap().fingerprint(path);
        assert_eq!(print("a=1&b=2", "/x"), print("b=2&a=1", "/x"));
        assert_ne!(print("a=1&b=2", "/x"), print("a=1&b=3", "/x"));
        assert_ne!(print("a=1&b=2", "/x"), print("a=1&b=2", "/y"));
        assert_ne!(print("a=1&b=2", "/x"), print("a=1&b2=", "/x"));
    }

    #[test]
    fn amounts_are_positive_integers() {
        let amount =
            |value: &str| Form::parse(format!("amount={value}").as_bytes()).unwrap().amount("amount");
        assert_eq!(amount("1099").unwrap(), Some(1099));
        for bad in ["0", "-1", "10.99", "", "1e3", "9223372036854775808"] {
            assert!(amount(bad).is_err(), "{bad:?}");
        }
    }
}
