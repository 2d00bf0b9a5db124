//! Talking to the daemon that is at work on the same data.

use super::Failure;
use crate::config::Config;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

/// Whether a daemon is at work on the data of some settings.
///
/// # Errors
/// [`Failure::CouldNotRun`] when the folder cannot be looked into.
pub fn is_at_work(config: &Config) -> Result<bool, Failure> {
    let path = Path::new(&config.data.dir).join("ringledger.lock");
    let failed = |error| Failure::CouldNotRun(format!("{}: {error}", path.display()));
    let lock = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        lock => lock.map_err(failed)?,
    };
    match lock.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// A running daemon, as a command sees it.
pub struct Daemon {
    address: String,
    token: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Daemon {
    /// The daemon of some settings: where it said that it listens, else where the settings say.
    pub fn of(config: &Config) -> Self {
        let told = std::fs::read_to_string(crate::app::address_file(Path::new(&config.data.dir)));
        let address = told.unwrap_or_else(|_| config.server.listen.clone());
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address: address.trim().to_owned(), token: config.access.token.clone(), client }
    }

    /// The address of a page.
    pub fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// One request; the answer's head and a body yet to be read.
    ///
    /// # Errors
    /// [`Failure::CouldNotRun`] when nobody answers, or with what the daemon answered instead.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: impl Into<Bytes>,
    ) -> Result<Response<Incoming>, Failure> {
        let address = &self.address;
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !self.token.is_empty() && !path.starts_with(crate::web::hook::PREFIX) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let request = request
            .body(Full::new(body.into()))
            .map_err(|error| Failure::CouldNotRun(format!("no request: {error}")))?;
        let response = self.client.request(request).await.map_err(|error| {
            Failure::CouldNotRun(format!("no daemon answers at {address}: {error}"))
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let said = text(response).await.unwrap_or_default();
        Err(Failure::CouldNotRun(format!("the daemon at {address} answers {status}: {said}")))
    }
}

/// The whole body of an answer.
///
/// # Errors
/// [`Failure::CouldNotRun`] when it does not come whole.
pub async fn text(response: Response<Incoming>) -> Result<String, Failure> {
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| Failure::CouldNotRun(format!("no whole answer: {error}")))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}
