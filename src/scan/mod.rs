//! What a list of objects tells of a dataset: how many files, how large, how they are spread over directories.
//!
//! Pure, and of bounded memory whatever the number of objects: [`Tally`] takes one object at a time and keeps counters, a
//! histogram of a fixed number of sizes, and one directory for each level of the key before it. [`Estimate`] puts together
//! what was counted and what stands for the rest where a bucket is too large to be listed to its end. Who asks for the
//! pages is `apply::scan`.

mod chance;
mod directories;
mod estimate;
mod sizes;
mod tally;

pub use chance::Chance;
pub use directories::Directories;
pub use estimate::{Estimate, Round};
pub use sizes::{Bin, Sizes};
pub use tally::{Found, How, Largest, Tally};
