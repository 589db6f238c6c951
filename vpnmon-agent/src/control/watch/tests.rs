//! The socket with watchers on it, without an agent behind it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::{
    control::{Answer, server::Server},
    model::sighting::{Direction, HostService, Kind},
};

fn event(number: usize) -> Arc<HostEvent> {
    Arc::new(HostEvent {
        time: String::new(),
        host: format!("{number}.example"),
        kind: Kind::Sni,
        service: HostService::Ssh,
        user: Some(if number.is_multiple_of(2) { "even" } else { "odd" }.to_owned()),
        source_ip: None,
        dest_ip: None,
        dest_port: None,
        direction: Direction::Egress,
        odd: false,
    })
}

/// A connection that has asked for `filter`, and what came first.
fn watch(socket: &Path, filter: &str) -> (BufReader<UnixStream>, Answer) {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream);
    writeln!(reader.get_mut(), "{{\"watch-hosts\":{{\"filter\":{filter}}}}}").unwrap();
    let answer = next(&mut reader);
    (reader, answer)
}

fn next<T: serde::de::DeserializeOwned>(reader: &mut BufReader<UnixStream>) -> T {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

/// Runs `look` beside a server on `hub`.
fn served(look: impl FnOnce(&Path, &Hub) + Send + 'static) {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("agent.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::bind(&socket).unwrap();
        server.appear().unwrap();
        let hub = Hub::default();
        let (ask, _asked) = mpsc::channel(1);
        let ours = hub.clone();
        let looks = tokio::task::spawn_blocking(move || look(&socket, &ours));
        select! {
            () = server.serve(ask, hub) => {}
            looked = looks => looked.unwrap(),
        }
    });
}

#[test]
fn each_watcher_sees_what_it_wants_at_once() {
    served(|socket, hub| {
        let (mut all, answer) = watch(socket, "{\"user\":null,\"service\":null,\"kind\":null}");
        assert_eq!(answer, Answer::Watching);
        let (mut odd, _) = watch(socket, "{\"user\":\"odd\",\"service\":\"ssh\",\"kind\":\"sni\"}");
        let started = Instant::now();
        hub.show((0..4).map(event).collect());
        for number in 0..4 {
            assert_eq!(next::<Watched>(&mut all), Watched::Row((*event(number)).clone()));
        }
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        for number in [1, 3] {
            assert_eq!(next::<Watched>(&mut odd), Watched::Row((*event(number)).clone()));
        }
        assert_eq!(hub.take_lost(), 0);
    });
}

#[test]
fn who_does_not_read_loses_rows_and_holds_nobody_up() {
    const ROWS: usize = 100_000;
    served(|socket, hub| {
        let (mut slow, _) = watch(socket, "{\"user\":null,\"service\":null,\"kind\":null}");
        for number in 0..ROWS {
            hub.show(vec![event(number)]);
        }
        let (mut seen, mut lost) = (0, 0);
        while seen + lost < ROWS {
            match next(&mut slow) {
                Watched::Row(_) => seen += 1,
                Watched::Lost(count) => lost += usize::try_from(count).unwrap(),
            }
        }
        assert!(lost > 0 && seen >= QUEUE, "{seen} seen, {lost} lost");
        assert_eq!(hub.take_lost(), lost as u64);
    });
}

#[test]
fn there_are_so_many_watchers_and_no_more() {
    served(|socket, hub| {
        let open = "{\"user\":null,\"service\":null,\"kind\":null}";
        let mut watchers: Vec<_> = (0..MAX_WATCHERS).map(|_| watch(socket, open)).collect();
        let (_, refused) = watch(socket, open);
        assert!(matches!(refused, Answer::Refused { code: 1, .. }), "{refused:?}");
        // One that leaves makes room, though nothing is shown to it.
        watchers.pop();
        let deadline = Instant::now() + Duration::from_secs(10);
        while watch(socket, open).1 != Answer::Watching {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        hub.show(vec![event(0)]);
        for (watcher, _) in &mut watchers {
            assert_eq!(next::<Watched>(watcher), Watched::Row((*event(0)).clone()));
        }
    });
}
