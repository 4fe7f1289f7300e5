//! Commands on nodes, played by a table; consoles and sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::client::{Call, Simulated};
use super::clock::VirtualClock;
use super::efs::storage_of;
use super::files::below;
use super::world::{Answer, World, refuse};
use crate::cloud::{
    Class, Command, CommandOutput, CommandState, Console, Invocation, NODES_A_COMMAND, Remote, Result, SessionTicket,
};
use crate::observed::NodeState;

/// The first line of the command that counts files outside the links, before their paths.
const COUNT: &str = "# provision: count-unlinked";
/// Paths that a node names.
const MOST_PATHS: usize = 10;
/// As if each file were so large; the world knows only how many there are.
const BYTES_A_FILE: u64 = 1_000_000;

/// How a command turns out on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Play {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    /// From its arrival to its end. None: it never ends.
    pub takes: Option<Duration>,
}

/// A command that was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    at: Duration,
    command: Command,
    plays: BTreeMap<String, Option<Play>>,
    cancelled: Option<Duration>,
}

impl Remote for Simulated {
    async fn console(&self, node: &str) -> Result<Console> {
        let look = |world: &mut World| {
            if world.nodes.get(node).is_none() {
                return refuse(Class::NotFound, "InvalidInstanceID.NotFound", format!("{node} does not exist"));
            }
            let text = world.settings.consoles.get(node).cloned().unwrap_or_default();
            Ok(Console { at: (!text.is_empty()).then(|| VirtualClock::at(world.now)), text })
        };
        self.request(Call::read("ec2:GetConsoleOutput"), look).await
    }

    async fn online(&self, nodes: &[String]) -> Result<BTreeSet<String>> {
        let look = |world: &mut World| Ok(nodes.iter().filter(|id| world.is_online(id)).cloned().collect());
        self.request(Call::read("ssm:DescribeInstanceInformation"), look).await
    }

    async fn send(&self, command: &Command) -> Result<String> {
        self.request(Call::speak("ssm:SendCommand"), |world| world.send(command)).await
    }

    async fn invocations(&self, command: &str) -> Result<Vec<Invocation>> {
        self.request(Call::read("ssm:ListCommandInvocations"), |world| {
            let sent = world.sent(command)?;
            let state = |node: &String| {
                let state = sent.state(node, world.now);
                Invocation { node: node.clone(), state, detail: format!("{state:?}") }
            };
            Ok(sent.command.nodes.iter().map(state).collect())
        })
        .await
    }

    async fn output(&self, command: &str, node: &str) -> Result<CommandOutput> {
        self.request(Call::read("ssm:GetCommandInvocation"), |world| {
            let sent = world.sent(command)?;
            let ran = matches!(sent.state(node, world.now), CommandState::Succeeded | CommandState::Failed);
            let play = sent.plays.get(node).cloned().flatten().filter(|_| ran).unwrap_or_default();
            let Play { exit, stdout, stderr, takes: _ } = play;
            Ok(CommandOutput { stdout, stderr, exit_code: ran.then_some(exit), truncated: false })
        })
        .await
    }

    async fn cancel_command(&self, command: &str) -> Result<()> {
        self.request(Call::speak("ssm:CancelCommand"), |world| {
            let now = world.now;
            world.sent(command)?;
            if let Some(sent) = world.commands.get_mut(command) {
                sent.cancelled.get_or_insert(now);
            }
            Ok(())
        })
        .await
    }

    async fn start_session(&self, node: &str) -> Result<SessionTicket> {
        let start = |world: &mut World| {
            if !world.is_online(node) {
                return refuse(Class::NotFound, "TargetNotConnected", format!("{node} is not connected."));
            }
            let (id, endpoint) = (world.id("session"), format!("https://ssm.{}.amazonaws.com", world.settings.region));
            Ok(SessionTicket { id, token: "token".to_owned(), stream_url: "wss://stream".to_owned(), endpoint })
        };
        self.request(Call::speak("ssm:StartSession"), start).await
    }

    async fn end_session(&self, _: &str) -> Result<()> {
        self.request(Call::speak("ssm:TerminateSession"), |_| Ok(())).await
    }
}

impl Sent {
    fn state(&self, node: &str, now: Duration) -> CommandState {
        let Some(Some(play)) = self.plays.get(node) else {
            let late = now >= self.at + self.command.delivery;
            return match self.cancelled {
                Some(_) => CommandState::Cancelled,
                None if late => CommandState::Undelivered,
                None => CommandState::Waiting,
            };
        };
        let length = play.takes.filter(|takes| *takes <= self.command.timeout);
        let end = self.at + length.unwrap_or(self.command.timeout);
        match self.cancelled {
            Some(cancelled) if cancelled < end => CommandState::Cancelled,
            _ if now < end => CommandState::Running,
            _ if length.is_none() => CommandState::TimedOut,
            _ if play.exit == 0 => CommandState::Succeeded,
            _ => CommandState::Failed,
        }
    }
}

impl World {
    fn is_online(&self, id: &str) -> bool {
        let offline = &self.settings.offline;
        let runs = self.nodes.get(id).is_some_and(|node| node.state == NodeState::Running);
        runs && !offline.contains("*") && !offline.contains(id)
    }

    fn sent(&self, command: &str) -> Answer<&Sent> {
        match self.commands.get(command) {
            Some(sent) => Ok(sent),
            None => refuse(Class::Invalid, "InvalidCommandId", format!("{command} does not exist")),
        }
    }

    fn send(&mut self, command: &Command) -> Answer<String> {
        if command.nodes.len() > NODES_A_COMMAND {
            return refuse(Class::Invalid, "ValidationException", "too many instances in one command");
        }
        let strange = |id: &&String| self.nodes.get(*id).is_none_or(|node| node.state != NodeState::Running);
        if let Some(id) = command.nodes.iter().find(strange) {
            return refuse(Class::NotFound, "InvalidInstanceId", format!("[{id}] is not in a valid state"));
        }
        let plays = command.nodes.iter().map(|id| {
            let play = self.is_online(id).then(|| self.play(id, &command.lines));
            (id.clone(), play)
        });
        let sent = Sent { at: self.now, command: command.clone(), plays: plays.collect(), cancelled: None };
        let id = self.id("command");
        self.note(format!("{id}: {}", command.lines.join("; ")));
        self.commands.insert(id.clone(), sent);
        Ok(id)
    }

    fn play(&self, node: &str, lines: &[String]) -> Play {
        let known = self.settings.commands.iter().rev();
        let found = known.into_iter().find(|(word, _)| lines.iter().any(|line| line.contains(word)));
        if let Some((_, play)) = found {
            return play.clone();
        }
        let quick = Play { takes: Some(Duration::from_secs(1)), ..Play::default() };
        match lines.first().and_then(|line| line.strip_prefix(COUNT)) {
            Some(paths) => Play { stdout: self.count_unlinked(node, paths), ..quick },
            None => quick,
        }
    }

    /// What the node's own script prints.
    fn count_unlinked(&self, node: &str, paths: &str) -> String {
        let links: Vec<String> = shlex::split(paths).unwrap_or_default();
        let file_system = self.nodes.get(node).and_then(|node| storage_of(&node.uses));
        let files = file_system.and_then(|(_, id)| self.files.get(&id)).into_iter().flatten();
        let found: Vec<(&String, u64)> = files
            .filter(|(path, _)| !links.iter().any(|link| below(path, link)))
            .map(|(path, counts)| (path, counts.dirty + counts.exported))
            .filter(|(_, count)| *count > 0)
            .collect();
        let count: u64 = found.iter().map(|(_, count)| count).sum();
        let paths = found.iter().take(MOST_PATHS).map(|(path, _)| format!("{path}\n"));
        format!("{count} {} complete\n{}", count * BYTES_A_FILE, paths.collect::<String>())
    }
}
