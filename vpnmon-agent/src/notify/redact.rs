//! Keeps a webhook's URL out of what is said of it: its path is as good as a password.

/// Parts that are shorter stand in other words by chance.
const SHORTEST: usize = 8;

/// `text` without the URL or any telling part of it.
pub fn redacted(text: &str, url: &str) -> String {
    let parts = url.split(['/', '?', '&', '=', '@', ':']).filter(|part| part.len() >= SHORTEST);
    // The host is no secret, and says where to look.
    let host = url.split(['/', '@']).nth(2).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let mut shown = text.replace(url, "…");
    for part in parts.filter(|part| *part != host) {
        shown = shown.replace(part, "…");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_path_is_left() {
        let url = "https://api.telegram.org/bot123456:AAF-secretsecret/sendMessage?k=longsecret";
        for text in [
            format!("bad uri: {url}"),
            "POST /bot123456:AAF-secretsecret/sendMessage?k=longsecret at api.telegram.org".into(),
            "unknown token AAF-secretsecret, key longsecret".into(),
        ] {
            let shown = redacted(&text, url);
            assert!(!shown.contains("secret"), "{shown}");
        }
        assert_eq!(redacted("no api.telegram.org here", url), "no api.telegram.org here");
    }
}
