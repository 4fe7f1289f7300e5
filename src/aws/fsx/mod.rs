//! FSx for Lustre: the file system, its links to S3, its data repository tasks.

mod cache;
mod file_system;
mod link;
mod task;
