//! Users are found or made, and changed where they differ.

use authentik::{Known, SubMode, Wish};
use base::Kind;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    double::{Double, Fault},
    support::{ann, calling, client, done, ensure, ensure_known, object},
};

#[tokio::test]
async fn a_user_is_made_once_changed_where_he_differs_and_then_left_alone() {
    let double = Double::start().await;
    let client = client(&double.url);
    let (made, progress) = done(&client, &ann()).await;
    assert!(progress.created && progress.changed.is_empty());
    assert_eq!((made.user.username.as_str(), made.user.kind.as_str()), ("ann@example.com", "internal"));
    assert_eq!(made.sub, made.user.uid);
    double.seen();
    let wish = Wish { name: Some("Ann B".into()), is_active: Some(false), ..ann() };
    let (changed, progress) = done(&client, &wish).await;
    assert_eq!((changed.user.name.as_str(), changed.user.is_active), ("Ann B", false));
    assert_eq!((progress.created, progress.changed), (false, vec!["is_active", "name"]));
    let patch = double.seen().pop().unwrap();
    assert_eq!(
        (patch.what.as_str(), patch.body),
        ("PATCH /api/v3/core/users/1/", json!({ "name": "Ann B", "is_active": false }))
    );
    let (_, progress) = done(&client, &wish).await;
    assert!(!progress.created && progress.changed.is_empty());
    assert_eq!(double.calls(), ["GET /api/v3/core/users/"], "nothing differs, so nothing is told");
    // Whoever says nothing of it lets a user who may not sign in be.
    let (kept, _) = done(&client, &Wish { name: Some("Ann B".into()), ..ann() }).await;
    assert!(!kept.user.is_active);
}

#[tokio::test]
async fn what_others_keep_about_a_user_stays() {
    let double = Double::start().await;
    double.user(json!({
        "username": "ann@example.com", "email": "ann@example.com", "name": "Ann",
        "attributes": { "theirs": { "deep": [1] }, "ours": "a", "old": true },
    }));
    let attributes = object(json!({ "ours": "b", "new": 1, "old": null }));
    let (_, progress) = done(&client(&double.url), &Wish { attributes, ..ann() }).await;
    assert_eq!(progress.changed, ["attributes"]);
    let kept = &double.named("ann@example.com")["attributes"];
    assert_eq!(*kept, json!({ "theirs": { "deep": [1] }, "ours": "b", "new": 1 }));
}

#[tokio::test]
async fn whoever_loses_a_race_takes_the_winner_as_he_is() {
    let double = Double::start().await;
    let rival = json!({ "username": "ann@example.com", "email": "ann@example.com", "name": "Anna" });
    double.fault("POST /api/v3/core/users/", Fault::Rival(rival));
    let (ensured, progress) = done(&client(&double.url), &ann()).await;
    assert_eq!((progress.created, progress.changed), (false, vec!["name"]));
    assert_eq!((ensured.user.pk, double.users().len()), (1, 1));
    // A rival with another address is somebody else.
    let rival = json!({ "username": "bob@example.com", "email": "other@example.com" });
    double.fault("POST /api/v3/core/users/", Fault::Rival(rival));
    let wish = Wish { email: Some("bob@example.com".into()), ..Wish::default() };
    let error = ensure(&client(&double.url), &wish).await.0.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Conflict, "conflict"));
}

#[tokio::test]
async fn callers_at_the_same_time_make_one_user() {
    let double = Double::start().await;
    let (here, there) = (client(&double.url), client(&double.url));
    let wish = ann();
    // Two processes: what one holds back the other does not.
    let all = (0..8).map(|n| done(if n % 2 == 0 { &here } else { &there }, &wish));
    let all = join_all(all).await;
    assert_eq!(all.iter().filter(|(_, progress)| progress.created).count(), 1);
    assert_eq!(double.users().len(), 1);
    let posts = double.calls().iter().filter(|what| what.starts_with("POST")).count();
    assert!(posts <= 2, "{posts} attempts of two processes");
}

#[tokio::test]
async fn rulers_and_programs_are_not_touched() {
    let double = Double::start().await;
    let client = client(&double.url);
    for (name, members) in [
        ("root", json!({ "is_superuser": true })),
        ("robot", json!({ "type": "service_account" })),
        ("outpost", json!({ "type": "internal_service_account" })),
    ] {
        let mut user = json!({ "username": name, "email": format!("{name}@example.com"), "name": name });
        user.as_object_mut().unwrap().extend(object(members));
        let pk = double.user(user);
        let wish = Wish { username: Some(name.into()), name: Some("Mallory".into()), ..Wish::default() };
        for (wish, known) in [
            (wish.clone(), Known::default()),
            (
                Wish { username: None, email: Some(format!("{name}@example.com")), ..wish.clone() },
                Known::default(),
            ),
            (Wish { pk: Some(pk), username: None, ..wish }, Known { pk: Some(pk), uuid: None }),
        ] {
            let (outcome, progress) = ensure_known(&client, &wish, &known).await;
            let error = outcome.unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Conflict, "protected_account"), "{name}");
            assert!(!progress.created && progress.changed.is_empty());
        }
        assert_eq!(double.named(name)["name"], name);
    }
    assert!(double.calls().iter().all(|what| what.starts_with("GET")));
}

#[tokio::test]
async fn nobody_is_put_into_a_group_that_rules() {
    let double = Double::start().await;
    let client = client(&double.url);
    let admins = double.group("admins", true, &[]);
    let middle = double.group("middle", false, &[&admins]);
    double.group("below", false, &[&middle]);
    let (members, shop) = (double.group("members", false, &[]), double.group("shop", false, &[]));
    for name in ["admins", "below", admins.as_str()] {
        let wish = Wish { groups: vec!["members".into(), name.to_owned()], ..ann() };
        let error = ensure(&client, &wish).await.0.unwrap_err();
        assert_eq!((error.code(), error.field_errors()[0].field.as_str()), ("protected_group", "groups.1"));
    }
    let unknown = ensure(&client, &Wish { groups: vec!["nobodys".into()], ..ann() }).await.0.unwrap_err();
    assert_eq!((unknown.kind(), unknown.field_errors()[0].field.as_str()), (Kind::Invalid, "groups.0"));
    assert!(double.users().is_empty(), "nobody was made before the groups were looked at");
    let wish = Wish { groups: vec!["members".into(), shop.clone(), members.clone()], ..ann() };
    let (ensured, progress) = done(&client, &wish).await;
    assert_eq!((progress.created, progress.changed), (true, vec!["groups"]));
    assert_eq!(ensured.user.groups, [members.clone(), shop.clone()]);
    let (_, again) = done(&client, &wish).await;
    assert!(again.changed.is_empty());
    assert_eq!(double.named("ann@example.com")["groups"], json!([members, shop]));
}

#[tokio::test]
async fn an_address_leads_to_a_user_only_when_it_leads_to_one_and_no_name_was_told() {
    let double = Double::start().await;
    let client = client(&double.url);
    let pk = double.user(json!({ "username": "annie", "email": "ann@example.com", "name": "Ann" }));
    let (found, progress) = done(&client, &ann()).await;
    assert_eq!((found.user.pk, found.user.username.as_str()), (pk, "annie"), "nobody is renamed by it");
    assert!(!progress.created && progress.changed.is_empty());
    let conflict = async |wish: Wish| {
        let error = ensure(&client, &wish).await.0.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        (error.code().to_owned(), error.field_errors()[0].field.clone())
    };
    let wish = |username: &str, email: &str| Wish {
        username: Some(username.into()),
        email: Some(email.into()),
        ..Wish::default()
    };
    let is = |field: &str| ("conflict".to_owned(), field.to_owned());
    assert_eq!(conflict(wish("ann", "ann@example.com")).await, is("email"));
    assert_eq!(conflict(wish("annie", "else@example.com")).await, is("username"));
    double.user(json!({ "username": "annie2", "email": "ann@example.com" }));
    assert_eq!(conflict(ann()).await, is("email"));
    assert_eq!(double.users().len(), 2);
    // An account without an address takes the one that is told.
    double.user(json!({ "username": "bob" }));
    let (_, progress) = done(&client, &wish("bob", "bob@example.com")).await;
    assert_eq!(progress.changed, ["email"]);
}

#[tokio::test]
async fn a_user_who_is_known_is_found_after_he_was_renamed_and_after_his_number_changed() {
    let double = Double::start().await;
    let client = client(&double.url);
    let pk = double.user(json!({ "username": "ann", "email": "ann@example.com" }));
    let uuid = double.named("ann")["uuid"].as_str().unwrap().to_owned();
    let known = Known { pk: Some(pk), uuid: Some(uuid.clone()) };
    double.set(pk, "username", json!("anna"));
    let wish = Wish { email: Some("new@example.com".into()), ..Wish::default() };
    let (found, progress) = ensure_known(&client, &wish, &known).await;
    assert_eq!((found.unwrap().user.pk, progress.changed), (pk, vec!["email"]));
    // The number is somebody else's now, the id is not.
    double.set(pk, "pk", json!(77));
    let other = double.user(json!({ "username": "other" }));
    double.set(other, "pk", json!(pk));
    let (found, _) = ensure_known(&client, &wish, &known).await;
    assert_eq!(found.unwrap().user.pk, 77);
    // Where he is gone, what is wished makes a new one.
    double.delete(77);
    let (made, progress) = ensure_known(&client, &wish, &known).await;
    assert_eq!((made.unwrap().user.email.as_str(), progress.created), ("new@example.com", true));
    // A number that was told and that nobody has makes nobody.
    let gone = Known { pk: Some(500), uuid: None };
    let wish = Wish { pk: Some(500), email: Some("x@example.com".into()), ..Wish::default() };
    let error = ensure_known(&client, &wish, &gone).await.0.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::NotFound, "user_not_found"));
    assert_eq!(double.users().len(), 2);
}

#[tokio::test]
async fn a_name_of_tokens_leads_to_its_user_and_never_makes_one() {
    let double = Double::start().await;
    let pk = double.user(json!({ "username": "ann", "email": "ann@example.com" }));
    let user = double.named("ann");
    let of = |sub: &Value, email: Option<&str>| Wish {
        sub: Some(sub.as_str().map_or_else(|| sub.to_string(), str::to_owned)),
        email: email.map(str::to_owned),
        name: Some("Ann".into()),
        ..Wish::default()
    };
    for (mode, sub) in [(SubMode::UserUuid, &user["uuid"]), (SubMode::UserId, &user["pk"])] {
        let (found, _) = done(&calling(&double.url, mode), &of(sub, None)).await;
        assert_eq!(found.user.pk, pk, "{mode:?}");
    }
    // A digest cannot be looked up, but it can be compared.
    let hashed = client(&double.url);
    let (found, _) = done(&hashed, &of(&user["uid"], Some("ann@example.com"))).await;
    assert_eq!((found.user.pk, found.sub.as_str()), (pk, user["uid"].as_str().unwrap()));
    let error = ensure(&hashed, &of(&json!("other"), Some("ann@example.com"))).await.0.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Conflict, "conflict"));
    for email in [None, Some("nobody@example.com")] {
        let error = ensure(&hashed, &of(&json!("other"), email)).await.0.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::NotFound, "user_not_found"));
    }
    assert_eq!(double.users().len(), 1);
}

#[tokio::test]
async fn all_users_come_page_by_page() {
    let double = Double::start().await;
    double.page_max(3);
    let made: Vec<i64> = (0..8).map(|n| double.user(json!({ "username": format!("u{n}") }))).collect();
    let (client, mut seen, mut next) = (client(&double.url), Vec::new(), Some(1));
    while let Some(number) = next {
        let page = client.page(number).await.unwrap();
        seen.extend(page.users.iter().map(|user| user.pk));
        next = page.next;
    }
    assert_eq!(seen, made);
    assert_eq!(double.calls().len(), 3);
}

#[tokio::test]
async fn what_a_newer_server_adds_is_passed_over() {
    let double = Double::start().await;
    double.user(json!({
        "username": "ann@example.com", "email": "ann@example.com", "name": "Ann",
        "type": "household_robot", "invented": { "later": true },
    }));
    let (found, progress) = done(&client(&double.url), &ann()).await;
    assert_eq!(found.user.kind, "household_robot");
    assert!(!progress.created && progress.changed.is_empty());
}
