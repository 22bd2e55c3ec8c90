//! The tables of this crate.

use store::{Ddl, Migration};

/// In order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0101_people",
        up: people,
        down: |ddl| ddl.drop_tables(&["one_time_token", "app_user", "organization", "setting"]),
    },
    Migration {
        name: "0102_structure",
        up: structure,
        down: |ddl| {
            ddl.drop_tables(&[
                "membership_post",
                "membership_role",
                "membership",
                "role_department",
                "role",
                "menu",
                "post",
                "department",
            ])
        },
    },
    Migration {
        name: "0103_sign_in",
        up: sign_in,
        down: |ddl| {
            ddl.drop_tables(&[
                "sign_in",
                "sign_in_attempt",
                "refresh_token",
                "session",
                "signing_key",
                "api_key",
            ])
        },
    },
    Migration {
        name: "0104_invitation",
        up: invitation,
        down: |ddl| ddl.drop_tables(&["invitation", "mail_outbox"]),
    },
    // Jobs deliver letters now, so a letter is its content only.
    Migration { name: "0105_letter", up: letter, down: |ddl| ddl.drop_tables(&["letter"]) },
];

fn letter(ddl: &mut Ddl) {
    ddl.drop_tables(&["mail_outbox"]);
    ddl.table("letter").id().text("recipient", 320).long_text("sealed").timestamp("created_at").create();
}

fn people(ddl: &mut Ddl) {
    ddl.table("setting").text("name", 64).long_text("value").primary_key(&["name"]).create();
    ddl.table("organization")
        .id()
        .text("name", 120)
        .text("name_key", 240)
        .integer("version")
        .timestamp("created_at")
        .timestamp("updated_at")
        .uuid_null("created_by")
        .timestamp_null("deleting_at")
        .create();
    ddl.table("app_user")
        .id()
        .text("username", 64)
        .text("username_key", 128)
        .text("name", 120)
        .text_null("email", 254)
        .text_null("login_email", 254)
        .text_null("password_hash", 255)
        .timestamp_null("password_changed_at")
        .boolean("is_platform_admin")
        .timestamp_null("disabled_at")
        .timestamp_null("anonymized_at")
        .timestamp_null("last_sign_in_at")
        .text("locale", 16)
        .text("time_zone", 64)
        .integer("version")
        .timestamp("created_at")
        .timestamp("updated_at")
        .unique(&["username_key"])
        .unique(&["login_email"])
        .create();
    ddl.table("one_time_token")
        .text("digest", 64)
        .text("purpose", 32)
        .uuid("user_id")
        .text("detail", 300)
        .timestamp("created_at")
        .timestamp("expires_at")
        .timestamp_null("used_at")
        .primary_key(&["digest"])
        .create();
}

fn structure(ddl: &mut Ddl) {
    ddl.records("department")
        .uuid_null("parent_id")
        .text("name", 120)
        .text_null("code", 64)
        .integer("sort")
        .uuid_null("leader_id")
        .text_null("phone", 40)
        .text_null("email", 254)
        .text("status", 16)
        .unique(&["code"])
        .references("parent_id", "department")
        .index(&["parent_id", "sort"])
        .create();
    ddl.records("post")
        .text("code", 64)
        .text("name", 120)
        .integer("sort")
        .text("status", 16)
        .text_null("remark", 500)
        .unique(&["code"])
        .index(&["sort"])
        .create();
    ddl.records("role")
        .text("code", 64)
        .text("name", 120)
        .text_null("description", 500)
        .text("status", 16)
        .text("data_scope", 32)
        .boolean("built_in")
        .unique(&["code"])
        .create();
    ddl.records("menu")
        .uuid_null("parent_id")
        .text("kind", 16)
        .text("title_zh", 120)
        .text("title_en", 120)
        .text_null("page", 120)
        .text_null("url", 500)
        .text_null("icon", 64)
        .integer("sort")
        .boolean("hidden")
        .text_null("permission", 190)
        .references("parent_id", "menu")
        .index(&["sort"])
        .create();
    ddl.tenant_rows("role_department")
        .uuid("role_id")
        .uuid("department_id")
        .unique(&["role_id", "department_id"])
        .references("role_id", "role")
        .references("department_id", "department")
        .create();
    // `id` is the user's id: one membership for each user and organisation.
    ddl.memberships("membership")
        .text("username", 64)
        .text("name", 120)
        .text_null("email", 254)
        .boolean("active")
        .boolean("is_owner")
        .text_null("title", 120)
        .uuid_null("department_id")
        .timestamp("joined_at")
        .references("department_id", "department")
        .index(&["department_id"])
        .index(&["username"])
        .create();
    ddl.tenant_rows("membership_role")
        .uuid("user_id")
        .uuid("role_id")
        .unique(&["user_id", "role_id"])
        .references("user_id", "membership")
        .references("role_id", "role")
        .index(&["role_id"])
        .create();
    ddl.tenant_rows("membership_post")
        .uuid("user_id")
        .uuid("post_id")
        .unique(&["user_id", "post_id"])
        .references("user_id", "membership")
        .references("post_id", "post")
        .index(&["post_id"])
        .create();
}

fn sign_in(ddl: &mut Ddl) {
    ddl.table("session")
        .id()
        .uuid("user_id")
        .uuid_null("org_id")
        .timestamp("created_at")
        .timestamp("last_seen_at")
        .timestamp("idle_expires_at")
        .timestamp("expires_at")
        .timestamp_null("revoked_at")
        .text_null("revoked_reason", 32)
        .text("ip", 64)
        .text("user_agent", 400)
        .text("agent_key", 200)
        // Room for a second factor: how the person signed in, and when it was last proven.
        .text("amr", 64)
        .timestamp_null("step_up_at")
        .index(&["user_id"])
        .index(&["org_id", "last_seen_at"])
        .create();
    ddl.table("refresh_token")
        .text("digest", 64)
        .uuid("session_id")
        .timestamp("created_at")
        .timestamp_null("used_at")
        .primary_key(&["digest"])
        .create();
    ddl.table("signing_key")
        .text("kid", 64)
        .text("purpose", 16)
        .text("algorithm", 16)
        .long_text("sealed")
        .timestamp("created_at")
        .timestamp_null("retires_at")
        .primary_key(&["kid"])
        .create();
    ddl.table("api_key")
        .id()
        .uuid("org_id")
        .uuid("user_id")
        .text("name", 120)
        .text("prefix", 16)
        .text("digest", 64)
        .json_null("scopes")
        .timestamp_null("expires_at")
        .timestamp_null("last_used_at")
        .timestamp_null("revoked_at")
        .timestamp("created_at")
        .unique(&["digest"])
        .index(&["user_id"])
        .create();
    // What throttling counts; a row is added and never fought over.
    ddl.table("sign_in_attempt")
        .id()
        .text("account_key", 254)
        .text("ip", 64)
        .boolean("failed")
        .timestamp("at")
        .index(&["account_key", "ip", "at"])
        .index(&["ip", "at"])
        .index(&["at"])
        .create();
    // What an organisation's administrators read.
    ddl.tenant_rows("sign_in")
        .timestamp("at")
        .uuid("user_id")
        .text("username", 64)
        .text("outcome", 16)
        .text("reason", 32)
        .text("ip", 64)
        .text("user_agent", 400)
        .text("search_key", 600)
        .index(&["at"])
        .index(&["user_id", "at"])
        .append_only()
        .create();
}

fn invitation(ddl: &mut Ddl) {
    ddl.tenant_rows("invitation")
        .text("email", 254)
        .text("email_key", 254)
        .text_null("name", 120)
        .json_null("role_ids")
        .json_null("post_ids")
        .uuid_null("department_id")
        .text("digest", 64)
        .text("status", 16)
        .uuid("invited_by")
        .uuid_null("accepted_by")
        .timestamp("created_at")
        .timestamp("updated_at")
        .timestamp("expires_at")
        .timestamp_null("accepted_at")
        .integer("version")
        .text("search_key", 600)
        .lookup("digest")
        .index(&["created_at"])
        .create();
    ddl.table("mail_outbox")
        .id()
        .text("recipient", 320)
        .long_text("sealed")
        .timestamp("created_at")
        .timestamp("next_at")
        .integer("attempts")
        .text_null("failure", 500)
        .index(&["next_at"])
        .create();
}
