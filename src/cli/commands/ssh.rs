//! `provision ssh`: a shell on a node, through the Session Manager plugin of AWS.

use std::io::ErrorKind;
use std::process::Command;

use super::status::which;
use crate::cli::args::Ssh;
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, cloud, plain};
use crate::cli::nodes;
use crate::cli::settings::Settings;
use crate::cloud::Cloud as _;
use crate::cloud::remote::Remote as _;

const PLUGIN: &str = "session-manager-plugin";
const INSTALL: &str = "install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";
/// From this version on the plugin reads the token from a variable, where other users of the machine do not see it (aws-cli,
/// customizations/sessionmanager.py).
const READS_VARIABLE: [u32; 3] = [1, 2, 497];
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";

pub(in crate::cli) async fn run(args: &Ssh, settings: &Settings) -> anyhow::Result<Exit> {
    let (name, spec) = which(&args.which, settings)?;
    let version = plugin_version()?;
    let connected = connect(settings, spec.and_then(|spec| spec.cluster.region).as_deref()).await?;
    let all = nodes::of(&connected, &name, &args.which.named()).await?;
    let node = nodes::choose(&all, &args.node)?.id.clone();
    let region = connected.identity().await.map_err(|error| cloud(error, "open a shell"))?.region;
    let online = connected.online(std::slice::from_ref(&node)).await.map_err(|error| cloud(error, "open a shell"))?;
    if online.is_empty() {
        return Err(plain(
            format!("no agent of Systems Manager answers on {node}"),
            format!("wait until it has booted; its console: `provision logs {node}`"),
        ));
    }
    let ticket = connected.open_session(&node).await.map_err(|error| cloud(error, "open a shell"))?;
    let answer = serde_json::to_string(&ticket)?;
    let target = serde_json::json!({ "Target": node }).to_string();
    let endpoint = settings.endpoint_url.clone().unwrap_or_else(|| format!("https://ssm.{region}.amazonaws.com"));
    let profile = settings.profile.clone().unwrap_or_default();
    let mut plugin = Command::new(PLUGIN);
    if version >= READS_VARIABLE {
        plugin.env(VARIABLE, answer).arg(VARIABLE);
    } else {
        plugin.arg(answer);
    }
    let ended = plugin.args([&region, "StartSession", &profile, &target, &endpoint]).status();
    // Whoever leaves the shell has ended it already; who never came in has not.
    let _ = connected.end_session(&ticket.session_id).await;
    match ended {
        Ok(status) if status.success() => Ok(Exit::Done),
        Ok(_) => Ok(Exit::Error),
        Err(error) => Err(plain(format!("`{PLUGIN}` cannot be started: {error}"), INSTALL)),
    }
}

/// The three first numbers of `1.2.497.0`.
fn plugin_version() -> anyhow::Result<[u32; 3]> {
    let said = Command::new(PLUGIN).arg("--version").output().map_err(|error| {
        let title = match error.kind() {
            ErrorKind::NotFound => format!("`{PLUGIN}` is not installed"),
            _ => format!("`{PLUGIN}` cannot be started: {error}"),
        };
        plain(title, INSTALL)
    })?;
    Ok(version(&String::from_utf8_lossy(&said.stdout)))
}

fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.trim().split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("1.2.707.0\n") >= READS_VARIABLE && version("1.10.0.0") >= READS_VARIABLE);
        assert!(version("1.2.99.0") < READS_VARIABLE && version("") < READS_VARIABLE);
    }
}
