//! Commands on nodes: the one that the engine sends is carried out on the files of the world, others say what they were.

use std::collections::BTreeSet;
// Writing to a String cannot fail.
use std::fmt::Write as _;

use super::client::{Call, Simulated};
use super::files::below;
use super::world::World;
use crate::cloud::Result;
use crate::cloud::remote::{Command, Invocation, Progress, Remote, Ticket};
use crate::cloud::unlinked::paths_of;
use crate::observed::NodeState;

impl Remote for Simulated {
    async fn online(&self, nodes: &[String]) -> Result<BTreeSet<String>> {
        let online = |world: &mut World| {
            let running =
                nodes.iter().filter(|id| world.nodes.get(*id).is_some_and(|it| it.state == NodeState::Running));
            Ok(running.filter(|_| world.settings.agents_answer).cloned().collect())
        };
        self.request(Call::read("ssm:DescribeInstanceInformation"), online).await
    }

    async fn send(&self, command: &Command) -> Result<String> {
        let send = |world: &mut World| {
            world.commands.push(command.clone());
            Ok(format!("command-{}", world.commands.len()))
        };
        self.request(Call::read("ssm:SendCommand"), send).await
    }

    async fn invocations(&self, id: &str) -> Result<Vec<Invocation>> {
        let number = id.strip_prefix("command-").and_then(|number| number.parse::<usize>().ok()).unwrap_or(0);
        let look = |world: &mut World| {
            let command = number.checked_sub(1).and_then(|at| world.commands.get(at)).cloned();
            let invocations = command.iter().flat_map(|command| {
                command.nodes.iter().map(|node| Invocation {
                    node: node.clone(),
                    progress: Progress::Done(0),
                    output: world.output_of(command),
                    errors: String::new(),
                })
            });
            Ok(invocations.collect())
        };
        self.request(Call::read("ssm:ListCommandInvocations"), look).await
    }

    async fn cancel_command(&self, _: &str) -> Result<()> {
        self.request(Call::read("ssm:CancelCommand"), |_| Ok(())).await
    }

    async fn console(&self, node: &str) -> Result<Option<String>> {
        let console =
            |world: &mut World| Ok(world.nodes.get(node).map(|_| format!("provision: the console of {node}\n")));
        self.request(Call::read("ec2:GetConsoleOutput"), console).await
    }

    async fn open_session(&self, node: &str) -> Result<Ticket> {
        let session_id = format!("session-{node}");
        let open = |_: &mut World| Ok(Ticket { session_id, token_value: String::new(), stream_url: String::new() });
        self.request(Call::read("ssm:StartSession"), open).await
    }

    async fn end_session(&self, _: &str) -> Result<()> {
        self.request(Call::read("ssm:TerminateSession"), |_| Ok(())).await
    }
}

impl World {
    fn output_of(&self, command: &Command) -> String {
        let Some(paths) = command.lines.first().and_then(|line| paths_of(line)) else {
            return command.lines.join("\n");
        };
        let all = self.files.values().flatten();
        let outside = all.filter(|(path, counts)| counts.dirty > 0 && !paths.iter().any(|link| below(path, link)));
        let (mut files, mut names) = (0, String::new());
        for (path, counts) in outside {
            files += counts.dirty;
            let _ = writeln!(names, "{path}");
        }
        format!("{files} {} complete\n{names}", files * 1_000_000)
    }
}
