//! The client against a small mail server that answers as each test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use despatch_runtime::{ProviderAnswer, ProviderCheck as _, ProviderFault};

use super::*;
use crate::message::Composer;
use crate::message::tests::{config, letter};

/// The server's answer to a command, by its first word; it accepts everything else. To `second MAIL` of a connection it
/// says this before it closes it.
type Answers = BTreeMap<&'static str, &'static str>;

#[derive(Default)]
struct Seen {
    connections: usize,
    messages: Vec<String>,
}

async fn serve(stream: TcpStream, answers: Arc<Answers>, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").await?;
    let mut line = String::new();
    let mut mails = 0;
    while stream.read_line(&mut line).await? > 0 {
        let command = line.split([' ', '\r', ':']).next().unwrap_or_default().to_ascii_uppercase();
        line.clear();
        let answer = answers.get(command.as_str()).copied();
        mails += usize::from(command == "MAIL");
        if mails == 2
            && command == "MAIL"
            && let Some(farewell) = answers.get("second MAIL")
        {
            return stream.write_all(format!("{farewell}\r\n").trim_start().as_bytes()).await;
        }
        match command.as_str() {
            "EHLO" if answer.is_none() => {
                stream.write_all(b"250-test\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n").await?;
            }
            "DATA" if answer.is_none() => {
                stream.write_all(b"354 go\r\n").await?;
                let mut message = String::new();
                while stream.read_line(&mut message).await? > 0 && !message.ends_with("\r\n.\r\n") {}
                seen.lock().unwrap().messages.push(message);
                let taken = answers.get(".").copied().unwrap_or("250 2.0.0 taken");
                if taken.is_empty() {
                    return Ok(());
                }
                stream.write_all(format!("{taken}\r\n").as_bytes()).await?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => stream.write_all(format!("{}\r\n", answer.unwrap_or("250 2.0.0 fine")).as_bytes()).await?,
        }
    }
    Ok(())
}

async fn server(answers: &[(&'static str, &'static str)]) -> (Smtp, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let answers: Arc<Answers> = Arc::new(answers.iter().copied().collect());
    let seen = Arc::new(Mutex::new(Seen::default()));
    let seen_by_server = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            seen_by_server.lock().unwrap().connections += 1;
            tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&seen_by_server)));
        }
    });
    (Smtp::new(&url, Duration::from_secs(5)).unwrap(), seen)
}

fn message() -> Message {
    let composer = Composer::new(&config()).unwrap();
    composer.compose(&letter("田中太郎", "tanaka@example.com"), std::time::SystemTime::UNIX_EPOCH).unwrap()
}

#[tokio::test]
async fn the_server_is_asked_whether_it_lets_us_in_without_a_mail() {
    let with_user = async |answers: &[(&'static str, &'static str)]| {
        let (smtp, seen) = server(answers).await;
        let url = format!("smtp://ada:secret@{}:{}", smtp.server.host, smtp.server.port);
        (Smtp::new(&url, Duration::from_secs(5)).unwrap(), seen)
    };
    let (smtp, seen) = server(&[]).await;
    assert_eq!(smtp.check().await, Ok(ProviderAnswer::Live("it lets us in".into())));
    assert!(seen.lock().unwrap().messages.is_empty());
    let auth = [("EHLO", "250-test\r\n250 AUTH PLAIN"), ("AUTH", "535 5.7.8 Wrong password")];
    let (smtp, _) = with_user(&auth).await;
    let Err(ProviderFault::Refused(why)) = smtp.check().await else { panic!("it is refused") };
    assert!(why.contains("Wrong password") && !why.contains("secret"), "{why}");
    let nobody = Smtp::new("smtp://127.0.0.1:1", Duration::from_secs(5)).unwrap();
    assert!(matches!(nobody.check().await, Err(ProviderFault::Unreachable(_))));
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let mute = Smtp::new(&url, Duration::from_millis(200)).unwrap();
    assert_eq!(mute.check().await, Err(ProviderFault::TimedOut(Duration::from_millis(200))));
}

#[tokio::test]
async fn a_connection_carries_many_messages() {
    let (smtp, seen) = server(&[]).await;
    for _ in 0..20 {
        smtp.send(&message()).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.messages.len(), 20);
    assert_eq!(seen.connections, 1);
    assert!(
        seen.messages[0].contains("Message-ID: <review.0192f.0@shop.example>\r\n"),
        "{}",
        seen.messages[0]
    );
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_nobodys_failure() {
    for farewell in ["", "421 4.4.2 idle for too long"] {
        let (smtp, seen) = server(&[("second MAIL", farewell)]).await;
        for _ in 0..3 {
            smtp.send(&message()).await.unwrap();
        }
        let seen = seen.lock().unwrap();
        assert_eq!((seen.messages.len(), seen.connections), (3, 3), "{farewell:?}");
    }
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_a_refusal() {
    let (smtp, seen) = server(&[("RCPT", "451 4.7.1 greylisted")]).await;
    for _ in 0..2 {
        smtp.send(&message()).await.unwrap_err();
    }
    assert_eq!(seen.lock().unwrap().connections, 2);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_tried_again() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let smtp = Smtp::new(&url, Duration::from_millis(10)).unwrap();
    let error = smtp.send(&message()).await.unwrap_err();
    assert!(matches!(error, SmtpError::TooSlow(_)), "{error}");
    assert_eq!(error.verdict(), Verdict::Down(Duration::ZERO));
}

#[tokio::test]
async fn every_refusal_has_its_verdict() {
    let down = Verdict::Down(Duration::ZERO);
    let recipient = Verdict::Reject(Reason::RecipientRejected);
    let refused = Verdict::Reject(Reason::MessageRejected);
    let cases = [
        ("RCPT", "451 4.7.1 greylisted", Verdict::PutOff),
        ("RCPT", "450 4.2.0 greylisted", Verdict::PutOff),
        (".", "451 4.7.1 greylisted", Verdict::PutOff),
        ("RCPT", "452 4.3.1 disk full", down),
        ("RCPT", "550 5.1.1 no such user", recipient),
        ("RCPT", "550 no such user", recipient),
        ("RCPT", "552 5.2.2 mailbox full", recipient),
        ("RCPT", "556 5.1.10 takes no mail", recipient),
        ("MAIL", "550 5.1.8 sender's domain does not exist", refused),
        ("MAIL", "530 5.7.0 authentication required", Verdict::Refused),
        ("MAIL", "421 4.3.2 going down", down),
        ("RCPT", "421 4.3.2 going down", down),
        ("MAIL", "451 4.7.1 not now", down),
        ("DATA", "554 5.7.1 looks like spam", refused),
        (".", "552 5.3.4 too big", refused),
        (".", "554 no", refused),
        (".", "452 4.3.1 disk full", down),
        // The connection ends after the message was accepted, so the message may have been sent.
        (".", "", down),
    ];
    for (command, answer, verdict) in cases {
        let (smtp, _) = server(&[(command, answer)]).await;
        let error = smtp.send(&message()).await.unwrap_err();
        assert_eq!(error.verdict(), verdict, "{command} {answer}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let smtp = Smtp::new(&url, Duration::from_secs(5)).unwrap();
    let error = smtp.send(&message()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Down(Duration::ZERO));
}

#[test]
fn urls_say_how_to_connect() {
    let new = |url: &str| Smtp::new(url, Duration::from_secs(5));
    for url in [
        "smtp://a.example",
        "smtps://us%40er:p%2Fw@a.example",
        "smtp://u:p@a.example:587/me.example?tls=required",
    ] {
        assert!(new(url).is_ok(), "{url}");
    }
    let wrong =
        ["nonsense", "http://example.com", "smtp:", "smtp://a.example?tls=yes", "smtp://u:%ff@a.example"];
    let errors = wrong.map(|url| new(url).err().map(|error| error.to_string()).unwrap_or_default());
    assert_eq!(
        errors,
        [
            "relative URL without a base",
            "expected the scheme smtp or smtps, found \"http\"",
            "expected a host, found none",
            "tls: expected required or opportunistic (or the scheme smtps), found \"yes\"",
            "expected a user and password in UTF-8, found other bytes",
        ]
    );
}

#[test]
fn each_way_to_connect_has_its_port() {
    for (url, host, port) in [
        ("smtp://mail.example.com", "mail.example.com", 25),
        ("smtp://mail.example.com?tls=required", "mail.example.com", 587),
        ("smtp://user:password@mail.example.com?tls=opportunistic", "mail.example.com", 587),
        ("smtps://user:password@mail.example.com", "mail.example.com", 465),
        ("smtps://mail.example.com:2465/ehlo.example.com", "mail.example.com", 2465),
        ("smtp://[::1]:2525", "::1", 2525),
    ] {
        let server = Server::parse(url).unwrap();
        assert_eq!((&*server.host, server.port), (host, port), "{url}");
    }
}
