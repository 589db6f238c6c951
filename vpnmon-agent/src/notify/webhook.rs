//! The URL that notices are posted to.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::crypto::ring::default_provider;
use ureq::{
    Agent, Body as Answer, Error,
    config::Config,
    http::{Response, Uri},
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::{format::body, names::addresses, notice::Notice, outlet::Failure, redact::redacted};
use crate::{
    config::{NotifySection, WebhookFormat, WebhookUrl},
    escape::fitted,
};

/// Of an answer that is an error: where it says why.
const MAX_ANSWER_BYTES: u64 = 1000;
const MAX_ANSWER_COLUMNS: usize = 200;
/// The longest pause that the other side can ask for.
const MAX_PAUSE: Duration = Duration::from_mins(5);
/// Of answers that ask to come back: too early, too many, and those of the server's own failures.
const LATER: [u16; 3] = [408, 425, 429];

/// Where, in which words, and how long a try may take.
#[derive(Debug)]
pub struct Webhook {
    url: WebhookUrl,
    format: WebhookFormat,
    telegram_chat: String,
    timeout: Duration,
}

impl Webhook {
    /// As the configuration has it.
    pub fn new(url: WebhookUrl, config: &NotifySection) -> Self {
        Self {
            url,
            format: config.webhook_format,
            telegram_chat: config.telegram_chat.clone(),
            timeout: config.timeout,
        }
    }

    /// Posts one notice over a connection of its own.
    pub fn post(&self, notice: &Notice) -> Result<(), Failure> {
        let body = body(notice, self.format, &self.telegram_chat);
        // Roots are read anew: they change over the months that an agent lives.
        let agent = Agent::with_parts(self.settings(), DefaultConnector::default(), Names);
        let asked = agent.post(self.url.secret()).content_type(body.media_type).send(&body.text);
        match asked {
            Ok(answer) => self.judge(answer),
            Err(error) => Err(Failure::later(self.said(&words(&error)))),
        }
    }

    fn settings(&self) -> Config {
        let roots = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<_> = roots.iter().map(|it| Certificate::from_der(it).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
            .build();
        Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(self.timeout))
            .http_status_as_error(false)
            // Where to is what the configuration says, and not what an answer does.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent(concat!("vpnmon-agent/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    fn judge(&self, answer: Response<Answer>) -> Result<(), Failure> {
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let pause =
            answer.headers().get("retry-after").and_then(|it| it.to_str().ok()?.parse().ok());
        let mut body = answer.into_body();
        let said = body.with_config().limit(MAX_ANSWER_BYTES).read_to_string();
        let reason = self.said(&format!("answers {status} {}", said.unwrap_or_default().trim()));
        if !status.is_server_error() && !LATER.contains(&status.as_u16()) {
            return Err(Failure::never(reason));
        }
        Err(match pause {
            Some(seconds) => Failure::after(reason, Duration::from_secs(seconds).min(MAX_PAUSE)),
            None => Failure::later(reason),
        })
    }

    /// What is said of it, for logs and terminals.
    fn said(&self, text: &str) -> String {
        let url = self.url.secret();
        let host = url.parse::<Uri>().ok().and_then(|uri| Some(uri.host()?.to_owned()));
        let text = fitted(redacted(text, url).trim_end(), MAX_ANSWER_COLUMNS);
        format!("{}: {text}", host.unwrap_or_default())
    }
}

/// With what to do, where that is not plain.
fn words(error: &Error) -> String {
    match error {
        Error::Timeout(_) => format!("{error}; notify.timeout is how long it may take"),
        // First, because there is no end to what the library tells.
        Error::Io(cause) if is_about_a_certificate(cause) => format!(
            "its certificate is not trusted here: is ca-certificates installed, and its authority \
             among /etc/ssl/certs? {error}"
        ),
        _ => error.to_string(),
    }
}

fn is_about_a_certificate(cause: &io::Error) -> bool {
    let inner = cause.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

/// The resolver without the C library's.
#[derive(Debug)]
struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(usual);
        let deadline = Instant::now().checked_add(*timeout.after);
        let deadline = deadline.unwrap_or_else(|| Instant::now() + Duration::from_mins(1));
        let found = addresses(host, deadline).map_err(|error| {
            Error::Io(io::Error::new(error.kind(), format!("{host} has no address: {error}")))
        })?;
        let mut addresses = self.empty();
        for address in found.into_iter().take(16) {
            addresses.push(SocketAddr::new(address, port));
        }
        Ok(addresses)
    }
}
