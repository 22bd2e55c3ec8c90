//! What a scrape reads.

use super::*;

#[test]
fn requests_are_counted_by_template_and_class() {
    let metrics = Metrics::default();
    metrics.observe("GET", Some("/api/posts/{id}/"), 200, 0.004);
    metrics.observe("GET", Some("/api/posts/{id}/"), 204, 0.3);
    metrics.observe("BREW", None, 404, 0.001);
    let text = metrics.render();
    assert!(
        text.contains(r#"http_requests_total{method="GET",route="/api/posts/{id}/",status_class="2xx"} 2"#),
        "{text}"
    );
    assert!(
        text.contains(r#"http_requests_total{method="other",route="other",status_class="4xx"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(
            r#"http_request_duration_seconds_bucket{le="0.005",method="GET",route="/api/posts/{id}/"} 1"#
        ),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn raw_paths_cannot_blow_up_the_labels() {
    let metrics = Metrics::default();
    for number in 0..MAX_ROUTES + 50 {
        metrics.observe("GET", Some(&format!("/{number}")), 200, 0.0);
    }
    let text = metrics.render();
    assert_eq!(text.lines().filter(|line| line.starts_with("http_requests_total")).count(), MAX_ROUTES + 1);
    assert!(text.contains(r#"route="other",status_class="2xx"} 50"#));
}

#[test]
fn the_numbers_of_jobs_are_those_that_were_set_last_and_missed_ticks_never_fall() {
    let metrics = Metrics::default();
    let mut gauges = jobs::Gauges {
        depths: vec![(jobs::State::Ready, 12), (jobs::State::Dead, 3)],
        oldest_ready: Some(Duration::from_millis(1_500)),
        missed_ticks: 7,
    };
    metrics.set_jobs(&gauges);
    gauges.depths[0].1 = 2;
    gauges.missed_ticks = 5;
    metrics.set_jobs(&gauges);
    let text = metrics.render();
    let lines = [
        r#"jobs{state="ready"} 2"#,
        r#"jobs{state="dead"} 3"#,
        "jobs_dead 3",
        "jobs_oldest_ready_seconds 1.5",
        "schedule_missed_ticks_total 7",
    ];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
}

#[test]
fn gauges_and_outcomes() {
    let metrics = Metrics::default();
    metrics.on_render(|metrics| metrics.set_pool("main", 3, 7));
    metrics.sign_in("failed");
    metrics.rate_limited("sign_in");
    let running = metrics.in_flight();
    assert!(metrics.render().contains("in_flight 1"));
    drop(running);
    let text = metrics.render();
    let lines = [
        "http_requests_in_flight 0",
        r#"db_pool_connections{pool="main",state="in_use"} 3"#,
        r#"sign_in_total{outcome="failed"} 1"#,
        r#"rate_limited_total{scope="sign_in"} 1"#,
        "audit_entries_total ",
    ];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
}
