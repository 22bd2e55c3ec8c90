//! `POST /api/member-grants/batch`: several changes, all or none, or each as far as it can be done.

use base::{Error, Result};
use kernel::{Cx, Json, access::Tuple, port::Person};

use super::{
    judge::{Case, Judge, at, is_refusal, told as said},
    wish::{Batch, BatchOutcome, Op, Operation, Outcome, Refusal},
};
use crate::permission::change::{self, Author, Change, Done, Told, Until};

/// The savepoint of one change.
const POINT: &str = "operation";

/// A change with its tuple.
struct Task {
    place: String,
    tuple: Tuple,
    gives: Option<Until>,
    operation: Operation,
}

impl Task {
    fn of(index: usize, operation: Operation) -> Result<Self> {
        let place = format!("operations.{index}");
        if operation.op == Op::Revoke && operation.expires_at.is_some() {
            let message = "belongs to what is given";
            return Err(Error::field(at(&place, "expires_at"), "not_allowed", message));
        }
        let tuple = Tuple {
            scope_type: operation.scope_type.clone(),
            scope_id: operation.scope_id.clone(),
            module: operation.module.clone(),
            action: operation.action.clone(),
        };
        let gives = (operation.op == Op::Grant).then(|| Until::of(operation.expires_at));
        Ok(Self { place, tuple, gives, operation })
    }

    fn case(&self) -> Case<'_> {
        Case { place: &self.place, user: self.operation.user_id, tuple: &self.tuple, gives: self.gives }
    }

    fn change(&self) -> Change<'_> {
        let reason = self.operation.reason.as_deref();
        Change { user: self.operation.user_id, tuple: &self.tuple, gives: self.gives, reason }
    }
}

async fn perform(
    cx: &Cx,
    judge: &mut Judge<'_>,
    author: &Author,
    task: &Task,
    told: &mut Told,
) -> Result<Done> {
    let Person { username, .. } = judge.check(task.case()).await?;
    let (tx, change) = (cx.tx()?, task.change());
    let done = change::carry_out(cx, tx, author, change, told).await?;
    change::note(cx, tx, author, change, &username, done.result).await?;
    Ok(done)
}

/// `POST /api/member-grants/batch`.
pub async fn batch(cx: &Cx, batch: Batch) -> Result<Json<BatchOutcome>> {
    let tx = cx.tx()?;
    let tasks: Vec<Task> = batch
        .operations
        .into_iter()
        .enumerate()
        .map(|(index, operation)| Task::of(index, operation))
        .collect::<Result<_>>()?;
    let mut judge = Judge::begin(cx).await?;
    let mut users: Vec<_> = tasks.iter().map(|task| task.operation.user_id).collect();
    users.sort_unstable();
    users.dedup();
    judge.learn(&users).await?;
    let (author, mut told) = (Author::person(cx)?, Told::default());
    let mut done = Vec::with_capacity(tasks.len());
    for task in &tasks {
        if batch.atomic {
            done.push(Ok(perform(cx, &mut judge, &author, task, &mut told).await?));
            continue;
        }
        tx.savepoint(POINT).await?;
        let one = perform(cx, &mut judge, &author, task, &mut told).await;
        if let Err(error) = &one {
            if !is_refusal(error) {
                return one.map(|_| Json(BatchOutcome { results: Vec::new(), changed: 0 }));
            }
            tx.back_to_savepoint(POINT).await?;
        }
        tx.release_savepoint(POINT).await?;
        done.push(one);
    }
    told.tell(tx, cx.now()).await?;
    let mut results = Vec::with_capacity(tasks.len());
    for (index, (task, one)) in tasks.iter().zip(&done).enumerate() {
        results.push(match one {
            Ok(made) => {
                let still_granted_by = match task.gives {
                    None => change::others(cx, tx, task.operation.user_id, &task.tuple).await?,
                    Some(_) => Vec::new(),
                };
                Outcome { index, result: made.result, still_granted_by, error: None }
            }
            Err(error) => {
                let (code, detail) = said(error);
                let error = Some(Refusal { code, detail });
                Outcome { index, result: "refused", still_granted_by: Vec::new(), error }
            }
        });
    }
    let changed = done.iter().flatten().filter(|made| made.is_change()).count();
    Ok(Json(BatchOutcome { results, changed }))
}
