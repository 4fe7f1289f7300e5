//! Who may take a role: jobs of one repository on GitHub, by OpenID Connect.
//!
//! Sources: GitHub Docs, "Configuring OpenID Connect in Amazon Web Services" and "OpenID Connect reference" (2026-11); GitHub
//! changelog of 2026-04-23, by which repositories made since July 2026 have ids in their subject.

use serde_json::{Value, json};

const PROVIDER: &str = "token.actions.githubusercontent.com";

/// `owner/name`, or `owner@id/name@id` as the subjects of newer repositories have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

/// Which jobs of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Those that a pull request starts.
    PullRequest,
    Branch(String),
    Environment(String),
}

/// What cannot be part of a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    #[error("`{0}` is no repository: write `owner/name`, or `owner@id/name@id` where GitHub puts ids into the subject")]
    Repository(String),
    #[error("`{0}` is no name of a branch or an environment: write it whole, without wildcards and white space")]
    Name(String),
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Repository {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |text: &str| {
            let (name, id) = text.split_once('@').map_or((text, None), |(name, id)| (name, Some(id)));
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            let is_id = id.is_none_or(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
            (is_name && is_id).then_some(id.is_some())
        };
        let ids = text.split_once('/').and_then(|(owner, name)| Some((part(owner)?, part(name)?)));
        // With an id on one side only, no token of GitHub's would match.
        if ids.is_some_and(|(owner, name)| owner == name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadSubject::Repository(text.to_owned()))
        }
    }
}

impl Subject {
    pub fn branch(name: &str) -> Result<Self, BadSubject> {
        plain(name).map(Self::Branch)
    }

    pub fn environment(name: &str) -> Result<Self, BadSubject> {
        plain(name).map(Self::Environment)
    }

    fn claim(&self, repository: &Repository) -> String {
        match self {
            Self::PullRequest => format!("repo:{repository}:pull_request"),
            Self::Branch(name) => format!("repo:{repository}:ref:refs/heads/{name}"),
            // GitHub writes it so, since `:` divides the parts of a subject.
            Self::Environment(name) => format!("repo:{repository}:environment:{}", name.replace(':', "%3A")),
        }
    }
}

fn plain(name: &str) -> Result<String, BadSubject> {
    let fine = !name.is_empty() && !name.contains(['*', '?', '$']) && !name.contains(char::is_whitespace);
    if fine { Ok(name.to_owned()) } else { Err(BadSubject::Name(name.to_owned())) }
}

/// The trust policy of a role for these jobs alone, as JSON with a line at its end.
pub fn trust(partition: &str, account: &str, repository: &Repository, subjects: &[Subject]) -> String {
    let claims: Vec<String> = subjects.iter().map(|subject| subject.claim(repository)).collect();
    let document: Value = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "JobsOfOneRepository",
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{PROVIDER}") },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                // Equal and not alike: a wildcard would be another repository's way in.
                "StringEquals": {
                    format!("{PROVIDER}:aud"): "sts.amazonaws.com",
                    format!("{PROVIDER}:sub"): claims,
                },
            },
        }],
    });
    format!("{document:#}\n")
}
