//! Whom to dial, and with which request: everything that can be checked before anything is dialled (D1).

use std::error::Error;
use std::io;

#[cfg(feature = "connect-rustls-0-23")]
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::handshake::client::{ClientHandshake, Request};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::uri::{Authority, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub(super) type Refusal = Box<dyn Error + Send + Sync>;

/// Whom to dial.
pub(super) struct Target {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The name that the server's certificate must have. None: no TLS.
    #[cfg(feature = "connect-rustls-0-23")]
    pub(super) tls: Option<ServerName<'static>>,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") if cfg!(feature = "connect-rustls-0-23") => true,
            Some("wss") => return Err(invalid("`wss` needs the feature `connect-rustls`")),
            _ => return Err(UrlError::UnsupportedUrlScheme.into()),
        };
        let authority = uri.authority().ok_or(UrlError::NoHostName)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(UrlError::EmptyHostName.into());
        }
        Ok(Self {
            port: port(authority)?.unwrap_or(if tls { 443 } else { 80 }),
            #[cfg(feature = "connect-rustls-0-23")]
            tls: if tls { Some(ServerName::try_from(host.clone())?) } else { None },
            host,
        })
    }
}

/// None: the URL has none. (`Uri::port` says so of a port that is no number of 16 bits, too, and the default would be
/// dialled.)
fn port(authority: &Authority) -> Result<Option<u16>, Refusal> {
    let rest = without_userinfo(authority.as_str());
    let behind_address = rest.rsplit_once(']').map_or(rest, |(_, behind)| behind);
    let digits = match behind_address.split_once(':') {
        None | Some((_, "")) => return Ok(None),
        Some((_, digits)) => digits,
    };
    match digits.parse() {
        Ok(port) if port > 0 && !digits.starts_with('+') => Ok(Some(port)),
        _ => Err(invalid("the port is no number from 1 to 65535")),
    }
}

fn without_userinfo(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, rest)| rest)
}

fn userinfo(uri: &Uri) -> Option<&str> {
    let (userinfo, _) = uri.authority()?.as_str().rsplit_once('@')?;
    if userinfo.is_empty() { None } else { Some(userinfo) }
}

/// Refuses what tungstenite would refuse only after dialling: a request that it does not send, and limits at which it
/// panics.
pub(super) fn check(request: &Request, limits: &WebSocketConfig) -> Result<(), Refusal> {
    if limits.max_write_buffer_size <= limits.write_buffer_size {
        return Err(invalid("`max_write_buffer_size` must be greater than `write_buffer_size`"));
    }
    ClientHandshake::start(io::Cursor::new(Vec::new()), request.clone(), None)?;
    Ok(())
}

/// Puts the credentials of a URL into a header of their own.
pub(super) fn authorize(request: &mut Request) -> Result<(), Refusal> {
    let Some(userinfo) = userinfo(request.uri()) else { return Ok(()) };
    let header = basic(userinfo)?;
    match request.headers_mut().insert(AUTHORIZATION, header) {
        None => Ok(()),
        Some(_) => Err(invalid("both the URL and the header `Authorization` have credentials")),
    }
}

/// Refuses credentials where there is no request that could take them.
pub(super) fn without_credentials(uri: &Uri) -> Result<(), Refusal> {
    match userinfo(uri) {
        None => Ok(()),
        Some(_) => Err(invalid("the URL has credentials, and `dial` sends no request that could take them")),
    }
}

/// The value of `Authorization` by RFC 7617.
fn basic(userinfo: &str) -> Result<HeaderValue, Refusal> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let (user, password) = (decoded(user), decoded(password));
    if user.contains(&b':') {
        return Err(invalid("the user name in the URL has a colon, which Basic authentication cannot say"));
    }
    let mut value = HeaderValue::try_from(format!("Basic {}", base64(&[&user[..], b":", &password].concat())))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Percent-decoded; what is no such sequence stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, more @ ..] = rest {
        let escaped = match more {
            [high, low, ..] if *first == b'%' => nibble(*high).zip(nibble(*low)),
            _ => None,
        };
        bytes.push(escaped.map_or(*first, |(high, low)| high << 4 | low));
        rest = if escaped.is_some() { &more[2..] } else { more };
    }
    bytes
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * at) & 63]);
            text.push(if at <= three.len() { digit } else { '=' });
        }
    }
    text
}

fn invalid(what: &'static str) -> Refusal {
    io::Error::new(io::ErrorKind::InvalidInput, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_base64_is_that_of_rfc_4648() {
        let cases = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, text) in cases.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn d1_what_is_percent_encoded_is_decoded_and_the_rest_left() {
        assert_eq!(decoded("a%40b%zz%4%"), b"a@b%zz%4%");
        assert_eq!(decoded("%c3%A9"), "é".as_bytes());
    }

    #[test]
    fn d1_hosts_and_ports_are_read_and_have_defaults() {
        let cases = [
            ("ws://localhost/", "localhost", 80),
            ("ws://localhost:/", "localhost", 80),
            ("ws://u:p@localhost:8080/", "localhost", 8080),
            ("ws://[::1]/", "::1", 80),
            ("ws://[::1]:9/", "::1", 9),
            ("wss://127.0.0.1/", "127.0.0.1", 443),
            ("wss://[2001:db8::1]:444/", "2001:db8::1", 444),
        ];
        for (url, host, port) in cases {
            if url.starts_with("wss") && !cfg!(feature = "connect-rustls-0-23") {
                continue;
            }
            let target = Target::of(&url.parse().unwrap()).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{url}");
        }
    }
}
