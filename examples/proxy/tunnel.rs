//! What a client says to a proxy before the proxy is out of its way.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6). `authorization` is the value of `Proxy-Authorization`.
pub(crate) async fn http_connect<S>(proxy: &mut S, host: &str, port: u16, authorization: Option<&str>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let credentials = authorization.map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
    let head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{credentials}\r\n");
    proxy.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte: what comes after the empty line is the server's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == 8 << 10 {
            return Err(io::Error::other("the proxy's answer has no end"));
        }
        answer.push(proxy.read_u8().await?);
    }
    match answer.split(|byte| *byte == b' ').nth(1) {
        Some([b'2', _, _]) => Ok(()),
        status => Err(refused("HTTP", &String::from_utf8_lossy(status.unwrap_or(b"no status")))),
    }
}

/// Asks a SOCKS5 proxy for a tunnel (RFC 1928), with user name and password if there are any (RFC 1929). The proxy
/// resolves the name.
pub(crate) async fn socks5<S>(proxy: &mut S, host: &str, port: u16, login: Option<(&str, &str)>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let method = if login.is_some() { 2 } else { 0 };
    proxy.write_all(&[5, 1, method]).await?;
    expect(proxy, [5, method], "method").await?;
    if let Some((user, password)) = login {
        let mut message = vec![1];
        push_short(&mut message, user)?;
        push_short(&mut message, password)?;
        proxy.write_all(&message).await?;
        expect(proxy, [1, 0], "login").await?;
    }
    let mut message = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => message.extend([&[1][..], &address.octets()].concat()),
        Ok(IpAddr::V6(address)) => message.extend([&[4][..], &address.octets()].concat()),
        Err(_) => {
            message.push(3);
            push_short(&mut message, host)?;
        }
    }
    message.extend(port.to_be_bytes());
    proxy.write_all(&message).await?;
    expect(proxy, [5, 0], "request").await?;
    // The address that the proxy uses, which nobody here wants to know, and its port.
    let [_reserved, kind] = [proxy.read_u8().await?, proxy.read_u8().await?];
    let length = match kind {
        1 => 4,
        4 => 16,
        _ => proxy.read_u8().await?.into(),
    };
    proxy.read_exact(&mut vec![0; length + 2]).await?;
    Ok(())
}

/// A length of one byte, then the text.
fn push_short(message: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let length = u8::try_from(text.len()).map_err(|_| io::Error::other("longer than 255 bytes"))?;
    message.push(length);
    message.extend(text.as_bytes());
    Ok(())
}

async fn expect<S: AsyncRead + Unpin>(proxy: &mut S, expected: [u8; 2], what: &str) -> io::Result<()> {
    let answer = [proxy.read_u8().await?, proxy.read_u8().await?];
    if answer == expected { Ok(()) } else { Err(refused("SOCKS5", &format!("{what}, code {}", answer[1]))) }
}

fn refused(proxy: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the {proxy} proxy refused: {why}"))
}
