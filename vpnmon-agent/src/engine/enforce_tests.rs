use std::time::Duration;

use jiff::civil::Date;

use super::*;
use crate::{
    admins::sudoers::Sudoers,
    config::SshAction,
    engine::{
        Restored, Settings,
        people::Limits,
        status::{NoAnswer, Wanted},
    },
    event::{Claimed, Event, Reading},
    model::Bytes,
    order::{Process, Step},
    session::{Server, Session, SessionEvent},
    users::Users,
};

const UID: u32 = 1001;
const PASSWD: &[u8] = b"root:x:0:0::/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n";
const LIMIT: Limits = Limits { daily: None, total: Some(1000) };

fn now() -> Now {
    let today = Date::constant(2026, 11, 24);
    Now { unix_seconds: 1_795_521_001, monotonic: Duration::from_secs(9), today }
}

fn settings(ssh_action: SshAction, dry_run: bool) -> Settings {
    Settings { ssh_action, dry_run, ..Settings::of_tests("boot/1/uplink") }
}

fn admins(group: &str) -> Admins {
    Admins::read(PASSWD, group.as_bytes(), &Sudoers::default())
}

fn engine(ssh_action: SshAction, dry_run: bool) -> Engine {
    let users = Users::parse(PASSWD, (1000, 60000));
    let mut engine = Engine::new(settings(ssh_action, dry_run), users, Restored::default(), now());
    engine.arm();
    engine.handle(Event::Admins(admins("")), now());
    let claimed = [Claimed { slot: 5, owner: vpnmon_common::owner::Owner::Uid(UID) }];
    engine.handle(Event::Drained { claimed: &claimed, moved: &[] }, now());
    engine.limit("bob", LIMIT, &[], now()).unwrap();
    engine
}

/// Counts up to this; what was ordered then.
fn moves(engine: &mut Engine, uplink: u64) -> Vec<Target> {
    let moved = [Reading { slot: 5, bytes: Bytes { uplink, downlink: 0 }, refused: 0 }];
    targets(engine.handle(Event::Drained { claimed: &[], moved: &moved }, now()))
}

/// What commands have ordered since.
fn ordered(engine: &mut Engine) -> Vec<Target> {
    targets(engine.take_outbox(now()))
}

fn targets(commands: Vec<Command>) -> Vec<Target> {
    let target = |command| match command {
        Command::Enforce(Order::Become(person, target)) => {
            assert_eq!(person, bob());
            Some(target)
        }
        _ => None,
    };
    commands.into_iter().filter_map(target).collect()
}

fn bob() -> Person {
    Person { name: "bob".to_owned(), uid: UID }
}

fn report(engine: &mut Engine, outcome: Outcome) -> Vec<Command> {
    engine.handle(Event::Enforced(Report { person: bob(), outcome }), now())
}

/// Events about bob that wait to be written.
fn events(engine: &mut Engine) -> Vec<Kind> {
    let commands = engine.handle(Event::PersistDue, now());
    let incidents = commands.into_iter().find_map(|command| match command {
        Command::Store(batch) => Some(batch.incidents),
        _ => None,
    });
    incidents.unwrap_or_default().iter().map(|incident| incident.kind).collect()
}

fn usage(engine: &Engine) -> u64 {
    engine.status(&Wanted::Named("bob".to_owned()), now()).unwrap().accounts[0].total_usage
}

#[test]
fn each_order_is_given_once() {
    for (action, target) in
        [(SshAction::Delete, Target::Deleted), (SshAction::Disable, Target::LockedOut)]
    {
        let mut engine = engine(action, false);
        assert_eq!(moves(&mut engine, 999), []);
        assert_eq!(moves(&mut engine, 1000), [target]);
        assert_eq!((moves(&mut engine, 1001), ordered(&mut engine)), (vec![], vec![]));
        engine.reset(&Wanted::Named("bob".to_owned()), now()).unwrap();
        assert_eq!(ordered(&mut engine), [Target::Open]);
        report(&mut engine, Outcome::Opened);
        assert_eq!(ordered(&mut engine), []);
        assert!(events(&mut engine).ends_with(&[Kind::Unblocked, Kind::Enabled]));
    }
    let mut engine = engine(SshAction::Block, false);
    assert_eq!(moves(&mut engine, 1000), []);
}

#[test]
fn disabled_by_hand_is_enabled_by_hand() {
    let mut engine = engine(SshAction::Delete, false);
    assert!(engine.disable("bob", &[], now()).unwrap().1);
    assert!(!engine.disable("ssh:bob", &[], now()).unwrap().1);
    assert_eq!(ordered(&mut engine), [Target::LockedOut]);
    report(&mut engine, Outcome::LockedOut);
    engine.reset(&Wanted::All, now()).unwrap();
    assert_eq!(ordered(&mut engine), [], "a reset is not for who was disabled by hand");
    assert_eq!(engine.enable(&Wanted::All, now()).unwrap().len(), 1);
    assert_eq!(ordered(&mut engine), [Target::Open]);
    report(&mut engine, Outcome::Opened);
    let about_login = |kind: &Kind| matches!(kind, Kind::Disabled | Kind::Enabled);
    let events: Vec<_> = events(&mut engine).into_iter().filter(about_login).collect();
    assert_eq!(events, [Kind::Disabled, Kind::Enabled]);
}

#[test]
fn nobody_is_locked_out_who_must_not_be() {
    let mut engine = engine(SshAction::Delete, false);
    let refused = |it: Result<_, NoAnswer>| matches!(it, Err(NoAnswer::Protected(..)));
    assert!(refused(engine.disable("bob", &[UID], now())));
    assert!(refused(engine.limit("bob", LIMIT, &[7, UID], now()).map(|key| (key, true))));
    engine.handle(Event::Admins(admins("sudo:x:27:bob\n")), now());
    assert!(refused(engine.disable("bob", &[], now())));
    for used in 2000..2003 {
        assert_eq!(moves(&mut engine, used), []);
    }
    let refused = events(&mut engine).into_iter().filter(|kind| *kind == Kind::Refused).count();
    assert_eq!(refused, 1, "told once");
    let commands = engine.handle(Event::Admins(admins("")), now());
    assert_eq!(targets(commands), [Target::Deleted]);
    // Who becomes one meanwhile is let in again.
    let commands = engine.handle(Event::Admins(admins("sudo:x:27:bob\n")), now());
    assert_eq!(targets(commands), [Target::Open]);
}

#[test]
fn a_dry_run_orders_nothing() {
    let mut engine = engine(SshAction::Delete, true);
    assert!(matches!(engine.disable("bob", &[], now()), Err(NoAnswer::DryRun(_))));
    assert_eq!((moves(&mut engine, 1000), moves(&mut engine, 1001)), (vec![], vec![]));
    let refused = events(&mut engine).into_iter().filter(|kind| *kind == Kind::Refused).count();
    assert_eq!(refused, 2, "that it would be blocked, and deleted");
}

#[test]
fn what_was_begun_goes_on_unless_it_was_overtaken() {
    for (used, target, expected) in [
        (1000, Target::Deleted, Target::Deleted),
        (1000, Target::LockedOut, Target::Deleted),
        (999, Target::Deleted, Target::Open),
        (999, Target::Open, Target::Open),
    ] {
        let mut engine = engine(SshAction::Delete, false);
        let given = moves(&mut engine, used);
        assert_eq!(given.len(), usize::from(used == 1000));
        let standing = vec![Standing { person: bob(), target }];
        let commands = engine.handle(Event::Standing(standing), now());
        assert_eq!(targets(commands), [expected], "{used} {target:?}");
        assert_eq!(ordered(&mut engine), []);
    }
}

#[test]
fn a_deleted_user_is_struck_out_and_forgotten_when_that_is_written_down() {
    let mut engine = engine(SshAction::Delete, false);
    moves(&mut engine, 1000);
    engine.handle(Event::Users(Users::parse(b"root:x:0:0::/root:", (1000, 60000))), now());
    let commands = report(&mut engine, Outcome::Deleted(vec!["home /x stays".to_owned()]));
    assert!(!commands.iter().any(|it| matches!(it, Command::Enforce(_))), "it is not on disk yet");
    assert!(engine.status(&Wanted::Named("bob".to_owned()), now()).is_err());
    assert_eq!(events(&mut engine).last(), Some(&Kind::Deleted));
    let stored = crate::event::Stored::default();
    let commands = engine.handle(Event::Stored(stored), now());
    assert_eq!(commands, [Command::Enforce(Order::Forget(bob()))]);
}

#[test]
fn a_new_user_of_the_name_begins_with_nothing() {
    let mut engine = engine(SshAction::Delete, false);
    assert_eq!(moves(&mut engine, 1000), [Target::Deleted]);
    assert_eq!(targets(report(&mut engine, Outcome::Replaced)), []);
    assert_eq!((usage(&engine), ordered(&mut engine)), (0, vec![]));
    moves(&mut engine, 1007);
    assert_eq!(usage(&engine), 7);
}

#[test]
fn sessions_that_begin_too_late_are_ended() {
    let mut engine = engine(SshAction::Delete, false);
    let session = |pid| Session {
        pid,
        start_time: 3,
        server: Server::Dropbear,
        user: "bob".to_owned(),
        client: None,
        client_port: None,
        front: None,
        since: 0,
    };
    let ends = |commands: Vec<Command>| -> Vec<u32> {
        let ends = commands.into_iter().filter_map(|command| match command {
            Command::Enforce(Order::End(_, processes)) => Some(processes),
            _ => None,
        });
        ends.flatten().map(|Process { pid, .. }| pid).collect()
    };
    let began = |pid| Event::Sessions(vec![SessionEvent::Began(session(pid))]);
    assert_eq!(ends(engine.handle(began(70), now())), [0; 0]);
    engine.disable("bob", &[], now()).unwrap();
    assert_eq!(ends(engine.take_outbox(now())), [70]);
    assert_eq!(ends(engine.handle(began(71), now())), [71]);
}

#[test]
fn failures_are_told() {
    let mut engine = engine(SshAction::Delete, false);
    moves(&mut engine, 1000);
    let commands = report(&mut engine, Outcome::Failed(Step::Home, "it is busy".to_owned()));
    assert!(matches!(commands.as_slice(), [Command::Warn(_)]), "{commands:?}");
    assert_eq!(events(&mut engine).last(), Some(&Kind::DeleteStepFailed));
}
