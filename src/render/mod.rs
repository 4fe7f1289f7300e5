//! What people and programs read: plans, runs, status, failures. Pure functions from data to text; only `progress` draws.
//!
//! No renderer prints, asks, decides or knows a resource type: it shows what actions, fields and events say.

pub mod advice_compare;
mod advice_facts;
pub mod advice_json;
pub mod advice_markdown;
pub mod advice_plot;
#[cfg(test)]
mod advice_sample;
pub mod advice_text;
pub mod begins;
mod block;
pub mod command;
pub mod console;
pub mod diagnostics;
mod diagram;
pub mod events;
pub mod extended;
pub mod failure;
mod fit;
mod leftovers;
pub mod list;
pub mod lock;
mod markdown;
mod plan_cost;
mod plan_facts;
pub mod plan_html;
pub mod plan_json;
pub mod plan_markdown;
mod plan_sizing;
pub mod plan_text;
mod plot_scale;
pub mod preload;
pub mod progress;
pub mod room;
pub mod run_log;
pub mod saved;
pub mod scan;
pub mod status;
mod status_nodes;
mod table;
mod text;
mod theme;
mod words;

pub use theme::{Charset, Color, Theme};
