-- +goose Up

-- labelling: a place keeps all that the national standard says of one, and its languages.
ALTER TABLE places
    ADD COLUMN other_id        text NOT NULL DEFAULT '', -- RNA or RIDET number of who runs it, where it has no SIRET
    ADD COLUMN address_extra   text NOT NULL DEFAULT '',
    ADD COLUMN other_emails    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN other_websites  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN kinds           text[] NOT NULL DEFAULT '{}', -- codes of typologie
    ADD COLUMN summary         text NOT NULL DEFAULT '',     -- presentation_resume; presentation is presentation_detail
    ADD COLUMN collected_by    text NOT NULL DEFAULT '',     -- source, as the standard means it
    ADD COLUMN mobilities      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN parent          text NOT NULL DEFAULT '',
    ADD COLUMN audiences       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN special_care    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN fees            text[] NOT NULL DEFAULT '{}',
    ADD COLUMN programmes      text[] NOT NULL DEFAULT '{}', -- national programmes and labels, as facts
    ADD COLUMN trainings       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN other_trainings text NOT NULL DEFAULT '',
    ADD COLUMN access_ways     text[] NOT NULL DEFAULT '{}',
    ADD COLUMN support_ways    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN booking_url     text NOT NULL DEFAULT '',
    ADD COLUMN languages       text[] NOT NULL DEFAULT '{}'; -- ISO 639-1, spoken there; in no source

-- catalogue: a place may offer several services on one theme, some of them free, each
-- with its words. One that is no longer offered stays, for what refers to it.
ALTER TABLE services
    DROP CONSTRAINT services_pkey,
    DROP CONSTRAINT services_price,
    ADD COLUMN id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT services_pkey PRIMARY KEY,
    ADD COLUMN title        text NOT NULL DEFAULT '', -- '': the theme says it all
    ADD COLUMN description  text NOT NULL DEFAULT '',
    ADD COLUMN topics       text[] NOT NULL DEFAULT '{}', -- codes of La Coop's topics
    ADD COLUMN level        text NOT NULL DEFAULT '' CONSTRAINT services_level CHECK (level IN ('', 'beginner', 'intermediate', 'advanced')),
    ADD COLUMN modes        text[] NOT NULL DEFAULT '{}' CONSTRAINT services_modes CHECK (modes <@ '{individual,group,remote,self_service}'),
    ADD COLUMN audiences    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN extra_cents  bigint NOT NULL DEFAULT 0 CONSTRAINT services_extra CHECK (extra_cents BETWEEN 0 AND 100000), -- that the person pays besides
    ADD COLUMN meetings     integer NOT NULL DEFAULT 1 CONSTRAINT services_meetings CHECK (meetings BETWEEN 1 AND 30), -- of a course; the price is for all of them
    ADD COLUMN withdrawn_at timestamptz,
    ADD CONSTRAINT services_price CHECK (price_vouchers BETWEEN 0 AND 127);
CREATE UNIQUE INDEX services_one_in_force ON services (place_id, theme, title) WHERE withdrawn_at IS NULL;

-- agenda: when a service takes place.
CREATE TABLE agenda_sessions (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT agenda_sessions_pkey PRIMARY KEY,
    place_id      bigint NOT NULL CONSTRAINT agenda_sessions_place REFERENCES places,
    service_id    bigint NOT NULL CONSTRAINT agenda_sessions_service REFERENCES services,
    mediator_id   bigint NOT NULL CONSTRAINT agenda_sessions_mediator REFERENCES people,
    kind          text NOT NULL CONSTRAINT agenda_sessions_kind CHECK (kind IN ('session', 'course')),
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL CONSTRAINT agenda_sessions_ends CHECK (ends_at > starts_at), -- of a course: of its first meeting
    seats         integer NOT NULL CONSTRAINT agenda_sessions_seats CHECK (seats BETWEEN 1 AND 500),
    note          text NOT NULL DEFAULT '', -- what to bring, which door
    published_at  timestamptz NOT NULL,
    published_by  bigint NOT NULL CONSTRAINT agenda_sessions_published_by REFERENCES people,
    cancelled_at  timestamptz,
    cancel_reason text,
    CONSTRAINT agenda_sessions_cancelled CHECK ((cancelled_at IS NULL) = (cancel_reason IS NULL))
);
CREATE INDEX agenda_sessions_by_place ON agenda_sessions (place_id, starts_at);
CREATE INDEX agenda_sessions_by_start ON agenda_sessions (starts_at) WHERE cancelled_at IS NULL;
