//! The door of the Explorer: it answers whoever asks for this machine by name, and nobody else.
//!
//! A page from anywhere can have its own name lead to 127.0.0.1 (DNS rebinding), and would then read all that is explored as if it
//! were its own. Its browser still says the name that was asked for, in the field Host. Stateright's Explorer answers any, so it
//! listens at an address that nobody knows, and what is asked of it comes through here.
//!
//! The head of a request is read by hand. Stateright brings a server of HTTP along (`tiny_http`), which would read it; but that server
//! answers with what it is given in parts, status, fields and a body, and keeps the connection for what is asked next. The answer of
//! the Explorer would have to be taken apart first, which it has no client for, and what it has read of a request is no limit: a line
//! without an end is read for ever. Here a head has a limit and the answer goes through as it is, up to its end.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Bytes of the longest request, without a body, that is read.
const HEAD_MAX: usize = 16 << 10;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often, and how long apart, it is tried to reach the Explorer, which is about to listen.
const TRIES: u32 = 500;
const APART: Duration = Duration::from_millis(20);

/// The names of this machine for itself.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// An address on this machine where nobody listens and that nobody can guess; where the machine has but one address for itself, a
/// port of that.
///
/// # Errors
/// If no port is free.
pub fn hidden_address() -> io::Result<SocketAddrV4> {
    let drawn = RandomState::new().hash_one("address").to_le_bytes();
    let hidden = Ipv4Addr::new(127, drawn[0].clamp(1, 254), drawn[1], drawn[2].clamp(1, 254));
    let listener = TcpListener::bind((hidden, 0)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    match listener.local_addr()? {
        std::net::SocketAddr::V4(address) => Ok(address),
        std::net::SocketAddr::V6(other) => Err(io::Error::other(format!("{other} was not asked for"))),
    }
}

/// Lets through what is asked of `listener`, which listens on `port`, to the Explorer at `behind`.
pub fn open(listener: TcpListener, port: u16, behind: SocketAddrV4) {
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                // Whoever has gone is told nothing.
                let _ = answer(client, port, behind);
            });
        }
    });
}

fn answer(mut client: TcpStream, port: u16, behind: SocketAddrV4) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let head = head(&mut client)?;
    match asked(&head, port) {
        Ok(line) => {
            let mut explorer = reach(behind)?;
            let fields = format!("Host: {behind}\r\nConnection: close\r\nContent-Length: 0");
            write!(explorer, "{line} HTTP/1.0\r\n{fields}\r\n\r\n")?;
            io::copy(&mut explorer, &mut client)?;
        }
        Err((status, says)) => {
            let length = says.len();
            let fields = format!(
                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close"
            );
            write!(client, "HTTP/1.1 {status}\r\n{fields}\r\n\r\n{says}")?;
        }
    }
    client.flush()
}

/// The head of a request: what comes before its first empty line, as far as it is read.
fn head(client: &mut impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut more = [0; 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            bytes.truncate(end);
            break;
        }
        let read = client.read(&mut more)?;
        if read == 0 || bytes.len() + read > HEAD_MAX {
            bytes.clear();
            break;
        }
        bytes.extend_from_slice(&more[..read]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Method and target of a request that is let through.
///
/// # Errors
/// The status and the text with which it is refused.
fn asked(head: &str, port: u16) -> Result<String, (&'static str, String)> {
    let bad = |says: &str| Err(("400 Bad Request", format!("{says}\n")));
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return bad("this is no request of HTTP");
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return bad("accepted is a path, of HTTP/1.0 or HTTP/1.1");
    }
    if !matches!(method, "GET" | "POST") {
        return Err(("405 Method Not Allowed", "accepted are GET and POST\n".to_owned()));
    }
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let values = |name: &str| {
        let of_name = fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.trim()).collect::<Vec<_>>()
    };
    let refused = || {
        let accepted = format!("accepted is http://127.0.0.1:{port}, asked for by this name\n");
        Err(("403 Forbidden", accepted))
    };
    let [host] = values("Host")[..] else { return refused() };
    if !is_own(host, port) {
        return refused();
    }
    // What another page sends is not this one's.
    let own = |origin: &&str| origin.strip_prefix("http://").is_some_and(|host| is_own(host, port));
    if !values("Origin").iter().all(own) {
        return refused();
    }
    Ok(format!("{method} {target}"))
}

/// Is this a name of this machine for itself, with the port? The one of HTTP itself is not said.
fn is_own(host: &str, port: u16) -> bool {
    const OF_HTTP: u16 = 80;
    NAMES.iter().any(|name| {
        let rest = host.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name));
        match rest.and(host.get(name.len()..)) {
            Some("") => port == OF_HTTP,
            Some(rest) => rest.strip_prefix(':') == Some(port.to_string().as_str()),
            None => false,
        }
    })
}

/// A connection to the Explorer, as soon as it listens.
fn reach(behind: SocketAddrV4) -> io::Result<TcpStream> {
    for _ in 1..TRIES {
        match TcpStream::connect(behind) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => thread::sleep(APART),
            connected => return connected,
        }
    }
    TcpStream::connect(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str) -> &str {
        match asked(&head.replace('\n', "\r\n"), 3000) {
            Ok(_) => "let through",
            Err((status, _)) => status.split(' ').next().unwrap_or_default(),
        }
    }

    #[test]
    fn only_this_machine_is_asked_for() {
        let [_, local, _] = NAMES;
        for (host, expected) in [
            ("127.0.0.1:3000", "let through"),
            (&format!("{local}:3000"), "let through"),
            (&format!("{}:3000", local.to_uppercase()), "let through"),
            ("[::1]:3000", "let through"),
            ("evil.example:3000", "403"),
            ("127.0.0.1", "403"),
            ("127.0.0.1:3001", "403"),
            ("127.0.0.1:3000.evil.example", "403"),
            ("127.0.0.1.evil.example:3000", "403"),
            (&format!("{local}:3000@evil.example"), "403"),
            ("é", "403"),
            ("", "403"),
        ] {
            assert_eq!(status(&format!("GET / HTTP/1.1\nHost: {host}")), expected, "{host}");
        }
        assert!(is_own(local, 80) && !is_own(local, 3000));
    }

    #[test]
    fn what_is_no_request_of_a_page_of_its_own_is_refused() {
        let host = "\nhost:127.0.0.1:3000";
        for (head, expected) in [
            ("GET / HTTP/1.1", "403"),
            (&format!("GET / HTTP/1.1{host}{host}"), "403"),
            (&format!("POST /.runtocompletion HTTP/1.1{host}\nOrigin: http://[::1]:3000"), "let through"),
            (&format!("POST /.runtocompletion HTTP/1.1{host}\nOrigin: http://evil.example"), "403"),
            (&format!("POST /.runtocompletion HTTP/1.1{host}\nOrigin: null"), "403"),
            (&format!("GET http://evil.example/ HTTP/1.1{host}"), "400"),
            (&format!("DELETE / HTTP/1.1{host}"), "405"),
            (&format!("GET / HTTP/2{host}"), "400"),
            (&format!("GET  / HTTP/1.1{host}"), "400"),
            ("", "400"),
        ] {
            assert_eq!(status(head), expected, "{head}");
        }
    }

    #[test]
    fn a_head_ends_where_it_ends() {
        let read = |text: &str| head(&mut text.as_bytes()).expect("bytes can be read");
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"), "GET / HTTP/1.1\r\nHost: a");
        assert_eq!(read("GET / HTTP/1.1\r\n"), "", "it is cut off");
        assert_eq!(read(&"x".repeat(HEAD_MAX + 1)), "", "it is too long");
    }
}
