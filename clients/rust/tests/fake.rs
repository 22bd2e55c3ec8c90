//! The client against a server that loses answers, is busy, and counts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use tenon_id::{Backoff, Error, Segment, SegmentClient};

/// What the server does with a request: answers it, or not.
#[derive(Clone, Copy)]
enum Mood {
    Answer,
    /// Allocates, and hangs up before the answer.
    Lose,
    Busy(u16),
}

#[derive(Default)]
struct World {
    next: i64,
    given: HashMap<String, (i64, i64)>,
    moods: Vec<Mood>,
    calls: usize,
}

fn serve(moods: Vec<Mood>) -> (String, Arc<Mutex<World>>) {
    let world = Arc::new(Mutex::new(World { moods, ..World::default() }));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let shared = world.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let world = shared.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &world));
        }
    });
    (address, world)
}

fn answer(stream: TcpStream, world: &Mutex<World>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut key, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let text = line.trim().to_ascii_lowercase();
            if text.is_empty() {
                break;
            }
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if let Some(value) = text.strip_prefix("idempotency-key:") {
                key = value.trim().to_owned();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let count = body["segment_count"].as_i64().unwrap();
        let mut world = world.lock().unwrap();
        world.calls += 1;
        let mood = if world.moods.is_empty() { Mood::Answer } else { world.moods.remove(0) };
        let (status, text) = match mood {
            Mood::Busy(status) => (status, format!(r#"{{"code":{status},"msg":"busy","data":null}}"#)),
            _ => {
                let next = world.next;
                let range = *world.given.entry(key).or_insert((next + 1, next + count));
                world.next = world.next.max(range.1);
                let (start, end) = range;
                (200, format!(r#"{{"code":0,"msg":"","data":{{"start":{start},"end":"{end}"}}}}"#))
            }
        };
        drop(world);
        if matches!(mood, Mood::Lose) {
            return;
        }
        let answer =
            format!("HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

fn client(address: &str) -> SegmentClient {
    let backoff = Backoff { first: Duration::from_millis(1), ..Backoff::default() };
    SegmentClient::new(address).with_backoff(backoff)
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_gets_the_ids_that_it_was_given() {
    let (address, world) = serve(vec![Mood::Lose, Mood::Busy(503), Mood::Busy(429), Mood::Answer]);
    let got = client(&address).allocate_segment("s", "d", "t", "f", 10).await.unwrap();
    assert_eq!(got, Segment { start: 1, end: 10 });
    assert_eq!(got.count(), 10);
    assert_eq!(world.lock().unwrap().calls, 4);
    let next = client(&address).allocate_segment("s", "d", "t", "f", 1).await.unwrap();
    assert_eq!(next.into_iter().collect::<Vec<_>>(), [11]);
}

#[tokio::test]
async fn it_gives_up_after_the_last_try_and_at_once_where_trying_is_no_use() {
    let (address, world) = serve(vec![Mood::Busy(503); 9]);
    let error = client(&address).allocate_segment("s", "d", "t", "f", 1).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert_eq!(world.lock().unwrap().calls, 5);
    let (address, world) = serve(vec![Mood::Busy(422)]);
    let error = client(&address).allocate_segment("s", "d", "t", "f", 1).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)));
    assert_eq!(world.lock().unwrap().calls, 1);
}

#[tokio::test]
async fn no_id_is_handed_out_twice_by_clones_at_once_over_a_bad_line() {
    let (address, world) = serve(vec![Mood::Answer, Mood::Lose, Mood::Busy(503), Mood::Answer, Mood::Lose]);
    let ids = client(&address).ids("s", "d", "t", "f", 50);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let ids = ids.clone();
        tasks.spawn(async move {
            let mut own = Vec::new();
            for _ in 0..250 {
                own.push(ids.next().await.unwrap());
            }
            own
        });
    }
    let mut seen = HashSet::new();
    while let Some(own) = tasks.join_next().await {
        for id in own.unwrap() {
            assert!(seen.insert(id), "{id} was handed out twice");
        }
    }
    assert_eq!(seen.len(), 2_000);
    assert_eq!(seen.iter().max(), Some(&2_000), "a block follows the other without gaps");
    assert!(world.lock().unwrap().next <= 2_050);
}
