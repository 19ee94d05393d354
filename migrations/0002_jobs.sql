-- +goose Up

-- jobs: work to do later or outside, enqueued with the change that asks for it.
-- A row with a unique key is never deleted: the key is what keeps a notice from being
-- sent twice. Its payload is emptied when the work is done.

CREATE TABLE jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT jobs_pkey PRIMARY KEY,
    kind         text NOT NULL CONSTRAINT jobs_kind CHECK (kind <> ''),
    unique_key   text CONSTRAINT jobs_unique_key UNIQUE,
    payload      jsonb NOT NULL,
    run_at       timestamptz NOT NULL,
    attempts     int NOT NULL,
    max_attempts int NOT NULL,
    state        text NOT NULL CONSTRAINT jobs_state CHECK (state IN ('queued', 'running', 'done', 'dead')),
    lease_until  timestamptz,
    last_error   text NOT NULL,
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    CONSTRAINT jobs_attempts CHECK (attempts BETWEEN 0 AND max_attempts),
    CONSTRAINT jobs_lease CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT jobs_finished CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL))
);
-- What may be taken next: queued work by its time, abandoned work by its lease.
CREATE INDEX jobs_due ON jobs (coalesce(lease_until, run_at), id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_finished_by_time ON jobs (state, finished_at) WHERE state IN ('done', 'dead');

-- throttle: tries per window. The bucket is a hash: no address or name in clear.

CREATE TABLE throttle (
    bucket       text NOT NULL,
    window_start timestamptz NOT NULL,
    count        int NOT NULL CONSTRAINT throttle_count CHECK (count > 0),
    CONSTRAINT throttle_pkey PRIMARY KEY (bucket, window_start)
);
CREATE INDEX throttle_by_window ON throttle (window_start);
