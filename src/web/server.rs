//! The listening socket: hyper connections, with deliveries taken out before the router and
//! everything drained at the end.

use super::hook;
use crate::flow::intake::Intake;
use crate::stop::Stop;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Limits of the socket.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest body of a delivery.
    pub body_bytes_max: usize,
    /// Memory for bodies on their way, all connections together.
    pub in_flight_bytes_max: usize,
    /// Connections at a time; more wait in the kernel's queue.
    pub connections_max: usize,
    /// A client must send its headers within this time.
    pub header_timeout_s: u64,
    /// How long open requests may take to finish after the daemon is told to stop.
    pub drain_s: u64,
}

/// What every connection shares.
pub struct Shared {
    pub intake: Arc<Intake>,
    pub limits: Limits,
    /// Memory for bodies on their way, in KiB.
    pub room_kib: Arc<Semaphore>,
}

impl Shared {
    /// Shared state over a route.
    pub fn new(intake: Arc<Intake>, limits: Limits) -> Self {
        let kib = (limits.in_flight_bytes_max / 1024).clamp(1, Semaphore::MAX_PERMITS);
        Self { intake, limits, room_kib: Arc::new(Semaphore::new(kib)) }
    }
}

/// Serves until `stop` turns true; then takes no new connection and lets open requests finish.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, router: Router, mut stop: Stop) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(shared.limits.connections_max));
    loop {
        let Ok(place) = Arc::clone(&connections).acquire_owned().await else { break };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let connection = open(stream, peer, &shared, router.clone(), &graceful);
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: waiting a little beats spinning.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            () = stop.heard() => break,
        }
    }
    drop(listener);
    let drained =
        tokio::time::timeout(Duration::from_secs(shared.limits.drain_s), graceful.shutdown());
    if drained.await.is_err() {
        tracing::warn!("some requests did not finish in the time for draining and were cut");
    }
}

fn open(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    router: Router,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let served = Arc::clone(shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, router) = (Arc::clone(&served), router.clone());
        async move { Ok::<_, Infallible>(route(shared, router, peer, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(shared.limits.header_timeout_s))
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "connection ended");
        }
    }
}

async fn route(
    shared: Arc<Shared>,
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    if request.uri().path().starts_with(hook::PREFIX) {
        return hook::receive(shared, peer, request).await;
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}
