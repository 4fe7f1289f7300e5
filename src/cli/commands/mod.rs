//! One file a command: wire, call, render.

pub(super) mod advise;
pub(super) mod completions;
pub(super) mod down;
pub(super) mod extend;
pub(super) mod iam;
pub(super) mod init;
pub(super) mod list;
pub(super) mod log;
pub(super) mod logs;
pub(super) mod man;
pub(super) mod plan;
pub(super) mod prices;
pub(super) mod replace;
pub(super) mod run;
pub(super) mod schema;
pub(super) mod ssh;
pub(super) mod status;
pub(super) mod up;
pub(super) mod validate;
