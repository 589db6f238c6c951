//! A user as the config has it, and as the API wants it.

use prost::Message as _;
use serde_json::Value;

use crate::sources::xray::{
    dialect::Dialect,
    message::{
        Shadowsocks2022Account, ShadowsocksAccount, TrojanAccount, TypedMessage, User,
        VlessAccount, VmessAccount, VmessSecurity,
    },
};

/// `common.protocol.SecurityType.AUTO`.
const AUTO: i32 = 2;

/// A client of an inbound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfUser {
    /// Its name.
    pub email: String,
    /// Of its policy.
    pub level: u32,
    /// What it proves itself with; `None` where the API has no such users.
    pub proof: Option<Proof>,
}

/// What a client proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A UUID.
    Vmess { id: String, alter_id: u32 },
    /// A UUID.
    Vless { id: String, flow: String },
    /// A password.
    Trojan { password: String, flow: String },
    /// A password, for one cipher.
    Shadowsocks { password: String, method: String },
    /// A key.
    Shadowsocks2022 { key: String },
}

/// The value of `key`, written in any case: Go reads it so.
pub fn get<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    let object = object.as_object()?;
    object.get(key).or_else(|| {
        object.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    })
}

/// The text under `key`; empty where there is none.
pub fn text(object: &Value, key: &str) -> String {
    get(object, key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(object: &Value, key: &str) -> u32 {
    get(object, key).and_then(Value::as_u64).and_then(|it| it.try_into().ok()).unwrap_or_default()
}

impl ConfUser {
    /// A client of an inbound of `protocol`; shadowsocks may have its cipher above the clients.
    pub fn of(client: &Value, protocol: &str, settings: &Value) -> Self {
        let proof = match protocol {
            "vmess" => {
                Some(Proof::Vmess { id: text(client, "id"), alter_id: number(client, "alterId") })
            }
            "vless" => Some(Proof::Vless { id: text(client, "id"), flow: text(client, "flow") }),
            "trojan" => Some(Proof::Trojan {
                password: text(client, "password"),
                flow: text(client, "flow"),
            }),
            "shadowsocks" => Some(shadowsocks(client, settings)),
            _ => None,
        };
        Self { email: text(client, "email"), level: number(client, "level"), proof }
    }

    /// As the API wants it; `None` where the API has no such users.
    pub fn for_api(&self, dialect: Dialect) -> Option<User> {
        let (protocol, value) = match self.proof.clone()? {
            Proof::Vmess { id, alter_id } => {
                let security = Some(VmessSecurity { kind: AUTO });
                ("vmess", VmessAccount { id, alter_id, security }.encode_to_vec())
            }
            Proof::Vless { id, flow } => {
                let encryption = "none".to_owned();
                ("vless", VlessAccount { id, flow, encryption }.encode_to_vec())
            }
            Proof::Trojan { password, flow } => {
                ("trojan", TrojanAccount { password, flow }.encode_to_vec())
            }
            Proof::Shadowsocks { password, method } => {
                let cipher = cipher(&method, dialect)?;
                ("shadowsocks", ShadowsocksAccount { password, cipher }.encode_to_vec())
            }
            Proof::Shadowsocks2022 { key } => {
                ("shadowsocks_2022", Shadowsocks2022Account { key }.encode_to_vec())
            }
        };
        let account = Some(TypedMessage { kind: dialect.account(protocol), value });
        Some(User { level: self.level, email: self.email.clone(), account })
    }
}

fn shadowsocks(client: &Value, settings: &Value) -> Proof {
    let above = text(settings, "method");
    if above.starts_with("2022-") {
        return Proof::Shadowsocks2022 { key: text(client, "password") };
    }
    let own = text(client, "method");
    let method = if own.is_empty() { above } else { own };
    Proof::Shadowsocks { password: text(client, "password"), method: method.to_lowercase() }
}

/// `CipherType`: v2ray has taken old ciphers out of the list, Xray has left their numbers free. The
/// number of `none` differs between versions of v2ray 4.
fn cipher(method: &str, dialect: Dialect) -> Option<i32> {
    Some(match (method, dialect) {
        ("aes-128-gcm" | "aead_aes_128_gcm", Dialect::V2ray) => 1,
        ("aes-256-gcm" | "aead_aes_256_gcm", Dialect::V2ray) => 2,
        (
            "chacha20-poly1305" | "aead_chacha20_poly1305" | "chacha20-ietf-poly1305",
            Dialect::V2ray,
        ) => 3,
        ("aes-128-gcm" | "aead_aes_128_gcm", Dialect::Xray) => 5,
        ("aes-256-gcm" | "aead_aes_256_gcm", Dialect::Xray) => 6,
        (
            "chacha20-poly1305" | "aead_chacha20_poly1305" | "chacha20-ietf-poly1305",
            Dialect::Xray,
        ) => 7,
        (
            "xchacha20-poly1305" | "aead_xchacha20_poly1305" | "xchacha20-ietf-poly1305",
            Dialect::Xray,
        ) => 8,
        ("none" | "plain", Dialect::Xray) => 9,
        _ => return None,
    })
}
