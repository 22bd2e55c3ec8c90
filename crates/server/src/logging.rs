//! Logs on standard error, one line per event, and traces by OTLP when a collector is configured.

use std::{
    fmt,
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use base::secret::ExposeSecret;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan,
};

use crate::{
    cli::Failure,
    config::{Log, LogFormat},
};

/// Targets that the exporter itself uses; tracing them would feed the traces with themselves.
const EXPORTER_TARGETS: &[&str] = &["hyper", "reqwest", "opentelemetry", "rustls", "h2"];

/// Targets that tell at every level what an operator cannot use, and how much of it is heard.
const QUIET: [(&str, LevelFilter); 3] = [
    ("sqlx::postgres::notice", LevelFilter::WARN),
    ("sqlx::pool", LevelFilter::ERROR),
    ("sqlx_core::pool", LevelFilter::ERROR),
];

/// Keeps the traces flowing; hand it to [`Logging::shutdown`] at the end.
#[must_use]
pub struct Logging {
    traces: Option<SdkTracerProvider>,
}

/// Installs the process's subscriber. With a collector configured it must be called inside the
/// runtime that shall carry the exports.
pub fn init(log: &Log, service: &str) -> Result<Logging, Failure> {
    let traces =
        log.otlp_endpoint.as_ref().map(|url| tracer_provider(url.expose_secret(), service)).transpose()?;
    let layer = traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("tenon")).with_filter(
            tracing_subscriber::filter::filter_fn(|meta| {
                !EXPORTER_TARGETS.iter().any(|target| meta.target().starts_with(target))
            }),
        )
    });
    let subscriber = subscriber(log, io::stderr)?.with(layer);
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| Failure::failed(format!("logging cannot start twice: {error}")))?;
    Ok(Logging { traces })
}

impl Logging {
    /// Sends what is still waiting. Blocks for some seconds at most; call it off the runtime's
    /// own threads (`spawn_blocking`) and while the runtime lives.
    pub fn shutdown(self) {
        if let Some(provider) = self.traces
            && let Err(error) = provider.shutdown_with_timeout(Duration::from_secs(5))
        {
            tracing::warn!(%error, "the last traces were not delivered");
        }
    }
}

/// A subscriber that writes to `writer`; apart from [`init`] for tests.
fn subscriber<W>(
    log: &Log,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync, Failure>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(with_quiet_targets(&log.filter))
        .map_err(|error| Failure::refused(format!("LOG_LEVEL={} is not allowed: {error}", log.filter)))?;
    let writer = OneLine(writer);
    let lines = match log.format {
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(writer)
            .boxed(),
        LogFormat::Pretty => tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer).boxed(),
    };
    Ok(tracing_subscriber::registry().with(filter).with(lines))
}

/// The levels that were asked for, with [`QUIET`] turned down where they do not speak of it.
fn with_quiet_targets(asked: &str) -> String {
    let parts = || asked.split(',').map(str::trim);
    let general = parts().filter_map(|part| part.parse().ok()).next_back().unwrap_or(LevelFilter::ERROR);
    let named = |target: &str| {
        parts().filter_map(|part| part.split_once('=')).any(|(name, _)| target.starts_with(name.trim()))
    };
    let quiet = QUIET.iter().filter(|(target, level)| *level < general && !named(target));
    quiet.map(|(target, level)| format!("{target}={level},")).collect::<String>() + asked
}

/// Makes control characters visible, so that nothing that was logged can forge a second line.
struct OneLine<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for OneLine<W> {
    type Writer = OneLineWriter<W::Writer>;
    fn make_writer(&'a self) -> Self::Writer {
        OneLineWriter(self.0.make_writer())
    }
}

struct OneLineWriter<W>(W);

impl<W: Write> Write for OneLineWriter<W> {
    /// Each call carries one whole event.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.trim_end_matches('\n').chars() {
            if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn tracer_provider(endpoint: &str, service: &str) -> Result<SdkTracerProvider, Failure> {
    let failed = |why: String| Failure::refused(format!("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: {why}"));
    let runtime = Handle::try_current().map_err(|error| failed(error.to_string()))?;
    // The exporter builds its own client and needs a provider of cryptography; a second call changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let resource = Resource::builder().with_service_name(service.to_owned()).build();
    let exporter = OnRuntime { exporter, runtime };
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Lets an exporter that needs tokio run on the batch processor's own thread.
struct OnRuntime<E> {
    exporter: E,
    runtime: Handle,
}

impl<E: fmt::Debug> fmt::Debug for OnRuntime<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exporter.fmt(f)
    }
}

impl<E: SpanExporter> SpanExporter for OnRuntime<E> {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        Entered { runtime: &self.runtime, future: Box::pin(self.exporter.export(batch)) }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A future that is polled inside a runtime, whoever polls it.
struct Entered<'a, F> {
    runtime: &'a Handle,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Entered<'_, F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _inside = self.runtime.enter();
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read},
        net::TcpListener,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let memory = Memory::default();
        let log = Log { filter: filter.to_owned(), format, otlp_endpoint: None };
        let writer = memory.clone();
        let subscriber = subscriber(&log, move || writer.clone()).expect("valid");
        tracing::subscriber::with_default(subscriber, || {
            let name = "a\nforged\u{1b}[31m line";
            tracing::info!(user = %name, "hello {name}");
            tracing::debug!("hidden");
        });
        let bytes = memory.0.lock().expect("lock").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn one_event_is_one_line_without_control_characters() {
        for format in [LogFormat::Json, LogFormat::Pretty] {
            let text = logged(format, "info");
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(text.ends_with('\n') && text.contains("forged") && !text.contains('\u{1b}'), "{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, "info")).expect("json");
        assert_eq!(json["level"], "INFO");
        assert_eq!(json["user"], "a\nforged\u{1b}[31m line");
        assert_eq!(logged(LogFormat::Json, "debug").lines().count(), 2);
        assert_eq!(logged(LogFormat::Json, "off"), "");
    }

    #[test]
    fn what_asks_for_a_target_wins_over_the_quiet_ones() {
        let all = "sqlx::postgres::notice=warn,sqlx::pool=error,sqlx_core::pool=error,info,store=debug";
        assert_eq!(with_quiet_targets("info,store=debug"), all);
        assert_eq!(with_quiet_targets("warn"), "sqlx::pool=error,sqlx_core::pool=error,warn");
        assert_eq!(with_quiet_targets("debug,sqlx=trace"), "debug,sqlx=trace");
        for loud in ["error", "off"] {
            assert_eq!(with_quiet_targets(loud), loud, "nothing gets louder");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn traces_reach_the_collector_before_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        let address = listener.local_addr().expect("address");
        let collector = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("connection");
            let mut reader = BufReader::new(stream.try_clone().expect("clone"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("line");
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("length");
                }
                if line.trim().is_empty() {
                    break;
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("body");
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answer");
            (head, body)
        });
        let provider = tracer_provider(&format!("http://{address}/"), "tenon-test").expect("provider");
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tenon"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info_span!("a_span_of_the_test").in_scope(|| ());
        });
        let logging = Logging { traces: Some(provider) };
        tokio::task::spawn_blocking(move || logging.shutdown()).await.expect("flushed");
        let (head, body) = collector.join().expect("collected");
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains("a_span_of_the_test") && body.contains("tenon-test"));
    }
}
