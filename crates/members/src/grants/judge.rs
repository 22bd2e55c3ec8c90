//! Who may give or take what in the console.
//!
//! Whoever changes grants needs `members:grant:change` and reaches the member with it. What belongs to other
//! systems needs no more. The product's own permissions are given as at `/api/users/{id}/grants`: with
//! `identity:user:grant`, by somebody who holds them on every row, to nobody who is himself, and to an owner by
//! an owner only; taking them needs that one holds them as well.

use std::collections::HashMap;

use base::{Error, FieldError, Id, Result};
use kernel::{
    Cx, Reach,
    access::{ORG, Tuple},
    port::{Among, Person},
};
use sea_orm::sea_query::{Expr, ExprTrait};

use crate::{fields::check_tuple, permission::change::Until, service::people, term::Terms};

/// Changes grants.
pub const CHANGE: &str = "members:grant:change";
/// Sees grants.
pub const LIST: &str = "members:grant:list";
/// Gives the product's own permissions.
const GRANT: &str = "identity:user:grant";

/// A name of a field within a place.
pub fn at(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// Whether the caller reaches a member with a permission; 403 where he does not hold it at all.
pub async fn reaches(cx: &Cx, code: &str, user: Id) -> Result<bool> {
    let (tx, reach) = (cx.tx()?, cx.reach(code)?);
    let among = Among { reach: &reach, who: cx.actor()?.id, words: &[] };
    let Some(mut select) = people(&cx.app)?.among(tx, &among)? else { return Ok(true) };
    select.and_where(Expr::col("id").eq(user));
    Ok(tx.query_one(&select).await?.is_some())
}

/// A member whom the caller reaches with a permission, or 404.
pub async fn member(cx: &Cx, code: &str, user: Id) -> Result<Person> {
    let person = people(&cx.app)?.find(cx.tx()?, &[user]).await?.pop();
    let person = person.filter(|person| !person.removed).ok_or_else(Error::missing)?;
    if reaches(cx, code, user).await? { Ok(person) } else { Err(Error::missing()) }
}

/// One change to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Where in the request it stands, for the names of fields.
    pub place: &'a str,
    /// The member.
    pub user: Id,
    /// The tuple.
    pub tuple: &'a Tuple,
    /// Until when it is given; to be taken where it is not.
    pub gives: Option<Until>,
}

/// Judges changes of one request.
pub struct Judge<'a> {
    cx: &'a Cx,
    org: Id,
    terms: Terms,
    /// Members who were looked up; `None` for whoever is none that the caller reaches.
    known: HashMap<Id, Option<Person>>,
    /// Whether the caller may give them the product's own permissions.
    reached: HashMap<Id, bool>,
}

impl<'a> Judge<'a> {
    /// Takes the lock on who may do what and reads what judging needs.
    pub async fn begin(cx: &'a Cx) -> Result<Self> {
        cx.lock_access().await?;
        cx.reach(CHANGE)?;
        let terms = Terms::read(&cx.app, cx.tx()?).await?;
        Ok(Self { cx, org: cx.org()?, terms, known: HashMap::new(), reached: HashMap::new() })
    }

    /// Looks several members up at once.
    pub async fn learn(&mut self, users: &[Id]) -> Result<()> {
        let (tx, reach) = (self.cx.tx()?, self.cx.reach(CHANGE)?);
        for chunk in users.chunks(500) {
            let mut found = people(&self.cx.app)?.find(tx, chunk).await?;
            let among = Among { reach: &reach, who: self.cx.actor()?.id, words: &[] };
            if let Some(mut select) = people(&self.cx.app)?.among(tx, &among)? {
                select.and_where(Expr::col("id").is_in(chunk.iter().copied()));
                let rows = tx.query_all(&select).await?;
                let ids: Vec<Id> = rows.iter().map(|row| store::read(row, "id")).collect::<Result<_>>()?;
                found.retain(|person| ids.contains(&person.id));
            }
            self.known.extend(chunk.iter().map(|id| (*id, None)));
            self.known.extend(found.into_iter().map(|person| (person.id, Some(person))));
        }
        Ok(())
    }

    /// Whether somebody who was looked up is a member whom the caller reaches.
    pub fn knows(&self, user: Id) -> bool {
        self.known.get(&user).is_some_and(Option::is_some)
    }

    /// A member, or 422 on `user_id`. From somebody who was removed things can be taken.
    pub async fn member(&mut self, case: Case<'_>) -> Result<Person> {
        if !self.known.contains_key(&case.user) {
            self.learn(&[case.user]).await?;
        }
        let person = self.known.get(&case.user).cloned().flatten();
        person.filter(|person| case.gives.is_none() || !person.removed).ok_or_else(|| {
            let message = "is no member of this organisation whom you reach";
            Error::field(at(case.place, "user_id"), "unknown_reference", message)
        })
    }

    /// Refuses what the caller may not do.
    ///
    /// Errors: 403 `cannot_grant`, `owner_only`, `not_grantable`, `permission_denied`; 422.
    pub async fn check(&mut self, case: Case<'_>) -> Result<Person> {
        check_tuple(case.place, case.tuple)?;
        // What the product itself asks for is in a catalogue of its own.
        if case.tuple.scope_type != ORG {
            self.terms.check(case.place, case.tuple, case.gives.is_some())?;
        }
        if let Some(Until::At(end)) = case.gives
            && end <= self.cx.now()
        {
            return Err(Error::field(at(case.place, "expires_at"), "in_the_past", "must be in the future"));
        }
        let person = self.member(case).await?;
        if case.tuple.scope_type == ORG {
            self.check_own(case, &person).await.map_err(|error| {
                // So that somebody with many changes sees which one it was.
                if !is_refusal(&error) || !error.field_errors().is_empty() {
                    return error;
                }
                let field = FieldError::new(at(case.place, "action"), error.code(), error.detail());
                error.with_fields(vec![field])
            })?;
        }
        Ok(person)
    }

    async fn check_own(&mut self, case: Case<'_>, person: &Person) -> Result<()> {
        let (cx, tuple) = (self.cx, case.tuple);
        if tuple.scope_id != self.org.to_string() {
            let message = "must be your own organisation";
            return Err(Error::field(at(case.place, "scope_id"), "unknown_reference", message));
        }
        if !self.reaches_as_granter(person.id).await? {
            let detail = "you do not reach this member with identity:user:grant";
            return Err(Error::forbidden("cannot_grant", detail));
        }
        if person.owner && !cx.is_owner()? {
            return Err(Error::forbidden("owner_only", "only an owner may change an owner"));
        }
        let catalogue = cx.app.catalogue();
        let Some(permission) = catalogue.find_tuple(&tuple.module, &tuple.action) else {
            if case.gives.is_none() {
                // What no route asks for any more can be tidied away.
                return Ok(());
            }
            let message = format!("there is no permission {}:{}", tuple.module, tuple.action);
            return Err(Error::field(at(case.place, "action"), "unknown_permission", message));
        };
        let entry = catalogue.entry(permission);
        if entry.is_platform() {
            return Err(Error::forbidden("not_grantable", "platform permissions belong to no role"));
        }
        let reach = cx.reach(&entry.code);
        let code = &entry.code;
        match (case.gives.is_some(), reach) {
            (true, _) if person.id == cx.actor()?.id => {
                Err(Error::forbidden("cannot_grant", "you cannot grant anything to yourself"))
            }
            (true, Ok(Reach::All)) | (false, Ok(_)) => Ok(()),
            (true, _) => {
                let detail = format!("you cannot grant {code}, which you do not hold on every row");
                Err(Error::forbidden("cannot_grant", detail))
            }
            (false, Err(_)) => {
                let detail = format!("you cannot take {code}, which you do not hold");
                Err(Error::forbidden("cannot_grant", detail))
            }
        }
    }

    async fn reaches_as_granter(&mut self, user: Id) -> Result<bool> {
        if let Some(known) = self.reached.get(&user) {
            return Ok(*known);
        }
        let reached = reaches(self.cx, GRANT, user).await?;
        self.reached.insert(user, reached);
        Ok(reached)
    }
}

/// What a list of results says of an error: the code of the field, where one is wrong.
pub fn told(error: &Error) -> (String, String) {
    match error.field_errors() {
        [first, ..] if error.code() == "validation_failed" => (first.code.clone(), error.detail().to_owned()),
        _ => (error.code().to_owned(), error.detail().to_owned()),
    }
}

/// Whether an error is about what was asked, so that the rest can go on.
pub fn is_refusal(error: &Error) -> bool {
    !error.is_retryable() && !kernel::http::problem::status(error.kind()).is_server_error()
}
