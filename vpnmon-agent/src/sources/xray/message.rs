//! What is said to Xray and what it answers, as far as we use it: a handful of its protobuf messages,
//! field numbers as in `app/stats/command`, `app/proxyman/command` and `common` of XTLS/Xray-core and
//! v2fly/v2ray-core. The bytes are the same in both; only the names of types differ (`dialect`).

use bytes::Bytes;
use prost::Message;

/// Asks for counters.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct QueryStatsRequest {
    /// Part of the names that are wanted.
    #[prost(string, tag = "1")]
    pub pattern: String,
    // Field 2 is `reset`. It is no field here, so that nobody can set it.
}

/// The counters.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct QueryStatsResponse {
    /// In no order.
    #[prost(message, repeated, tag = "1")]
    pub stat: Vec<Stat>,
}

/// One counter.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Stat {
    /// Protobuf says a string; bytes cost no copy, and one odd name does not spoil the answer.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// Bytes.
    #[prost(int64, tag = "2")]
    pub value: i64,
}

/// Asks how the process is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SysStatsRequest {}

/// How it is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SysStatsResponse {
    /// Whole seconds since it started.
    #[prost(uint32, tag = "10")]
    pub uptime: u32,
}

/// Changes an inbound.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AlterInboundRequest {
    /// Which one.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// How.
    #[prost(message, optional, tag = "2")]
    pub operation: Option<TypedMessage>,
}

/// Takes an inbound away.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RemoveInboundRequest {
    /// Which one.
    #[prost(string, tag = "1")]
    pub tag: String,
}

/// Puts an inbound there.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AddInboundRequest {
    /// All of it.
    #[prost(message, optional, tag = "1")]
    pub inbound: Option<InboundConfig>,
}

/// `v2ray.core.InboundHandlerConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct InboundConfig {
    /// Its name.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// `app.proxyman.ReceiverConfig`.
    #[prost(message, optional, tag = "2")]
    pub receiver: Option<TypedMessage>,
    /// The protocol's `ServerConfig`.
    #[prost(message, optional, tag = "3")]
    pub proxy: Option<TypedMessage>,
}

/// `v2ray.core.app.proxyman.ReceiverConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Receiver {
    /// First and last port.
    #[prost(message, optional, tag = "1")]
    pub ports: Option<PortRange>,
    /// The address; none is all.
    #[prost(message, optional, tag = "2")]
    pub listen: Option<Address>,
}

/// `v2ray.core.common.net.PortRange`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PortRange {
    /// First.
    #[prost(uint32, tag = "1")]
    pub from: u32,
    /// Last.
    #[prost(uint32, tag = "2")]
    pub to: u32,
}

/// `v2ray.core.common.net.IPOrDomain`, an IP.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Address {
    /// 4 or 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub ip: Vec<u8>,
}

/// `v2ray.core.proxy.shadowsocks.ServerConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ShadowsocksServer {
    /// The one user.
    #[prost(message, optional, tag = "2")]
    pub user: Option<User>,
    /// 2 is TCP, 3 is UDP.
    #[prost(int32, repeated, tag = "3")]
    pub networks: Vec<i32>,
}

/// `v2ray.core.OutboundHandlerConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct OutboundConfig {
    /// Its name.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// `app.proxyman.SenderConfig`.
    #[prost(message, optional, tag = "2")]
    pub sender: Option<TypedMessage>,
    /// The protocol's `Config`.
    #[prost(message, optional, tag = "3")]
    pub proxy: Option<TypedMessage>,
}

/// Puts an outbound there.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AddOutboundRequest {
    /// All of it.
    #[prost(message, optional, tag = "1")]
    pub outbound: Option<OutboundConfig>,
}

/// Takes an outbound away.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RemoveOutboundRequest {
    /// Which one.
    #[prost(string, tag = "1")]
    pub tag: String,
}

/// `xray.app.proxyman.SenderConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Sender {
    /// How it connects.
    #[prost(message, optional, tag = "2")]
    pub stream: Option<Stream>,
}

/// `xray.transport.internet.StreamConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Stream {
    /// Of its sockets.
    #[prost(message, optional, tag = "6")]
    pub socket: Option<SocketConfig>,
}

/// `xray.transport.internet.SocketConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SocketConfig {
    /// `SO_MARK`; 0 is none.
    #[prost(int32, tag = "1")]
    pub mark: i32,
    /// The same numbers as [`Freedom::domain_strategy`], which newer servers look for here alone.
    #[prost(int32, tag = "8")]
    pub domain_strategy: i32,
}

/// `xray.proxy.freedom.Config`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Freedom {
    /// 0 takes names as they are.
    #[prost(int32, tag = "1")]
    pub domain_strategy: i32,
    /// In their order; without one, no private addresses.
    #[prost(message, repeated, tag = "8")]
    pub final_rules: Vec<FinalRule>,
}

/// `xray.proxy.freedom.FinalRuleConfig`, for all destinations.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct FinalRule {
    /// 0 allows.
    #[prost(int32, tag = "1")]
    pub action: i32,
}

/// Adds rules (Xray alone).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AddRuleRequest {
    /// `xray.app.router.Config`.
    #[prost(message, optional, tag = "1")]
    pub config: Option<TypedMessage>,
    /// Behind those that are there. Without it all rules and balancers that are there go.
    #[prost(bool, tag = "2")]
    pub appends: bool,
}

/// Takes rules away by their tag.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RemoveRuleRequest {
    /// Not empty.
    #[prost(string, tag = "1")]
    pub tag: String,
}

/// `xray.app.router.Config`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Rules {
    /// In their order.
    #[prost(message, repeated, tag = "2")]
    pub rules: Vec<Rule>,
}

/// `xray.app.router.RoutingRule`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Rule {
    /// The outbound.
    #[prost(string, tag = "1")]
    pub outbound: String,
    /// By email.
    #[prost(string, repeated, tag = "7")]
    pub users: Vec<String>,
    /// Its own name.
    #[prost(string, tag = "19")]
    pub own_tag: String,
}

/// Says nothing.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Empty {}

/// A message of any type.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TypedMessage {
    /// Its full name.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// Its bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// The operation that takes a user out.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RemoveUser {
    /// Whom.
    #[prost(string, tag = "1")]
    pub email: String,
}

/// The operation that puts one in.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AddUser {
    /// Whom.
    #[prost(message, optional, tag = "1")]
    pub user: Option<User>,
}

/// A user of an inbound.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct User {
    /// Of its policy.
    #[prost(uint32, tag = "1")]
    pub level: u32,
    /// Its name.
    #[prost(string, tag = "2")]
    pub email: String,
    /// What it proves itself with.
    #[prost(message, optional, tag = "3")]
    pub account: Option<TypedMessage>,
}

/// Asks for users of an inbound (Xray 24.9 and later).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct InboundUsersRequest {
    /// Which inbound.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// Which user.
    #[prost(string, tag = "2")]
    pub email: String,
}

/// Those users.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct InboundUsersResponse {
    /// One or none.
    #[prost(message, repeated, tag = "1")]
    pub users: Vec<User>,
}

/// `proxy.vmess.Account`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct VmessAccount {
    /// UUID.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Of old clients.
    #[prost(uint32, tag = "2")]
    pub alter_id: u32,
    /// Which cipher the server would take as a client.
    #[prost(message, optional, tag = "3")]
    pub security: Option<VmessSecurity>,
}

/// `common.protocol.SecurityConfig`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct VmessSecurity {
    /// 2 is `auto`.
    #[prost(int32, tag = "1")]
    pub kind: i32,
}

/// `proxy.vless.Account`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct VlessAccount {
    /// UUID.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Such as `xtls-rprx-vision`.
    #[prost(string, tag = "2")]
    pub flow: String,
    /// `none`.
    #[prost(string, tag = "3")]
    pub encryption: String,
}

/// `proxy.trojan.Account`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TrojanAccount {
    /// As in the config.
    #[prost(string, tag = "1")]
    pub password: String,
    /// Of old clients.
    #[prost(string, tag = "2")]
    pub flow: String,
}

/// `proxy.shadowsocks.Account`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ShadowsocksAccount {
    /// As in the config.
    #[prost(string, tag = "1")]
    pub password: String,
    /// A number of `CipherType`.
    #[prost(int32, tag = "2")]
    pub cipher: i32,
}

/// `proxy.shadowsocks_2022.Account`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Shadowsocks2022Account {
    /// As in the config.
    #[prost(string, tag = "1")]
    pub key: String,
}
