//! Decisions about one case: each is asked of the exceptions worker, and what comes of it is printed.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use despatch_contracts::Ask;
use despatch_contracts::exception::{
    CancelOrderOfCase, CaseDecided, CaseDecision, ClaimCase, DiscardCase, EditAndReplayCase, NoteOnCase,
    ReleaseCase, ReplayCase, SetCasePriority, UndoDiscard,
};
use despatch_domain::Priority;
use despatch_exceptions::{Case, CaseQueries, CaseRef};
use despatch_read_model::{OrderBook, ReadModel};
use serde_json::json;

use super::edit::{self, Edited};
use super::find::{self, add_orders, order_name};
use super::outcome::{self, DecisionResult};
use crate::args::{ByArgs, DecisionArgs, ExceptionsCommand, RefundArgs, WaitArgs};
use crate::ask::ask;
use crate::commands::orders;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{next_command, one_line, print};
use crate::result::{Result, hinted};
use despatch_domain::similar::did_you_mean;

/// A case and the person who decides about it.
struct Decider<'a> {
    config: &'a Config,
    cases: &'a CaseQueries,
    case: Case,
    by: String,
    json: bool,
}

/// Makes a decision, waits for its outcome, and says it.
pub(super) async fn decide(
    config: &Config,
    data_dir: &DataDir,
    cases: &CaseQueries,
    command: ExceptionsCommand,
) -> Result<ExitCode> {
    let decider = async |reference: CaseRef, by: &ByArgs, json: bool| {
        let by = by.person()?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Decider {
            config,
            cases,
            case: find::case(cases, reference).await?,
            by,
            json,
        })
    };
    let of = async |args: &DecisionArgs| decider(args.case.reference()?, &args.by, args.json).await;
    match command {
        ExceptionsCommand::List(_) | ExceptionsCommand::Show { .. } | ExceptionsCommand::Reasons { .. } => {
            Ok(ExitCode::SUCCESS)
        }
        ExceptionsCommand::Claim(args) => {
            let it = of(&args).await?;
            it.decided(&ClaimCase { decision: Some(it.made()) }, &format!("claimed by {}", it.by)).await
        }
        ExceptionsCommand::Release(args) => {
            let it = of(&args).await?;
            let said = format!("released by {}; it is open again", it.by);
            it.decided(&ReleaseCase { decision: Some(it.made()) }, &said).await
        }
        ExceptionsCommand::Note { case, by, json } => {
            let it = decider(case.reference()?, &by, json).await?;
            let note = NoteOnCase { decision: Some(it.made()), text: case.word().to_owned() };
            it.decided(&note, &format!("note added by {}", it.by)).await
        }
        ExceptionsCommand::Priority { case, by, reason, json } => {
            let priority = priority(case.word())?;
            let it = decider(case.reference()?, &by, json).await?;
            let said = format!("priority set to {priority} by {}; it was {}", it.by, it.case.priority);
            let set =
                SetCasePriority { decision: Some(it.made()), priority: priority.name().to_owned(), reason };
            it.decided(&set, &said).await
        }
        ExceptionsCommand::Discard { decision, reason } => {
            let it = of(&decision).await?;
            let undo = next_command(format_args!("exceptions undo {}", it.case.number));
            let said = format!("discarded by {}. Case resolved. To open it again: {undo}", it.by);
            it.decided(&DiscardCase { decision: Some(it.made()), reason }, &said).await
        }
        ExceptionsCommand::Undo(args) => {
            let it = of(&args).await?;
            let said = format!("discard undone by {}; it is open again", it.by);
            it.decided(&UndoDiscard { decision: Some(it.made()) }, &said).await
        }
        ExceptionsCommand::Replay { decision, wait } => {
            let it = of(&decision).await?;
            let said = format!("replay asked for by {}; {} tries it now", it.by, it.case.id.handler);
            it.ask(&ReplayCase { decision: Some(it.made()) }).await?;
            it.replayed(&said, &wait).await
        }
        ExceptionsCommand::Edit { decision, from, reason, yes, wait } => {
            let it = of(&decision).await?;
            let Edited { generation, contents, changes } = edit::edited(cases, &it.case, &from).await?;
            if !it.json {
                print(&(changes.join("\n") + "\n"))?;
            }
            if !yes {
                return it.not_applied(&changes);
            }
            it.ask(&EditAndReplayCase { decision: Some(it.made()), generation, contents, reason }).await?;
            let fields = if changes.len() == 1 { "field" } else { "fields" };
            let count = changes.len();
            let said = format!(
                "edited ({count} {fields}) and replay asked for by {}; {} tries it now",
                it.by, it.case.id.handler
            );
            it.replayed(&said, &wait).await
        }
        ExceptionsCommand::Refund { decision, refund } => {
            of(&decision).await?.refund(data_dir, &refund).await
        }
        ExceptionsCommand::CancelOrder { decision, reason, wait } => {
            of(&decision).await?.cancel_order(reason, &wait).await
        }
    }
}

impl Decider<'_> {
    /// The decision's case and person, as the worker is told.
    fn made(&self) -> CaseDecision {
        let event_id = self.case.id.event_id.to_string();
        CaseDecision { handler: self.case.id.handler.clone(), event_id, by: self.by.clone() }
    }

    /// Asks the worker for the decision. A refusal is an error that says why.
    async fn ask<A: Ask<Reply = CaseDecided>>(&self, decision: &A) -> Result {
        let CaseDecided {} = ask(self.config, decision).await?;
        Ok(())
    }

    /// Asks for a decision of which nothing more comes.
    async fn decided<A: Ask<Reply = CaseDecided>>(&self, decision: &A, said: &str) -> Result<ExitCode> {
        self.ask(decision).await?;
        if self.json {
            self.print_json("recorded", None).await?;
        } else {
            print(&format!("case {}: {said}\n", self.case.number))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Waits for what comes of a replay.
    async fn replayed(&self, said: &str, wait: &WaitArgs) -> Result<ExitCode> {
        let outcome = async |limit| outcome::of_replay(self.cases, &self.case, limit).await;
        let handler = &self.case.id.handler;
        let retries = next_command(format_args!("retries list --handler {handler}"));
        let look = format!("{retries}      it may wait for another try");
        self.outcome(said, wait, outcome, &look).await
    }

    /// Refunds a part of the order's payment. The request is kept before the note, so a note never claims too much.
    async fn refund(&self, data_dir: &DataDir, args: &RefundArgs) -> Result<ExitCode> {
        let Some(order_id) = self.case.order_id() else {
            let show = next_command(format_args!("exceptions show {}", self.case.number));
            return Err(hinted(format!("case {} is about no order", self.case.number), show));
        };
        let book = OrderBook::new(&self.config.settings())?;
        let order = orders::find(&book, order_id).await?;
        let asked = orders::ask_refund(self.config, data_dir, &book, &order, args, &self.by).await?;
        let text = format!("refund {} asked for: {}", asked.id, args.reason);
        self.ask(&NoteOnCase { decision: Some(self.made()), text }).await?;
        asked.say(&order, self.json)
    }

    async fn cancel_order(mut self, reason: String, wait: &WaitArgs) -> Result<ExitCode> {
        add_orders(self.config, std::slice::from_mut(&mut self.case)).await?;
        let orders = ReadModel::new(&self.config.settings())?;
        let order_id = self.case.order_id().unwrap_or_default();
        let before = outcome::refusals(&orders, order_id).await?.len();
        self.ask(&CancelOrderOfCase { decision: Some(self.made()), reason }).await?;
        let name = order_name(&self.case);
        let said = format!("cancellation of {name} asked for by {}", self.by);
        let outcome = async |limit| {
            outcome::of_cancellation(self.cases, &orders, (&self.case, order_id), before, limit).await
        };
        self.outcome(&said, wait, outcome, &next_command(format_args!("orders show {name}"))).await
    }

    /// Says what was asked for, waits for the outcome, and says that. Ends with status 1 unless the case is resolved.
    async fn outcome(
        &self,
        said: &str,
        wait: &WaitArgs,
        outcome: impl AsyncFnOnce(Duration) -> Result<DecisionResult>,
        look: &str,
    ) -> Result<ExitCode> {
        let number = self.case.number;
        if wait.no_wait {
            if self.json {
                self.print_json("asked", None).await?;
            } else {
                print(&format!("case {number}: {said}\n"))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        if !self.json {
            print(&format!("case {number}: {said} … "))?;
        }
        let begun = Instant::now();
        let outcome = outcome(Duration::from_secs(wait.timeout)).await?;
        let after = begun.elapsed();
        if self.json {
            self.print_json(outcome.name(), Some(after)).await?;
        } else {
            let mut text = format!("{}\n", one_line(&outcome.in_words(after)));
            if outcome == DecisionResult::Unknown {
                let show = next_command(format_args!("exceptions show {number}"));
                writeln!(text, "      {show}\n      {look}")?;
            }
            print(&text)?;
        }
        let resolved = matches!(outcome, DecisionResult::Resolved(_));
        Ok(if resolved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Says how an edit is applied, after its changes were printed.
    fn not_applied(&self, changes: &[String]) -> Result<ExitCode> {
        if self.json {
            let shown = json!({ "outcome": "not-applied", "changes": changes });
            print(&format!("{shown:#}\n"))?;
        } else {
            let number = self.case.number;
            print(&format!(
                "case {number}: nothing is applied yet; repeat it with --yes to replay the event so\n"
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The case as it is now, and what came of the decision.
    async fn print_json(&self, outcome: &str, after: Option<Duration>) -> Result {
        let mut case = self.cases.show(&self.case.id).await?.case;
        add_orders(self.config, std::slice::from_mut(&mut case)).await?;
        let seconds = after.map(|after| after.as_secs_f64());
        let shown = json!({ "case": case, "outcome": outcome, "seconds": seconds });
        print(&format!("{shown:#}\n"))
    }
}

fn priority(name: &str) -> Result<Priority> {
    let names = || Priority::ALL.iter().map(|priority| priority.name());
    Priority::parse(name).ok_or_else(|| {
        let what = format!("{name}: no such priority{}", did_you_mean(name, names()));
        hinted(what, format!("one of {}", names().collect::<Vec<_>>().join(", ")))
    })
}
