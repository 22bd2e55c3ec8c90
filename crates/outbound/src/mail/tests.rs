//! Letters without a server, and against a scripted one.

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;

fn mail() -> Mail {
    Mail {
        to: "ada@example.com".into(),
        subject: "Grüße, 世界".into(),
        text: "Hello\nthere".into(),
        html: Some("<p>Hello</p>".into()),
    }
}

fn settings(port: u16) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".into(),
        port,
        username: None,
        password: None,
        tls: TlsMode::None,
        from: "Tenon <no-reply@example.com>".into(),
    }
}

type Replies = &'static [(&'static str, &'static str)];

/// A server that answers each command by its first word, and what it was told.
async fn server(replies: Replies) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let ear = Arc::clone(&heard);
    #[expect(clippy::disallowed_methods, reason = "a server for a test")]
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(talk(socket, replies, Arc::clone(&ear)));
        }
    });
    (port, heard)
}

async fn talk(socket: TcpStream, replies: Replies, ear: Arc<Mutex<String>>) {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    let _greeted = write.write_all(b"220 test ESMTP\r\n").await;
    let mut data = false;
    while let Ok(Some(line)) = lines.next_line().await {
        ear.lock().unwrap().push_str(&format!("{line}\n"));
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        if data && line != "." {
            continue;
        }
        data = word == "DATA";
        let reply = match word.as_str() {
            "." => "250 taken",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => replies.iter().find(|(w, _)| *w == word).map_or("250 fine", |(_, reply)| reply),
        };
        let _replied = write.write_all(format!("{reply}\r\n").as_bytes()).await;
    }
}

#[tokio::test]
async fn the_outbox_keeps_letters_that_only_the_owner_reads() {
    let data = tempfile::tempdir().unwrap();
    let mailer = Mailer::outbox(data.path(), "Tenon <no-reply@example.com>").unwrap();
    mailer.check().await.unwrap();
    mailer.send(&mail()).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(data.path().join("outbox")).unwrap().map(|f| f.unwrap()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].path().extension().unwrap(), "eml");
    let text = std::fs::read_to_string(files[0].path()).unwrap();
    for part in [
        "To: ada@example.com",
        "From: Tenon <no-reply@example.com>",
        "=?utf-8?b?",
        "multipart/alternative",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!mailer.is_smtp());
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_is_unavailable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mailer = Mailer::outbox(file.path(), "a@example.com").unwrap();
    assert_eq!(mailer.send(&mail()).await.unwrap_err().code(), "mail_unavailable");
    assert_eq!(mailer.check().await.unwrap_err().code(), "mail_unavailable");
}

#[tokio::test]
async fn memory_keeps_what_was_sent() {
    let mailer = Mailer::memory();
    mailer.clone().send(&mail()).await.unwrap();
    assert_eq!(mailer.sent(), [mail()]);
}

#[tokio::test]
async fn nothing_typed_adds_a_header_or_a_recipient() {
    for to in [
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\nX: y",
        "a@example.com,b@example.com",
        "a@example.com b@example.com",
        "A <a@example.com>",
        "\"a\r\n\"@example.com",
        "a@example.com;",
        "",
        "a",
        "@example.com",
        "a@",
        "a@exa\u{0}mple.com",
    ] {
        let error = Mailer::memory().send(&Mail { to: to.into(), ..mail() }).await.unwrap_err();
        assert_eq!(error.field_errors()[0].code, "invalid_email", "{to:?}");
    }
    for subject in [
        "Hi\r\nBcc: b@example.com",
        "Hi\nX-Evil: 1",
        "Hi\r\n\r\nbody",
        "Hi\u{2028}\u{85}X: y",
        &"ä\r\n".repeat(90),
    ] {
        let sent = message::build(
            &Mail { subject: subject.into(), ..mail() },
            &message::sender("a@example.com").unwrap(),
        );
        let text = String::from_utf8(sent.unwrap().formatted()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(names.len(), 8, "{names:?}");
        assert!(!names.contains(&"Bcc") && !names.contains(&"X-Evil"), "{head}");
    }
    assert!(Mailer::outbox(Path::new("."), "a@example.com\r\nBcc: b@example.com").is_err());
}

#[tokio::test]
async fn smtp_sends_and_checks() {
    let (port, heard) = server(&[]).await;
    let mailer = Mailer::smtp(&settings(port)).unwrap();
    assert!(mailer.is_smtp());
    mailer.check().await.unwrap();
    mailer.send(&mail()).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    for part in ["MAIL FROM:<no-reply@example.com>", "RCPT TO:<ada@example.com>", "Subject: =?utf-8?b?"] {
        assert!(heard.contains(part), "{part} in {heard}");
    }
}

#[tokio::test]
async fn refusals_are_told_with_their_reply_code() {
    let (port, _) = server(&[("RCPT", "550 no such user")]).await;
    let error = Mailer::smtp(&settings(port)).unwrap().send(&mail()).await.unwrap_err();
    assert_eq!((error.code(), error.retry_after_seconds()), ("mail_unavailable", None));
    assert!(error.detail().contains("550"), "{}", error.detail());

    let (port, _) = server(&[("RCPT", "451 later")]).await;
    let error = Mailer::smtp(&settings(port)).unwrap().send(&mail()).await.unwrap_err();
    assert_eq!(error.retry_after_seconds(), Some(60));
}

#[tokio::test]
async fn a_failed_sign_in_shows_no_credentials() {
    let (port, _) =
        server(&[("EHLO", "250 AUTH PLAIN"), ("AUTH", "535 bad password hunter-two-three")]).await;
    let settings = MailSettings {
        username: Some("mailer".into()),
        password: Some("hunter-two-three".into()),
        ..settings(port)
    };
    let mailer = Mailer::smtp(&settings).unwrap();
    for error in [mailer.check().await.unwrap_err(), mailer.send(&mail()).await.unwrap_err()] {
        assert!(error.detail().contains("535") && error.detail().contains("127.0.0.1"), "{}", error.detail());
        let shown = format!("{error:?} {mailer:?} {settings:?}");
        assert!(!shown.contains("hunter-two-three") && !shown.contains("aHVudGVy"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_letter_nor_password() {
    let (port, heard) = server(&[]).await;
    let settings = MailSettings { tls: TlsMode::StartTls, ..settings(port) };
    let error = Mailer::smtp(&settings).unwrap().send(&mail()).await.unwrap_err();
    assert_eq!(error.code(), "mail_unavailable");
    assert!(!heard.lock().unwrap().contains("MAIL FROM"));
}

#[tokio::test]
async fn nobody_listening_is_unavailable_and_worth_another_try() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = Mailer::smtp(&settings(port)).unwrap().send(&mail()).await.unwrap_err();
    assert_eq!((error.code(), error.retry_after_seconds()), ("mail_unavailable", Some(60)));
    assert!(error.detail().contains("cannot be reached"), "{}", error.detail());
}

#[test]
fn tls_modes_read_their_names() {
    for (text, mode) in [("none", TlsMode::None), ("starttls", TlsMode::StartTls), ("tls", TlsMode::Tls)] {
        assert_eq!(text.parse::<TlsMode>().unwrap(), mode);
    }
    assert!("ssl".parse::<TlsMode>().is_err());
}
