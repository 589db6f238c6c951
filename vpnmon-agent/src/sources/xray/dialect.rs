//! Xray and v2ray speak the same under different names.

/// Whose names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// XTLS/Xray-core.
    Xray,
    /// v2fly/v2ray-core 4.
    V2ray,
}

impl Dialect {
    /// In the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::Xray, Self::V2ray];

    const fn root(self) -> &'static str {
        match self {
            Self::Xray => "xray",
            Self::V2ray => "v2ray.core",
        }
    }

    /// Path of a method of the statistics.
    pub fn stats(self, method: &str) -> String {
        format!("/{}.app.stats.command.StatsService/{method}", self.root())
    }

    /// Path of a method that changes inbounds.
    pub fn handler(self, method: &str) -> String {
        format!("/{}.app.proxyman.command.HandlerService/{method}", self.root())
    }

    /// Path of a method that changes rules.
    pub fn routing(self, method: &str) -> String {
        format!("/{}.app.router.command.RoutingService/{method}", self.root())
    }

    /// Name of a type of an operation on an inbound.
    pub fn operation(self, name: &str) -> String {
        format!("{}.app.proxyman.command.{name}", self.root())
    }

    /// Name of a type below the root.
    pub fn kind(self, name: &str) -> String {
        format!("{}.{name}", self.root())
    }

    /// Name of the type of a protocol's accounts.
    pub fn account(self, protocol: &str) -> String {
        format!("{}.proxy.{protocol}.Account", self.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_sources() {
        assert_eq!(
            Dialect::Xray.stats("QueryStats"),
            "/xray.app.stats.command.StatsService/QueryStats"
        );
        assert_eq!(
            Dialect::V2ray.handler("AlterInbound"),
            "/v2ray.core.app.proxyman.command.HandlerService/AlterInbound"
        );
        assert_eq!(
            Dialect::V2ray.operation("RemoveUserOperation"),
            "v2ray.core.app.proxyman.command.RemoveUserOperation"
        );
        assert_eq!(Dialect::Xray.account("vless"), "xray.proxy.vless.Account");
    }
}
