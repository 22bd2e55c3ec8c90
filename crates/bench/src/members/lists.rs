//! The lists of the console and of back offices: each question alone, one after the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use super::population::{Population, SCOPES};
use crate::{
    http::{self, Connection, Dice, Target},
    load::Latency,
    server::Tenon,
};

/// How often each list is read.
const TIMES: usize = 60;
/// What each of them may take.
const ASKED: f64 = 100.0;

/// A back office: a program with a key.
pub struct Office {
    address: std::net::SocketAddr,
    headers: String,
}

impl Office {
    /// Makes the program, and the names that it grants.
    pub fn open(tenon: &Tenon) -> Result<Self, String> {
        let wish = r#"{"name":"bench","scopes":["permissions:read","permissions:write","users:read","catalog:write"],"may_grant":["bench"],"calls_per_minute":0}"#;
        let made = Target::signed(tenon.address, "POST", "/api/member-clients", wish, &tenon.bearer());
        let (status, answer) = http::call(&made)?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let (Some(client), Some(key)) = (text("client_key"), text("api_key")) else {
            return Err(format!("the program answered {status}: {answer}"));
        };
        let headers = format!("x-client-key: {client}\r\nx-api-key: {key}\r\n");
        let office = Self { address: tenon.address, headers };
        for name in ["scope_type/bench", "module/bench", "action/read"] {
            let path = format!("/admin/permission-catalog/{name}");
            let put = Target::signed(office.address, "PUT", &path, "{}", &office.headers);
            let (status, answer) = http::call(&put)?;
            if !(200..300).contains(&status) {
                return Err(format!("{path} answered {status}: {answer}"));
            }
        }
        Ok(office)
    }

    fn get(&self, path: &str) -> Target {
        Target::get_with(self.address, path, &self.headers)
    }

    /// Does the work while a permission is given to a member and taken again, time after time.
    pub fn while_changing<T>(
        &self,
        every: Duration,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let is_done = Arc::new(AtomicBool::new(false));
        let sub = Population { members: 1, grants: 1 }.subs().remove(0);
        let body = format!(
            r#"{{"authentik_sub":"{sub}","scope_type":"bench","scope_id":"1","module":"bench","action":"read"}}"#
        );
        let change = |verb: &str| {
            Target::signed(self.address, "POST", &format!("/admin/permissions/{verb}"), &body, &self.headers)
        };
        let changes = [change("grant"), change("revoke")];
        let seen = is_done.clone();
        let changing = std::thread::spawn(move || {
            for one in changes.iter().cycle() {
                if seen.load(Ordering::Relaxed) {
                    break;
                }
                let (status, answer) = http::call(one)?;
                if !(200..300).contains(&status) {
                    return Err(format!("a change answered {status}: {answer}"));
                }
                std::thread::sleep(every);
            }
            Ok(())
        });
        let outcome = work();
        is_done.store(true, Ordering::Relaxed);
        changing.join().map_err(|_| "the changes broke off")??;
        outcome
    }
}

/// A list by its name, and the questions that are asked in turn.
type List = (&'static str, Vec<Target>);

/// Measures and prints each list.
pub fn measure(
    tenon: &Tenon,
    office: &Office,
    population: &Population,
    subs: &[String],
) -> Result<(), String> {
    println!(
        "\n  {:<52}{:>12}{:>10}{:>10}{:>10}",
        "lists, one question at a time", "rows", "p50 ms", "p99 ms", "asked"
    );
    let mut lists = offices(office, population, subs)?;
    let person = |path: &str| Target::get_with(tenon.address, path, &tenon.bearer());
    lists.extend(console(&person, population)?);
    lists.extend(who_can(&person, population));
    lists.iter().try_for_each(|(name, targets)| list(name, targets))
}

/// Questions about members that are drawn anew.
fn many(members: u32, make: impl Fn(u64) -> Target) -> Vec<Target> {
    let mut dice = Dice::new(7);
    (0..TIMES).map(|_| make(dice.below(members as usize) as u64 + 1)).collect()
}

/// What back offices read.
fn offices(office: &Office, population: &Population, subs: &[String]) -> Result<Vec<List>, String> {
    let drawn = |make: &dyn Fn(u64) -> String| many(population.members, |member| office.get(&make(member)));
    let one = |path: String| vec![office.get(&path)];
    let users = middle(office, "/admin/users?limit=200")?;
    let grants = middle(office, "/admin/permissions?limit=200")?;
    let sub = |member: u64| subs.get(member as usize - 1).map_or("", String::as_str);
    Ok(vec![
        ("/admin/users, first page", one("/admin/users".to_owned())),
        ("/admin/users, a page further on", one(format!("/admin/users?cursor={users}"))),
        ("/admin/users?search=, one is found", drawn(&|n| format!("/admin/users?search=user{n}@"))),
        ("/admin/users?search=, nobody is found", one("/admin/users?search=nobody-is-called-so".to_owned())),
        ("/admin/permissions, first page", one("/admin/permissions".to_owned())),
        ("/admin/permissions, a page further on", one(format!("/admin/permissions?cursor={grants}"))),
        (
            "/admin/permissions, of one member",
            drawn(&|n| format!("/admin/permissions?authentik_sub={}", sub(n))),
        ),
        (
            "/admin/permissions, of one scope",
            drawn(&|n| format!("/admin/permissions?scope_type=shop&scope_id=s{}", n % SCOPES)),
        ),
        (
            "/admin/permissions, who has one",
            drawn(&|n| format!("/admin/permissions?{}", population.query(n, 7))),
        ),
    ])
}

/// What people read in the console.
fn console(person: &dyn Fn(&str) -> Target, population: &Population) -> Result<Vec<List>, String> {
    let drawn = |make: &dyn Fn(u64) -> String| many(population.members, |member| person(&make(member)));
    let one = |path: &str| vec![person(path)];
    let user = id_of(&person("/api/users?search=user77@"))?;
    let grants = "/api/member-grants?page_size=50";
    Ok(vec![
        ("/api/users, first page", one("/api/users?page_size=50")),
        ("/api/users, page 100", one("/api/users?page=100&page_size=50")),
        ("/api/users?search=, one is found", drawn(&|n| format!("/api/users?page_size=50&search=user{n}@"))),
        ("/api/users?search=, nobody is found", one("/api/users?search=nobody-is-called-so")),
        ("/api/member-grants, first page", one(grants)),
        ("/api/member-grants, of one member", one(&format!("{grants}&user_id={user}"))),
        (
            "/api/member-grants, of one scope",
            drawn(&|n| format!("{grants}&scope_type=shop&scope_id=s{}", n % SCOPES)),
        ),
        ("/api/member-grants, of one module", one(&format!("{grants}&module=module3"))),
        ("/api/member-grants?search=, one is found", drawn(&|n| format!("{grants}&search=user{n}@"))),
        ("/api/member-grants?search=, nobody is found", one(&format!("{grants}&search=nobody-is-called-so"))),
        ("/api/member-grants, that end soon", one(&format!("{grants}&expires_before=2100-01-01T00:00:00Z"))),
        ("/api/members/…/access", one(&format!("/api/members/{user}/access"))),
    ])
}

/// Who can do one thing.
fn who_can(person: &dyn Fn(&str) -> Target, population: &Population) -> Vec<List> {
    let of = |tuple: &str| person(&format!("/api/member-grants/who-can?page_size=50&{tuple}"));
    let role = "scope_type=region&scope_id=r3&module=crm&action=action0";
    vec![
        ("who-can, what a few have", many(population.members, |member| of(&population.query(member, 7)))),
        ("who-can, what everybody has", vec![of(&population.query(1, 0))]),
        ("who-can, what a role gives", vec![of(role)]),
    ]
}

/// The cursor after some pages.
fn middle(office: &Office, path: &str) -> Result<String, String> {
    let mut cursor = String::new();
    for _ in 0..5 {
        let next = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let (status, answer) = http::call(&office.get(&format!("{path}{next}")))?;
        if status != 200 {
            return Err(format!("{path} answered {status}: {answer}"));
        }
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    Ok(cursor)
}

fn id_of(target: &Target) -> Result<String, String> {
    let (status, answer) = http::call(target)?;
    let id = answer["items"][0]["id"].as_str().map(str::to_owned);
    id.ok_or_else(|| format!("a search for a member answered {status}: {answer}"))
}

/// Reads a list over and over, and prints how long it took.
fn list(name: &str, targets: &[Target]) -> Result<(), String> {
    let (mut took, mut rows) = (Vec::with_capacity(TIMES), 0);
    http::runtime()?.block_on(async {
        let address = targets.first().ok_or("nothing to ask")?.address;
        let mut connection = Connection::open(address).await?;
        for target in targets.iter().cycle().take(TIMES) {
            let asked = Instant::now();
            let answer = connection.ask(target.bytes()).await?;
            took.push(asked.elapsed());
            let body: Value = serde_json::from_slice(answer.body).unwrap_or_default();
            if answer.status != 200 {
                return Err(format!("{name}: answered {}: {body}", answer.status));
            }
            let items = body["items"].as_array().or(body["permissions"].as_array());
            rows = items.map_or(0, Vec::len);
        }
        Ok(())
    })?;
    let Latency { p50, p99, .. } = Latency::of(took);
    println!("  {name:<52}{rows:>12}{p50:>10.2}{p99:>10.2}{:>10}", format!("≤ {ASKED:.0} ms"));
    Ok(())
}
