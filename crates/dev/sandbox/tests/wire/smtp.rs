//! Mail, through the client library that the notifications worker uses, and by hand.

use despatch_sandbox::{Fault, Operation, Target};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Method;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::shop::Shop;

fn client(shop: &Shop) -> AsyncSmtpTransport<Tokio1Executor> {
    AsyncSmtpTransport::<Tokio1Executor>::from_url(&shop.sandbox.smtp_url()).unwrap().build()
}

fn mail(id: &str, order: &str, body: &str) -> Message {
    let order = HeaderValue::new(HeaderName::new_from_ascii_str("X-Order-Id"), order.to_owned());
    Message::builder()
        .from("Shop <shop@example.com>".parse().unwrap())
        .to("Zoë <zoe@example.com>".parse().unwrap())
        .subject("Your order")
        .message_id(Some(format!("<{id}>")))
        .raw_header(order)
        .body(body.to_owned())
        .unwrap()
}

async fn raw(shop: &Shop, seq: u64) -> String {
    let url = format!("{}/mail/{seq}", shop.sandbox.control_url());
    shop.http.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn mail_is_kept_as_it_was_sent() {
    let shop = Shop::open().await;
    let smtp = client(&shop);
    let sent = mail("a@x", "o1", "Hello\r\n\r\nGrüße\r\n");
    smtp.send(sent.clone()).await.unwrap();
    let kept = raw(&shop, 1).await;
    assert_eq!(kept.trim_end(), String::from_utf8(sent.formatted()).unwrap().trim_end());

    smtp.send(mail("b@x", "o1", "two")).await.unwrap();
    smtp.send(mail("b@x", "o1", "two again")).await.unwrap();
    let list = shop.control(Method::GET, "/mail?after=1&limit=1", None).await;
    assert_eq!(list.body["mails"].as_array().unwrap().len(), 1);
    let second = &list.body["mails"][0];
    assert_eq!((second["seq"].as_u64(), second["message_id"].as_str()), (Some(2), Some("b@x")));
    assert_eq!(second["to"], serde_json::json!(["zoe@example.com"]));
    assert_eq!(second["subject"], "Your order");
    assert_eq!(list.body["next"], 2);

    let count = shop.control(Method::GET, "/mail/count", None).await;
    assert_eq!((count.body["total"].as_u64(), count.body["distinct"].as_u64()), (Some(3), Some(2)));
    let counts = shop.sandbox.counts();
    assert_eq!((counts.mails, counts.distinct_mails), (3, 2));
    let of_order = shop.sandbox.order_counts("o1").unwrap().mails;
    let copies: Vec<_> =
        of_order.iter().map(|mail| (mail.message_id.as_str(), mail.seq, mail.copies)).collect();
    assert_eq!(copies, [("a@x", 1, 1), ("b@x", 2, 2)]);
    assert_eq!(shop.control(Method::GET, "/mail/4", None).await.status, 404);
}

#[tokio::test]
async fn a_copy_after_a_lost_answer_is_no_double() {
    let shop = Shop::open().await;
    let smtp = client(&shop);
    let lost = Target { operation: Operation::Mail, order: "o1".into(), fault: Fault::Timeout, times: 2 };
    shop.sandbox.fault_next(lost);
    for _ in 0..2 {
        smtp.send(mail("a@x", "o1", "hi")).await.unwrap_err();
    }
    smtp.send(mail("a@x", "o1", "hi")).await.unwrap();
    let counts = shop.sandbox.counts();
    assert_eq!((counts.mails, counts.resent_mails, counts.double_mails), (3, 2, 0));

    // The next copy comes over the same connection, so the client has read the answer to the one before.
    smtp.send(mail("a@x", "o1", "hi")).await.unwrap();
    let counts = shop.sandbox.counts();
    assert_eq!((counts.mails, counts.resent_mails, counts.double_mails), (4, 2, 1));
    let of_order = &shop.sandbox.order_counts("o1").unwrap().mails;
    assert_eq!((of_order[0].copies, of_order[0].resent, of_order[0].doubled), (4, 2, 1));
}

#[tokio::test]
async fn many_connections_send_at_once() {
    let shop = Shop::open().await;
    let smtp = client(&shop);
    let sends = (0..60).map(|n| {
        let (smtp, mail) = (smtp.clone(), mail(&format!("{n}@x"), "o1", "hi"));
        async move { smtp.send(mail).await.unwrap() }
    });
    futures_util::future::join_all(sends).await;
    assert_eq!(shop.sandbox.counts().distinct_mails, 60);
}

/// A connection that is spoken to by hand.
struct Line(BufReader<TcpStream>);

impl Line {
    async fn open(shop: &Shop) -> Self {
        let address = shop.sandbox.smtp_url().replace("smtp://", "");
        let mut line = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        assert!(line.reply().await.starts_with("220 "));
        line
    }

    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// The last line of the next reply.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.reply().await
    }
}

const ENVELOPE: &str =
    "EHLO me\r\nMAIL FROM:<a@example.com> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<b@example.com>\r\n";

#[tokio::test]
async fn commands_may_be_pipelined() {
    let shop = Shop::open().await;
    let mut line = Line::open(&shop).await;
    line.send(&format!("{ENVELOPE}DATA\r\n")).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(line.reply().await[..3].to_owned());
    }
    assert_eq!(codes, ["250", "250", "250", "354"]);
    line.send("Subject: x\r\n\r\nbody\r\n.\r\nNOOP\r\nRSET\r\nQUIT\r\n").await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(line.reply().await[..3].to_owned());
    }
    assert_eq!(codes, ["250", "250", "250", "221"]);
    assert_eq!(line.0.read(&mut [0; 1]).await.unwrap(), 0, "the connection ends after QUIT");
    assert_eq!(shop.sandbox.counts().mails, 1);
}

#[tokio::test]
async fn commands_out_of_turn_or_out_of_shape_are_refused() {
    let shop = Shop::open().await;
    let mut line = Line::open(&shop).await;
    for (command, code) in [
        ("MAIL FROM:<a@example.com>", "503"),
        ("EHLO me", "250"),
        ("RCPT TO:<b@example.com>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:a@example.com", "501"),
        ("MAIL FROM:<a@example.com> SIZE=99999999999", "552"),
        ("MAIL FROM:<a@example.com> FOO=1", "555"),
        ("mail from:<a@example.com> SMTPUTF8", "250"),
        ("MAIL FROM:<a@example.com>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<nobody>", "501"),
        ("RCPT TO:<jürgen@example.com>", "250"),
        ("RSET", "250"),
        ("DATA", "503"),
        ("VRFY b", "252"),
        ("STARTTLS", "502"),
    ] {
        let reply = line.ask(&format!("{command}\r\n")).await;
        assert_eq!(&reply[..3], code, "{command}: {reply}");
    }
    assert_eq!(&line.ask(&format!("NOOP {}\r\n", "x".repeat(5000))).await[..3], "500");
    assert_eq!(shop.sandbox.counts().mails, 0);
}

/// A connection that is about to send a mail's content.
async fn at_content(shop: &Shop) -> Line {
    let mut line = Line::open(shop).await;
    line.send(&format!("{ENVELOPE}DATA\r\n")).await;
    for _ in 0..4 {
        line.reply().await;
    }
    line
}

#[tokio::test]
async fn dots_that_were_doubled_are_single_again() {
    let shop = Shop::open().await;
    let mut line = at_content(&shop).await;
    line.ask("Subject: x\r\n\r\n..one\r\n...\r\na..b\r\n.. \r\n.\r\n").await;
    assert_eq!(raw(&shop, 1).await, "Subject: x\r\n\r\n.one\r\n..\r\na..b\r\n. \r\n");
    let empty = at_content(&shop).await.ask(".\r\n").await;
    assert!(empty.starts_with("250"), "{empty}");
    assert_eq!(raw(&shop, 2).await, "");
}

#[tokio::test]
async fn only_a_dot_between_crlfs_ends_a_mail() {
    let shop = Shop::open().await;
    let mut line = at_content(&shop).await;
    let reply = line.ask("Subject: x\r\n\r\none\n.\r\ntwo\r\n.\nthree\r\n.\r\n").await;
    assert!(reply.starts_with("250"), "{reply}");
    let kept = raw(&shop, 1).await;
    assert!(kept.contains("two") && kept.contains("three"), "{kept:?}");
    assert_eq!(shop.sandbox.counts().mails, 1);
}

#[tokio::test]
async fn half_a_mail_and_too_large_a_mail_are_not_kept() {
    let shop = Shop::open().await;
    let mut line = Line::open(&shop).await;
    line.send(&format!("{ENVELOPE}DATA\r\nSubject: half\r\n")).await;
    drop(line);

    let mut line = at_content(&shop).await;
    let large = "x".repeat(998) + "\r\n";
    line.send(&large.repeat(10_500)).await;
    assert_eq!(&line.ask(".\r\n").await[..3], "552");
    let small = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";
    line.send(small).await;
    for _ in 0..3 {
        line.reply().await;
    }
    assert_eq!(&line.ask("Subject: small\r\n\r\n.\r\n").await[..3], "250");
    assert_eq!(shop.sandbox.counts().mails, 1);
    assert!(raw(&shop, 1).await.contains("Subject: small"));
}

#[tokio::test]
async fn faults_strike_before_or_after_a_mail_is_kept() {
    let shop = Shop::open().await;
    let smtp = client(&shop);
    for (fault, status, kept) in [
        (Fault::ServerError, Some("451"), 0),
        (Fault::RateLimited, Some("421"), 0),
        (Fault::Refused, Some("530"), 0),
        (Fault::Outage, Some("421"), 0),
        (Fault::Decline, Some("554"), 0),
        (Fault::Timeout, None, 1),
        (Fault::Slow, Some("250"), 2),
    ] {
        shop.sandbox.fault_next(Target { operation: Operation::Mail, order: "o1".into(), fault, times: 1 });
        let sent = smtp.send(mail("a@x", "o1", "hi")).await;
        let code = match &sent {
            Ok(response) => Some(response.code().to_string()),
            Err(error) => error.status().map(|code| code.to_string()),
        };
        assert_eq!(code.as_deref(), status, "{fault:?}");
        assert_eq!(shop.sandbox.counts().mails, kept, "{fault:?}");
    }
    assert_eq!(shop.sandbox.counts().distinct_mails, 1);
}
