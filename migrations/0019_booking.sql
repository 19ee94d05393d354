-- +goose Up

-- campaigns: what is taken of a booklet whose holder does not come to a booked session.
ALTER TABLE campaigns
    ADD COLUMN no_show text NOT NULL DEFAULT 'none' CONSTRAINT campaigns_no_show CHECK (no_show IN ('none', 'one', 'all'));

-- issuing: a booking holds vouchers until a moment. They stay live, and no money moves.
-- A hold that is over stays written until the next one: who reads compares held_until.
ALTER TABLE vouchers
    ADD COLUMN held_for   bigint, -- the booking
    ADD COLUMN held_until timestamptz,
    ADD CONSTRAINT vouchers_held CHECK ((held_for IS NULL) = (held_until IS NULL));
CREATE INDEX vouchers_by_booking ON vouchers (held_for) WHERE held_for IS NOT NULL;

-- agenda: a slot is a session of one seat; a course has later meetings; each member of a
-- structure has the address of a calendar, of which only the hash is kept.
ALTER TABLE agenda_sessions
    DROP CONSTRAINT agenda_sessions_kind,
    ADD CONSTRAINT agenda_sessions_kind CHECK (kind IN ('session', 'course', 'slot')),
    ADD COLUMN changes integer NOT NULL DEFAULT 0; -- how often it was changed, for calendars
CREATE TABLE agenda_meetings (
    session_id bigint NOT NULL CONSTRAINT agenda_meetings_session REFERENCES agenda_sessions,
    number     integer NOT NULL CONSTRAINT agenda_meetings_number CHECK (number BETWEEN 2 AND 30),
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CONSTRAINT agenda_meetings_ends CHECK (ends_at > starts_at),
    CONSTRAINT agenda_meetings_pkey PRIMARY KEY (session_id, number)
);
CREATE TABLE agenda_feeds (
    person_id    bigint NOT NULL CONSTRAINT agenda_feeds_person REFERENCES people,
    structure_id bigint NOT NULL CONSTRAINT agenda_feeds_structure REFERENCES organisations,
    token_hash   bytea NOT NULL CONSTRAINT agenda_feeds_token UNIQUE,
    made_at      timestamptz NOT NULL,
    CONSTRAINT agenda_feeds_pkey PRIMARY KEY (person_id, structure_id)
);

-- booking: a seat of a session for whoever holds a booklet. There is no name.
CREATE TABLE bookings (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bookings_pkey PRIMARY KEY,
    session_id    bigint NOT NULL CONSTRAINT bookings_session REFERENCES agenda_sessions,
    booklet_id    bigint NOT NULL CONSTRAINT bookings_booklet REFERENCES booklets,
    vouchers      integer NOT NULL CONSTRAINT bookings_vouchers CHECK (vouchers BETWEEN 0 AND 100), -- the price when it was booked
    state         text NOT NULL CONSTRAINT bookings_state CHECK (state IN ('booked', 'waiting', 'cancelled', 'no_show')),
    no_show       text NOT NULL CONSTRAINT bookings_no_show CHECK (no_show IN ('none', 'one', 'all')), -- as told to the person
    email         text NOT NULL DEFAULT '', -- for reminders; erased once they are over
    phone         text NOT NULL DEFAULT '',
    booked_at     timestamptz NOT NULL,
    booked_by     text NOT NULL CONSTRAINT bookings_booked_by CHECK (booked_by IN ('holder', 'prescriber', 'place')),
    person_id     bigint CONSTRAINT bookings_person REFERENCES people, -- who booked for the holder
    seated_at     timestamptz,                                         -- since when there is a seat
    reminded_at   timestamptz,
    ended_at      timestamptz, -- cancelled, or marked as a no-show
    ended_by      text CONSTRAINT bookings_ended_by CHECK (ended_by IN ('holder', 'prescriber', 'place', 'time')),
    redemption_id bigint,      -- that a no-show was charged by
    CONSTRAINT bookings_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (state IN ('booked', 'waiting'))),
    CONSTRAINT bookings_seated CHECK (state NOT IN ('booked', 'no_show') OR seated_at IS NOT NULL),
    CONSTRAINT bookings_charged CHECK (redemption_id IS NULL OR state = 'no_show')
);
CREATE UNIQUE INDEX bookings_one_seat ON bookings (session_id, booklet_id) WHERE state IN ('booked', 'waiting');
CREATE INDEX bookings_by_session ON bookings (session_id);
CREATE INDEX bookings_by_booklet ON bookings (booklet_id);
CREATE INDEX bookings_with_contact ON bookings (id) WHERE email <> '' OR phone <> '';
