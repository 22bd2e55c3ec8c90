//! The same calls with Authentik's published contract between client and double: `tests/stand_ins/authentik`,
//! in Node, runs Prism in its proxy mode, which refuses every request that the contract does not allow with
//! 422, and says what in an answer violates it.
//!
//! Its packages are installed below the target folder, once, and the contract is fetched there. Where node or
//! npm is missing, or something cannot be had, the test says so and passes.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use authentik::{Settings, SubMode, Wish};
use base::{Kind, ManualClock};
use outbound::{
    GuardedClient, Policy, Purpose,
    http::{Call, Method, header},
};
use serde_json::{Value, json};

use crate::{
    double::{Double, Fault, TOKEN},
    support::{ann, calling, done, ensure, object, settings, with},
};

/// Ends with the value.
struct Contract {
    process: Child,
    url: String,
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Contract {
    fn drop(&mut self) {
        // It ends with its input, and takes Prism along.
        drop(self.process.stdin.take());
        let _status = self.process.wait();
    }
}

impl Contract {
    /// The contract in front of a double, or why there is none.
    fn before(double: &Double) -> Result<Self, String> {
        let folder = installed()?;
        let mut process = Command::new("node")
            .args(["contract.mjs", &double.url])
            .current_dir(folder)
            .env("CARGO", option_env!("CARGO").unwrap_or("cargo"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("node: {error}"))?;
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.ok()?.strip_prefix("listening ").map(str::to_owned));
        let Some(url) = url else {
            let _status = process.wait();
            return Err("the contract cannot be fetched, or Prism does not start".to_owned());
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let kept = said.clone();
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line));
        });
        Ok(Self { process, url, said })
    }

    /// What Prism has found against requests and answers. A status that the document does not list is none of
    /// it: Authentik answers 404, and its document does not say so.
    fn violations(&self) -> Vec<String> {
        let said = self.said.lock().unwrap();
        let is_violation = |line: &&String| {
            let line = line.to_lowercase();
            line.contains("violation") || line.contains("unprocessable") || line.contains("unauthorized")
        };
        said.iter().filter(is_violation).cloned().collect()
    }
}

/// The folder with the script and its packages.
fn installed() -> Result<PathBuf, String> {
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").output();
        found.map_err(|error| format!("{program} does not run: {error}"))?;
    }
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stand_ins/authentik");
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authentik");
    fs::create_dir_all(&to).unwrap();
    // Tests run beside each other, possibly in several processes: one installs. Unlocked when it closes.
    let turn = fs::File::create(to.join("turn")).unwrap();
    turn.lock().unwrap();
    let lock = fs::read_to_string(from.join("package-lock.json")).unwrap();
    // Written last, and only when everything is there.
    let done = to.join("installed.lock");
    for name in [".npmrc", "package.json", "package-lock.json", "contract.mjs"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    if fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return Ok(to);
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"])
        .current_dir(&to)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm: {error}"))?;
    if !npm.status.success() {
        return Err(format!("npm ci: {}", String::from_utf8_lossy(&npm.stderr).trim()));
    }
    fs::write(done, lock).unwrap();
    Ok(to)
}

/// A request past the client.
async fn raw(url: &str, method: Method, path: &str, body: Option<Value>) -> u16 {
    let http = GuardedClient::new(Policy::parse(None, true).unwrap());
    let mut call = Call::new(method, format!("{url}{path}"));
    call.headers.insert(header::AUTHORIZATION, format!("Bearer {TOKEN}").parse().unwrap());
    if let Some(body) = body {
        call.headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        call.body = body.to_string().into_bytes().into();
    }
    http.send(Purpose::Authentik, call).await.unwrap().status
}

#[tokio::test]
async fn no_call_and_no_answer_of_the_double_violates_the_contract() {
    let double = Double::start().await;
    let contract = match Contract::before(&double) {
        Ok(contract) => contract,
        Err(why) => return println!("left out: Authentik's contract cannot be had: {why}"),
    };
    let patient = Settings { timeout: None, ..settings(&contract.url) };
    let client = with(&ManualClock::default(), patient.clone());
    // Made, left alone, changed.
    double.group("members", false, &[]);
    let attributes = object(json!({ "ours": { "a": [1, null] } }));
    let groups = vec!["members".to_owned()];
    let wish = Wish { path: Some("users/shop".into()), attributes, groups, ..ann() };
    let (made, progress) = done(&client, &wish).await;
    assert_eq!((progress.created, progress.changed), (true, vec!["groups"]));
    let (_, progress) = done(&client, &wish).await;
    assert!(!progress.created && progress.changed.is_empty());
    double.set(made.user.pk, "attributes", json!({ "ours": 1, "theirs": true }));
    let (_, progress) =
        done(&client, &Wish { name: Some("Ann B".into()), is_active: Some(false), ..wish }).await;
    assert_eq!(progress.changed, ["attributes", "is_active", "name"]);
    let kept = double.named("ann@example.com");
    assert_eq!(kept["attributes"], json!({ "ours": { "a": [1, null] }, "theirs": true }));
    // A race that is lost, an account that is protected.
    let rival = json!({ "username": "bob@example.com", "email": "bob@example.com" });
    double.fault("POST /api/v3/core/users/", Fault::Rival(rival));
    let bob = Wish { email: Some("bob@example.com".into()), name: Some("Bob".into()), ..Wish::default() };
    let (_, progress) = done(&client, &bob).await;
    assert_eq!((progress.created, progress.changed), (false, vec!["name"]));
    double.user(json!({ "username": "root", "email": "root@example.com", "is_superuser": true }));
    let root = Wish { username: Some("root".into()), name: Some("Mallory".into()), ..Wish::default() };
    assert_eq!(ensure(&client, &root).await.0.unwrap_err().code(), "protected_account");
    // By id, by address, by page, and a letter.
    let by_id = calling(&contract.url, SubMode::UserUuid);
    let of_id = Wish { sub: Some(made.user.uuid.clone()), ..Wish::default() };
    assert_eq!(done(&by_id, &of_id).await.0.user.pk, made.user.pk);
    double.user(json!({ "username": "carol", "email": "carol@example.com" }));
    let carol = Wish { email: Some("carol@example.com".into()), ..Wish::default() };
    assert_eq!(done(&client, &carol).await.0.user.username, "carol");
    double.page_max(2);
    assert_eq!(client.page(1).await.unwrap().next, Some(2));
    assert_eq!(client.page(2).await.unwrap().next, None);
    client.mail_recovery(made.user.pk).await.unwrap();
    // A name that is taken is a complaint of Authentik, in its form.
    let taken =
        Wish { pk: None, username: Some("carol".into()), sub: Some(made.sub.clone()), ..Wish::default() };
    assert_eq!(ensure(&client, &taken).await.0.unwrap_err().kind(), Kind::Conflict);
    // A token that is not accepted.
    let wrong = with(&ManualClock::default(), Settings { token: "wrong".to_owned().into(), ..patient });
    assert_eq!(ensure(&wrong, &ann()).await.0.unwrap_err().code(), "authentik_error");
    assert_eq!(contract.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn the_contract_refuses_what_authentik_would() {
    let double = Double::start().await;
    let contract = match Contract::before(&double) {
        Ok(contract) => contract,
        Err(why) => return println!("left out: Authentik's contract cannot be had: {why}"),
    };
    let users = "/api/v3/core/users/";
    for body in [
        json!({ "username": "x" }),
        json!({ "username": "x", "name": "", "email": "none" }),
        json!({ "username": "x".repeat(151), "name": "" }),
        json!({ "username": "x", "name": "", "type": "robot" }),
    ] {
        assert_eq!(raw(&contract.url, Method::POST, users, Some(body.clone())).await, 422, "{body}");
    }
    assert_eq!(raw(&contract.url, Method::GET, &format!("{users}?page=abc"), None).await, 422);
    assert_eq!(raw(&contract.url, Method::GET, users.trim_end_matches('/'), None).await, 404);
    assert_eq!(raw(&contract.url, Method::GET, users, None).await, 200);
    assert!(double.users().is_empty());
    assert_eq!(contract.violations().len(), 5, "{:?}", contract.violations());
}
