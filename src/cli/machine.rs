//! This machine and this process, as others are told who holds a cluster.

use std::fs;

use jiff::Timestamp;

use crate::apply::lease::{Holder, LEASE};

/// Who this run is.
pub(super) fn holder(command: &str, run: String, now: Timestamp) -> Holder {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    let process = std::process::id();
    Holder {
        who: format!("{user}@{}", host_name()),
        machine: machine(),
        process,
        process_started: started(process).unwrap_or_default(),
        run,
        command: command.to_owned(),
        since: now,
        until: now + LEASE,
    }
}

/// Whether a holder is a process of this machine that is no more. Of another machine nobody can know.
pub(super) fn is_dead(holder: &Holder) -> bool {
    let here = !holder.machine.is_empty() && holder.machine == machine();
    here && !holder.process_started.is_empty()
        && started(holder.process).as_deref() != Some(holder.process_started.as_str())
}

fn host_name() -> String {
    read("/proc/sys/kernel/hostname")
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "somewhere".to_owned())
}

/// The machine since it was started: process ids of before and of other containers mean nothing. Empty where nobody can say.
fn machine() -> String {
    let boot = read("/proc/sys/kernel/random/boot_id");
    let processes = fs::read_link("/proc/self/ns/pid").ok().map(|link| link.display().to_string());
    boot.zip(processes).map(|(boot, processes)| format!("{boot} {processes}")).unwrap_or_default()
}

/// When a process was started, in ticks since the machine was: tells it from a later one with the same id.
fn started(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold anything; after it come fields 3 and on, of which 22 is the start (proc(5)).
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // A zombie is dead already and only waits for its parent.
    (*fields.first()? != "Z").then_some(())?;
    fields.get(19).map(|ticks| (*ticks).to_owned())
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
