//! The report of an export task: the files that are not in S3, and why.

use std::time::Duration;

use crate::apply::context::Context;
use crate::apply::event::{FailedFiles, Failure};
use crate::catalog::export_failures;
use crate::cloud::{Clock, Cloud};
use crate::desired::Address;
use crate::observed::Task;

/// Bytes of a report that are read: some ten thousand files.
const MOST_BYTES: u64 = 1024 * 1024;
/// Paths that are told.
const MOST_PATHS: usize = 20;
/// Nobody says whether the report is there before its task has ended.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// What a report says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The object, or the folder that was asked for.
    pub(super) url: Option<String>,
    pub(super) files: Vec<FailedFiles>,
}

/// Reads the report of a task that has ended. That it cannot be read is told, and changes nothing.
pub(super) async fn read<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    task: &Task,
) -> Result<Report, Failure> {
    let Some(folder) = &task.report else { return Ok(Report::default()) };
    let folder = folder.trim_end_matches('/');
    let unread = |why: String| {
        context.note(index, address, format!("the list of failed files below {folder} could not be read: {why}"));
        Ok(Report { url: Some(folder.to_owned()), files: Vec::new() })
    };
    for tried in 0..TRIES {
        if tried > 0 {
            context.pause(PAUSE).await?;
        }
        // "{path}/task-{id}/failures.csv" (FSx API, CompletionReport); an id begins with `task-` by itself, and no page
        // says whether that makes two.
        for name in [task.id.clone(), format!("task-{}", task.id)] {
            let url = format!("{folder}/{name}/failures.csv");
            match context.cloud.read_object(&url, MOST_BYTES).await {
                Ok(Some(excerpt)) => {
                    let files = grouped(rows(&excerpt.text, excerpt.is_whole));
                    return Ok(Report { url: Some(url), files });
                }
                Ok(None) => {}
                Err(error) => return unread(error.to_string()),
            }
        }
    }
    unread("it is not there".to_owned())
}

/// Path and error code of each file (FSx for Lustre User Guide, "Working with task completion reports": FilePath, FileStatus
/// and ErrorCode, as of RFC 4180).
fn rows(text: &str, is_whole: bool) -> Vec<(String, String)> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records: Vec<_> = reader.into_records().filter_map(Result::ok).collect();
    if !is_whole {
        // What was cut off has lost its end.
        records.pop();
    }
    records
        .iter()
        .filter_map(|record| match record.iter().collect::<Vec<_>>().as_slice() {
            [path, _, code] if *path != "FilePath" => Some((plain(path).to_owned(), (*code).to_owned())),
            _ => None,
        })
        .collect()
}

/// A path that begins like a formula of a spreadsheet stands in quotes of its own.
fn plain(path: &str) -> &str {
    let inner = ['"', '\''].iter().find_map(|quote| path.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.filter(|inner| inner.starts_with(['@', '+', '-', '='])).unwrap_or(path)
}

/// By code, the commonest first.
fn grouped(rows: Vec<(String, String)>) -> Vec<FailedFiles> {
    let mut groups: Vec<FailedFiles> = Vec::new();
    for (number, (path, code)) in rows.into_iter().enumerate() {
        let told = (number < MOST_PATHS).then_some(path);
        if let Some(group) = groups.iter_mut().find(|group| group.code == code) {
            group.count += 1;
            group.paths.extend(told);
        } else {
            let meaning = export_failures::meaning(&code).map(ToOwned::to_owned);
            groups.push(FailedFiles { code, meaning, count: 1, paths: told.into_iter().collect() });
        }
    }
    groups.sort_by(|a, b| (b.count, &a.code).cmp(&(a.count, &b.code)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_guide_are_read() {
        let text = "myRestrictedFile,failed,S3AccessDenied\ndir1/myLargeFile,failed,FileSizeTooLarge\n";
        let of = |path: &str, code: &str| (path.to_owned(), code.to_owned());
        let expected = [of("myRestrictedFile", "S3AccessDenied"), of("dir1/myLargeFile", "FileSizeTooLarge")];
        assert_eq!(rows(text, true), expected);
        assert_eq!(rows(&format!("FilePath,FileStatus,ErrorCode\r\n{}", text.replace('\n', "\r\n")), true), expected);
        for (written, path) in [
            ("\"\"\"@filename.txt\"\"\"", "@filename.txt"),
            ("\"\"\"+filename.txt\"\"\"", "+filename.txt"),
            ("'-x'", "-x"),
            ("\"file,name.txt\"", "file,name.txt"),
            ("\"file\"\"name.txt\"", "file\"name.txt"),
            ("\"two\nlines\"", "two\nlines"),
        ] {
            assert_eq!(rows(&format!("{written},failed,X"), true), [of(path, "X")], "{written}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_row_is_left_out() {
        assert_eq!(rows("a,failed,S3Error\nb,failed,S3Acc", false).len(), 1);
        assert_eq!(rows("a,failed,S3Error\nb,failed,S3Error", true).len(), 2);
        assert_eq!(rows("", true), []);
        assert_eq!(rows("<html>,\n,,,\n\"", true), []);
    }

    #[test]
    fn files_are_told_by_code_and_no_more_than_some() {
        let rows = (0..30).map(|n| (format!("f{n}"), if n % 3 == 0 { "Odd" } else { "S3Error" }.to_owned()));
        let groups = grouped(rows.collect());
        let told: Vec<_> = groups.iter().map(|each| (each.code.as_str(), each.count, each.meaning.is_some())).collect();
        assert_eq!(told, [("S3Error", 20, true), ("Odd", 10, false)]);
        assert_eq!(groups.iter().map(|each| each.paths.len()).sum::<usize>(), MOST_PATHS);
    }
}
