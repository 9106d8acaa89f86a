//! The message as a mail program reads it.

use std::time::Duration;

use super::*;
use crate::milestone::Milestone;

const SECRET: &str = "a link secret of thirty-two bytes";

pub(crate) fn config() -> Config {
    Config {
        shop_name: "Quay Street Supplies".into(),
        from: "Quay Street Supplies <orders@shop.example>".into(),
        message_id_domain: "shop.example".into(),
        public_url: "https://shop.example/".into(),
        smtp_url: "smtp://127.0.0.1:1".into(),
        smtp_timeout_seconds: 5,
        link_secret: SECRET.into(),
        alert_webhook: String::new(),
    }
}

pub(crate) fn letter(name: &str, email: &str) -> Letter {
    Letter {
        milestone: Milestone::Review,
        order_id: "0192f".into(),
        part: "0".into(),
        to: Contact { email: email.into(), name: name.into(), number: "CA-1".into() },
        data: TemplateData {
            review_url: "https://shop.example/reviews/0192f/token".into(),
            ..TemplateData::default()
        },
    }
}

fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn composed(letter: &Letter) -> String {
    let composer = Composer::new(&config()).expect("a sound configuration");
    String::from_utf8(composer.compose(letter, date()).expect("composed").formatted()).expect("7-bit")
}

#[test]
fn every_try_is_the_same_message() {
    let letter = letter("Ирина Петрова", "irina@example.com");
    let first = composed(&letter);
    assert_eq!(first, composed(&letter));
    insta::assert_snapshot!("review_in_full", first.replace("\r\n", "\n"));
}

#[test]
fn the_id_tells_milestones_orders_and_parcels_apart() {
    let composer = Composer::new(&config()).expect("a sound configuration");
    let mut ids = std::collections::BTreeSet::new();
    for milestone in Milestone::ALL {
        for order in ["a", "b"] {
            for part in ["1", "2"] {
                let letter = Letter {
                    milestone,
                    order_id: order.into(),
                    part: part.into(),
                    ..letter("Ada", "ada@example.com")
                };
                ids.insert(composer.message_id(&letter));
            }
        }
    }
    assert_eq!(ids.len(), Milestone::ALL.len() * 4);
    assert!(ids.contains("accepted.a.1@shop.example"), "{ids:?}");
}

#[test]
fn the_unsubscribe_link_is_signed_for_this_order() {
    let message = composed(&letter("Ada", "ada@example.com"));
    let (_, link) = message.split_once("List-Unsubscribe: <").expect("the header");
    let (link, _) = link.split_once('>').expect("its end");
    let token = link.strip_prefix("https://shop.example/unsubscribe/0192f/").expect("our link");
    assert!(link::verify(SECRET.as_bytes(), UNSUBSCRIBE, "0192f", token));
    assert!(message.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
}

#[test]
fn every_mail_about_the_order_has_the_signed_link_to_its_page_in_both_forms() {
    let composer = Composer::new(&config()).expect("a sound configuration");
    for milestone in Milestone::ALL {
        let letter = Letter { milestone, ..letter("Ada", "ada@example.com") };
        let message = composer.compose(&letter, date()).expect("composed").formatted();
        let message = String::from_utf8(message).expect("7-bit").replace("=\r\n", "").replace("&#x2f;", "/");
        let url = link::order_page("https://shop.example", SECRET.as_bytes(), "0192f");
        let found = message.matches(&url).count();
        assert_eq!(found, if milestone.is_transactional() { 2 } else { 0 }, "{milestone:?}: {message}");
    }
}

#[test]
fn a_name_cannot_add_headers_or_recipients() {
    for name in ["Eve\r\nBcc: all@example.com", "Eve <all@example.com>, x", "\"Eve\" \\", "Ève\nTo: x"] {
        let message = composed(&letter(name, "eve@example.com"));
        let head = message.split("\r\n\r\n").next().expect("a head");
        assert!(!head.lines().any(|line| line.starts_with("Bcc:")), "{head}");
        assert_eq!(head.lines().filter(|line| line.starts_with("To:")).count(), 1, "{head}");
        let composer = Composer::new(&config()).expect("a sound configuration");
        let envelope = composer.compose(&letter(name, "eve@example.com"), date()).expect("composed");
        assert_eq!(envelope.envelope().to().len(), 1);
        assert_eq!(envelope.envelope().to()[0].to_string(), "eve@example.com");
    }
}

#[test]
fn what_is_no_address_is_refused() {
    let composer = Composer::new(&config()).expect("a sound configuration");
    for email in ["", "ada", "ada@", "ada@example.com\r\nRCPT TO:<x@example.com>"] {
        let refused = composer.compose(&letter("Ada", email), date());
        assert!(matches!(refused, Err(ComposeError::Address(_))), "{email:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    assert!(config().problems().is_empty());
    let wrong = Config {
        shop_name: String::new(),
        from: "nobody".into(),
        message_id_domain: "a b>".into(),
        public_url: "shop".into(),
        smtp_url: "http://example.com".into(),
        link_secret: String::new(),
        alert_webhook: "slack".into(),
        ..config()
    };
    let problems: Vec<String> = wrong.problems().iter().map(ToString::to_string).collect();
    let keys =
        ["shop_name", "from", "message_id_domain", "public_url", "smtp_url", "link_secret", "alert_webhook"];
    assert_eq!(problems.len(), keys.len());
    for (problem, key) in problems.iter().zip(keys) {
        assert!(problem.starts_with(&format!("notifications.{key}: ")), "{problem}");
    }
    assert!(Composer::new(&wrong).is_err());
}
