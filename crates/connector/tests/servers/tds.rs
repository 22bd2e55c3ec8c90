//! As much of a SQL Server as the connector speaks to (MS-TDS), with encryption or without: it lets
//! everybody in, or nobody, and answers by what a statement contains.

use crate::{pipe::Pipe, support::peer};

/// What is answered to a statement that contains a text.
#[derive(Clone)]
pub enum Answer {
    /// Rows of text.
    Rows(&'static [&'static [Option<&'static str>]]),
    /// An error: number, class, sentence.
    Error(u32, u8, &'static str),
    /// Nothing, ever.
    Silence,
}

const PRELOGIN: u8 = 0x12;
const LOGIN: u8 = 0x10;
const RPC: u8 = 0x03;

/// Whether one encrypts: it says in its prelogin message, and then keeps to it.
#[derive(Clone, Copy, PartialEq)]
pub enum Encrypts {
    Yes = 1,
    No = 2,
}

/// Starts one; `signing_in` is what it answers to everybody who signs in, instead of letting him in.
pub async fn serve(
    encrypts: Encrypts,
    signing_in: Option<Answer>,
    answers: Vec<(&'static str, Answer)>,
) -> u16 {
    peer(move |stream| {
        let (signing_in, answers) = (signing_in.clone(), answers.clone());
        async move {
            let mut pipe = Pipe::new(stream);
            while speak(&mut pipe, encrypts, signing_in.as_ref(), &answers).await.is_some() {}
        }
    })
    .await
}

async fn speak(
    pipe: &mut Pipe,
    encrypts: Encrypts,
    signing_in: Option<&Answer>,
    answers: &[(&str, Answer)],
) -> Option<()> {
    let (kind, message) = receive(pipe).await?;
    if kind == PRELOGIN {
        // Version 16, encryption.
        let about = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 16, 0, 0, 0, 0, 0, encrypts as u8];
        pipe.answer(&about, 4).await?;
        return if encrypts == Encrypts::Yes { pipe.encrypt().await } else { Some(()) };
    }
    assert_eq!(pipe.is_encrypted(), encrypts == Encrypts::Yes);
    let tokens = match (kind, signing_in) {
        (LOGIN, None) => [login_ack(), done(0xFD, 0, 0)].concat(),
        (LOGIN, Some(answer)) => tokens(answer, 0xFD),
        _ => {
            let found = answers.iter().find(|(text, _)| contains(&message, text)).map(|(_, answer)| answer);
            let ends_with = if kind == RPC { 0xFE } else { 0xFD };
            tokens(found.unwrap_or(&Answer::Rows(&[])), ends_with)
        }
    };
    pipe.answer(&tokens, 4).await
}

fn tokens(answer: &Answer, ends_with: u8) -> Vec<u8> {
    match answer {
        Answer::Silence => Vec::new(),
        Answer::Error(number, class, text) => [error(*number, *class, text), done(ends_with, 2, 0)].concat(),
        Answer::Rows([]) => done(ends_with, 0, 0),
        Answer::Rows(rows) => {
            let mut all = columns(rows[0].len());
            for row in *rows {
                all.push(0xD1);
                row.iter().for_each(|cell| all.extend(nvarchar(*cell)));
            }
            all.extend(done(ends_with, 0x10, rows.len()));
            all
        }
    }
}

async fn receive(pipe: &mut Pipe) -> Option<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let (head, body) = pipe.packet().await?;
        message.extend(body);
        if head[1] & 1 == 1 {
            return Some((head[0], message));
        }
    }
}

fn login_ack() -> Vec<u8> {
    let body = [vec![1, 0x74, 0, 0, 4], short(b"\x01", "x"), vec![16, 0, 0, 0]].concat();
    [vec![0xAD], u16::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat()
}

fn error(number: u32, class: u8, text: &str) -> Vec<u8> {
    let length = u16::try_from(text.encode_utf16().count()).unwrap().to_le_bytes();
    let body = [
        number.to_le_bytes().to_vec(),
        vec![1, class],
        short(&length, text),
        short(b"\x00", ""),
        short(b"\x00", ""),
        vec![1, 0, 0, 0],
    ]
    .concat();
    [vec![0xAA], u16::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat()
}

fn columns(count: usize) -> Vec<u8> {
    let mut all = vec![0x81, u8::try_from(count).unwrap(), 0];
    for _ in 0..count {
        // No user type, nullable, nvarchar(4000), a collation, no name.
        all.extend([0, 0, 0, 0, 1, 0, 0xE7, 0x40, 0x1F, 9, 4, 0xD0, 0, 0x34, 0]);
    }
    all
}

fn nvarchar(cell: Option<&str>) -> Vec<u8> {
    match cell {
        None => vec![0xFF, 0xFF],
        Some(text) => {
            let length = u16::try_from(text.encode_utf16().count() * 2).unwrap();
            short(&length.to_le_bytes(), text)
        }
    }
}

fn done(token: u8, status: u16, rows: usize) -> Vec<u8> {
    let status = status.to_le_bytes();
    [vec![token, status[0], status[1], 0xC1, 0], (rows as u64).to_le_bytes().to_vec()].concat()
}

fn short(length: &[u8], text: &str) -> Vec<u8> {
    [length.to_vec(), utf16(text)].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn contains(message: &[u8], text: &str) -> bool {
    let text = utf16(text);
    message.windows(text.len()).any(|window| window == text)
}
