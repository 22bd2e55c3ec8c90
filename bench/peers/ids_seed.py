"""The stack that the ID service replaces, for `cargo xtask bench ids`: FastAPI over Redis, one uvicorn worker.

Written anew and as small as it can be: a warm allocation is EXISTS and INCRBY, with the same envelope.
Everything that makes it fast is on: uvloop, httptools, hiredis, no access log, answers without a model. What is
measured is the warm path alone: a key that is not there is 404. It begins with the counters `bench:bench:t0:id`
to `bench:bench:t<keys-1>:id` at 0; `GET /health` answers 200 once it serves. The Redis database is this script's
own: it is emptied before and after (SIGTERM or SIGINT), and the script refuses one that holds anything it has
not put there.
"""

import argparse
import contextlib
import os
import sys

import fastapi
import pydantic
import redis
import redis.asyncio
import uvicorn

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/15")
OWNED = "tenon-bench-peer"
COUNTER = "kxy:id:segment:"
EXACT = 2**53 - 1


class Wanted(pydantic.BaseModel):
    system_code: str
    db_name: str
    table_name: str
    field_name: str
    segment_count: int = pydantic.Field(default=10_000, ge=1, le=2**63 - 1)


def empty(store):
    """Empties the database, if it is ours or empty."""
    if store.dbsize() and not store.exists(OWNED):
        sys.exit(f"{REDIS_URL} holds keys of somebody else; set BENCH_REDIS_URL to an empty database")
    store.flushdb()


def envelope(code, message, data):
    body = {"code": code, "msg": message, "data": data, "traceId": None}
    return fastapi.responses.JSONResponse(body)


def number(value):
    """As browsers can read it."""
    return value if -EXACT <= value <= EXACT else str(value)


def make_app(keys):
    @contextlib.asynccontextmanager
    async def run(app):
        own = redis.Redis.from_url(REDIS_URL)
        empty(own)
        own.set(OWNED, 1)
        own.mset({f"{COUNTER}bench:bench:t{n}:id": 0 for n in range(keys)})
        app.state.store = redis.asyncio.Redis.from_url(REDIS_URL, max_connections=10_000)
        yield
        await app.state.store.aclose()
        own.flushdb()
        own.close()

    app = fastapi.FastAPI(lifespan=run, openapi_url=None)

    @app.get("/health")
    async def health():
        return {"code": 0, "msg": "", "data": {"status": "healthy"}}

    @app.post("/api/segment/allocate")
    async def allocate(wanted: Wanted):
        names = (wanted.system_code, wanted.db_name, wanted.table_name, wanted.field_name)
        key = ":".join(names).lower()
        store = app.state.store
        try:
            if not await store.exists(COUNTER + key):
                return envelope(404, f"Table or field does not exist for key: {key}.", None)
            end = await store.incrby(COUNTER + key, wanted.segment_count)
        except redis.RedisError as error:
            return envelope(500, str(error), None)
        start = end - wanted.segment_count + 1
        return envelope(0, f"Allocated segment: {start} to {end}", {"start": number(start), "end": number(end)})

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--version", action="version", version=f"FastAPI {fastapi.__version__}")
    arguments = parser.parse_args()
    with contextlib.closing(redis.Redis.from_url(REDIS_URL)) as store:
        empty(store)
    uvicorn.run(
        make_app(arguments.keys),
        host="127.0.0.1",
        port=arguments.port,
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
    )


if __name__ == "__main__":
    main()
