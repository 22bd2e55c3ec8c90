//! The console, embedded: hashed files for ever, `index.html` never cached, every other path is the app's.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../console/dist"]
struct Files;

/// What the console's pages may load: themselves, nothing inline but style attributes.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                      img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The file at a path, or the app.
pub fn serve(path: &str) -> Response {
    let name = path.trim_start_matches('/');
    let last = name.rsplit('/').next().unwrap_or_default();
    if !name.is_empty()
        && let Some(file) = Files::get(name)
    {
        let forever = name.starts_with("assets/");
        return respond(name, file, if forever { "public, max-age=31536000, immutable" } else { "no-cache" });
    }
    // A path with a dot is a file that does not exist; `.git` and its like are among them.
    if last.contains('.') || name.split('/').any(|part| part.starts_with('.')) {
        return not_found();
    }
    match Files::get("index.html") {
        Some(file) => respond("index.html", file, "no-cache"),
        None => not_found(),
    }
}

fn respond(name: &str, file: rust_embed::EmbeddedFile, cache: &'static str) -> Response {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let mut response = Response::new(Body::from(file.data.into_owned()));
    let headers = response.headers_mut();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    if let Ok(value) = HeaderValue::from_str(&kind) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn not_found() -> Response {
    let mut response = Response::new(Body::from("not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
