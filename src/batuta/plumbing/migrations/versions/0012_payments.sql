-- Payments, their immutable entries, and what providers are asked for.
CREATE SCHEMA payments;

CREATE TABLE payments.payment (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    position INTEGER NOT NULL,
    method TEXT NOT NULL,
    provider TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    token TEXT NOT NULL,
    capture_moment TEXT NOT NULL,
    renews_id UUID,
    provider_reference TEXT NOT NULL,
    authorised_until TIMESTAMP WITH TIME ZONE,
    watch_at TIMESTAMP WITH TIME ZONE,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT payment_pkey PRIMARY KEY (id),
    CONSTRAINT payment_method_known CHECK (method IN ('card', 'boleto', 'voucher', 'debit', 'bank_transfer', 'cash')),
    CONSTRAINT payment_capture_moment_known CHECK (capture_moment IN ('at_handover', 'at_approval')),
    CONSTRAINT payment_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT payment_token_no_card_number CHECK (token !~ '^[0-9]{12,}$')
);

CREATE INDEX payment_order_id_idx ON payments.payment (order_id);

CREATE INDEX payment_watch_at_idx ON payments.payment (watch_at) WHERE watch_at IS NOT NULL;

CREATE TABLE payments.request (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    kind TEXT NOT NULL,
    cause_id UUID NOT NULL,
    amount_minor BIGINT NOT NULL,
    missing_minor BIGINT NOT NULL,
    reason TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT request_pkey PRIMARY KEY (id),
    CONSTRAINT request_kind_known CHECK (kind IN ('capture', 'void', 'refund')),
    CONSTRAINT request_amounts_not_negative CHECK (amount_minor >= 0 AND missing_minor >= 0)
);

CREATE INDEX request_order_id_idx ON payments.request (order_id);

CREATE TABLE payments.instruction (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    request_id UUID,
    kind TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    cause_id UUID NOT NULL,
    status TEXT NOT NULL,
    after_id UUID,
    attempt INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT instruction_pkey PRIMARY KEY (id),
    CONSTRAINT instruction_kind_known CHECK (kind IN ('authorise', 'pay', 'capture', 'void', 'refund')),
    CONSTRAINT instruction_status_known CHECK (status IN ('waiting', 'pending', 'done', 'declined', 'failed', 'dropped')),
    CONSTRAINT instruction_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT instruction_payment_id_fkey FOREIGN KEY(payment_id) REFERENCES payments.payment (id),
    CONSTRAINT instruction_request_id_fkey FOREIGN KEY(request_id) REFERENCES payments.request (id)
);

CREATE INDEX instruction_order_id_idx ON payments.instruction (order_id);

CREATE TABLE payments.entry (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    payment_id UUID,
    instruction_id UUID,
    kind TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    cause_id UUID NOT NULL,
    name TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT entry_pkey PRIMARY KEY (id),
    CONSTRAINT entry_sides_of_kind CHECK ((kind, debit, credit) IN (('due', 'owed', 'sale'), ('adjust', 'owed', 'sale'), ('authorise', 'held', 'owed'), ('capture', 'paid', 'held'), ('void', 'owed', 'held'), ('expire', 'owed', 'held'), ('refund', 'owed', 'paid'), ('due', 'sale', 'owed'), ('adjust', 'sale', 'owed'))),
    CONSTRAINT entry_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT entry_payment_unless_due CHECK ((payment_id IS NULL) = (kind IN ('due', 'adjust'))),
    CONSTRAINT entry_payment_id_fkey FOREIGN KEY(payment_id) REFERENCES payments.payment (id),
    CONSTRAINT entry_instruction_id_fkey FOREIGN KEY(instruction_id) REFERENCES payments.instruction (id)
);

CREATE INDEX entry_order_id_idx ON payments.entry (order_id);
