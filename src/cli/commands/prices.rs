//! `provision prices`: the tables that plans go by, and new ones from AWS.

use crate::cli::args::PricesUpdate;
use crate::cli::exit::{Exit, plain};
use crate::cli::settings::Settings;
use crate::cli::{output, prices};

/// Prints the table in force, or which tables there are.
pub(in crate::cli) fn show(settings: &Settings) -> anyhow::Result<Exit> {
    let book = prices::book(None, settings)?;
    let Some(region) = &settings.region else {
        let lines = book.regions().into_iter().map(|region| {
            let table = book.prices(region);
            format!(
                "{region:<16}{}  {:>4} prices  {}\n",
                table.date().unwrap_or("-"),
                table.items().len(),
                table.source()
            )
        });
        output::result(&lines.collect::<String>())?;
        return Ok(Exit::Done);
    };
    let table = book.prices(region);
    if table.items().is_empty() {
        return Err(plain(
            format!("no prices of {region} are known"),
            format!("ask AWS for them: `provision prices update --region {region}`"),
        ));
    }
    output::result(&table.text())?;
    Ok(Exit::Done)
}

/// Asks AWS, and writes the table.
#[cfg(feature = "aws")]
pub(in crate::cli) async fn update(args: &PricesUpdate, settings: &Settings) -> anyhow::Result<Exit> {
    use crate::catalog::prices::Prices;
    use crate::cloud::{Clock, SystemClock};

    let list = crate::cli::connect::list_prices(settings).await?;
    let region = list.region;
    let mut items = list.items;
    let found = items.len();
    let unclear: Vec<&str> = list.unclear.iter().map(String::as_str).collect();
    if found == 0 {
        return Err(plain(
            format!("AWS lists no price of {region} that could be used"),
            "look at the name of the region; the tables that there are: `provision prices show`",
        ));
    }
    let mut source = "AWS Price List API".to_owned();
    let mut kept = 0;
    if let Some(builtin) = Prices::builtin_of(&region) {
        for (item, price) in builtin.items() {
            // Of two prices nobody knows which; an older one is no better.
            if !list.unclear.contains(item) && !items.contains_key(item) {
                items.insert(item.clone(), *price);
                kept += 1;
            }
        }
        if kept > 0 {
            source = format!(
                "{source}; {kept} that it was not found in are of {}: {}",
                builtin.date().unwrap_or("-"),
                builtin.source()
            );
        }
    }
    let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let text = Prices::new(&region, &today, &source, items).text();
    let path = match &args.out {
        Some(path) => path.clone(),
        None => prices::folder().map(|folder| folder.join(format!("{region}.tsv"))).ok_or_else(|| {
            plain("there is no folder for the cache", "set `HOME` or `XDG_CACHE_HOME`, or name a file: `--out FILE`")
        })?,
    };
    prices::write(&path, &text)?;
    if !settings.quiet {
        output::say(&format!(
            "prices of {region} in `{}`: {found} from AWS, {kept} kept from the table of before",
            path.display()
        ));
        if !unclear.is_empty() {
            output::say(&format!("warning: AWS has several prices of {}; they are unknown now", unclear.join(", ")));
        }
    }
    Ok(Exit::Done)
}

/// Built without the SDK, there is nobody to ask.
#[cfg(not(feature = "aws"))]
pub(in crate::cli) async fn update(_: &PricesUpdate, _: &Settings) -> anyhow::Result<Exit> {
    Err(plain("this build cannot reach AWS", "build it with the feature `aws`"))
}
