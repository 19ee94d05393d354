-- +goose Up

-- closing: a payment whose refund came back or was rejected may be given back again; never
-- twice at a time.
ALTER TABLE refunds DROP CONSTRAINT refunds_line;
CREATE UNIQUE INDEX refunds_line ON refunds (line_id) WHERE state NOT IN ('returned', 'rejected');

-- settlement: how long structures wait is read from what was booked in a year and from what
-- is not paid, however much was paid before.
CREATE INDEX payouts_by_booking ON payouts (booked_on) WHERE state = 'booked';
CREATE INDEX payouts_unpaid ON payouts (structure_id) WHERE state <> 'booked' AND reissued_in IS NULL;
