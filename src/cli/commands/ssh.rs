//! `provision ssh`: a shell on a node. AWS's Session Manager plugin speaks through the session that is begun here.
//!
//! What the plugin is given is what the aws cli gives it (aws-cli, `awscli/customizations/sessionmanager.py`, read 2026-11):
//! the session, the region, `StartSession`, the profile, the request, the endpoint.

use std::io::{self, ErrorKind};
use std::process::{Command, ExitStatus};

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::args::{Ssh, shell};
use crate::cli::exit::{Exit, cloud, plain};
use crate::cli::nodes;
use crate::cli::settings::Settings;
use crate::cloud::{Class, Cloud as _, Remote as _, SessionTicket};
use crate::observed::NodeState;
use crate::render::command::UNREACHABLE;

const PLUGIN: &str = "session-manager-plugin";
const INSTALL: &str =
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";
/// The last one that takes the session as an argument only, where every process of the machine can read it.
const LAST_WITHOUT_VARIABLE: [u32; 4] = [1, 2, 497, 0];
/// Where newer ones look for the session, if this name stands in the argument.
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";
/// Of Ctrl-Z: signal(7) on Linux, signal(3) on macOS.
const SIGTSTP: i32 = if cfg!(target_os = "linux") { 20 } else { 18 };

pub(in crate::cli) async fn run(args: &Ssh, settings: &Settings) -> anyhow::Result<Exit> {
    let Ssh { node, which } = args;
    let fleet = nodes::look(which, settings).await?;
    let found = fleet.one(node)?;
    let id = &found.node.id;
    if found.node.state != NodeState::Running {
        return Err(plain(
            format!("{id} does not run"),
            format!("what it has printed: `provision logs{} {id}`", which.named()),
        ));
    }
    let identity = fleet.cloud.identity().await.map_err(|error| cloud(error, "open a session"))?;
    let by_hand = by_hand(id, &identity.region, settings);
    // Before the session: one that nobody speaks through would stay open.
    check_plugin(&by_hand)?;
    let ticket = match fleet.cloud.start_session(id).await {
        Ok(ticket) => ticket,
        Err(error) if error.class == Class::NotFound => {
            return Err(plain(
                format!("Systems Manager does not hear of {id}"),
                UNREACHABLE.trim_start_matches("help: "),
            ));
        }
        Err(error) => return Err(cloud(error, "open a session")),
    };
    leave_keys_to_the_plugin()?;
    let mut command = plugin(&ticket, id, &identity.region, settings.profile_name().unwrap_or_default());
    let ended = tokio::task::spawn_blocking(move || command.status()).await?;
    match ended {
        Ok(status) if status.success() => Ok(Exit::Done),
        other => {
            // It may have ended by itself, and what went wrong matters more.
            let _ = fleet.cloud.end_session(&ticket.id).await;
            Err(plain(how(other), by_hand))
        }
    }
}

fn how(ended: io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => format!("the session ended: {PLUGIN} gave {status}"),
        Err(error) => format!("{PLUGIN} cannot be started: {error}"),
    }
}

/// The same without us.
fn by_hand(id: &str, region: &str, settings: &Settings) -> String {
    let profile = settings.profile_name().map(|name| format!(" --profile {}", shell(&name))).unwrap_or_default();
    format!("try it by hand: `aws ssm start-session --target {id} --region {region}{profile}`")
}

fn check_plugin(by_hand: &str) -> anyhow::Result<()> {
    let said = match Command::new(PLUGIN).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(plain(
                format!("`{PLUGIN}` is not on this machine"),
                format!("install it: {INSTALL}; it is what `aws ssm start-session` needs as well"),
            ));
        }
        Err(error) => return Err(plain(format!("`{PLUGIN}` cannot be started: {error}"), by_hand)),
    };
    match version(&said) {
        Some(version) if version.as_slice() > LAST_WITHOUT_VARIABLE.as_slice() => Ok(()),
        Some(_) => Err(plain(
            format!("`{PLUGIN}` {said} takes the key of a session only where every user of this machine can read it"),
            format!("install a newer one: {INSTALL}; or {by_hand}"),
        )),
        None => Err(plain(
            format!("`{PLUGIN}` does not say its version"),
            format!("install it anew: {INSTALL}; or {by_hand}"),
        )),
    }
}

fn version(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

fn plugin(ticket: &SessionTicket, node: &str, region: &str, profile: String) -> Command {
    let SessionTicket { id, token, stream_url, endpoint } = ticket;
    let session = json!({ "SessionId": id, "TokenValue": token, "StreamUrl": stream_url });
    let mut command = Command::new(PLUGIN);
    command
        .env(VARIABLE, session.to_string())
        .args([VARIABLE, region, "StartSession"])
        .arg(profile)
        .args([json!({ "Target": node }).to_string(), endpoint.clone()]);
    command
}

/// Ctrl-C, Ctrl-\ and Ctrl-Z are for the shell on the node: the plugin sends them there, and we live on.
fn leave_keys_to_the_plugin() -> io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::quit(), SignalKind::from_raw(SIGTSTP)] {
        // Once listened to, a signal does not end the process any more; the plugin starts with its own ways.
        drop(signal(kind)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_session_is_in_no_argument() {
        let ticket = SessionTicket {
            id: "s-1".to_owned(),
            token: "SECRET".to_owned(),
            stream_url: "wss://x".to_owned(),
            endpoint: "https://ssm.us-east-1.amazonaws.com".to_owned(),
        };
        let command = plugin(&ticket, "i-0a", "us-east-1", String::new());
        let words: Vec<&str> = command.get_args().filter_map(|word| word.to_str()).collect();
        assert_eq!(
            words,
            [VARIABLE, "us-east-1", "StartSession", "", r#"{"Target":"i-0a"}"#, "https://ssm.us-east-1.amazonaws.com"]
        );
        assert!(command.get_envs().any(|(name, value)| name == VARIABLE
            && value.and_then(|value| value.to_str()).is_some_and(|value| value.contains("SECRET"))));
        assert!(!format!("{ticket:?}").contains("SECRET"));
    }

    #[test]
    fn versions_are_compared_by_number() {
        let newer = |text: &str| version(text).is_some_and(|each| each.as_slice() > LAST_WITHOUT_VARIABLE.as_slice());
        assert!(newer("1.2.553.0") && newer("1.10.1.0") && newer("1.2.497.1"));
        assert!(!newer("1.2.497.0") && !newer("1.2.99.0") && !newer("1.1.999.9") && !newer("x"));
    }
}
