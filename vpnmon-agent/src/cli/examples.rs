//! Examples below the help texts.

pub const MENU: &str = "\
Examples:
  vpnmon-agent menu
  vpnmon-agent menu hosts
  printf '3\\nbob\\n500\\n' | vpnmon-agent menu bandwidth";
pub const COMPLETIONS: &str = "\
Examples:
  vpnmon-agent completions bash > /etc/bash_completion.d/vpnmon-agent
  vpnmon-agent completions fish > ~/.config/fish/completions/vpnmon-agent.fish";
pub const MAN: &str = "\
Example:
  vpnmon-agent man > /usr/local/share/man/man8/vpnmon-agent.8";
pub const PROGRAM: &str = "\
Examples:
  vpnmon-agent status              what each account has used
  vpnmon-agent top                 the same, live
  vpnmon-agent limit set bob 50GB  limit an account
  vpnmon-agent doctor              what works here, what does not, what to do

Exit codes: 0 done, 1 failed or refused, 2 wrong usage or configuration,
3 the agent is not running, 4 no such account or host.";
pub const RUN: &str = "\
Example:
  vpnmon-agent run --config /etc/vpnmon/config.toml";
pub const STATUS: &str = "\
Examples:
  vpnmon-agent status --sort total
  vpnmon-agent status ssh:bob --hosts
  vpnmon-agent status --watch --service vless
  vpnmon-agent status --json | jq '.accounts[] | select(.state != \"ok\")'";
pub const REPORT: &str = "\
Examples:
  vpnmon-agent report
  vpnmon-agent report bob --since 7d --by hour
  vpnmon-agent report --since 2026-11-01 --until 2026-11-30 --csv --output november.csv
  vpnmon-agent report --by month --html --output /root/usage.html";
pub const TOP: &str = "\
Examples:
  vpnmon-agent top
  vpnmon-agent top --hosts";
pub const DISABLE: &str = "\
Example:
  vpnmon-agent disable bob";
pub const ENABLE: &str = "\
Examples:
  vpnmon-agent enable bob
  vpnmon-agent enable --all";
pub const LIMIT_REMOVE: &str = "\
Example:
  vpnmon-agent limit remove bob";
pub const LIMIT_LIST: &str = "\
Example:
  vpnmon-agent limit list --json";
pub const RESET: &str = "\
Examples:
  vpnmon-agent reset bob
  vpnmon-agent reset --all";
pub const XRAY_SNIPPET: &str = "\
Outbounds go behind those of Xray's config, rules behind its rules; Xray has to be restarted then.

Examples:
  vpnmon-agent xray snippet
  vpnmon-agent xray snippet | jq .routing.rules";
pub const IMPORT: &str = "\
Examples:
  vpnmon-agent import --dry-run
  vpnmon-agent import --from /root/backup/etc";
pub const DOCTOR: &str = "\
Exit code 1 if the agent could not run here.

Examples:
  vpnmon-agent doctor
  vpnmon-agent doctor --json";
pub const DETACH: &str = "\
Nothing else takes them out: without this the kernel goes on counting and cutting.

Example:
  systemctl stop vpnmon-agent && vpnmon-agent detach";
pub const HOSTS_LIST: &str = "\
Examples:
  vpnmon-agent hosts list --user bob
  vpnmon-agent hosts list --new --sort count";
pub const HOSTS_WATCH: &str = "\
Examples:
  vpnmon-agent hosts watch --service SSH
  vpnmon-agent hosts watch --json | jq -r .host";
pub const HOSTS_ADD: &str = "\
Example:
  vpnmon-agent hosts add www.example.org --service SSH --source 198.51.100.7";
pub const HOSTS_REMOVE: &str = "\
Example:
  vpnmon-agent hosts remove www.example.org";
pub const HOSTS_CLEAR: &str = "\
Example:
  vpnmon-agent hosts clear --yes";
pub const HOSTS_SWITCH: &str = "\
Example:
  vpnmon-agent hosts off";
pub const NOTIFY_TEST: &str = "\
Examples:
  vpnmon-agent notify test
  vpnmon-agent notify test --config /root/new.toml";
