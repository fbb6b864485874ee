-- How long a run stood still for people: a question of it was open, and none of its steps ran.
CREATE FUNCTION run_waited(run) RETURNS interval LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH asked AS (
        SELECT range_agg(tstzrange(a.asked_at, CASE WHEN p.decided_at IS NOT NULL THEN greatest(a.asked_at, p.decided_at) END)) AS times
        FROM action a LEFT JOIN approval p ON p.action_id = a.id WHERE a.run_id = $1.id AND a.asked_at IS NOT NULL
    ), ran AS (
        SELECT range_agg(tstzrange(least(started_at, finished_at), finished_at)) AS times
        FROM step WHERE run_id = $1.id AND finished_at IS NOT NULL
    )
    SELECT coalesce(sum(upper(part) - lower(part)), interval '0') FROM asked, ran, unnest(
        (asked.times - coalesce(ran.times, '{}')) * tstzmultirange(tstzrange($1.started_at, greatest($1.started_at, coalesce($1.finished_at, now()))))
    ) AS part
$$;
