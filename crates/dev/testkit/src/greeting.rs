//! A NATS server with another limit of messages, as its clients see it.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional, join};
use tokio::net::{TcpListener, TcpStream};

/// Returns the URL of a proxy before a NATS server. Its greeting names this many bytes as the largest message, and clients
/// go by that. It serves until the runtime ends.
pub async fn nats_with_max_payload(url: &str, bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (login, server) = url.rsplit_once('@').unwrap_or(("nats://", url.trim_start_matches("nats://")));
    let address = listener.local_addr().expect("a bound listener");
    let proxied =
        if login.ends_with("//") { format!("{login}{address}") } else { format!("{login}@{address}") };
    let server = server.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // A connection that breaks off is the client's to notice.
            tokio::spawn(forward(client, server.clone(), bytes));
        }
    });
    proxied
}

async fn forward(mut client: TcpStream, server: String, bytes: usize) -> std::io::Result<()> {
    let (read, write) = TcpStream::connect(server).await?.into_split();
    let mut read = BufReader::new(read);
    let mut greeting = String::new();
    read.read_line(&mut greeting).await?;
    let info = greeting.trim_start_matches("INFO ");
    let mut info: serde_json::Value = serde_json::from_str(info)?;
    info["max_payload"] = bytes.into();
    client.write_all(format!("INFO {info}\r\n").as_bytes()).await?;
    copy_bidirectional(&mut client, &mut join(read, write)).await?;
    Ok(())
}
