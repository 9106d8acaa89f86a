//! The shop's identity: the names and addresses that customers read in mails, on pages and on labels.
//!
//! None of these keys has a default, because a customer would read it. The demo has an identity of its own. It takes the
//! place of what is not configured where nothing leaves this machine.

use despatch_labels::Sender;

use super::file::Config;

const NAME: &str = "despatch demo shop";
const FROM: &str = "despatch demo shop <orders@example.com>";
const DEMO_ADDRESS: &str = "orders@example.com";
const MESSAGE_ID_DOMAIN: &str = "orders.example.com";

fn demo_sender() -> Sender {
    Sender {
        name: NAME.into(),
        street1: "1 Quay Street".into(),
        street2: String::new(),
        city: "Louisville".into(),
        region: "KY".into(),
        postcode: "40202".into(),
        country: "US".into(),
        phone: "555-0100".into(),
    }
}

impl Config {
    /// Puts the demo's identity in the place of what is empty. A sender is taken as a whole, because one address made of
    /// two would be nobody's.
    pub(crate) fn fill_in_identity(&mut self) {
        let shop = &mut self.shop;
        for (value, demo) in
            [(&mut shop.name, NAME), (&mut shop.from, FROM), (&mut shop.message_id_domain, MESSAGE_ID_DOMAIN)]
        {
            if value.is_empty() {
                demo.clone_into(value);
            }
        }
        if self.labels.sender == Sender::default() {
            self.labels.sender = demo_sender();
        }
    }

    /// The keys that say what the demo says, each with what is wrong. A shop may be in the demo's city, but not at its
    /// address.
    pub(crate) fn identity_problems(&self) -> Vec<(&'static str, String)> {
        let (shop, sender, demo) = (&self.shop, &self.labels.sender, demo_sender());
        [
            ("shop.name", &*shop.name, NAME),
            ("shop.from", &shop.from, FROM),
            ("shop.message_id_domain", &shop.message_id_domain, MESSAGE_ID_DOMAIN),
            ("labels.sender.name", &sender.name, &demo.name),
            ("labels.sender.street1", &sender.street1, &demo.street1),
            ("labels.sender.phone", &sender.phone, &demo.phone),
        ]
        .into_iter()
        // The demo's address may stand under another name.
        .filter(|(key, value, demo)| value == demo || *key == "shop.from" && value.contains(DEMO_ADDRESS))
        .map(|(key, value, _)| (key, format!("expected the shop's own, found the demo's {value:?}")))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_fills_in_what_nobody_configured() {
        let mut config = Config::defaults();
        config.shop.name = "North".into();
        config.fill_in_identity();
        assert_eq!((&*config.shop.name, &*config.shop.from), ("North", FROM));
        assert_eq!(config.labels.sender, demo_sender());
    }

    #[test]
    fn half_a_sender_is_not_completed() {
        let mut config = Config::defaults();
        config.labels.sender.city = "Leeds".into();
        config.fill_in_identity();
        assert_eq!(config.labels.sender.street1, "");
    }

    #[test]
    fn each_key_that_is_the_demo_s_is_named() {
        let mut config = Config::defaults();
        assert_eq!(config.identity_problems(), []);
        config.fill_in_identity();
        config.shop.from = "North <orders@example.com>".into();
        assert_eq!(config.identity_problems()[1].0, "shop.from");
        config.shop.from = "North <north@shop.example>".into();
        let keys: Vec<_> = config.identity_problems().into_iter().map(|(key, _)| key).collect();
        let expected = [
            "shop.name",
            "shop.message_id_domain",
            "labels.sender.name",
            "labels.sender.street1",
            "labels.sender.phone",
        ];
        assert_eq!(keys, expected);
        let said = &config.identity_problems()[0].1;
        assert_eq!(said, "expected the shop's own, found the demo's \"despatch demo shop\"");
    }
}
