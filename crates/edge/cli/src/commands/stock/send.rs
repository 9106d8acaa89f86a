//! Sends rows to the gateway in requests of many rows, several at once, and waits until inventory has worked on each.

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use despatch_gateway::stock_json::short_digest;
use despatch_order_files::{GatewayClient, PlaceError};
use despatch_read_model::stock::{StockRequestRecord, StockRowResult};
use futures_util::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::ids;
use super::input::{Input, InputRow};
use super::report::{Report, Words, write_refused};
use super::row_report::RowReport;
use crate::args::RequestArgs;
use crate::commands::gateway::{Problem, connect, in_path, not_done, problem, refusal};
use crate::commands::waiting::within;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{next_command, print, tell};
use crate::result::{Result, hinted};

/// The rows of one request.
pub(in crate::commands) const CHUNK: usize = 500;

/// How many requests are waited for at once.
const AT_ONCE: usize = 4;

/// A command about stock.
pub(in crate::commands) struct Command {
    pub(in crate::commands) method: Method,
    pub(in crate::commands) path: String,
    /// The fields of the body besides the rows and the request.
    pub(in crate::commands) fields: Value,
    /// The name of the rows in the body; empty for a command without rows, which has the fields of its only one.
    pub(in crate::commands) rows: &'static str,
    /// The most rows of one request.
    pub(in crate::commands) chunk: usize,
    /// Nothing is sent if one row is bad.
    pub(in crate::commands) all_or_nothing: bool,
    pub(in crate::commands) again: Again,
    /// The options that a repeat of this command needs besides its own, each with a space before it.
    pub(in crate::commands) repeat_with: String,
    /// Refused rows are the rest of what was booked, and their file says so.
    pub(in crate::commands) has_rest: bool,
    pub(in crate::commands) words: Words,
}

/// How the same command is taken when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Again {
    /// The same request: its id is made of its rows.
    SameRequest,
    /// Another request with the same rows. Each row is known by itself, or says the same once more.
    SameRows,
    /// Another request, whose rows are booked too.
    Another,
}

/// A gateway, and the person who asks.
pub(in crate::commands) struct Sender<'a> {
    client: GatewayClient,
    args: &'a RequestArgs,
    by: String,
    quiet: bool,
}

/// A command with its id.
struct Asking<'c> {
    command: &'c Command,
    id: &'c str,
    /// The words for a repeat that asks for nothing twice.
    repeat: String,
}

/// A request that the gateway has.
struct Asked {
    request_id: String,
    /// The rows that the gateway took. If there are none, and some were refused, there is no request.
    rows: Vec<InputRow>,
    reports: Vec<RowReport>,
    is_sent: bool,
    came_before: bool,
}

/// The results of one request.
struct Sent {
    /// None if the gateway took none of its rows.
    request_id: Option<String>,
    rows: Vec<RowReport>,
    /// When it was worked on and by whom it came, if it came before this command.
    before: Option<String>,
    needs_second: bool,
}

/// The gateway's answer about a request.
#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) record: Option<StockRequestRecord>,
}

impl<'a> Sender<'a> {
    /// Finds the gateway.
    pub(in crate::commands) async fn connect(
        config: &Config,
        data_dir: &DataDir,
        args: &'a RequestArgs,
        quiet: bool,
    ) -> Result<Self> {
        let by = args.by.person()?;
        let client = connect(config, data_dir, &args.gateway).await?.client;
        Ok(Sender { client, args, by, quiet: quiet || args.json })
    }

    /// Sends the rows and prints what became of them. `refused` is where the refused rows are written, once all results are
    /// known. A refused row ends with status 1.
    pub(in crate::commands) async fn send(
        &self,
        command: Command,
        input: Input,
        refused: Option<&Path>,
    ) -> Result<ExitCode> {
        if let Some(id) = &self.args.request_id {
            ids::check(id)?;
        }
        if !input.ignored.is_empty() && !self.quiet {
            tell(&format!("note: these columns are not read: {}", input.ignored.join(", ")));
        }
        let mut report = Report::new(command.words, &input.ignored);
        let form = input.form.clone();
        let id = self.command_id(&command, &input.rows);
        report.rows.extend(input.unread.iter().map(RowReport::unread));
        let sent = if command.all_or_nothing && !input.unread.is_empty() {
            report.rows.extend(input.rows.iter().map(RowReport::withheld));
            Ok(0)
        } else if input.rows.is_empty() && !input.unread.is_empty() {
            Ok(0)
        } else {
            let repeat = self.repeat(&command, &id);
            self.send_all(&Asking { command: &command, id: &id, repeat }, input.rows, &mut report).await
        };
        report.rows.sort_by_key(RowReport::line);
        let requests = sent.inspect_err(|_| {
            report.tell_refused();
            tell(&report.sum());
        })?;
        if let (Some(path), Some((header, delimiter))) = (refused, form) {
            let requests = if report.requests.is_empty() { 0 } else { requests };
            let rest = command.has_rest.then_some((&*id, requests));
            write_refused(path, (&header, delimiter), &report.rows, rest)?;
        }
        if self.args.json {
            print(&report.as_json()?)?;
        } else {
            report.tell_refused();
            print(&report.as_lines())?;
        }
        Ok(if report.has_refused() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    pub(super) fn client(&self) -> &GatewayClient {
        &self.client
    }

    /// Sends a command without rows, and waits until inventory has worked on it.
    pub(super) async fn request(&self, path: &str) -> Result {
        let repeat = "the same command again";
        let request_id = Uuid::now_v7().to_string();
        let body = json!({ "request_id": request_id, "requested_by": "operator", "by": self.by, "note": self.args.note });
        let sent = self.client.send::<Value>(Method::POST, path, &body).await;
        sent.map_err(|error| not_asked(&error, &request_id, repeat))?;
        let record = within(Duration::from_secs(self.timeout()), async || {
            Ok(self.status(&request_id, repeat).await?.and_then(|status| status.record))
        })
        .await?;
        record.map(drop).ok_or_else(|| self.late(&request_id, repeat))
    }

    /// Sends all rows, and returns in how many requests. They are sent one after the other, so that none follows one that is
    /// refused as a whole; their results are waited for together.
    async fn send_all(&self, asking: &Asking<'_>, rows: Vec<InputRow>, report: &mut Report) -> Result<usize> {
        let bar = ProgressBar::new(rows.len() as u64)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} rows  {per_sec}  {eta} left")?);
        // One request needs no bar.
        if self.quiet || rows.len() <= asking.command.chunk {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let mut chunks: Vec<Vec<InputRow>> =
            rows.chunks(asking.command.chunk).map(<[InputRow]>::to_vec).collect();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        let requests = chunks.len();
        let asked = futures_util::stream::iter(chunks.into_iter().zip(1..))
            .then(|(rows, number)| self.ask(asking, ids::part(asking.id, number), rows));
        let mut sent = pin!(asked.map_ok(|asked| self.outcome(asking, asked)).try_buffer_unordered(AT_ONCE));
        while let Some(done) = sent.next().await {
            let Sent { request_id, rows, before, needs_second } =
                done.inspect_err(|_| bar.finish_and_clear())?;
            bar.inc(rows.len() as u64);
            report.requests.extend(request_id);
            report.rows.extend(rows);
            report.before = report.before.take().or(before);
            report.needs_second |= needs_second;
        }
        bar.finish_and_clear();
        Ok(requests)
    }

    /// The id of the whole command.
    fn command_id(&self, command: &Command, rows: &[InputRow]) -> String {
        if let Some(id) = &self.args.request_id {
            return id.clone();
        }
        if command.again != Again::SameRequest {
            return Uuid::now_v7().to_string();
        }
        let mut digest = Sha256::new();
        digest.update(format!("{} {}\n", command.path, command.fields));
        for row in rows {
            digest.update(format!("{}\n", row.body));
        }
        format!("file-{}", short_digest(digest))
    }

    /// The words for a repeat that asks for nothing twice.
    fn repeat(&self, command: &Command, id: &str) -> String {
        let needs_id = self.args.request_id.is_none() && command.again != Again::SameRows;
        let id = if needs_id { format!(" --request-id {id}") } else { String::new() };
        let options = format!("{id}{}", command.repeat_with);
        let with = if options.is_empty() { " again" } else { " with" };
        format!("the same command{with}{options}: what is booked stays booked")
    }

    /// Sends one request. A row that the gateway refuses is left out, and stops no other. A known request is sent too: then
    /// the gateway compares it, and its rows are those that it took before.
    async fn ask(&self, asking: &Asking<'_>, request_id: String, rows: Vec<InputRow>) -> Result<Asked> {
        let Asking { command, repeat, .. } = asking;
        let by_contents = command.again == Again::SameRequest && self.args.request_id.is_none();
        let may_be_known = by_contents || self.args.request_id.is_some();
        let came_before = may_be_known && self.status(&request_id, repeat).await?.is_some();
        let mut asked = Asked { request_id, rows, reports: Vec::new(), is_sent: true, came_before };
        loop {
            let body = self.body(command, &asked.request_id, &asked.rows);
            let Err(error) = self.client.send::<Value>(command.method.clone(), &command.path, &body).await
            else {
                return Ok(asked);
            };
            // The id is made of the rows, so another person or another note sent them.
            if by_contents && is_status(&error, StatusCode::CONFLICT) {
                return Ok(Asked { came_before: true, ..asked });
            }
            let Some((place, row_problem)) = refused_row(&error, command.rows, asked.rows.len()) else {
                return Err(not_asked(&error, &asked.request_id, repeat));
            };
            let row = asked.rows.remove(place);
            asked.reports.push(RowReport::refused(&row, row_problem));
            if command.all_or_nothing || asked.rows.is_empty() {
                asked.reports.extend(asked.rows.iter().map(RowReport::withheld));
                return Ok(Asked { is_sent: false, ..asked });
            }
        }
    }

    /// Waits for the results of a request.
    async fn outcome(&self, asking: &Asking<'_>, asked: Asked) -> Result<Sent> {
        let Asked { request_id, rows, mut reports, is_sent, came_before } = asked;
        if !is_sent || self.args.wait.no_wait {
            if is_sent {
                reports.extend(rows.iter().map(RowReport::requested));
            }
            let request_id = is_sent.then_some(request_id);
            return Ok(Sent { request_id, rows: reports, before: None, needs_second: false });
        }
        let record = within(Duration::from_secs(self.timeout()), async || {
            Ok(self.status(&request_id, &asking.repeat).await?.and_then(|status| status.record))
        })
        .await?;
        let record = record.ok_or_else(|| self.late(&request_id, &asking.repeat))?;
        let before = came_before.then(|| told(&record));
        let needs_second = record.needs_second;
        let mut results: HashMap<u32, StockRowResult> =
            record.results.into_iter().map(|result| (result.row, result)).collect();
        for (row, number) in rows.iter().zip(1..) {
            if let Some(result) = results.remove(&number) {
                reports.push(RowReport::done(Some(row), result));
            }
        }
        let mut others: Vec<StockRowResult> = results.into_values().collect();
        others.sort_by_key(|result| result.row);
        reports.extend(others.into_iter().map(|result| RowReport::done(None, result)));
        Ok(Sent { request_id: Some(request_id), rows: reports, before, needs_second })
    }

    fn body(&self, command: &Command, request_id: &str, rows: &[InputRow]) -> Value {
        let mut body = json!({
            "request_id": request_id, "requested_by": "operator", "by": self.by, "note": self.args.note,
        });
        let mut add = |fields: &Value| {
            for (name, value) in fields.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
        };
        add(&command.fields);
        if command.rows.is_empty() {
            for row in rows {
                add(&row.body);
            }
        } else {
            body[command.rows] = rows.iter().map(|row| row.body.clone()).collect();
        }
        body
    }

    /// Returns the state of a request; `None` if none has this id. `repeat` is what helps if the gateway does not answer.
    pub(super) async fn status(&self, request_id: &str, repeat: &str) -> Result<Option<Status>> {
        match self.client.get(&format!("/v1/stock/requests/{}", in_path(request_id)), &[]).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if is_status(&error, StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(not_asked(&error, request_id, repeat)),
        }
    }

    /// How long results are waited for, in seconds.
    pub(super) fn timeout(&self) -> u64 {
        self.args.wait.timeout
    }

    pub(super) fn late(&self, request_id: &str, repeat: &str) -> Failure {
        let seconds = self.timeout();
        hinted(
            format!(
                "inventory has not worked on request {request_id} within {seconds} s; the request is kept"
            ),
            format!("{}, then {repeat}", next_command("doctor")),
        )
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn is_status(error: &PlaceError, expected: StatusCode) -> bool {
    matches!(error, PlaceError::Refused { status, .. } if *status == expected)
}

/// The error of a request that the gateway does not have, or may have without saying so.
fn not_asked(error: &PlaceError, request_id: &str, repeat: &str) -> Failure {
    match error {
        PlaceError::Refused { status: StatusCode::CONFLICT, .. } => hinted(
            format!("request {request_id} came before, and differed: {}", refusal(error)),
            "a repeat has the same rows, --by, --note and --seen-at; a new request has an id of its own",
        ),
        PlaceError::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, .. } => {
            hinted(refusal(error), "split the file, or leave out --all-or-nothing: then it is sent in parts")
        }
        // It may be committed, although the answer did not come through.
        PlaceError::Refused { status, .. } if status.is_server_error() => hinted(refusal(error), repeat),
        error => not_done(error, repeat),
    }
}

/// The row that the gateway refuses, and why; `None` if it refuses the whole request.
fn refused_row(error: &PlaceError, rows: &str, number: usize) -> Option<(usize, String)> {
    let Problem { message, field } = problem(error)?;
    let (place, column) = field.strip_prefix(rows)?.strip_prefix('[')?.split_once(']')?;
    let place = place.parse().ok().filter(|place| *place < number)?;
    let column = column.trim_start_matches('.');
    Some((place, if column.is_empty() { message } else { format!("{column}: {message}") }))
}

/// When a request was worked on, and whose it was.
fn told(record: &StockRequestRecord) -> String {
    let by = if record.by.is_empty() { &record.requested_by } else { &record.by };
    format!("on {} by {by}", crate::output::local(record.at))
}

#[cfg(test)]
mod tests;
