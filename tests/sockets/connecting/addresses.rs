//! Where addresses come from (D4), and which of several is taken (D3).

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use super::*;

/// An address where nobody listens.
async fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn echoing() -> SocketAddr {
    let (listener, _) = listener().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
    address
}

#[tokio::test]
async fn d4_a_resolver_is_asked_for_the_host_and_the_port_or_its_default() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ask = asked.clone();
    let options = ConnectOptions::default().resolver(move |host, port| {
        ask.lock().unwrap().push((host, port));
        async { Err(io::Error::other("no idea")) }
    });
    let mut urls = vec!["ws://example.com/", "ws://example.com:/", "ws://example.com:8080/", "ws://u:p@example.com"];
    urls.extend(cfg!(feature = "connect-rustls-0-23").then_some("wss://example.com/"));
    for url in &urls {
        let error = refused(url, &options).await;
        assert!(error.phase() == ConnectPhase::Resolve && error.to_string().contains("no idea"), "{error}");
    }
    let ports: Vec<_> = asked.lock().unwrap().iter().map(|(host, port)| (host == "example.com", *port)).collect();
    let expected = [80, 80, 8080, 80, 443].map(|port| (true, port));
    assert_eq!(ports, expected[..urls.len()]);
}

#[tokio::test]
async fn d4_given_addresses_are_dialled_and_the_url_names_the_server() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let (listener, _) = listener().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut head = vec![0; 4096];
        let mut tcp = listener.accept().await.unwrap().0;
        let length = tcp.read(&mut head).await.unwrap();
        tell.send(String::from_utf8_lossy(&head[..length]).into_owned()).unwrap();
    });
    refused("ws://no-such-host.invalid:99/", &ConnectOptions::default().addresses([address])).await;
    assert!(told.await.unwrap().contains("\r\nHost: no-such-host.invalid:99\r\n"));
    let error = refused("ws://localhost/", &ConnectOptions::default().addresses([])).await;
    assert_eq!(error.phase(), ConnectPhase::Tcp);
}

#[tokio::test]
async fn d3_an_address_that_refuses_costs_nothing() {
    let addresses = [closed().await, closed().await, echoing().await];
    connect("ws://localhost/", &ConnectOptions::default().addresses(addresses)).await.map(|_| ()).unwrap();
}

#[tokio::test]
async fn d3_every_address_that_failed_is_named() {
    let addresses = [closed().await, closed().await];
    let error = refused("ws://localhost/", &ConnectOptions::default().addresses(addresses)).await;
    for address in addresses {
        assert!(error.to_string().contains(&format!("{address}: ")), "{error}");
    }
}

/// An address whose listener has no room for another connection: Linux answers no SYN then.
#[cfg(target_os = "linux")]
fn black_hole() -> (SocketAddr, Vec<socket2::Socket>) {
    use socket2::{Domain, Socket, Type};

    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = vec![listener];
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let full = socket.connect_timeout(&address, Duration::from_millis(100)).is_err();
        held.push(socket);
        if full {
            return (address.as_socket().unwrap(), held);
        }
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn d3_an_address_that_swallows_everything_costs_a_quarter_of_a_second() {
    let (swallows, _held) = black_hole();
    let addresses = [swallows, echoing().await];
    let dialled = dial("ws://localhost/", &ConnectOptions::default().addresses(addresses)).await.unwrap();
    let MaybeTlsStream::Plain(io) = dialled.stream else { panic!("no TLS was asked for") };
    assert_eq!(io.get_ref().peer_addr().unwrap(), addresses[1]);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn d2_addresses_that_swallow_everything_are_given_up_when_the_time_is_over() {
    let (swallows, _held) = black_hole();
    tokio::time::pause();
    let error = refused("ws://localhost/", &ConnectOptions::default().addresses([swallows, swallows])).await;
    assert!(error.is_timeout() && error.phase() == ConnectPhase::Tcp, "{error}");
}

#[tokio::test]
async fn d4_an_ipv6_literal_is_dialled() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("ws://[::1]:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
    let options = ConnectOptions::default().resolver(|_, _| async { panic!("there is no name") });
    let (mut live, _) = connect(url, &options).await.unwrap();
    live.send(Message::text("x")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
}
