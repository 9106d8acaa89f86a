//! `despatch locations`: the places from which parcels are sent.

use std::process::ExitCode;

use despatch_read_model::articles::StockLocation;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::gateway::{connect, in_path, not_done};
use super::stock::{Again, Command, Input, Sender, Words};
use crate::args::{ListLocationsArgs, LocationsCommand, SetLocationArgs};
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{Table, next_command, print, tell, width};
use crate::result::Result;

#[derive(Deserialize)]
struct Page {
    locations: Vec<StockLocation>,
}

/// Runs the subcommand. `quiet` shows no progress.
pub(crate) async fn run(
    config: &Config,
    data_dir: &DataDir,
    command: LocationsCommand,
    quiet: bool,
) -> Result<ExitCode> {
    match command {
        LocationsCommand::Set(args) => set(config, data_dir, &args, quiet).await,
        LocationsCommand::List(args) => list(config, data_dir, &args).await,
    }
}

async fn set(config: &Config, data_dir: &DataDir, args: &SetLocationArgs, quiet: bool) -> Result<ExitCode> {
    let command = Command {
        method: Method::PUT,
        path: format!("/v1/locations/{}", in_path(&args.id)),
        fields: json!({}),
        rows: "",
        chunk: 1,
        all_or_nothing: false,
        // Setting a location twice in the same way changes nothing.
        again: Again::SameRows,
        repeat_with: String::new(),
        has_rest: false,
        words: Words { one: "location", many: "locations", done: "set", next: "locations list" },
    };
    let input = Input::one("", &args.id, settings(args));
    let done =
        Sender::connect(config, data_dir, &args.request, quiet).await?.send(command, input, None).await?;
    if done == ExitCode::SUCCESS
        && args.country.is_some()
        && let Some(missing) = missing(args.street.as_deref(), args.city.as_deref())
    {
        tell(&format!("note: without {missing} labels show the address of labels.sender"));
    }
    Ok(done)
}

/// Names the parts that an address lacks to be a sender's; `None` if it lacks nothing.
fn missing(street: Option<&str>, city: Option<&str>) -> Option<&'static str> {
    let is_there = |part: Option<&str>| part.is_some_and(|part| !part.trim().is_empty());
    match (is_there(street), is_there(city)) {
        (true, true) => None,
        (false, true) => Some("a street"),
        (true, false) => Some("a city"),
        (false, false) => Some("a street and a city"),
    }
}

/// The body of `PUT /v1/locations/{id}`.
fn settings(args: &SetLocationArgs) -> Value {
    let mut body = json!({});
    for (name, value) in [
        ("name", json!(args.name)),
        ("zone", json!(args.zone)),
        ("calendar", json!(args.calendar)),
        ("rank", json!(args.rank)),
        ("mode", json!(args.mode)),
    ] {
        if !value.is_null() {
            body[name] = value;
        }
    }
    if args.country.is_some() {
        body["address"] = json!({
            "company": args.company, "street1": args.street, "city": args.city, "region": args.region,
            "postcode": args.postcode, "country": args.country, "phone": args.phone,
        });
    }
    if let Some(channels) = &args.channels {
        let all = channels.iter().any(|channel| channel == "all");
        body["channels"] = if all { json!([]) } else { json!(channels) };
    }
    body
}

async fn list(config: &Config, data_dir: &DataDir, args: &ListLocationsArgs) -> Result<ExitCode> {
    let client = connect(config, data_dir, &args.gateway).await?.client;
    let page: Page = client.get("/v1/locations", &[]).await.map_err(|error| not_done(&error, ""))?;
    if args.json {
        print(&format!("{:#}\n", json!({ "locations": page.locations })))?;
    } else {
        print(&as_lines(&page.locations, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_lines(locations: &[StockLocation], width: Option<usize>) -> String {
    if locations.is_empty() {
        let set = next_command("locations set main --country COUNTRY");
        return format!("no locations\nnext: {set}\n");
    }
    let mut table = Table::new(["RANK", "LOCATION", "NAME", "ADDRESS", "ZONE", "SELLS FOR"]).right(&["RANK"]);
    for location in locations {
        let StockLocation { street1, postcode, city, region, country, .. } = location;
        let town = [postcode, city, region].map(String::as_str);
        let town: Vec<&str> = town.into_iter().filter(|part| !part.is_empty()).collect();
        let address = [street1.as_str(), &town.join(" "), country];
        let address: Vec<&str> = address.into_iter().filter(|part| !part.is_empty()).collect();
        let address = match missing(Some(street1), Some(city)) {
            _ if country.is_empty() => "none".to_owned(),
            None => address.join(", "),
            Some(missing) => format!("{} (without {missing})", address.join(", ")),
        };
        let channels =
            if location.channels.is_empty() { "all shops".to_owned() } else { location.channels.join(", ") };
        table.row([
            location.rank.to_string(),
            location.id.clone(),
            location.name.clone(),
            address,
            location.zone.clone(),
            channels,
        ]);
    }
    table.render(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_where_each_location_is_and_for_whom_it_sells() {
        let main = StockLocation {
            id: "main".to_owned(),
            name: "Warehouse".to_owned(),
            street1: "1 Main Street".to_owned(),
            street2: String::new(),
            city: "Louisville".to_owned(),
            region: "KY".to_owned(),
            postcode: "40202".to_owned(),
            country: "US".to_owned(),
            zone: "America/Kentucky/Louisville".to_owned(),
            calendar: String::new(),
            rank: 1,
            mode: "instant".to_owned(),
            channels: Vec::new(),
        };
        let text = anstream::adapter::strip_str(&as_lines(std::slice::from_ref(&main), None)).to_string();
        insta::assert_snapshot!(text, @r"
RANK  LOCATION  NAME       ADDRESS                                 ZONE                         SELLS FOR
   1  main      Warehouse  1 Main Street, 40202 Louisville KY, US  America/Kentucky/Louisville  all shops
");
        let streetless = StockLocation { street1: String::new(), ..main };
        let text = as_lines(&[streetless], None);
        assert!(text.contains("40202 Louisville KY, US (without a street)"), "{text}");
        assert!(as_lines(&[], None).starts_with("no locations\nnext: despatch locations set"));
    }
}
