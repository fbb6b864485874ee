-- How long a run waited for people is asked of every run when metrics are first counted: planned once a session, and at once 0 for a run that asked nobody.
CREATE OR REPLACE FUNCTION run_waited(run) RETURNS interval LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    asked tstzmultirange;
    ran tstzmultirange;
BEGIN
    SELECT range_agg(tstzrange(a.asked_at, CASE WHEN p.decided_at IS NOT NULL THEN greatest(a.asked_at, p.decided_at) END)) INTO asked
    FROM action a LEFT JOIN approval p ON p.action_id = a.id WHERE a.run_id = $1.id AND a.asked_at IS NOT NULL;
    IF asked IS NULL THEN
        RETURN interval '0';
    END IF;
    SELECT range_agg(tstzrange(least(started_at, finished_at), finished_at)) INTO ran
    FROM step WHERE run_id = $1.id AND finished_at IS NOT NULL;
    RETURN (
        SELECT coalesce(sum(upper(part) - lower(part)), interval '0') FROM unnest(
            (asked - coalesce(ran, '{}')) * tstzmultirange(tstzrange($1.started_at, greatest($1.started_at, coalesce($1.finished_at, now()))))
        ) AS part
    );
END
$$;
