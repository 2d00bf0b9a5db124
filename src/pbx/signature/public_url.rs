//! The address under which the sender called us, where that is part of what it signed.

use crate::pbx::Delivery;

/// The addresses that a sender may have called, likeliest first: a proxy before us tells scheme and
/// host in `X-Forwarded-Proto` and `X-Forwarded-Host` (the first value of several); without it the
/// scheme is https or else http, and the host is the `Host`. The port stays as it is written there,
/// path and query as they were sent. Whoever sends false headers still lacks the key.
pub fn public_urls(delivery: &Delivery) -> Vec<String> {
    let first = |name| {
        let value = delivery.header(name)?.split(',').next()?.trim();
        (!value.is_empty()).then_some(value)
    };
    let host = first("x-forwarded-host").or_else(|| first("host")).unwrap_or_default();
    let schemes = first("x-forwarded-proto").map_or(vec!["https", "http"], |told| vec![told]);
    schemes.iter().map(|scheme| format!("{scheme}://{host}{}", delivery.target)).collect()
}

/// The same address without its port, and with one: the one it has, else the scheme's.
pub fn with_and_without_port(url: &str) -> [String; 2] {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ if scheme == "http" => (authority, "80"),
        _ => (authority, "443"),
    };
    [format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")]
}
