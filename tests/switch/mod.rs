//! A scripted phone system on loopback: it answers as a manager, a WebSocket or an event socket does, and misbehaves as told.
#![allow(dead_code, reason = "each test file uses a part of it")]

use rcgen::{CertificateParams, Issuer, KeyPair};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs};
use tokio_tungstenite::tungstenite::handshake::server::Request;
use tokio_tungstenite::tungstenite::{self, WebSocket};

/// A listening phone system; each connection is handed to the script with its number, from 0.
pub struct Switch {
    pub port: u16,
    /// What the script said of itself.
    pub said: Receiver<String>,
}

impl Switch {
    /// Listens. The script runs once for each connection, in a thread that ends with the test.
    pub fn scripted(
        script: impl Fn(usize, TcpStream, &dyn Fn(&str)) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (say, said) = channel();
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                let (say, script) = (say.clone(), Arc::clone(&script));
                std::thread::spawn(move || {
                    script(number, stream, &|text| drop(say.send(text.to_owned())));
                });
            }
        });
        Self { port, said }
    }

    /// Listens as an HTTP server with ARI does: `list` gives what is answered to a path (404 where that is empty), and the
    /// script runs for each WebSocket, with its number from 0. Address and proof of each are said first.
    #[allow(clippy::result_large_err, reason = "the library's own type of answer")]
    pub fn ari(
        list: impl Fn(&str) -> String + Send + Sync + 'static,
        script: impl Fn(usize, WebSocket<TcpStream>, &dyn Fn(&str)) + Send + Sync + 'static,
    ) -> Self {
        let sockets = AtomicUsize::new(0);
        Self::scripted(move |_, stream, say| {
            let head = peeked(&stream);
            let path = head.split(' ').nth(1).unwrap_or_default();
            if !path.contains("/ari/events") {
                return answer(stream, &list(path));
            }
            let number = sockets.fetch_add(1, Ordering::SeqCst);
            let shaken = |request: &Request, response| {
                let proof = request.headers().get("authorization");
                say(&format!("{} {proof:?}", request.uri()));
                Ok(response)
            };
            let socket = tungstenite::accept_hdr(stream, shaken).expect("a WebSocket");
            script(number, socket, say);
        })
    }
}

/// The head of a request, which stays to be read.
fn peeked(stream: &TcpStream) -> String {
    let mut seen = [0; 4096];
    loop {
        let count = stream.peek(&mut seen).unwrap_or(0);
        let head = String::from_utf8_lossy(&seen[..count]).into_owned();
        if count == 0 || head.contains("\r\n\r\n") {
            return head;
        }
    }
}

/// Answers a request that has no body with JSON.
fn answer(stream: TcpStream, body: &str) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
        line.clear();
    }
    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    drop(stream.get_mut().write_all((head + body).as_bytes()));
}

/// A manager's side of a connection.
pub struct Manager<S> {
    pub stream: BufReader<S>,
}

impl<S: Read + Write> Manager<S> {
    /// Greets.
    pub fn greet(stream: S) -> Self {
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(b"Asterisk Call Manager/11.0.0\r\n").expect("greeted");
        Self { stream }
    }

    /// Greets, lets in and answers the question for living calls with these rows.
    pub fn let_in(stream: S, alive: &[&str]) -> Self {
        let mut manager = Self::greet(stream);
        assert!(manager.action().contains("Action: Login"));
        manager.send("Response: Success\r\nMessage: Authentication accepted\r\n\r\n");
        assert!(manager.action().contains("Action: CoreShowChannels"));
        manager.send("Response: Success\r\nActionID: CoreShowChannels\r\nEventList: start\r\n\r\n");
        alive.iter().for_each(|row| manager.send(row));
        manager.send("Event: CoreShowChannelsComplete\r\nActionID: CoreShowChannels\r\n\r\n");
        manager
    }

    /// The next action; empty at the end of the connection.
    pub fn action(&mut self) -> String {
        let mut action = String::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) if line == "\r\n" => return action,
                Ok(_) => action.push_str(&line),
            }
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, text: &str) {
        // A client that is gone is the test's matter.
        drop(self.stream.get_mut().write_all(text.as_bytes()));
        drop(self.stream.get_mut().flush());
    }

    /// Answers every ping until the client is gone.
    pub fn stay(&mut self) {
        while !self.action().is_empty() {
            self.send("Response: Success\r\nPing: Pong\r\n\r\n");
        }
    }
}

/// A block of a manager event.
pub fn block(lines: &[(&str, &str)]) -> String {
    let lines: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    lines + "\r\n"
}

/// The server's side of TLS for a name, and the certificate (PEM) of who issued its certificate.
pub struct Encrypted {
    config: Arc<ServerConfig>,
    pub issuer_pem: String,
}

impl Encrypted {
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer_pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        let own_key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let own = own.signed_by(&own_key, &issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(own.der().to_vec())],
                PrivatePkcs8KeyDer::from(own_key.serialize_der()).into(),
            )
            .expect("a server");
        Self { config: Arc::new(config), issuer_pem }
    }

    /// Wraps a connection.
    pub fn wrap(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        StreamOwned::new(ServerConnection::new(self.config.clone()).expect("TLS"), stream)
    }
}
