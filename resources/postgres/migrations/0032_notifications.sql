-- Each person chooses what they are told of and where; what happens writes who is told, in its own transaction, and a delivery is tried until it is taken.
CREATE TABLE webhook (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id        text NOT NULL REFERENCES person,
    name             text NOT NULL,
    url              text NOT NULL,
    secret           text NOT NULL,              -- signs what is sent: 'whsec_' and base64, as Standard Webhooks has it
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    switched_off_at  timestamptz,
    switched_off_why text NOT NULL DEFAULT '',
    removed_at       timestamptz
);
CREATE UNIQUE INDEX webhook_name ON webhook (person_id, name) WHERE removed_at IS NULL;
COMMENT ON TABLE webhook IS 'Addresses of programs that are told what happens, each of a person.';

CREATE TABLE subscription (
    person_id text NOT NULL REFERENCES person,
    topic     text NOT NULL CHECK (topic IN ('runs', 'approvals', 'alerts', 'digests')),
    way       text NOT NULL CHECK (way IN ('page', 'mail', 'webhook')),
    PRIMARY KEY (person_id, topic, way)
);
COMMENT ON TABLE subscription IS 'What each person is told of, and where.';

CREATE TABLE notification (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id   text NOT NULL REFERENCES person,
    way         text NOT NULL CHECK (way IN ('page', 'mail', 'webhook')),
    webhook_id  uuid REFERENCES webhook,
    type        text NOT NULL,                   -- what happened: run.ended, approval.waits, alert.raised, digest.composed
    subject     text NOT NULL,                   -- the id of the row that it happened to
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries       integer NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at     timestamptz,
    error       text NOT NULL DEFAULT ''
);
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'waiting';
CREATE INDEX notification_of_person ON notification (person_id, happened_at DESC);
COMMENT ON TABLE notification IS 'What a person is told, once for each place; it holds ids, and what is said is read from their rows.';

-- Those who chose the topic and are among `whose`, or have at least the role.
CREATE FUNCTION notify_people(topic_ text, type_ text, subject_ text, whose text[], role_ text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO notification (person_id, way, webhook_id, type, subject, state)
    SELECT s.person_id, s.way, w.id, type_, subject_, CASE s.way WHEN 'page' THEN 'sent' ELSE 'waiting' END
    FROM subscription s JOIN person p ON p.id = s.person_id AND p.removed_at IS NULL
    LEFT JOIN webhook w ON s.way = 'webhook' AND w.person_id = s.person_id AND w.removed_at IS NULL AND w.switched_off_at IS NULL
    WHERE s.topic = topic_ AND (s.way <> 'webhook' OR w.id IS NOT NULL)
      AND (s.person_id = ANY(whose) OR array_position(ARRAY['reader', 'member', 'approver', 'owner'], p.role) >= array_position(ARRAY['reader', 'member', 'approver', 'owner'], role_));
$$;

CREATE FUNCTION notify_of_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_people('runs', 'run.ended', NEW.id::text, ARRAY[NEW.user_id], NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER run_notification AFTER UPDATE OF status ON run FOR EACH ROW
    WHEN (OLD.status IN ('running', 'waiting') AND NEW.status NOT IN ('running', 'waiting') AND NOT NEW.dry_run AND NEW.flow NOT LIKE 'ops.%' AND NEW.flow <> 'mcp.serve')
    EXECUTE FUNCTION notify_of_run();

CREATE FUNCTION notify_of_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE asking run;
BEGIN
    SELECT * INTO asking FROM run WHERE id = NEW.run_id;
    -- What a program calls is asked about by nobody else.
    IF NEW.asked_at IS NOT NULL OR asking.flow = 'mcp.serve' THEN
        PERFORM notify_people('approvals', 'approval.waits', NEW.id::text, ARRAY[asking.user_id], 'approver');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER action_notification AFTER INSERT ON action FOR EACH ROW
    WHEN (NEW.state = 'proposed' AND NEW.risk <> 'low') EXECUTE FUNCTION notify_of_action();
CREATE TRIGGER asked_notification AFTER UPDATE OF asked_at ON action FOR EACH ROW
    WHEN (OLD.asked_at IS NULL AND NEW.asked_at IS NOT NULL AND NEW.state = 'proposed') EXECUTE FUNCTION notify_of_action();

CREATE FUNCTION notify_of_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_people('alerts', 'alert.raised', NEW.id::text, NULL, 'reader');
    RETURN NULL;
END $$;
CREATE TRIGGER alert_notification AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION notify_of_alert();

-- What shows something private is for owners, and for who got it.
CREATE FUNCTION notify_of_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM run WHERE id = NEW.run_id AND dry_run) THEN
        RETURN NULL;
    END IF;
    PERFORM notify_people('digests', 'digest.composed', NEW.id::text, NEW.recipients, CASE WHEN NEW.private OR NEW.shared <> '{}' THEN 'owner' ELSE 'reader' END);
    RETURN NULL;
END $$;
CREATE TRIGGER digest_notification AFTER INSERT ON digest FOR EACH ROW EXECUTE FUNCTION notify_of_digest();

CREATE FUNCTION notify_of_notification() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_rows', 'notification ');
    RETURN NULL;
END $$;
CREATE TRIGGER notification_change AFTER INSERT ON notification FOR EACH ROW WHEN (NEW.state = 'waiting') EXECUTE FUNCTION notify_of_notification();
