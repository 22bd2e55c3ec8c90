//! What a small body may cost: values of JSON, cells of a table, parts of a workbook.

use std::io::{Cursor, Read, Write};

use http::Method;
use serde_json::json;

use crate::support::{Caller, TestApp, caller::Reply};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

#[tokio::test]
async fn a_body_has_at_most_a_hundred_thousand_values() {
    let app = TestApp::new().await;
    let org = app.org("values").await;
    let json = Some("application/json");
    let zeros = |n: usize| format!("{{\"code\":[{}0]}}", "0,".repeat(n - 1)).into_bytes();
    let send = async |body: Vec<u8>| org.owner.raw(Method::POST, "/api/posts", json, body).await;
    // The object and its array are values, too.
    assert_eq!(send(zeros(99_999)).await.expect(400).code(), "too_many_values");
    assert_eq!(send(zeros(99_998)).await.expect(422).body["errors"][0]["code"], "wrong_type");
}

#[tokio::test]
async fn whoever_has_not_signed_in_sends_64_kib_and_no_more() {
    let app = TestApp::new().await;
    let login = async |length: usize| {
        let body = json!({ "username": "x".repeat(length), "password": "y" });
        app.anon().post("/api/auth/login", body).await
    };
    login(60_000).await.expect(422);
    assert_eq!(login(70_000).await.expect(413).code(), "body_too_large");
    let form = format!("username=x&password={}", "y".repeat(70_000)).into_bytes();
    let kind = Some("application/x-www-form-urlencoded");
    app.anon().raw(Method::POST, "/api/auth/token", kind, form).await.expect(413);
}

async fn import(caller: &Caller, kind: &str, bytes: Vec<u8>) -> Reply {
    caller.raw(Method::POST, "/api/posts/import?dry_run=true", Some(kind), bytes).await
}

#[tokio::test]
async fn a_csv_file_is_read_no_further_than_it_may_be_long_or_wide() {
    let app = TestApp::new().await;
    let org = app.org("csv").await;
    let csv = async |text: String| import(&org.owner, "text/csv", text.into_bytes()).await;
    let refused = async |text: String, code: &str| assert_eq!(csv(text).await.expect(422).code(), code);
    refused(format!("code,name\r\n{}", "a,b\r\n".repeat(10_001)), "too_many_records").await;
    refused(",".repeat(200), "too_many_records").await;
    refused(",".repeat(3_000_000), "too_many_records").await;
    refused(format!("code,name\r\na,{}\r\n", "é".repeat(32_768)), "cell_too_long").await;
    refused(String::new(), "empty_file").await;
    let fits = csv(format!("code,name\r\na,{}\r\nb,B\r\n", "é".repeat(32_767))).await.expect(200);
    assert_eq!((&fits.body["total"], &fits.body["errors"][0]["code"]), (&json!(2), &json!("too_long")));
}

/// A workbook with these cells.
fn book(cells: impl Iterator<Item = (u32, u16, String)>) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, column, text) in cells {
        sheet.write_string(row, column, text).unwrap();
    }
    book.save_to_buffer().unwrap()
}

/// The same workbook with one of its parts changed.
fn with_part(book: &[u8], name: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let found = entry.name().unwrap().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let text = if found == name { change(text) } else { text };
        out.start_file(found, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(text.as_bytes()).unwrap();
    }
    out.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_text_that_many_cells_share_counts_as_often_as_it_is_used() {
    let app = TestApp::new().await;
    let org = app.org("shared").await;
    let long = "x".repeat(30_000);
    let cells = |n: u32| (0..n).map(|row| (row, 0, if row == 0 { "code".to_owned() } else { long.clone() }));
    let large = book(cells(2_500));
    assert!(large.len() < 100_000, "{} bytes", large.len());
    assert_eq!(import(&org.owner, XLSX, large).await.expect(422).code(), "file_too_large");
    let fits = import(&org.owner, XLSX, book(cells(20))).await.expect(200);
    assert_eq!(fits.body["failed"], 19, "{}", fits.text());
}

#[tokio::test]
async fn what_a_workbook_claims_and_keeps_in_memory_is_measured_before_it_is_opened() {
    let app = TestApp::new().await;
    let org = app.org("claims").await;
    let plain = book([(0, 0, "code"), (0, 1, "name")].map(|(r, c, t)| (r, c, t.to_owned())).into_iter());
    let refused = async |part: &str, change: &dyn Fn(String) -> String, code: &str| {
        let changed = with_part(&plain, part, change);
        let reply = import(&org.owner, XLSX, changed).await;
        assert_eq!(reply.code(), code, "{}", reply.text());
    };
    let shared = "xl/sharedStrings.xml";
    let claim = |text: String| text.replace("uniqueCount=\"2\"", "uniqueCount = '99999999999999999999'");
    assert_ne!(claim("uniqueCount=\"2\"".to_owned()), "uniqueCount=\"2\"");
    refused(shared, &claim, "too_many_records").await;
    refused(shared, &|text| text.replace("</sst>", &"<si/>".repeat(2_100_000)), "too_many_records").await;
    let wide = |text: String| text.encode_utf16().map(|unit| format!("{}\0", unit as u8 as char)).collect();
    refused(shared, &wide, "malformed_xlsx").await;
    let styles = |text: String| text.replace("</cellXfs>", &format!("{}</cellXfs>", "<xf/>".repeat(200_000)));
    refused("xl/styles.xml", &styles, "file_too_large").await;
    let sheet = "xl/worksheets/sheet1.xml";
    refused(sheet, &|text| format!("{text}{}", " ".repeat(65 * 1024 * 1024)), "file_too_large").await;
    import(&org.owner, XLSX, plain.clone()).await.expect(200);
}

#[tokio::test]
async fn an_import_that_is_sent_again_with_its_key_is_answered_and_not_run_again() {
    let app = TestApp::new().await;
    let org = app.org("again").await;
    let once = org.owner.with("idempotency-key", "import-0001");
    let send = async || {
        let file = b"code,name\r\na,A\r\n".to_vec();
        once.raw(Method::POST, "/api/posts/import", Some("text/csv"), file).await.expect(200)
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(first.body["created"], 1);
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("idempotency-replayed"), "true");
    let reader = app.member(&org, "reader", &["identity:post:list"]).await;
    assert_eq!(import(&reader, "text/csv", b"no".to_vec()).await.expect(403).code(), "permission_denied");
}
