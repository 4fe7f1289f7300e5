//! One plan, four faces: the same facts in the same order, whatever they are shown in and whatever stands in them.
//!
//! The files that the checks of `tools/` look at stay in `target/tmp/faces`, to be looked at by people as well.

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use provision::plan::{Danger, Options, Plan, Verb};
use provision::render::plan_markdown::MaxBytes;
use provision::render::{Theme, plan_html, plan_json, plan_markdown, plan_text};
use provision::spec::{EfsThroughput, Image};

use super::plans::{grown, huge, replaced, text};
use super::samples::{self, change, create, down, nodes, spec};

fn markdown(plan: &Plan) -> String {
    plan_markdown::plan(plan, MaxBytes::default())
}

/// Every kind of action in every class of danger that it can have.
fn cases() -> Vec<(&'static str, Plan)> {
    let with = |options: Options, change: &dyn Fn(Options) -> Plan| change(options);
    let mut smaller = spec();
    smaller.nodes[0].count = 5;
    let mut other_image = spec();
    other_image.nodes[0].image = Image::Id("ami-0bb".to_owned());
    let mut fewer_links = spec();
    fewer_links.datasets.pop();
    let mut moved_link = spec();
    "/training".clone_into(&mut moved_link.datasets[0].path);
    let mut tagged = spec();
    tagged.cluster.tags.insert("team".to_owned(), "speech".to_owned());
    let mut more_groups = spec();
    more_groups.nodes.push(nodes("evaluator", "g6.12xlarge", 1));
    let fewer_groups = change(&more_groups, &spec(), Options::default());
    let (efs, cache) = (samples::on_efs(EfsThroughput::Elastic), samples::on_cache());
    let faster = samples::on_efs(EfsThroughput::Provisioned(256));
    let discard = Options { discard_unexported_data: true, ..Options::default() };
    let mut larger = cache.clone();
    larger.storage.capacity_gib = Some(4800);
    vec![
        ("efs-create", create(&efs)),
        ("efs-faster", change(&efs, &faster, Options::default())),
        ("efs-down", down(&efs, Options::default())),
        ("efs-down-discard", down(&efs, discard)),
        ("cache-create", create(&cache)),
        ("cache-unchanged", change(&cache, &cache, Options::default())),
        ("cache-larger", change(&cache, &larger, Options { replace_storage: true, ..Options::default() })),
        ("cache-down", down(&cache, Options::default())),
        ("create", create(&spec())),
        ("unchanged", change(&spec(), &spec(), Options::default())),
        ("tags", change(&spec(), &tagged, Options::default())),
        ("grow", grown()),
        ("shrink", change(&spec(), &smaller, Options::default())),
        ("image", change(&spec(), &other_image, Options::default())),
        ("group-removed", fewer_groups),
        ("link-removed", change(&spec(), &fewer_links, Options::default())),
        ("link-moved", change(&spec(), &moved_link, Options::default())),
        ("replace-refused", replaced(Options::default())),
        ("replace-allowed", with(Options { replace_storage: true, ..Options::default() }, &replaced)),
        ("down", down(&spec(), Options::default())),
        ("down-keep-storage", down(&spec(), Options { keep_storage: true, ..Options::default() })),
        ("down-discard", down(&spec(), Options { discard_unexported_data: true, ..Options::default() })),
    ]
}

/// What may come from a spec, from AWS or from whoever tags resources by hand.
const HOSTILE: &str = "a|b <img src=x onerror=alert(1)> @org/team #1 `x` **y** [l](https://e.vil) </details></svg><script>alert(1)</script> www.e.vil \"]; click p0 href \"https://e.vil\" %%{init: {}}%% style: x# &lt;b&gt; 1. one\n| c |\n> [!CAUTION]\n```\u{1b}[2J\u{202e}";

fn hostile() -> Plan {
    let mut plan = replaced(Options::default());
    let changed = plan.actions.iter_mut().find(|action| action.verb == Verb::Replace).expect("something is replaced");
    HOSTILE.clone_into(&mut changed.summary);
    HOSTILE.clone_into(&mut changed.address.name);
    changed.id = Some(HOSTILE.to_owned());
    changed.reasons = vec![HOSTILE.to_owned()];
    HOSTILE.clone_into(&mut changed.changes[0].field);
    changed.changes[0].after = Some(HOSTILE.to_owned());
    HOSTILE.clone_into(&mut plan.cluster);
    HOSTILE.clone_into(&mut plan.cost.items[0].what);
    HOSTILE.clone_into(&mut plan.steps[0].address.name);
    HOSTILE.clone_into(&mut plan.findings[0].title);
    plan.findings[0].notes = vec![HOSTILE.to_owned(); 12];
    plan.findings[0].help = Some(HOSTILE.to_owned());
    for part in &mut plan.topology.parts {
        HOSTILE.clone_into(&mut part.title);
        part.lines.push(HOSTILE.to_owned());
        part.lines.push("x".repeat(200));
    }
    plan
}

/// Without what is the same in every page.
fn body(html: &str) -> &str {
    html.split_once("<body>").map_or(html, |(_, body)| body)
}

#[test]
fn every_kind_in_every_face() {
    for (name, plan) in cases() {
        insta::assert_snapshot!(format!("{name}.text"), text(&plan));
        insta::assert_snapshot!(format!("{name}.markdown"), markdown(&plan));
        insta::assert_snapshot!(format!("{name}.html"), body(&plan_html::plan(&plan)));
        insta::assert_snapshot!(format!("{name}.json"), plan_json::plan(&plan));
    }
    insta::assert_snapshot!("hostile.markdown", markdown(&hostile()));
    insta::assert_snapshot!("hostile.html", body(&plan_html::plan(&hostile())));
}

#[test]
fn every_class_of_danger_and_every_verb_is_among_the_cases() {
    let cases = cases();
    let actions = || cases.iter().flat_map(|(_, plan)| &plan.actions);
    for danger in [Danger::Safe, Danger::Disruptive, Danger::DestroysCompute, Danger::DestroysData] {
        assert!(actions().any(|action| action.danger == danger), "{danger:?}");
        assert!(cases.iter().any(|(_, plan)| plan.worst() == danger), "{danger:?} leads nowhere");
    }
    for verb in [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete, Verb::Keep] {
        assert!(actions().any(|action| action.verb == verb), "{verb:?}");
    }
    for action in actions() {
        assert!(action.danger_reason.ends_with('.'), "no reason: {action:?}");
    }
}

/// What is read: no markup, no references, no white space, no back-ticks (they are markup too).
fn read(face: &str) -> String {
    let mut out = String::new();
    let mut rest = face;
    while let Some(c) = rest.chars().next() {
        let reference =
            rest.strip_prefix('&').and_then(|after| after.split_once(';')).filter(|(name, _)| name.len() < 9);
        if c == '<'
            && let Some((_, after)) = rest.split_once('>')
        {
            rest = after;
        } else if let Some((name, after)) = reference {
            let number = name.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
            let number = number.or_else(|| name.strip_prefix('#').map(str::parse)).and_then(Result::ok);
            let named =
                [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"')].into_iter().find(|(each, _)| *each == name);
            out.extend(number.and_then(char::from_u32).or(named.map(|(_, c)| c)));
            rest = after;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out.retain(|c| !c.is_whitespace() && c != '`' && c != '\u{200b}' && c != '*');
    out
}

/// Facts one after the other, from the first to the last.
#[track_caller]
fn in_order(name: &str, face: &str, facts: &[String]) {
    let face = read(face);
    let mut at = 0;
    for fact in facts {
        let fact = read(&fact.replace('<', "&lt;"));
        let found = face[at..].find(&fact);
        at += found.unwrap_or_else(|| panic!("{name}: `{fact}` is missing or out of order in\n{face}")) + fact.len();
    }
}

#[test]
fn every_face_tells_the_same_in_the_same_order() {
    for (name, plan) in cases() {
        let json: serde_json::Value = serde_json::from_str(&plan_json::plan(&plan)).expect("JSON");
        let headline = json["summary"]["headline"].as_str().expect("a headline").to_owned();
        let told = || plan.actions.iter().filter(|action| !action.reasons.is_empty() || action.verb != Verb::Keep);
        let mut outline = vec![headline];
        outline.extend(plan.findings.iter().map(|finding| finding.title.clone()));
        outline.extend(told().map(|action| action.address.to_string()));
        outline.extend(plan.cost.items.iter().map(|item| item.what.clone()));
        let dangers: Vec<String> =
            told().filter(|each| each.danger > Danger::Safe).map(|each| each.danger_reason.clone()).collect();
        let reasons: Vec<String> = told().flat_map(|action| action.reasons.clone()).collect();
        let fields: Vec<String> = told()
            .filter(|action| action.verb != Verb::Create)
            .flat_map(|action| action.changes.iter().map(|change| change.field.clone()))
            .collect();
        // So wide that no cell is wrapped among its neighbours.
        let unwrapped = plan_text::plan(&plan, &Theme { width: 1000, ..Theme::plain() });
        for face in [unwrapped, markdown(&plan), body(&plan_html::plan(&plan)).to_owned()] {
            for facts in [&outline, &dangers, &reasons, &fields] {
                in_order(name, &face, facts);
            }
            if let Some(part) = plan.topology.parts.first().filter(|_| face.starts_with('*')) {
                assert!(face.contains("```mermaid") && !part.title.is_empty());
            }
        }
    }
}

#[test]
fn the_class_leads() {
    for (name, plan) in cases() {
        let lead = match plan.worst() {
            Danger::Safe => plan.cluster.as_str(),
            Danger::Disruptive => "DISRUPTIVE",
            Danger::DestroysCompute => "DESTROYS COMPUTE",
            Danger::DestroysData => "DESTROYS DATA",
        };
        assert!(text(&plan).starts_with(lead), "{name}");
        assert!(markdown(&plan).trim_start_matches(['*', '🛑', ' ']).starts_with(lead), "{name}");
        let html = plan_html::plan(&plan);
        let first = html.split("<h1 class=\"").nth(1).and_then(|rest| rest.split('>').nth(1)).expect("a heading");
        assert!(first.starts_with(lead), "{name}: {first}");
    }
    assert!(text(&replaced(Options::default())).starts_with("DESTROYS DATA, REFUSED: "));
}

#[test]
fn a_file_system_that_works_is_never_replaced_in_an_ordinary_line() {
    let mut after = spec();
    after.storage.efa = true;
    let desired = samples::desired(&after);
    let observed = samples::observed(&samples::desired(&spec()));
    // Without a record nobody knows whether it was used.
    let record = provision::record::Record::new(&desired.id.cluster, &desired.id.deployment);
    for replace_storage in [false, true] {
        let options = Options { replace_storage, ..Options::default() };
        let plan = samples::plan_of(provision::plan::Purpose::Up, &desired, &observed, &record, options);
        assert_eq!((plan.worst(), plan.is_refused()), (Danger::DestroysData, !replace_storage));
    }
}

#[test]
fn the_diagram_leads_from_the_buckets_to_the_nodes() {
    let plan = grown();
    let parts = &plan.topology.parts;
    let route: Vec<(&str, &str, bool, bool)> = plan
        .topology
        .flows
        .iter()
        .map(|flow| (parts[flow.from].title.as_str(), parts[flow.to].title.as_str(), flow.forth, flow.back))
        .collect();
    let want = [
        ("s3://acme-video", "link.checkpoints", true, true),
        ("link.checkpoints", "fsx", true, true),
        ("s3://acme-video", "link.train", true, false),
        ("link.train", "fsx", true, false),
        ("fsx", "nodes.trainer", true, true),
    ];
    assert_eq!(route, want);
    for text in ["9.6 TiB, 2.4 GB/s in all", "250 MB/s per TiB", "96 × H100 in all", "capacity: 4800 GiB → 9600 GiB"]
    {
        assert!(parts.iter().any(|part| part.lines.iter().any(|line| line == text)), "{text}: {parts:?}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for ((_, one), (_, other)) in cases().iter().zip(&cases()) {
        assert_eq!(markdown(one), markdown(other));
        assert_eq!(plan_html::plan(one), plan_html::plan(other));
        assert_eq!(plan_json::plan(one), plan_json::plan(other));
    }
}

#[test]
fn hostile_names_stay_text() {
    let plan = hostile();
    let markdown = markdown(&plan);
    assert!(!markdown.contains("<img") && !markdown.contains('@') && !markdown.contains('\u{1b}'), "{markdown}");
    let (_, mermaid) = markdown.split_once("```mermaid\n").expect("a diagram");
    let (mermaid, rest) = mermaid.split_once("```").expect("it ends");
    assert_eq!(rest.trim(), "</details>", "the fence ends where it is to end");
    for label in mermaid.lines().filter(|line| line.contains('"')) {
        assert_eq!(label.matches('"').count(), 2, "{label}");
        let inner = label.split('"').nth(1).expect("a label").replace("<br/>", "");
        assert!(inner.chars().all(|c| c.is_ascii_alphanumeric() || " .,-/#;".contains(c)), "{label}");
    }
    let html = plan_html::plan(&plan);
    assert!(!html.contains("<img") && !html.contains("<script") && !html.contains('\u{1b}'), "{html}");
    assert!(!text(&plan).contains('\u{1b}'));
}

/// A plan with so many more of everything, and words of any length in it.
fn stretched(times: usize, words: &str) -> Plan {
    let mut plan = replaced(Options::default());
    let (actions, findings, items) = (plan.actions.clone(), plan.findings.clone(), plan.cost.items.clone());
    for number in 0..times {
        plan.actions.extend(actions.iter().cloned().map(|mut action| {
            action.address.name = format!("{}{number}", action.address.name);
            action.reasons.push(words.to_owned());
            action
        }));
        plan.findings.extend(findings.iter().cloned().map(|mut finding| {
            finding.title = format!("{number} {words}");
            finding.notes = vec![words.to_owned(); number % 20];
            finding
        }));
        plan.cost.items.extend(items.iter().cloned());
    }
    plan
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn markdown_stays_within_its_limit(times in 0..60_usize, words in "\\PC{0,60}", repeats in 1..40_usize, most in MaxBytes::LEAST..70_000) {
        let mut plan = stretched(times, &words.repeat(repeats));
        plan.cluster = words.repeat(repeats);
        let most = MaxBytes::new(most).expect("enough");
        let text = plan_markdown::plan(&plan, most);
        prop_assert!(text.len() <= most.get(), "{} of {}", text.len(), most.get());
        prop_assert!(text.starts_with("**🛑 DESTROYS DATA, REFUSED: "));
        for mark in ["<details", "</details>", "```"] {
            prop_assert_eq!(text.matches(mark).count() % 2, if mark == "```" { 0 } else { text.matches("<details").count() % 2 });
        }
    }
}

#[test]
fn what_matters_least_is_left_out_first() {
    let plan = stretched(30, "some words");
    let sizes = [60_000, 20_000, 12_000, 8_000, MaxBytes::LEAST];
    let cut: Vec<String> =
        sizes.into_iter().map(|most| plan_markdown::plan(&plan, MaxBytes::new(most).expect("enough"))).collect();
    let note = |text: &str| text.lines().find(|line| line.contains("Left out")).unwrap_or_default().to_owned();
    let notes: Vec<String> = cut.iter().map(|text| note(text)).collect();
    insta::assert_snapshot!("left_out", notes.join("\n"));
    insta::assert_snapshot!("least", cut[4]);
    assert!(!notes[3].contains("destructive changes.") || notes[3].contains("warning"), "{notes:?}");
}

#[test]
fn too_few_bytes_are_refused() {
    assert!("4095".parse::<MaxBytes>().is_err() && "x".parse::<MaxBytes>().is_err());
    assert_eq!("4096".parse::<MaxBytes>().map(MaxBytes::get), Ok(4096));
}

/// Writes the faces of every case to files of this ending, whose paths it returns.
fn written(folder: &Path, ending: &str, face: impl Fn(&Plan) -> String) -> Vec<PathBuf> {
    let (made, changed) = huge();
    let mut cases = cases();
    cases.extend([("hostile", hostile()), ("huge-create", made), ("huge-change", changed)]);
    let write = |(name, plan): &(&str, Plan)| {
        let path = folder.join(format!("{name}.{ending}"));
        std::fs::write(&path, face(plan)).expect("a face can be written");
        path
    };
    cases.iter().map(write).collect()
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faces");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(name)
}

/// A Python that has what `tools/requirements.txt` names.
fn python() -> Option<std::ffi::OsString> {
    let python = std::env::var_os("PROVISION_PYTHON");
    if python.is_none() {
        skipped("set PROVISION_PYTHON to a Python that has tools/requirements.txt, as `make test` does");
    }
    python
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

#[track_caller]
fn finds(command: &mut Command, something: bool) {
    let output = command.output().expect("Python starts");
    assert_eq!(output.status.success(), !something, "{output:?}");
}

#[test]
fn github_shows_the_markdown_as_it_is_meant() {
    let Some(python) = python() else { return };
    let folder = folder();
    let mut paths = written(&folder, "md", markdown);
    for most in [4096, 5000, 6000, 9000, 14_000, 30_000] {
        let limit = MaxBytes::new(most).expect("enough");
        for (name, plan) in [("stretched", stretched(30, "some words")), ("stretched-hostile", stretched(20, HOSTILE))]
        {
            let path = folder.join(format!("{name}-{most}.md"));
            std::fs::write(&path, plan_markdown::plan(&plan, limit)).expect("a face can be written");
            paths.push(path);
        }
    }
    finds(Command::new(&python).arg(tool("check_markdown.py")).args(&paths), false);
    // And would find something.
    for ruin in [
        "<b>x</b>\n",
        "a\n| b |\n| --- | --- |\n",
        "<details><summary>x\n\n",
        "> [!HINT]\n> x\n",
        "@org\n",
        "https://e.vil\n",
    ] {
        let path = folder.join("ruin.md");
        std::fs::write(&path, ruin).expect("a face can be written");
        finds(Command::new(&python).arg(tool("check_markdown.py")).arg(&path), true);
    }
}

#[test]
fn json_is_as_its_schema_says() {
    let Some(python) = python() else { return };
    let folder = folder();
    let schema = folder.join("plan.schema.json");
    std::fs::write(&schema, plan_json::schema().to_value().to_string()).expect("a schema can be written");
    let paths = written(&folder, "json", plan_json::plan);
    finds(Command::new(&python).arg(tool("check_json.py")).arg(&schema).args(&paths), false);
    // And would find something.
    for (from, to) in
        [("\"verb\"", "\"word\""), ("\"safe\"", "\"harmless\""), ("\"format_version\": 1", "\"format_version\": 2")]
    {
        let path = folder.join("ruin.json");
        let text = plan_json::plan(&create(&spec())).replacen(from, to, 1);
        std::fs::write(&path, text).expect("a face can be written");
        finds(Command::new(&python).arg(tool("check_json.py")).arg(&schema).arg(&path), true);
    }
}

#[test]
fn chromium_shows_the_html_without_a_request_and_on_a_phone() {
    let Some(python) = python() else { return };
    let chromium = std::env::var_os("PROVISION_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.exists());
    let Some(chromium) = chromium.or(found) else {
        return skipped("there is no `chromium` in the PATH, and PROVISION_CHROMIUM does not name one");
    };
    let folder = folder();
    let check = |paths: &[PathBuf], something: bool| {
        let mut command = Command::new(&python);
        finds(command.arg(tool("check_html.py")).arg("--chromium").arg(&chromium).args(paths), something);
    };
    check(&written(&folder, "html", plan_html::plan), false);
    // And would find something.
    let page = plan_html::plan(&create(&spec()));
    for ruin in ["<script>1</script>", "<div style='width: 500px'>x</div>", "<img src='https://e.vil/x.png'>"] {
        let path = folder.join("ruin.html");
        std::fs::write(&path, page.replace("</main>", &format!("{ruin}</main>"))).expect("a face can be written");
        check(&[path], true);
    }
}
