//! Stripe layouts: how Lustre spreads a file over its storage targets, for the kinds of files that training reads and writes.

use std::sync::LazyLock;

use super::table;

const DATA: &str = include_str!("data/layouts.tsv");

/// Targets of one file (Lustre Operations Manual, "Lustre File System Limits"). Asking for more than there are means all.
pub const STRIPE_COUNT_MAX: i64 = 2000;
/// A stripe is a multiple of so many KiB (lfs-setstripe(1)).
pub const STRIPE_SIZE_STEP_KIB: u64 = 64;
/// A stripe is smaller than 4 GiB (lfs-setstripe(1)); KiB.
pub const STRIPE_SIZE_MAX_KIB: u64 = 4 * 1024 * 1024 - STRIPE_SIZE_STEP_KIB;

/// A layout with a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub name: &'static str,
    /// Arguments of `lfs setstripe`, separated by blanks.
    pub setstripe: &'static str,
    /// What it is for.
    pub why: &'static str,
}

static LAYOUTS: LazyLock<Vec<Layout>> = LazyLock::new(|| {
    table::rows(DATA)
        .map(|mut cells| Layout { name: cells.text(), setstripe: cells.text(), why: cells.text() })
        .collect()
});

/// All of them, in the table's order.
pub fn all() -> &'static [Layout] {
    &LAYOUTS
}

pub fn get(name: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|each| each.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_layout_that_lfs_takes() {
        assert_eq!(all().len(), 4);
        for layout in all() {
            assert_eq!(get(layout.name), Some(layout));
            assert!(!layout.why.is_empty());
            let words: Vec<&str> = layout.setstripe.split(' ').collect();
            for pair in words.chunks(2) {
                assert!(matches!(pair, ["-E" | "-c" | "-S", value] if !value.is_empty()), "{}", layout.name);
            }
            // The last component has to reach to the end of the file.
            if let Some([_, end]) = words.chunks(2).rfind(|pair| pair[0] == "-E") {
                assert_eq!(*end, "-1", "{}", layout.name);
            }
        }
    }
}
