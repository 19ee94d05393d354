-- +goose Up

-- closing: a payment whose refund came back or was rejected may be given back again; never
-- twice at a time.
ALTER TABLE refunds DROP CONSTRAINT refunds_line;
CREATE UNIQUE INDEX refunds_line ON refunds (line_id) WHERE state NOT IN ('returned', 'rejected');
