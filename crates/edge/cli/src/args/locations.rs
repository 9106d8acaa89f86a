//! The command line of `despatch locations`.

use clap::{Args, Subcommand};

use super::gateway::GatewayArgs;
use super::stock_request::RequestArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum LocationsCommand {
    /// Create a location, or change it. An option that is left out changes nothing.
    Set(Box<SetLocationArgs>),
    /// List locations, those that are preferred first.
    #[command(alias = "ls")]
    List(ListLocationsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetLocationArgs {
    /// The location's id: letters, digits and -_. ; rows of files name it.
    pub(crate) id: String,
    /// The name for people.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// The company in the address.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) company: Option<String>,
    /// Street and number.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) street: Option<String>,
    /// Town.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) city: Option<String>,
    /// State, province or county.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) region: Option<String>,
    /// The postcode.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) postcode: Option<String>,
    /// The country: its code or its name. It replaces the whole address.
    #[arg(long, value_name = "COUNTRY")]
    pub(crate) country: Option<String>,
    /// The phone number for the carrier.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) phone: Option<String>,
    /// The time zone, e.g. Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// The name of its working calendar.
    #[arg(long, value_name = "NAME")]
    pub(crate) calendar: Option<String>,
    /// The preference among locations that serve an order equally well; lower comes first.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) rank: Option<i32>,
    /// How parcels are picked; only `instant` so far: as soon as they are paid.
    #[arg(long)]
    pub(crate) mode: Option<String>,
    /// The shops that it sells for, separated by commas; `all` for all of them.
    #[arg(long, value_name = "SHOPS", value_delimiter = ',')]
    pub(crate) channels: Option<Vec<String>>,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListLocationsArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
