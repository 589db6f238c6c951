//! A real server of VMESS, VLESS, Trojan and Shadowsocks, on ports of its own, and its clients.
//!
//! Debian's v2ray, or what `VPNMON_XRAY` names.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::Command,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    home::Home,
    machine::artifact,
    namespace::Namespace,
    process::Process,
    wait::{SOON, wait_for},
};

/// The name under which the server finds the origin.
pub const ORIGIN: &str = "origin.example";
const CIPHER: &str = "aes-256-gcm";

/// How a user comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// VMESS.
    Vmess,
    /// VLESS.
    Vless,
    /// Trojan.
    Trojan,
    /// Shadowsocks, with an inbound to itself.
    Shadowsocks,
}

impl Protocol {
    /// As configs and accounts have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vmess => "vmess",
            Self::Vless => "vless",
            Self::Trojan => "trojan",
            Self::Shadowsocks => "shadowsocks",
        }
    }

    const ALL: [Self; 4] = [Self::Vmess, Self::Vless, Self::Trojan, Self::Shadowsocks];
}

/// A user of the server.
#[derive(Clone, Debug)]
pub struct XrayUser {
    /// Its name.
    pub email: String,
    /// How it comes.
    pub protocol: Protocol,
}

/// The server and its directory; killed and removed on drop.
#[derive(Debug)]
pub struct Xray {
    dir: TempDir,
    users: Vec<XrayUser>,
    ports: Vec<u16>,
    process: Option<Process>,
    client: Option<Process>,
}

impl Xray {
    /// Writes the config and starts the server.
    #[must_use]
    pub fn start(users: &[(&str, Protocol)]) -> Self {
        let users = users
            .iter()
            .map(|(email, protocol)| XrayUser { email: (*email).to_owned(), protocol: *protocol });
        Self::of(users.collect())
    }

    /// The same.
    #[must_use]
    pub fn of(users: Vec<XrayUser>) -> Self {
        let dir = TempDir::with_prefix("vpnmon-xray-").unwrap_or_else(|e| panic!("{e}"));
        // API, one an inbound, and one a user for the client.
        let ports = free_ports(1 + Protocol::ALL.len() + users.len().min(16));
        let mut xray = Self { dir, users, ports, process: None, client: None };
        xray.write("server.json", &xray.server());
        xray.run();
        xray
    }

    /// `[xray]` of an agent that meters it.
    #[must_use]
    pub fn section(&self) -> String {
        format!(
            "[xray]\nenabled = true\napi = '{}'\nconfig = '{}'\naccess_log = '{}'\n",
            local(self.ports[0]),
            self.file("server.json").display(),
            self.file("access.log").display()
        )
    }

    /// Its config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.file("server.json")
    }

    /// The same server once more, in a network namespace.
    #[must_use]
    pub fn start_in(&self, netns: &Namespace) -> Process {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &netns.name]).arg(program()).args(arguments());
        Process::start("xray", command.arg(self.config()))
    }

    /// How long its process runs.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let stat = read(&format!("/proc/{}/stat", self.process().id()));
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let ticks: f64 = fields.split(' ').nth(19).and_then(|it| it.parse().ok()).unwrap_or(0.0);
        let up: f64 =
            read("/proc/uptime").split(' ').next().map_or(0.0, |it| it.parse().unwrap_or(0.0));
        Duration::from_secs_f64((up - ticks / 100.0).max(0.0))
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("the server does not run"))
    }

    /// Adds what `xray snippet` prints for an agent of `home` to the config.
    pub fn add_snippet(&self, home: &Home) -> Value {
        let printed = home.agent(&["xray", "snippet"]);
        assert_eq!(printed.code, 0, "{}", printed.stderr);
        let added: Value = serde_json::from_str(&printed.stdout).unwrap_or_else(|e| panic!("{e}"));
        let text = fs::read_to_string(self.file("server.json")).unwrap_or_else(|e| panic!("{e}"));
        let config = text.lines().nth(1).unwrap_or_default();
        let mut config: Value = serde_json::from_str(config).unwrap_or_else(|e| panic!("{e}"));
        for list in ["/outbounds", "/routing/rules"] {
            let new = added.pointer(list).and_then(Value::as_array).cloned().unwrap_or_default();
            let there = config.pointer_mut(list).and_then(Value::as_array_mut);
            there.unwrap_or_else(|| panic!("no {list}")).extend(new);
        }
        self.write("server.json", &config);
        added
    }

    /// Sends a datagram for a user, who is called by its place, and waits for the echo.
    pub fn echo(&self, user: usize, to: SocketAddr, payload: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.socks(user))?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(&[5, 1, 0])?;
        stream.read_exact(&mut [0; 2])?;
        // UDP ASSOCIATE, for any peer.
        stream.write_all(&[5, 3, 0, 1, 0, 0, 0, 0, 0, 0])?;
        let mut relay = [0; 10];
        stream.read_exact(&mut relay)?;
        let relay = local(u16::from_be_bytes([relay[8], relay[9]]));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(SOON))?;
        let head = [&[0, 0, 0, 1, 127, 0, 0, 1][..], &to.port().to_be_bytes()].concat();
        socket.send_to(&[&head, payload].concat(), relay)?;
        let mut answer = vec![0; 1 << 16];
        let length = socket.recv(&mut answer)?;
        answer.truncate(length);
        Ok(answer.split_off(head.len()))
    }

    /// SIGKILL, and another process.
    pub fn restart(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
        self.run();
    }

    /// Starts v2ray as the client of the first users, each with a SOCKS port.
    pub fn start_client(&mut self) {
        self.write("client.json", &self.client_config());
        self.client = Some(run(&self.file("client.json")));
        for user in 0..self.users.len().min(16) {
            reachable(self.socks(user), self.client.as_ref());
        }
    }

    /// A connection to `origin` that the client makes for a user.
    pub fn visit(&self, user: usize, origin: &Origin) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.socks(user))?;
        // Each write here is a question: Nagle would have it wait.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(&[5, 1, 0])?;
        stream.read_exact(&mut [0; 2])?;
        let length = u8::try_from(ORIGIN.len()).unwrap_or_default();
        let port = origin.port.to_be_bytes();
        stream.write_all(&[&[5, 1, 0, 3, length], ORIGIN.as_bytes(), &port].concat())?;
        stream.read_exact(&mut [0; 10])?;
        Ok(stream)
    }

    /// A connection that speaks VLESS itself, without a client.
    pub fn vless(&self, user: usize, origin: &Origin) -> io::Result<TcpStream> {
        vless(self.inbound(Protocol::Vless), user, origin)
    }

    /// Where an inbound listens.
    #[must_use]
    pub fn inbound(&self, protocol: Protocol) -> SocketAddr {
        let index = Protocol::ALL.iter().position(|it| *it == protocol).unwrap_or_default();
        local(self.ports[1 + index])
    }

    fn socks(&self, user: usize) -> SocketAddr {
        local(self.ports[1 + Protocol::ALL.len() + user])
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, config: &Value) {
        let file = self.file(name);
        fs::write(&file, format!("# a comment\n{config}\n")).unwrap_or_else(|e| panic!("{e}"));
    }

    fn run(&mut self) {
        self.process = Some(run(&self.file("server.json")));
        reachable(local(self.ports[0]), self.process.as_ref());
        for protocol in Protocol::ALL.iter().filter(|it| self.has(**it)) {
            reachable(self.inbound(*protocol), self.process.as_ref());
        }
    }

    fn has(&self, protocol: Protocol) -> bool {
        self.users.iter().any(|user| user.protocol == protocol)
    }

    fn server(&self) -> Value {
        let api = json!({"tag": "api-in", "listen": "127.0.0.1", "port": self.ports[0],
            "protocol": "dokodemo-door", "settings": {"address": "127.0.0.1"}});
        let inbounds = Protocol::ALL.iter().filter(|it| self.has(**it)).map(|it| {
            json!({"tag": it.word(), "listen": "127.0.0.1", "port": self.inbound(*it).port(),
                "protocol": it.word(), "settings": self.settings(*it)})
        });
        let inbounds: Vec<_> = [api].into_iter().chain(inbounds).collect();
        let counted = json!({"statsUserUplink": true, "statsUserDownlink": true});
        json!({
            "log": {"access": self.file("access.log"), "loglevel": "warning"},
            "stats": {}, "policy": {"levels": {"0": counted}},
            "api": {"tag": "api", "services": ["StatsService", "HandlerService"]},
            "dns": {"hosts": {ORIGIN: "127.0.0.1"}},
            "inbounds": inbounds,
            // Without the rule Xray lets nobody go to the machine itself (seen on 26.10).
            "outbounds": [{"tag": "out", "protocol": "freedom", "settings":
                {"domainStrategy": "UseIPv4", "finalRules": [{"action": "allow"}]}}],
            "routing": {"rules": [
                {"type": "field", "inboundTag": ["api-in"], "outboundTag": "api"}]}
        })
    }

    fn settings(&self, protocol: Protocol) -> Value {
        let ours = self.users.iter().enumerate().filter(|(_, user)| user.protocol == protocol);
        let mut clients = ours.map(|(index, user)| match protocol {
            Protocol::Trojan => json!({"password": id(index), "email": user.email}),
            Protocol::Shadowsocks => json!({"method": CIPHER, "password": id(index),
                "email": user.email, "network": "tcp,udp"}),
            Protocol::Vmess | Protocol::Vless => json!({"id": id(index), "email": user.email}),
        });
        if protocol == Protocol::Shadowsocks {
            return clients.next().unwrap_or_default();
        }
        json!({"clients": clients.collect::<Vec<_>>(), "decryption": "none"})
    }

    fn client_config(&self) -> Value {
        let users = self.users.iter().enumerate().take(16);
        let (mut inbounds, mut outbounds, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        for (index, user) in users {
            let (from, to) = (format!("in{index}"), format!("out{index}"));
            inbounds.push(json!({"tag": from, "listen": "127.0.0.1", "protocol": "socks",
                "port": self.socks(index).port(), "settings": {"udp": true}}));
            outbounds.push(json!({"tag": to, "protocol": user.protocol.word(),
                "settings": self.outbound(index, user.protocol)}));
            rules.push(json!({"type": "field", "inboundTag": [from], "outboundTag": to}));
        }
        json!({"log": {"loglevel": "warning"}, "inbounds": inbounds, "outbounds": outbounds,
            "routing": {"rules": rules}})
    }

    fn outbound(&self, index: usize, protocol: Protocol) -> Value {
        let (address, port) = ("127.0.0.1", self.inbound(protocol).port());
        match protocol {
            Protocol::Vmess | Protocol::Vless => json!({"vnext": [{"address": address,
                "port": port, "users": [{"id": id(index), "encryption": "none",
                "security": if protocol == Protocol::Vmess { "auto" } else { "" }}]}]}),
            Protocol::Trojan | Protocol::Shadowsocks => json!({"servers": [{"address": address,
                "port": port, "method": CIPHER, "password": id(index)}]}),
        }
    }
}

/// A connection to the VLESS inbound at `at` that speaks VLESS itself.
pub fn vless(at: SocketAddr, user: usize, origin: &Origin) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    let length = u8::try_from(ORIGIN.len()).unwrap_or_default();
    let port = origin.port.to_be_bytes();
    // Version, id, no addons, TCP, port, a name.
    let head = [&[0][..], &id_bytes(user), &[0, 1], &port, &[2, length], ORIGIN.as_bytes()];
    stream.write_all(&head.concat())?;
    Ok(stream)
}

fn run(config: &std::path::Path) -> Process {
    Process::start("xray", Command::new(program()).args(arguments()).arg(config))
}

fn program() -> PathBuf {
    artifact("VPNMON_XRAY", "target/v2ray/usr/bin/v2ray")
}

fn arguments() -> &'static [&'static str] {
    let program = program();
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("xray") { &["run", "-c"] } else { &["-config"] }
}

fn reachable(at: SocketAddr, process: Option<&Process>) {
    let said = || process.map(Process::stderr).unwrap_or_default();
    wait_for("the server's port", SOON, || {
        TcpStream::connect(at).map_err(|error| format!("{at}: {error}; {}", said()))
    });
}

/// Free now; whoever takes one first has it.
fn free_ports(count: usize) -> Vec<u16> {
    let bound = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let bound: Vec<_> = bound.map(|it| it.unwrap_or_else(|e| panic!("no port: {e}"))).collect();
    bound.iter().map(|it| it.local_addr().unwrap_or_else(|e| panic!("{e}")).port()).collect()
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn id_bytes(user: usize) -> [u8; 16] {
    let mut id = *b"vpnmon test\x00\x00\x00\x00\x00";
    id[12..].copy_from_slice(&u32::try_from(user).unwrap_or_default().to_be_bytes());
    id
}

fn id(user: usize) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(id_bytes(user)));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A server that users visit: it reads two numbers, takes so many bytes, and sends so many.
#[derive(Debug)]
pub struct Origin {
    port: u16,
}

impl Origin {
    /// Serves as long as the test runs.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.unwrap_or_else(|e| panic!("no origin: {e}"));
        let port = listener.local_addr().unwrap_or_else(|e| panic!("{e}")).port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream));
            }
        });
        Self { port }
    }

    /// Where it listens on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut numbers = [0; 16];
    stream.read_exact(&mut numbers)?;
    let [up, mut down] = [0, 8].map(|at| {
        let number = numbers[at..at + 8].try_into().unwrap_or_default();
        u64::from_be_bytes(number)
    });
    io::copy(&mut (&stream).take(up), &mut io::sink())?;
    let chunk = vec![7; 64 << 10];
    while down > 0 {
        let part = usize::try_from(down).unwrap_or(usize::MAX).min(chunk.len());
        stream.write_all(&chunk[..part])?;
        down -= part as u64;
    }
    Ok(())
}

/// Asks the origin for an exchange; the answer is left to be read.
pub fn ask(stream: &mut TcpStream, up: u64, down: u64) -> io::Result<()> {
    stream.write_all(&[up.to_be_bytes(), down.to_be_bytes()].concat())?;
    io::copy(&mut io::repeat(3).take(up), stream)?;
    Ok(())
}

/// A whole exchange; how many bytes came back.
pub fn exchange(mut stream: TcpStream, up: u64, down: u64) -> io::Result<u64> {
    ask(&mut stream, up, down)?;
    io::copy(&mut (&stream).take(down), &mut io::sink())
}
