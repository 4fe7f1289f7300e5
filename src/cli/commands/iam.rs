//! `provision iam`: the IAM policy that this spec needs, and who may use it.

use anyhow::ensure;

use crate::catalog::partitions;
use crate::cli::args::{Iam, Trust};
use crate::cli::exit::{Exit, plain};
use crate::cli::load::load;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::cloud::Identity;
use crate::desired::build_offline;
use crate::permissions::{self, BadSubject, LONGEST, LONGEST_INLINE, Policy, Purpose, Subject, Target};
use crate::spec::Spec;

pub(in crate::cli) fn run(args: &Iam, settings: &Settings) -> anyhow::Result<Exit> {
    let spec = load(&args.file.spec, settings)?;
    let Some(region) = settings.region.as_ref().or(spec.cluster.region.as_ref()) else {
        return Err(plain("no region is set", "say it: `--region us-east-1`, or `region` in the spec"));
    };
    let partition = partitions::of_region(region);
    let text = match args.trust {
        Some(Trust::Github) => trust(args, partition)?,
        None => policy(args, &spec, region, partition, settings)?,
    };
    output::result(&text)?;
    Ok(Exit::Done)
}

fn policy(args: &Iam, spec: &Spec, region: &str, partition: &str, settings: &Settings) -> anyhow::Result<String> {
    let account = args.account.as_deref().unwrap_or("*");
    let identity = Identity {
        account: account.to_owned(),
        arn: String::new(),
        region: region.to_owned(),
        partition: partition.to_owned(),
    };
    let purpose = if args.rights.apply { Purpose::Apply } else { Purpose::Plan };
    let desired = build_offline(spec, &identity);
    let whole = permissions::policy(spec, &desired, &Target { partition, account }, purpose);
    let wrong = permissions::check(&whole);
    ensure!(wrong.is_empty(), "the policy does not allow what it is meant to: {}", wrong.join("; "));
    let parts = whole.parts();
    let number = parts.len();
    let text = match args.part {
        None => {
            if whole.size() > LONGEST {
                in_several(args, &whole, number, settings)?;
            }
            whole.text()
        }
        Some(part) => {
            let chosen = part.checked_sub(1).and_then(|index| parts.get(index)).ok_or_else(|| {
                let title = format!("there is no part {part}: the policy has {number}");
                plain(title, format!("give a number from 1 to {number}, or leave `--part` out"))
            })?;
            chosen.text()
        }
    };
    if let (Purpose::Apply, Some(name), false) = (purpose, &spec.cluster.instance_profile, settings.quiet) {
        output::say(&format!(
            "note: the role in the instance profile `{name}` is taken to be called `{name}` too; \
             change the statement PassRole if it is not"
        ));
    }
    Ok(text)
}

/// Says what to do with a policy that IAM does not take in one; an error if there is no way to use it whole.
fn in_several(args: &Iam, whole: &Policy, number: usize, settings: &Settings) -> anyhow::Result<()> {
    let flag = if args.rights.apply { "--apply" } else { "--plan" };
    let (size, file) = (whole.size(), args.file.named());
    let divide = format!("`provision iam{file} {flag} --part 1` to `--part {number}` print it in {number}");
    if size > LONGEST_INLINE {
        let title = format!("the policy has {size} characters; IAM takes {LONGEST} in one, {LONGEST_INLINE} inline");
        return Err(plain(title, divide));
    }
    if !settings.quiet {
        output::say(&format!(
            "note: the policy has {size} characters, and a managed one may have {LONGEST}: put it into the role itself \
             (`aws iam put-role-policy`), or {divide}"
        ));
    }
    Ok(())
}

fn trust(args: &Iam, partition: &str) -> anyhow::Result<String> {
    let (Some(account), Some(repository)) = (&args.account, &args.repo) else {
        return Err(plain("`--trust` needs an account and a repository", "give `--account` and `--repo` as well"));
    };
    let branches = args.branch.iter().map(|name| Subject::branch(name));
    let environments = args.environment.iter().map(|name| Subject::environment(name));
    let of_pull_requests = args.pull_request.then_some(Ok(Subject::PullRequest));
    let subjects: Result<Vec<Subject>, BadSubject> = branches.chain(environments).chain(of_pull_requests).collect();
    let subjects = subjects.map_err(|error| plain(error.to_string(), "give one name for each option"))?;
    if subjects.is_empty() {
        let pull_request = if args.rights.plan { ", or `--pull-request`" } else { "" };
        return Err(plain(
            format!("which jobs of `{repository}` may take the role?"),
            format!("say it: `--environment NAME` (the safest, with its own rules), `--branch NAME`{pull_request}"),
        ));
    }
    Ok(permissions::trust(partition, account, repository, &subjects))
}
