//! v2ray (or Xray): its server and its users' client.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use vpnmon_tests::{machine::artifact, order::Place, process::Process};

use crate::{
    cast::{CAST, HOSTS, Person, Via, client_address, socks_port},
    internet::SERVER,
    servers::{Servers, isolated, words},
};

const API_PORT: u16 = 10_085;
const CIPHER: &str = "aes-256-gcm";

/// The files of server and client.
pub struct V2ray {
    dir: TempDir,
    program: String,
}

/// Those of the cast that come by it, and their numbers.
fn users() -> impl Iterator<Item = (usize, &'static Person)> {
    CAST.iter().enumerate().filter(|(_, person)| !person.via.is_ssh())
}

impl V2ray {
    /// Writes both configs.
    pub fn new() -> Self {
        let program = artifact("VPNMON_XRAY", "target/v2ray/usr/bin/v2ray").display().to_string();
        let dir = TempDir::with_prefix("v2ray-").unwrap_or_else(|e| panic!("no directory: {e}"));
        let v2ray = Self { dir, program };
        for (name, config) in [("server.json", v2ray.server()), ("client.json", client())] {
            fs::write(v2ray.file(name), config.to_string())
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        v2ray
    }

    /// `[xray]` of the agent that meters it.
    pub fn section(&self) -> String {
        let (config, log) = (self.file("server.json"), self.file("access.log"));
        format!(
            "[xray]\nenabled = true\napi = '127.0.0.1:{API_PORT}'\nconfig = '{}'\n\
             access_log = '{}'\n",
            config.display(),
            log.display()
        )
    }

    /// Starts the server, and waits for its ports.
    pub fn serve(&self, servers: &Servers) -> Process {
        let process = servers.start(self.command("server.json"));
        for port in users().map(|(_, person)| port(person.via)).chain([API_PORT]) {
            servers.wait_port(port, &process);
        }
        process
    }

    /// Starts the client of all users.
    pub fn connect(&self) -> Process {
        isolated(Place::default(), self.command("client.json"))
    }

    fn command(&self, config: &str) -> Vec<String> {
        let config = self.file(config).display().to_string();
        if self.program.contains("/xray") {
            return words(&[&self.program, "run", "-c", &config]);
        }
        words(&[&self.program, "-config", &config])
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn server(&self) -> Value {
        let api = json!({"tag": "api-in", "listen": "127.0.0.1", "port": API_PORT,
            "protocol": "dokodemo-door", "settings": {"address": "127.0.0.1"}});
        let inbounds = users().map(|(number, person)| {
            json!({"tag": person.via.word(), "listen": SERVER, "port": port(person.via),
                "protocol": person.via.word(), "settings": inbound(number, person)})
        });
        let inbounds: Vec<_> = [api].into_iter().chain(inbounds).collect();
        let hosts: serde_json::Map<_, _> =
            HOSTS.iter().map(|host| (host.name.to_owned(), json!(host.address()))).collect();
        json!({
            "log": {"access": self.file("access.log"), "loglevel": "warning"},
            "stats": {},
            "policy": {"levels": {"0": {"statsUserUplink": true, "statsUserDownlink": true}}},
            "api": {"tag": "api", "services": ["StatsService", "HandlerService"]},
            "dns": {"hosts": hosts},
            "inbounds": inbounds,
            "outbounds": [{"protocol": "freedom", "settings": {"domainStrategy": "UseIPv4"}}],
            "routing": {"rules": [
                {"type": "field", "inboundTag": ["api-in"], "outboundTag": "api"}]}
        })
    }
}

fn inbound(number: usize, Person { name, via, .. }: &Person) -> Value {
    let id = id(number);
    match via {
        Via::Trojan => json!({"clients": [{"password": id, "email": name}]}),
        Via::Shadowsocks => json!({"method": CIPHER, "password": id, "email": name}),
        _ => json!({"clients": [{"id": id, "email": name}], "decryption": "none"}),
    }
}

fn client() -> Value {
    let (mut inbounds, mut outbounds, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for (number, person) in users() {
        let (from, to) = (format!("in{number}"), format!("out{number}"));
        inbounds.push(json!({"tag": from, "listen": "127.0.0.1", "protocol": "socks",
            "port": socks_port(number), "settings": {}}));
        outbounds.push(json!({"tag": to, "protocol": person.via.word(),
            "sendThrough": client_address(number), "settings": outbound(number, person.via)}));
        rules.push(json!({"type": "field", "inboundTag": [from], "outboundTag": to}));
    }
    json!({"log": {"loglevel": "warning"}, "inbounds": inbounds, "outbounds": outbounds,
        "routing": {"rules": rules}})
}

fn outbound(number: usize, via: Via) -> Value {
    let (port, id) = (port(via), id(number));
    match via {
        Via::Trojan | Via::Shadowsocks => json!({"servers": [
            {"address": SERVER, "port": port, "method": CIPHER, "password": id}]}),
        _ => json!({"vnext": [{"address": SERVER, "port": port, "users": [
            {"id": id, "encryption": "none", "security": if via == Via::Vmess { "auto" } else { "" }}
        ]}]}),
    }
}

const fn port(via: Via) -> u16 {
    8001 + via as u16
}

fn id(number: usize) -> String {
    format!("76706e6d-6f6e-2064-656d-{number:012x}")
}
