//! Sends rows to the gateway in requests of many rows, several at once, and waits until inventory has worked on each.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use despatch_gateway::stock_json::short_digest;
use despatch_order_files::{GatewayClient, PlaceError};
use despatch_read_model::stock::{StockRequestRecord, StockRowResult};
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::input::{Input, InputRow};
use super::report::{Report, RowReport, Words, write_refused};
use crate::args::RequestArgs;
use crate::commands::gateway::{Problem, connect, not_done, problem};
use crate::commands::waiting::within;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{next_command, print, tell};
use crate::result::{Result, hinted};

/// The rows of one request.
pub(in crate::commands) const CHUNK: usize = 500;

/// How many requests are on their way at once.
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
    /// The same rows again are the same request. Otherwise each row is known by itself, or each request is a new one.
    pub(in crate::commands) known_by_contents: bool,
    pub(in crate::commands) words: Words,
}

/// A gateway, and the person who asks.
pub(in crate::commands) struct Sender<'a> {
    client: GatewayClient,
    args: &'a RequestArgs,
    by: String,
    quiet: bool,
}

/// The results of one request.
struct Sent {
    request_id: String,
    rows: Vec<RowReport>,
    /// When it was worked on and by whom it came, if it came before this command.
    before: Option<String>,
    needs_second: bool,
}

#[derive(Deserialize)]
struct Status {
    record: Option<StockRequestRecord>,
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

    /// Sends the rows and prints what became of them. `refused` is where the refused rows are written. A refused row ends
    /// with status 1.
    pub(in crate::commands) async fn send(
        &self,
        command: Command,
        input: Input,
        refused: Option<&Path>,
    ) -> Result<ExitCode> {
        if !input.ignored.is_empty() && !self.quiet {
            tell(&format!("note: these columns are not read: {}", input.ignored.join(", ")));
        }
        let mut report = Report::new(command.words, &input.ignored);
        let form = input.form.clone();
        report.rows.extend(input.unread.iter().map(RowReport::unread));
        let sent = if command.all_or_nothing && !input.unread.is_empty() {
            report.rows.extend(input.rows.iter().map(RowReport::withheld));
            Ok(())
        } else {
            self.send_all(&command, input.rows, &mut report).await
        };
        report.rows.sort_by_key(RowReport::line);
        if let (Some(path), Some((header, delimiter))) = (refused, form) {
            write_refused(path, &header, delimiter, &report.rows)?;
        }
        if let Err(error) = sent {
            report.tell_refused();
            tell(&report.sum());
            return Err(error);
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
        let request_id = Uuid::now_v7().to_string();
        let body = json!({ "request_id": request_id, "requested_by": "operator", "by": self.by, "note": self.args.note });
        let sent = self.client.send::<Value>(Method::POST, path, &body).await;
        sent.map_err(|error| not_done(&error, "send it again: what is booked stays booked"))?;
        let record = within(Duration::from_secs(self.args.wait.timeout), async || {
            Ok(self.status(&request_id).await?.and_then(|status| status.record))
        })
        .await?;
        record.map(drop).ok_or_else(|| self.late(&request_id))
    }

    async fn send_all(&self, command: &Command, rows: Vec<InputRow>, report: &mut Report) -> Result {
        let id = self.request_id(command, &rows);
        let bar = ProgressBar::new(rows.len() as u64)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} rows  {per_sec}  {eta} left")?);
        // One request needs no bar.
        if self.quiet || rows.len() <= command.chunk {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let several = rows.len() > command.chunk;
        let mut chunks: Vec<(String, Vec<InputRow>)> = rows
            .chunks(command.chunk.min(rows.len().max(1)))
            .zip(1..)
            .map(|(rows, number)| {
                (if several { format!("{id}-{number}") } else { id.clone() }, rows.to_vec())
            })
            .collect();
        if chunks.is_empty() {
            chunks.push((id, Vec::new()));
        }
        let mut sent = futures_util::stream::iter(chunks)
            .map(|(request_id, rows)| self.send_one(command, request_id, rows))
            .buffer_unordered(AT_ONCE);
        while let Some(done) = sent.next().await {
            match done {
                Ok(Sent { request_id, rows, before, needs_second }) => {
                    bar.inc(rows.len() as u64);
                    report.requests.push(request_id);
                    report.rows.extend(rows);
                    report.before = report.before.take().or(before);
                    report.needs_second |= needs_second;
                }
                Err(error) => {
                    bar.finish_and_clear();
                    return Err(error);
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// The id of the whole command.
    fn request_id(&self, command: &Command, rows: &[InputRow]) -> String {
        if let Some(id) = &self.args.request_id {
            return id.clone();
        }
        if !command.known_by_contents {
            return Uuid::now_v7().to_string();
        }
        let mut digest = Sha256::new();
        digest.update(format!("{} {}\n", command.path, command.fields));
        for row in rows {
            digest.update(format!("{}\n", row.body));
        }
        format!("file-{}", short_digest(digest))
    }

    /// Sends one request and waits for its results. A row that the gateway refuses is left out, and stops no other.
    async fn send_one(&self, command: &Command, request_id: String, rows: Vec<InputRow>) -> Result<Sent> {
        let may_be_known = command.known_by_contents || self.args.request_id.is_some();
        let known = if may_be_known { self.status(&request_id).await? } else { None };
        let (mut rows, mut reports) = (rows, Vec::new());
        while known.is_none() {
            let body = self.body(command, &request_id, &rows);
            let Err(error) = self.client.send::<Value>(command.method.clone(), &command.path, &body).await
            else {
                break;
            };
            let Some((place, row_problem)) = refused_row(&error, command.rows, rows.len()) else {
                return Err(not_done(&error, "send it again: what is booked stays booked"));
            };
            let row = rows.remove(place);
            reports.push(RowReport::refused(&row, row_problem));
            if command.all_or_nothing || rows.is_empty() {
                reports.extend(rows.iter().map(RowReport::withheld));
                return Ok(Sent { request_id, rows: reports, before: None, needs_second: false });
            }
        }
        if self.args.wait.no_wait {
            reports.extend(rows.iter().map(RowReport::requested));
            return Ok(Sent { request_id, rows: reports, before: None, needs_second: false });
        }
        let record = within(Duration::from_secs(self.args.wait.timeout), async || {
            Ok(self.status(&request_id).await?.and_then(|status| status.record))
        })
        .await?;
        let record = record.ok_or_else(|| self.late(&request_id))?;
        let before = known.is_some().then(|| told(&record));
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
        Ok(Sent { request_id, rows: reports, before, needs_second })
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

    /// Returns the state of a request; `None` if none has this id.
    async fn status(&self, request_id: &str) -> Result<Option<Status>> {
        match self.client.get(&format!("/v1/stock/requests/{request_id}"), &[]).await {
            Ok(status) => Ok(Some(status)),
            Err(PlaceError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(not_done(&error, "send it again: what is booked stays booked")),
        }
    }

    fn late(&self, request_id: &str) -> Box<dyn std::error::Error + Send + Sync> {
        let seconds = self.args.wait.timeout;
        hinted(
            format!(
                "inventory has not worked on request {request_id} within {seconds} s; the request is kept"
            ),
            format!(
                "{}, then the same command with --request-id {request_id}, which asks for nothing twice",
                next_command("doctor")
            ),
        )
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
