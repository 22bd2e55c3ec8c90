//! A connection that a SQL Server of these tests speaks over: plain, or encrypted from the middle of it
//! on, as TDS 7 does it: the handshake travels in TDS packets, what follows does not (MS-TDS 2.2.6.5).
//!
//! `data/` holds a certificate that says nothing and its key, which protects nothing.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub struct Pipe {
    stream: TcpStream,
    tls: Option<ServerConnection>,
}

impl Pipe {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, tls: None }
    }

    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Handshakes. TLS 1.2, as SQL Server does below TDS 8.
    pub async fn encrypt(&mut self) -> Option<()> {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("data/certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        while tls.is_handshaking() {
            let (_, records) = self.packet().await?;
            let mut records = records.as_slice();
            while !records.is_empty() {
                tls.read_tls(&mut records).ok()?;
                tls.process_new_packets().ok()?;
            }
            let mut flight = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut flight).ok()?;
            }
            if !flight.is_empty() {
                self.answer(&flight, 0x12).await?;
            }
        }
        self.tls = Some(tls);
        Some(())
    }

    /// A packet's head and body.
    pub async fn packet(&mut self) -> Option<([u8; 8], Vec<u8>)> {
        let mut head = [0_u8; 8];
        self.fill(&mut head).await?;
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(8)?];
        self.fill(&mut body).await?;
        Some((head, body))
    }

    /// Sends a message in packets of 4096 bytes, as the other side expects until it is told otherwise.
    pub async fn answer(&mut self, message: &[u8], kind: u8) -> Option<()> {
        let chunks: Vec<&[u8]> = message.chunks(4088).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let length = u16::try_from(chunk.len() + 8).unwrap().to_be_bytes();
            let last = u8::from(at + 1 == chunks.len());
            let packet = [&[kind, last, length[0], length[1], 0, 0, 1, 0], *chunk].concat();
            let mut bytes = packet.clone();
            if let Some(tls) = &mut self.tls {
                tls.writer().write_all(&packet).unwrap();
                bytes.clear();
                while tls.wants_write() {
                    tls.write_tls(&mut bytes).ok()?;
                }
            }
            self.stream.write_all(&bytes).await.ok()?;
        }
        Some(())
    }

    async fn fill(&mut self, mut rest: &mut [u8]) -> Option<()> {
        let Some(tls) = &mut self.tls else {
            return self.stream.read_exact(rest).await.ok().map(|_| ());
        };
        while !rest.is_empty() {
            match tls.reader().read(rest) {
                Ok(0) => return None,
                Ok(read) => rest = &mut rest[read..],
                Err(_) => {
                    let mut records = [0_u8; 4096];
                    let read = self.stream.read(&mut records).await.ok().filter(|read| *read > 0)?;
                    tls.read_tls(&mut &records[..read]).ok()?;
                    tls.process_new_packets().ok()?;
                }
            }
        }
        Some(())
    }
}
