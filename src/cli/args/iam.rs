//! The arguments of `iam`.

use clap::{Args, ValueEnum};

use super::SpecFile;
use crate::permissions::Repository;

/// Whose rights: one of the two has to be said.
#[derive(Debug, Args)]
#[group(required = true)]
pub(in crate::cli) struct Rights {
    /// Of those who look: what `plan`, `status` and `list` need
    #[arg(long)]
    pub plan: bool,
    /// Of those who change: what `up` and `down` need, and what `--plan` allows
    #[arg(long)]
    pub apply: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Iam {
    #[command(flatten)]
    pub file: SpecFile,
    #[command(flatten)]
    pub rights: Rights,
    /// The account, in twelve digits; without it the policy fits any
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,
    /// Which of several policies, where IAM takes no more in one
    #[arg(long, value_name = "N", conflicts_with = "trust")]
    pub part: Option<usize>,
    /// Print the trust policy of a role for jobs of a repository instead, by OpenID Connect
    #[arg(long, value_enum, value_name = "WHOM", requires = "repo", requires = "account")]
    pub trust: Option<Trust>,
    /// With --trust: the repository, `owner/name`; `owner@id/name@id` if it was made since July 2026
    #[arg(long, value_name = "REPOSITORY", requires = "trust")]
    pub repo: Option<Repository>,
    /// With --trust: jobs of this branch; may be given several times
    #[arg(long, value_name = "NAME", requires = "trust")]
    pub branch: Vec<String>,
    /// With --trust: jobs of this environment; may be given several times
    #[arg(long, value_name = "NAME", requires = "trust")]
    pub environment: Vec<String>,
    /// With --trust and --plan: jobs that pull requests start
    #[arg(long, requires = "trust", conflicts_with = "apply")]
    pub pull_request: bool,
    /// The format, of which there is one
    #[arg(long, value_enum, default_value_t)]
    pub format: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Trust {
    Github,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Json {
    #[default]
    Json,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".to_owned())
    }
}
