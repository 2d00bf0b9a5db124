//! Signatures over vCons: JWS, general JSON serialisation (RFC 7515 §7.2.1), with RSA, P-256 or
//! Ed25519 keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Value, json};

/// A private key, and the certificates that speak for it.
pub struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    /// DER in Base64, the signer's own first (`x5c`); may be empty.
    chain: Vec<String>,
}

/// A public key that is trusted, under a name.
pub struct Trusted {
    pub name: String,
    keys: Vec<(Algorithm, DecodingKey)>,
}

/// What is known of a document's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// It is not signed.
    None,
    /// It is signed, and no key is known to try it with.
    Unknown,
    /// It is signed by this trusted key, and unchanged since.
    Verified(String),
    /// No trusted key signed it as it is: it was changed, or signed by somebody else.
    Wrong,
}

const NAMES: [(Algorithm, &str); 3] =
    [(Algorithm::EdDSA, "EdDSA"), (Algorithm::ES256, "ES256"), (Algorithm::RS256, "RS256")];

fn name(algorithm: Algorithm) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == algorithm).map_or("", |(_, name)| name)
}

impl Signer {
    /// A private key in PEM (PKCS#8; RSA also PKCS#1), and certificates in PEM, which may be empty.
    ///
    /// # Errors
    /// What is wrong with them; the key itself is not told.
    pub fn from_pem(key: &str, certificates: &str) -> Result<Self, String> {
        let pem = key.as_bytes();
        let found = EncodingKey::from_ed_pem(pem)
            .map(|key| (Algorithm::EdDSA, key))
            .or_else(|_| EncodingKey::from_ec_pem(pem).map(|key| (Algorithm::ES256, key)))
            .or_else(|_| EncodingKey::from_rsa_pem(pem).map(|key| (Algorithm::RS256, key)));
        let wrong = |_| "is no private key in PEM: RSA, P-256 or Ed25519".to_owned();
        let (algorithm, key) = found.map_err(wrong)?;
        let chain = certificates_of(certificates)?;
        let signer = Self { algorithm, key, chain };
        signer
            .sign_bytes(b"")
            .map_err(|_| "is a key that cannot sign: RSA, P-256 or Ed25519".to_owned())?;
        Ok(signer)
    }

    fn sign_bytes(&self, bytes: &[u8]) -> Result<String, String> {
        crypto::sign(bytes, &self.key, self.algorithm).map_err(|error| error.to_string())
    }

    /// A signed document. `uuid` is that of the document.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, document: &Value, uuid: &str) -> Result<Value, String> {
        let payload = BASE64URL.encode(document.to_string());
        let protected = BASE64URL.encode(json!({ "alg": name(self.algorithm) }).to_string());
        let signature = self.sign_bytes(format!("{protected}.{payload}").as_bytes())?;
        let mut header = json!({ "uuid": uuid });
        if !self.chain.is_empty() {
            header["x5c"] = json!(self.chain);
        }
        let signatures =
            [json!({ "header": header, "protected": protected, "signature": signature })];
        Ok(json!({ "payload": payload, "signatures": signatures }))
    }
}

fn certificates_of(text: &str) -> Result<Vec<String>, String> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let mut chain = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(begin) {
        let (body, after) = after.split_once(end).ok_or("a certificate has no end")?;
        let body: String = body.split_whitespace().collect();
        BASE64.decode(&body).map_err(|_| "a certificate is no Base64".to_owned())?;
        chain.push(body);
        rest = after;
    }
    if chain.is_empty() && !text.trim().is_empty() {
        return Err("holds no certificate in PEM".into());
    }
    Ok(chain)
}

impl Trusted {
    /// A public key in PEM.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(name: &str, pem: &str) -> Result<Self, String> {
        let pem = pem.as_bytes();
        let keys: Vec<_> = [
            DecodingKey::from_ed_pem(pem).map(|key| (Algorithm::EdDSA, key)),
            DecodingKey::from_ec_pem(pem).map(|key| (Algorithm::ES256, key)),
            DecodingKey::from_rsa_pem(pem).map(|key| (Algorithm::RS256, key)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if keys.is_empty() {
            return Err("is no public key in PEM: RSA, P-256 or Ed25519".into());
        }
        Ok(Self { name: name.to_owned(), keys })
    }

    fn verifies(&self, algorithm: &str, message: &[u8], signature: &str) -> bool {
        self.keys
            .iter()
            .filter(|(known, _)| name(*known) == algorithm)
            .any(|(known, key)| crypto::verify(signature, message, key, *known).unwrap_or(false))
    }
}

/// Takes a document out of its signature and says what is known of it. One that is not signed is
/// given back as it is.
///
/// # Errors
/// What is wrong with the signed form.
pub fn opened(document: Value, trusted: &[Trusted]) -> Result<(Value, Signature), String> {
    let Some(payload) = document.get("payload") else { return Ok((document, Signature::None)) };
    let payload = payload.as_str().ok_or("`payload` is no text")?;
    let bytes = BASE64URL.decode(payload).map_err(|_| "`payload` is no Base64url")?;
    let inner = serde_json::from_slice(&bytes).map_err(|_| "`payload` holds no JSON")?;
    let signatures = document["signatures"].as_array().ok_or("there are no `signatures`")?;
    let mut signature = if trusted.is_empty() { Signature::Unknown } else { Signature::Wrong };
    for one in signatures {
        let protected = one["protected"].as_str().unwrap_or_default();
        let algorithm = algorithm_of(one, protected)?;
        let (message, text) = (format!("{protected}.{payload}"), one["signature"].as_str());
        let Some(text) = text else { continue };
        let by = trusted.iter().find(|key| key.verifies(&algorithm, message.as_bytes(), text));
        if let Some(by) = by {
            signature = Signature::Verified(by.name.clone());
        }
    }
    Ok((inner, signature))
}

fn algorithm_of(signature: &Value, protected: &str) -> Result<String, String> {
    let bytes = BASE64URL.decode(protected).map_err(|_| "`protected` is no Base64url")?;
    let protected: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).map_err(|_| "`protected` holds no JSON")?
    };
    let named = protected["alg"].as_str().or(signature["header"]["alg"].as_str());
    named.map(str::to_owned).ok_or_else(|| "a signature names no `alg`".to_owned())
}
