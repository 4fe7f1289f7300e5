//! The boot script: one head with values, rendered, and the parts of `templates/`, as they are.
//!
//! Only the head is a template, and everything it prints is shell-quoted: there is no way past the quotes, so the parts stay
//! plain bash that ShellCheck and people can read.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compression, GzBuilder};
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context};

use super::inputs::SHARED_PATH;
use super::{BootstrapError, Endpoint, Inputs, Service};

const HEAD: &str = include_str!("../../templates/values.sh.j2");

/// In every script; `main.sh` starts it and comes last.
const COMMON: [&str; 8] = [
    include_str!("../../templates/report.sh"),
    include_str!("../../templates/ttl.sh"),
    include_str!("../../templates/system.sh"),
    include_str!("../../templates/mount.sh"),
    include_str!("../../templates/shared.sh"),
    include_str!("../../templates/scratch.sh"),
    include_str!("../../templates/setup.sh"),
    include_str!("../../templates/count.sh"),
];

const LUSTRE: [&str; 6] = [
    include_str!("../../templates/client.sh"),
    include_str!("../../templates/efa.sh"),
    include_str!("../../templates/lustre.sh"),
    include_str!("../../templates/tune.sh"),
    include_str!("../../templates/layout.sh"),
    include_str!("../../templates/preload.sh"),
];

const EFS: [&str; 1] = [include_str!("../../templates/efs.sh")];

const MAIN: &str = include_str!("../../templates/main.sh");

const SHELL: AutoEscape = AutoEscape::Custom("shell");

/// Returns the whole script as text.
pub(super) fn script(inputs: &Inputs, endpoint: &Endpoint) -> Result<String, BootstrapError> {
    let mut script = head(inputs, endpoint)?;
    let of_service: &[&str] = match inputs.service {
        Service::FsxLustre | Service::FileCache => &LUSTRE,
        Service::Efs => &EFS,
    };
    for part in COMMON.iter().chain(of_service).chain([&MAIN]) {
        script.push('\n');
        push_without_comments(&mut script, part);
    }
    Ok(script)
}

/// Returns the assignments at the top of the script: the only place where a value from the spec stands.
pub(super) fn head(inputs: &Inputs, endpoint: &Endpoint) -> Result<String, BootstrapError> {
    let Endpoint { file_system_id, dns_name, mount_name } = endpoint;
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_auto_escape_callback(|_| SHELL);
    environment.set_formatter(print_quoted);
    let values = context! {
        cluster => inputs.cluster,
        region => inputs.region,
        group => inputs.group,
        count => inputs.count,
        mount => inputs.mount,
        lustre => inputs.service != Service::Efs,
        file_system_id,
        dns_name,
        mount_name,
        storage_efa => u8::from(inputs.storage_efa),
        efa_interfaces => inputs.node_efa_interfaces,
        shared => u8::from(inputs.may_share()),
        share => share(inputs),
        // A cache keeps what is read, in the layout that it comes with.
        own_storage => u8::from(inputs.share.is_none() && inputs.service == Service::FsxLustre),
        preload => inputs.preload(),
        layouts => inputs.layouts(),
        ttl_s => inputs.ttl_s.unwrap_or(0),
        // Packed before base64, which would hide its repetitions from the packing of the whole.
        setup => inputs.setup.as_ref().map(|content| BASE64_STANDARD.encode(gzip(content.as_bytes()))).unwrap_or_default(),
    };
    environment.render_named_str("values.sh.j2", HEAD, values).map_err(BootstrapError::from)
}

/// Where the nodes keep what they share. On a file system that other clusters may mount too, and that outlives them, each
/// deployment has a folder of its own.
fn share(inputs: &Inputs) -> String {
    let root = format!("{}{SHARED_PATH}", inputs.mount);
    match &inputs.share {
        Some(folder) => format!("{root}/{folder}"),
        None => root,
    }
}

/// Prints a value as one word of a shell, whatever is in it and however a template asks for it.
fn print_quoted(out: &mut Output<'_>, _: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = value.to_string();
    let quoted = shlex::try_quote(&text).map_err(|_| Error::new(ErrorKind::InvalidOperation, NUL))?;
    out.write_str(&quoted).map_err(Error::from)
}

/// A shell has no way to hold this byte.
const NUL: &str = "a value holds a NUL byte";

impl From<Error> for BootstrapError {
    fn from(error: Error) -> Self {
        if error.detail() == Some(NUL) { Self::Nul } else { Self::Template(error) }
    }
}

/// Comments are for those who read `templates/`; on the wire they would take the room of the user's setup script.
fn push_without_comments(script: &mut String, part: &str) {
    for line in part.lines() {
        let start = line.trim_start();
        if !start.starts_with('#') || start.starts_with("# shellcheck") {
            script.push_str(line);
            script.push('\n');
        }
    }
}

/// Returns the same bytes for the same content, at any time and on any machine.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::bootstrap::fixtures::{endpoint, inputs};

    #[test]
    fn head_holds_every_value_quoted() {
        insta::assert_snapshot!(head(&inputs(), &endpoint()).unwrap());
    }

    #[test]
    fn nul_is_refused() {
        let mut inputs = inputs();
        inputs.mount = "/f\0sx".into();
        assert!(matches!(head(&inputs, &endpoint()), Err(BootstrapError::Nul)));
    }

    #[test]
    fn comments_go_and_directives_stay() {
        let mut text = String::new();
        push_without_comments(&mut text, "# why\na # b\n  # c\n  # shellcheck disable=SC1091\n. d\n");
        assert_eq!(text, "a # b\n  # shellcheck disable=SC1091\n. d\n");
    }

    #[test]
    fn gzip_is_the_same_everywhere() {
        let packed = gzip(b"echo");
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }
}
