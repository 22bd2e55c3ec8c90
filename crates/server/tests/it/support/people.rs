//! People who sign in: passwords, flags, letters.

use base::Id;
use identity::{Identity, entity::app_user, resource::user::Join};
use sea_orm::{ActiveValue::Set, Condition};
use serde_json::json;
use store::Mode;

use super::{Caller, Org, TestApp, caller::Reply};

/// What everybody's password is who was given one.
pub const PASSWORD: &str = "correct horse battery staple";

impl TestApp {
    /// Sets columns of a person, as no route would.
    pub async fn change_user(&self, id: Id, values: app_user::ActiveModel) {
        let tx = self.app.system(Mode::Write).await.unwrap();
        let this = Condition::all().add(sea_orm::ColumnTrait::eq(&app_user::Column::Id, id));
        tx.update_where(values, this).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The person of that id.
    pub async fn read_user(&self, id: Id) -> app_user::Model {
        let tx = self.app.system(Mode::Read).await.unwrap();
        let user = tx.get::<app_user::Entity>(id).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    /// Gives somebody [`PASSWORD`].
    pub async fn give_password(&self, id: Id) {
        let hash = Identity::of(&self.app).unwrap().hasher.hash(&PASSWORD.to_owned().into()).await.unwrap();
        self.change_user(id, app_user::ActiveModel { password_hash: Set(Some(hash)), ..Default::default() })
            .await;
    }

    /// Makes somebody a platform administrator.
    pub async fn make_admin(&self, id: Id) {
        self.change_user(id, app_user::ActiveModel { is_platform_admin: Set(true), ..Default::default() })
            .await;
    }

    /// A platform administrator who is a member of nothing.
    pub async fn administrator(&self) -> Caller {
        let person = self.person("root").await;
        self.make_admin(person.id).await;
        self.sign_in(person, None).await
    }

    /// Makes somebody a member without roles.
    pub async fn join(&self, org: &Org, person: &app_user::Model) {
        let tx = self.tx(org.id).await;
        identity::resource::user::join(&self.app, &tx, person, None, Join::default()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A member without roles who signs in with [`PASSWORD`].
    pub async fn member_with_password(&self, org: &Org, name: &str) -> app_user::Model {
        let person = self.person(name).await;
        self.give_password(person.id).await;
        self.join(org, &person).await;
        person
    }

    /// Signs in as a client does.
    pub async fn login(&self, name: &str, password: &str) -> Reply {
        self.anon().post("/api/auth/login", json!({ "username": name, "password": password })).await
    }

    /// The actions in the organisation's audit trail.
    pub async fn audited(&self, org: &Org) -> Vec<String> {
        let tx = self.tx(org.id).await;
        let rows = tx.all(tx.find::<kernel::audit::entity::Entity>()).await.unwrap();
        rows.into_iter().map(|row| row.action).collect()
    }

    /// The token in the newest letter to an address that has one. Letters that are due together may go
    /// in any order.
    pub async fn mailed(&self, to: &str) -> Option<String> {
        self.work().await;
        let letters = self.mailer.sent().into_iter().rev().filter(|mail| mail.to == to);
        let token = |mail: outbound::mail::Mail| {
            let rest = mail.text.split("token=").nth(1)?.to_owned();
            rest.split_whitespace().next().map(str::to_owned)
        };
        letters.into_iter().find_map(token)
    }
}
