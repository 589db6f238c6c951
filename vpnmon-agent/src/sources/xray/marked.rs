//! The outbound and the rule that give a user a mark, as the API is told of them.

use prost::Message;

use super::{
    conf::direct::Direct,
    dialect::Dialect,
    message::{
        AddOutboundRequest, AddRuleRequest, FinalRule, Freedom, OutboundConfig, Rule, Rules,
        Sender, SocketConfig, Stream, TypedMessage,
    },
};

/// An outbound like the first, but for its sockets' mark.
pub fn outbound(dialect: Dialect, tag: &str, mark: u32, first: Direct) -> AddOutboundRequest {
    let Direct { domain_strategy, allows_all } = first;
    let socket = SocketConfig { mark: mark.cast_signed(), domain_strategy };
    let sender = Sender { stream: Some(Stream { socket: Some(socket) }) };
    let final_rules = if allows_all { vec![FinalRule { action: 0 }] } else { Vec::new() };
    let freedom = Freedom { domain_strategy, final_rules };
    let outbound = OutboundConfig {
        tag: tag.to_owned(),
        sender: Some(typed(dialect, "app.proxyman.SenderConfig", &sender)),
        proxy: Some(typed(dialect, "proxy.freedom.Config", &freedom)),
    };
    AddOutboundRequest { outbound: Some(outbound) }
}

/// A rule that sends all of a user's traffic there that no rule before it takes.
pub fn rule(dialect: Dialect, tag: &str, email: &str) -> AddRuleRequest {
    let (outbound, own_tag) = (tag.to_owned(), tag.to_owned());
    let rule = Rule { outbound, users: vec![email.to_owned()], own_tag };
    let config = typed(dialect, "app.router.Config", &Rules { rules: vec![rule] });
    AddRuleRequest { config: Some(config), appends: true }
}

fn typed(dialect: Dialect, name: &str, message: &impl Message) -> TypedMessage {
    TypedMessage { kind: dialect.kind(name), value: message.encode_to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes: its key, its length, itself.
    fn field(key: &[u8], bytes: &[u8]) -> Vec<u8> {
        [key, &[u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    #[test]
    fn a_rule_is_what_xray_reads() {
        // Numbers as in app/router/config.proto and app/router/command/command.proto of Xray-core.
        let tag_user_rule_tag =
            [field(&[1 << 3 | 2], b"t"), field(&[7 << 3 | 2], b"u"), field(&[0x9a, 1], b"t")];
        let rules = field(&[2 << 3 | 2], &tag_user_rule_tag.concat());
        let kind = field(&[1 << 3 | 2], b"xray.app.router.Config");
        let config = [kind, field(&[2 << 3 | 2], &rules)].concat();
        let appends = [2 << 3, 1];
        let expected = [&field(&[1 << 3 | 2], &config)[..], &appends].concat();
        assert_eq!(rule(Dialect::Xray, "t", "u").encode_to_vec(), expected);
    }

    #[test]
    fn an_outbound_is_what_xray_reads() {
        // Numbers as in core, app/proxyman, transport/internet and proxy/freedom of Xray-core.
        let socket = [1 << 3, 0x96, 1, 8 << 3, 2];
        let sender = field(&[2 << 3 | 2], &field(&[6 << 3 | 2], &socket));
        let typed = |kind: &[u8], value: &[u8]| {
            [field(&[1 << 3 | 2], kind), field(&[2 << 3 | 2], value)].concat()
        };
        // One rule, of which all is as if it were not said.
        let freedom = [1 << 3, 2, 8 << 3 | 2, 0];
        let outbound = [
            field(&[1 << 3 | 2], b"t"),
            field(&[2 << 3 | 2], &typed(b"xray.app.proxyman.SenderConfig", &sender)),
            field(&[3 << 3 | 2], &typed(b"xray.proxy.freedom.Config", &freedom)),
        ];
        let expected = field(&[1 << 3 | 2], &outbound.concat());
        let first = Direct { domain_strategy: 2, allows_all: true };
        assert_eq!(super::outbound(Dialect::Xray, "t", 150, first).encode_to_vec(), expected);
    }
}
