//! One connection to the API, and the questions it is for.
//!
//! A connection is never replaced behind our back: another connection may lead to another process,
//! whose counters begin at zero.

use std::{
    future::{Ready, ready},
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use nix::time::{ClockId, clock_gettime};
use prost::Message;
use tokio::{net::TcpStream, time::timeout};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codegen::{
        Service,
        http::{Uri, uri::PathAndQuery},
    },
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{
    conf::direct::Direct,
    dialect::Dialect,
    marked,
    message::{
        AddInboundRequest, AddUser, AlterInboundRequest, Empty, InboundConfig, InboundUsersRequest,
        InboundUsersResponse, QueryStatsRequest, QueryStatsResponse, RemoveInboundRequest,
        RemoveOutboundRequest, RemoveRuleRequest, RemoveUser, Stat, SysStatsRequest,
        SysStatsResponse, TypedMessage, User,
    },
};

/// A server that does not answer for so long counts as down; nothing is lost by that.
const PATIENCE: Duration = Duration::from_secs(3);
/// Some half a million users. tonic's own bound, 4 MiB, is reached at 40,000.
const MAX_ANSWER: usize = 64 << 20;
/// All names of users' counters hold it.
const USERS: &str = "user>>>";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody there, or nobody who speaks this.
    #[error("{0}")]
    Down(String),
    /// It does not know the question.
    #[error("it has no such method")]
    Unimplemented,
    /// It refuses, in its own words.
    #[error("it says: {0}")]
    Refused(String),
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    grpc: Grpc<Channel>,
    dialect: Dialect,
    started: Option<u64>,
}

impl Client {
    /// Connects, and finds out how it is spoken to.
    pub async fn connect(api: SocketAddr) -> Result<Self, NoAnswer> {
        let stream = in_time(TcpStream::connect(api)).await?;
        let stream = stream.map_err(|error| NoAnswer::Down(error.to_string()))?;
        let _only_slower = stream.set_nodelay(true);
        let endpoint = Endpoint::from_static("http://xray")
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(4 << 20);
        let channel = in_time(endpoint.connect_with_connector(Once(Some(stream)))).await?;
        let channel = channel.map_err(|error| NoAnswer::Down(shown(&error)))?;
        let grpc = Grpc::new(channel).max_decoding_message_size(MAX_ANSWER);
        let mut client = Self { grpc, dialect: Dialect::Xray, started: None };
        client.learn().await?;
        Ok(client)
    }

    /// Its names, by asking in each way; the answer is how long it runs.
    async fn learn(&mut self) -> Result<(), NoAnswer> {
        for dialect in Dialect::ALL {
            self.dialect = dialect;
            match self.ask(&dialect.stats("GetSysStats"), SysStatsRequest {}).await {
                Ok(SysStatsResponse { uptime }) => {
                    self.started = monotonic_seconds().map(|now| now.saturating_sub(uptime.into()));
                    return Ok(());
                }
                Err(NoAnswer::Unimplemented) => {}
                Err(error) => return Err(error),
            }
        }
        // Statistics without the question of how it is: v2ray before 4.20.
        self.query().await.map(|_| ())
    }

    /// Whose names it has.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// When the process began, in seconds of the monotonic clock, if it says so: up to a second
    /// late, for it tells whole seconds, and as much as the answer took.
    pub const fn started(&self) -> Option<u64> {
        self.started
    }

    /// All users' counters.
    pub async fn query(&mut self) -> Result<Vec<Stat>, NoAnswer> {
        let question = QueryStatsRequest { pattern: USERS.to_owned() };
        let answer: QueryStatsResponse =
            self.ask(&self.dialect.stats("QueryStats"), question).await?;
        Ok(answer.stat)
    }

    /// The user as the server has it; `None` where it has no such user.
    pub async fn user(&mut self, tag: &str, email: &str) -> Result<Option<User>, NoAnswer> {
        let question = InboundUsersRequest { tag: tag.to_owned(), email: email.to_owned() };
        let answer: InboundUsersResponse =
            self.ask(&self.dialect.handler("GetInboundUsers"), question).await?;
        Ok(answer.users.into_iter().find(|user| user.email.eq_ignore_ascii_case(email)))
    }

    /// Takes a user out of an inbound. One who is not there is out.
    pub async fn remove(&mut self, tag: &str, email: &str) -> Result<(), NoAnswer> {
        let operation = RemoveUser { email: email.to_owned() };
        let done = self.alter(tag, "RemoveUserOperation", &operation).await;
        unless(done, |text| text.contains("not found"))
    }

    /// Puts a user into an inbound. One who is there already is in.
    pub async fn add(&mut self, tag: &str, user: User) -> Result<(), NoAnswer> {
        let done = self.alter(tag, "AddUserOperation", &AddUser { user: Some(user) }).await;
        unless(done, |text| text.contains("already exists"))
    }

    /// Takes an inbound away. One that is not there is away.
    pub async fn remove_inbound(&mut self, tag: &str) -> Result<(), NoAnswer> {
        let question = RemoveInboundRequest { tag: tag.to_owned() };
        let done = self.ask(&self.dialect.handler("RemoveInbound"), question).await;
        // `common.ErrNoClue`.
        unless(done, |text| text.contains("not enough information"))
    }

    /// Puts an inbound there. One that is there already is fine.
    pub async fn add_inbound(&mut self, inbound: InboundConfig) -> Result<(), NoAnswer> {
        let question = AddInboundRequest { inbound: Some(inbound) };
        let done = self.ask(&self.dialect.handler("AddInbound"), question).await;
        unless(done, |text| text.contains("existing tag"))
    }

    /// Whether the API takes rules: asked by taking one away that is not there.
    pub async fn can_route(&mut self) -> Result<(), NoAnswer> {
        self.remove_rule("vpnmon").await
    }

    /// Gives a user an outbound of its own, like the `first` one but for its sockets' mark. One that has the name already is
    /// just that one, with its rule.
    pub async fn add_marked(
        &mut self,
        tag: &str,
        email: &str,
        mark: u32,
        first: Direct,
    ) -> Result<(), NoAnswer> {
        let question = marked::outbound(self.dialect, tag, mark, first);
        let path = self.dialect.handler("AddOutbound");
        match self.ask::<_, Empty>(&path, question).await {
            Ok(Empty {}) => {}
            Err(NoAnswer::Refused(text)) if text.contains("existing tag") => return Ok(()),
            Err(error) => return Err(error),
        }
        let added = self.add_rule(tag, email).await;
        if added.is_err() {
            // Without its rule nobody shall take it for one that is in use.
            let _gone_or_down = self.remove_outbound(tag).await;
        }
        added
    }

    /// Takes the outbound and the rule away that have this name.
    pub async fn remove_marked(&mut self, tag: &str) -> Result<(), NoAnswer> {
        self.remove_rule(tag).await?;
        self.remove_outbound(tag).await
    }

    async fn add_rule(&mut self, tag: &str, email: &str) -> Result<(), NoAnswer> {
        let question = marked::rule(self.dialect, tag, email);
        let done = self.ask(&self.dialect.routing("AddRule"), question).await;
        unless(done, |text| text.contains("duplicate"))
    }

    async fn remove_rule(&mut self, tag: &str) -> Result<(), NoAnswer> {
        let question = RemoveRuleRequest { tag: tag.to_owned() };
        unless(self.ask(&self.dialect.routing("RemoveRule"), question).await, |_| false)
    }

    async fn remove_outbound(&mut self, tag: &str) -> Result<(), NoAnswer> {
        let question = RemoveOutboundRequest { tag: tag.to_owned() };
        unless(self.ask(&self.dialect.handler("RemoveOutbound"), question).await, |_| false)
    }

    async fn alter(
        &mut self,
        tag: &str,
        name: &str,
        operation: &impl Message,
    ) -> Result<Empty, NoAnswer> {
        let (kind, value) = (self.dialect.operation(name), operation.encode_to_vec());
        let operation = Some(TypedMessage { kind, value });
        let question = AlterInboundRequest { tag: tag.to_owned(), operation };
        self.ask(&self.dialect.handler("AlterInbound"), question).await
    }

    async fn ask<Q, A>(&mut self, path: &str, question: Q) -> Result<A, NoAnswer>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(path).map_err(|_| NoAnswer::Unimplemented)?;
        let answered = in_time(async {
            self.grpc.ready().await.map_err(|error| NoAnswer::Down(shown(&error)))?;
            let codec = ProstCodec::<Q, A>::default();
            let answer = self.grpc.unary(Request::new(question), path, codec).await;
            answer.map_err(|status| refusal(&status))
        });
        Ok(answered.await??.into_inner())
    }
}

/// What the server's refusal means. A server that was stopped answers with a code of its own.
fn refusal(status: &Status) -> NoAnswer {
    match status.code() {
        Code::Unimplemented => NoAnswer::Unimplemented,
        Code::Unknown | Code::NotFound | Code::AlreadyExists | Code::InvalidArgument => {
            NoAnswer::Refused(status.message().to_owned())
        }
        _ => NoAnswer::Down(shown(status)),
    }
}

fn unless(done: Result<Empty, NoAnswer>, is_fine: impl Fn(&str) -> bool) -> Result<(), NoAnswer> {
    match done {
        Ok(Empty {}) => Ok(()),
        Err(NoAnswer::Refused(text)) if is_fine(&text) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The clock that Go's `time.Since` goes by: nobody sets it.
fn monotonic_seconds() -> Option<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?;
    now.tv_sec().try_into().ok()
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, NoAnswer> {
    let no_answer = |_| NoAnswer::Down(format!("no answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, work).await.map_err(no_answer)
}

/// The last cause: what tonic says above it is "transport error".
fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Connects once, to what is connected already.
struct Once(Option<TcpStream>);

impl Service<Uri> for Once {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take().map(TokioIo::new);
        ready(stream.ok_or_else(|| io::Error::other("the connection has ended")))
    }
}
