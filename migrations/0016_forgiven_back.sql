-- +goose Up

-- orders: what comes back after something had been decided on it pays what is left of its
-- debt (a part of paid_cents), then gives back what the operator had forgiven of it.
ALTER TABLE takebacks
    ADD COLUMN back_cents bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgiven_back_cents bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT takebacks_back CHECK (back_cents >= 0 AND back_cents <= paid_cents),
    ADD CONSTRAINT takebacks_forgiven_back CHECK (forgiven_back_cents >= 0 AND paid_cents + forgiven_back_cents <= debt_cents);
