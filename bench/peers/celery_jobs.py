"""Measures Celery with Redis as `cargo xtask bench jobs` measures Tenon, and prints JSON.

Everything that makes Celery fast is on: JSON, results off, early acknowledgement, a large prefetch,
no rate limits, no gossip, no events, one connection kept by each sender. Each pool is measured, and the
reader takes the best of each figure. The Redis database is this script's own: it is emptied before and
after, and the script refuses one that holds anything it has not put there.
"""

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import celery
import redis

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/13")
OWNED = "tenon-bench-peer"
BEGUN = "tenon-bench-begun"
QUEUE = "celery"
SAMPLES = 300
# Workers at once, and how each runs its tasks.
POOLS = (
    (1, "--pool=prefork --concurrency=2"),
    (1, "--pool=threads --concurrency=2"),
    (1, "--pool=gevent --concurrency=100"),
    (1, "--pool=solo"),
    (2, "--pool=solo"),
)

app = celery.Celery("celery_jobs", broker=REDIS_URL)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_acks_late=False,
    task_send_sent_event=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=500,
    worker_disable_rate_limits=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_pool_limit=1,
)
store = redis.Redis.from_url(REDIS_URL)


@app.task
def noop():
    """Does nothing."""


@app.task
def mark():
    """Says when it began, on the clock that all processes of a machine share."""
    store.lpush(BEGUN, time.monotonic_ns())


def empty():
    """Empties the database, if it is ours or empty."""
    if store.dbsize() and not store.exists(OWNED):
        sys.exit(f"{REDIS_URL} holds keys of somebody else; set BENCH_REDIS_URL to an empty database")
    store.flushdb()
    store.set(OWNED, 1)


def send(count):
    """Sends empty tasks over one connection."""
    with app.producer_or_acquire() as producer:
        for _ in range(count):
            noop.apply_async(producer=producer)


def send_rate(count, senders):
    """Tasks a second that so many processes send."""
    ready = multiprocessing.Barrier(senders + 1)

    def one():
        send(1)
        ready.wait(30)
        send(count // senders)

    processes = [multiprocessing.get_context("fork").Process(target=one) for _ in range(senders)]
    for process in processes:
        process.start()
    ready.wait(30)
    begin = time.monotonic()
    for process in processes:
        process.join()
    return count // senders * senders / (time.monotonic() - begin)


def pending():
    """Tasks that are waiting or fetched and not begun."""
    waiting, fetched = store.pipeline().llen(QUEUE).hlen("unacked").execute()
    return waiting, fetched


def start_worker(options, number):
    command = [sys.executable, "-B", "-W", "ignore", "-m", "celery", "-A", "celery_jobs", "worker"]
    command += ["--loglevel=ERROR", f"--hostname=bench{number}@%h"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", *options.split()]
    folder = os.path.dirname(os.path.abspath(__file__))
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)


def stop_worker(worker):
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def process_rate(count, workers):
    """Tasks a second, from the first that is fetched until none is left; the start is not counted."""
    limit = time.monotonic() + 120

    def check():
        if time.monotonic() > limit or any(worker.poll() is not None for worker in workers):
            sys.exit("the workers did not do their tasks")

    while pending() == (count, 0):
        check()
        time.sleep(0.001)
    begin = time.monotonic()
    while pending() != (0, 0):
        check()
        time.sleep(0.002)
    return count / (time.monotonic() - begin)


def start_latency():
    """From before a task is sent to its first line, in milliseconds."""
    samples = []
    with app.producer_or_acquire() as producer:
        for n in range(SAMPLES):
            time.sleep(0.02 + n * 7 % 31 / 1000)
            before = time.monotonic_ns()
            mark.apply_async(producer=producer)
            answer = store.blpop(BEGUN, timeout=10)
            if answer is None:
                sys.exit("a task did not begin within 10 s")
            samples.append((int(answer[1]) - before) / 1e6)
    samples.sort()
    rank = lambda percent: samples[-(-len(samples) * percent // 100) - 1]
    return {"p50": rank(50), "p95": rank(95), "p99": rank(99)}


def measure_pool(number, options, count):
    empty()
    send_rate(count - 1, 1)
    filled, _ = pending()
    workers = [start_worker(options, n) for n in range(number)]
    try:
        rate = process_rate(filled, workers)
        start = start_latency()
    finally:
        for worker in workers:
            stop_worker(worker)
    return {"options": f"{number} × {options}", "process": rate, "start": start}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    empty()
    try:
        rates = {}
        for senders in (1, 2):
            rates[senders] = send_rate(arguments.jobs, senders)
            empty()
        senders = max(rates, key=rates.get)
        pools = []
        for number, options in POOLS:
            print(f"measuring Celery: {number} × {options}", flush=True)
            pools.append(measure_pool(number, options, arguments.jobs))
    finally:
        store.flushdb()
    figures = {
        "name": f"Celery {celery.__version__}",
        "enqueue": rates[senders],
        "senders": senders,
        "pools": pools,
    }
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump(figures, out, indent=1)


if __name__ == "__main__":
    main()
