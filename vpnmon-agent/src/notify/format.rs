//! What a webhook is sent.

use serde_json::json;

use super::notice::Notice;
use crate::config::WebhookFormat;

/// A body and its media type.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    /// `Content-Type`.
    pub media_type: &'static str,
    /// The bytes.
    pub text: String,
}

/// The notice in the words of whoever takes it. Nothing in a name becomes markup there.
pub fn body(notice: &Notice, format: WebhookFormat, telegram_chat: &str) -> Body {
    let text = &notice.text;
    let object = match format {
        WebhookFormat::Json => return json_body(notice.json()),
        WebhookFormat::Text => {
            return Body { media_type: "text/plain; charset=utf-8", text: text.clone() };
        }
        WebhookFormat::Slack => json!({"text": for_slack(text)}),
        WebhookFormat::Discord => json!({"content": text, "allowed_mentions": {"parse": []}}),
        // Without `parse_mode` it is plain text.
        WebhookFormat::Telegram => json!({
            "chat_id": telegram_chat, "text": text, "link_preview_options": {"is_disabled": true},
        }),
    };
    json_body(object.to_string())
}

const fn json_body(text: String) -> Body {
    Body { media_type: "application/json", text }
}

/// The three characters that Slack's markup and mentions are made of.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
