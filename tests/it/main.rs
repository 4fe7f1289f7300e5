//! All integration tests in one binary: each further one links the SDKs again.

mod render;
