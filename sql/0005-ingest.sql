-- How events come in: in batches, from the spools of the edges, again and again
-- until an answer has come back.  A row that can't be an event is kept beside
-- them, where it is seen, and holds up no other.

set local role kairo_owner;

-- What is no run needs neither a user nor a tool; a run where nobody is asked
-- who it is has no user.

alter table kairo.usage_events
    alter column user_id drop not null,
    alter column tool drop not null,
    add column details jsonb,
    add constraint usage_events_run_check
        check (kind <> 'run' or tool is not null),
    add constraint usage_events_details_check
        check (jsonb_typeof(details) = 'object'
               and pg_column_size(details) <= 65536);

-- What came and could not be stored: what it was, and why not.

create table kairo.events_aside (
    sum         bytea primary key check (octet_length(sum) = 32),
    id          uuid,
    edge        text,
    row         jsonb not null,
    state       text not null check (length(state) = 5),
    message     text not null,
    at          timestamptz not null default now()
);

create index events_aside_id on kairo.events_aside (id);
create index events_aside_at on kairo.events_aside (at);

select kairo.protect('kairo.events_aside');

-- A row of a batch, by the names that its columns have.

create type kairo.event_part as (
    id          uuid,
    kind        text,
    tool        text,
    issuer      text,
    subject     text,
    route       text,
    region      text,
    request_id  text,
    edge        text,
    details     jsonb,
    admin       boolean,
    status      integer,
    latency_ms  integer,
    bytes       bigint
);

-- History but for its end: as 0004 says, and decided without a call, since each
-- event is updated once.

drop trigger keep_event on kairo.usage_events;

create trigger keep_event before update on kairo.usage_events
    for each row
    when (old.ended_at is not null or new.ended_at is null
          or (old.event_id, old.user_id, old.tool, old.kind, old.admin,
              old.billable, old.units, old.route, old.region, old.request_id,
              old.edge, old.written_at, old.details)
             is distinct from
             (new.event_id, new.user_id, new.tool, new.kind, new.admin,
              new.billable, new.units, new.route, new.region, new.request_id,
              new.edge, new.written_at, new.details))
    execute function kairo.keep_history();

drop function kairo.keep_event();

-- History is kept for as long as this, whatever anybody says: the month before
-- this one is billed from it, and both may have 31 days.

create function kairo.least_kept() returns interval
    language sql immutable parallel safe
    return interval '62 days';

-- Partitions are dropped; this has none, and names people.

create function kairo.keep_aside() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'DELETE' and old.at < now() - kairo.least_kept() then
        return old;
    end if;

    raise exception using errcode = 'KA001',
        message = format('%s of %I: history can''t be changed', tg_op,
                         tg_table_name);
end
$$;

create trigger keep_rows before update or delete on kairo.events_aside
    for each row execute function kairo.keep_aside();
create trigger keep_table before truncate on kairo.events_aside
    for each statement execute function kairo.keep_history();

-- what the functions need to add an event, and to write its end

grant insert (event_id, user_id, tool, kind, admin, billable, route, region,
              request_id, edge, details, status, latency_ms, bytes, ended_at),
      select (event_id, ended_at),
      update (status, latency_ms, bytes, ended_at)
    on kairo.usage_events to kairo_functions;
grant insert on kairo.events_aside to kairo_functions;
grant select on kairo.events_aside, kairo.users to kairo_auditor;

create policy by_id on kairo.usage_events for select to kairo_functions
    using (true);
create policy begins on kairo.usage_events for insert to kairo_functions
    with check (billable = (kind = 'run' and not admin));
create policy ends on kairo.usage_events for update to kairo_functions
    using (ended_at is null) with check (true);
create policy functions_add on kairo.events_aside for insert
    to kairo_functions with check (true);
create policy all_of_it on kairo.events_aside for select to kairo_auditor
    using (true);
create policy all_of_it on kairo.users for select to kairo_auditor
    using (true);
create policy old on kairo.events_aside for select to kairo_owner
    using (at < now() - kairo.least_kept());
create policy old_end on kairo.events_aside for delete to kairo_owner
    using (at < now() - kairo.least_kept());

grant execute on function kairo.event_time(uuid) to kairo_functions;
grant create on schema kairo to kairo_functions;

reset role;
set local role kairo_functions;

-- A row as it is set aside.

create function kairo.unfit(part kairo.event_part, state text, message text)
    returns kairo.events_aside
    language sql stable security definer
    set search_path = pg_catalog, pg_temp as $$
    select sha256(convert_to(to_jsonb(part)::text, 'UTF8')), part.id,
           part.edge, to_jsonb(part), state, message, now()
$$;

-- Each of the next three takes a batch at once, and where that fails parts of
-- it, down to the single rows that can't be stored.
--
-- Whatever two sessions have in common both reach in the same order, of names
-- and then of ids, so that neither waits for one that waits for it.

-- Users at first sight.

create function kairo.meet(parts kairo.event_part[])
    returns kairo.events_aside[]
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
declare
    part  kairo.event_part;
    unfit kairo.events_aside[] := '{}';
begin
    insert into kairo.users (issuer, subject)
    select distinct p.issuer, p.subject from unnest(parts) p
    where p.kind is not null
          and (p.issuer is not null or p.subject is not null)
          and not exists (select from kairo.users u
                          where u.issuer = p.issuer and u.subject = p.subject)
    order by p.issuer, p.subject
    on conflict do nothing;

    return unfit;

exception when data_exception or integrity_constraint_violation then
    if cardinality(parts) = 1 then
        return array[kairo.unfit(parts[1], sqlstate, sqlerrm)];
    end if;

    for part in select p.* from unnest(parts) p order by p.issuer, p.subject
    loop
        unfit := unfit || kairo.meet(array[part]);
    end loop;

    return unfit;
end
$$;

-- Beginnings, with their ends where those are told; how many are new.

create function kairo.begin_events(parts kairo.event_part[],
    out begun integer, out unfit kairo.events_aside[])
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
declare
    step integer := (cardinality(parts) + 24) / 25;
    part record;
begin
    insert into kairo.usage_events (event_id, user_id, tool, kind, admin,
        billable, route, region, request_id, edge, details, status, latency_ms,
        bytes, ended_at)
    select p.id, u.user_id, p.tool, p.kind, p.admin is true,
           p.kind = 'run' and p.admin is not true, p.route, p.region,
           p.request_id, p.edge, p.details, p.status, p.latency_ms, p.bytes,
           case when p.status is not null
                then kairo.event_time(p.id)
                     + coalesce(p.latency_ms, 0) * interval '1 ms' end
    from unnest(parts) with ordinality p
         left join kairo.users u
         on u.issuer = p.issuer and u.subject = p.subject
    where p.kind is not null
    order by p.id, p.ordinality
    on conflict do nothing;

    get diagnostics begun = row_count;
    unfit := '{}';

exception when data_exception or integrity_constraint_violation then
    begun := 0;
    unfit := '{}';

    if cardinality(parts) = 1 then
        unfit := array[kairo.unfit(parts[1], sqlstate, sqlerrm)];
        return;
    end if;

    for i in 1 .. cardinality(parts) by step
    loop
        part := kairo.begin_events(parts[i : i + step - 1]);
        begun := begun + part.begun;
        unfit := unfit || part.unfit;
    end loop;
end
$$;

-- Ends, of which the first counts; how many are new.  Each value is found by
-- the place of its id in a sorted array: a join could come to compare all with
-- all.

create function kairo.end_events(parts kairo.event_part[],
    out ended integer, out unfit kairo.events_aside[])
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
declare
    step      integer := (cardinality(parts) + 24) / 25;
    part      record;
    ids       uuid[];
    statuses  integer[];
    latencies integer[];
    sizes     bigint[];
begin
    select array_agg(x.id), array_agg(x.status), array_agg(x.latency_ms),
           array_agg(x.bytes)
    into ids, statuses, latencies, sizes
    from (select distinct on (p.id) p.*
          from unnest(parts) with ordinality p
          where p.status is not null and p.id is not null
          order by p.id, p.ordinality) x;

    ended := 0;
    unfit := '{}';

    -- a question for none would open every partition

    if ids is null then
        return;
    end if;

    update kairo.usage_events e
    set status = statuses[width_bucket(e.event_id, ids)],
        latency_ms = latencies[width_bucket(e.event_id, ids)],
        bytes = sizes[width_bucket(e.event_id, ids)],
        ended_at = kairo.event_time(e.event_id)
                   + coalesce(latencies[width_bucket(e.event_id, ids)], 0)
                     * interval '1 ms'
    where e.event_id = any (ids) and e.ended_at is null;

    get diagnostics ended = row_count;

exception when data_exception or integrity_constraint_violation then
    if cardinality(parts) = 1 then
        unfit := array[kairo.unfit(parts[1], sqlstate, sqlerrm)];
        return;
    end if;

    for i in 1 .. cardinality(parts) by step
    loop
        part := kairo.end_events(parts[i : i + step - 1]);
        ended := ended + part.ended;
        unfit := unfit || part.unfit;
    end loop;
end
$$;

-- What no statement fails of: rows that tell nothing, and ends whose beginning
-- is not there.

create function kairo.unfit_parts(parts kairo.event_part[])
    returns kairo.events_aside[]
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
declare
    ids     uuid[] := array(select p.id from unnest(parts) p
                            where p.kind is null and p.id is not null);
    present uuid[] := '{}';
begin
    if ids <> '{}' then
        present := array(select e.event_id from kairo.usage_events e
                         where e.event_id = any (ids));
    end if;

    return array(
        select kairo.unfit(p, 'KA003', case when p.status is null
            then 'neither a beginning nor an end'
            else 'an end whose beginning is not there' end)
        from unnest(parts) p
        where p.kind is null
              and (p.status is null or p.id is null
                   or p.id <> all (present)));
end
$$;

-- The others.

create function kairo.fit_parts(parts kairo.event_part[],
    unfit kairo.events_aside[]) returns kairo.event_part[]
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as $$
begin
    if unfit = '{}' then
        return parts;
    end if;

    return array(select p from unnest(parts) p
                 where to_jsonb(p) <> all (array(
                     select u.row from unnest(unfit) u)));
end
$$;

-- A batch.  A row is an event or a part of one: with a kind it tells how it
-- began, with a status how it ended, with both all of it.  Each is counted
-- once: a beginning that is new, an end that is new to an event that was there,
-- what was known, what was set aside.
--
-- Plans are made anew for each, since a plan for any would open every partition,
-- and look each row up by an index, whatever is known of the tables by then.

create function kairo.ingest(ids uuid[], kinds text[], tools text[],
    issuers text[], subjects text[], routes text[], regions text[],
    requests text[], edges text[], details jsonb[], admins boolean[],
    statuses integer[], latencies integer[], bytes bigint[],
    out begun integer, out ended integer, out known integer,
    out aside integer)
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan
    set enable_seqscan = off set enable_bitmapscan = off
    set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    n      integer := cardinality(ids);
    ends   integer := cardinality(array_positions(kinds, null));
    begins integer;
    parts  kairo.event_part[];
    unfit  kairo.events_aside[] := '{}';
    done   record;
begin
    if (n = cardinality(kinds) and n = cardinality(tools)
        and n = cardinality(issuers) and n = cardinality(subjects)
        and n = cardinality(routes) and n = cardinality(regions)
        and n = cardinality(requests) and n = cardinality(edges)
        and n = cardinality(details) and n = cardinality(admins)
        and n = cardinality(statuses) and n = cardinality(latencies)
        and n = cardinality(bytes)) is not true
    then
        raise exception using errcode = '22023',
            message = 'the arrays of a batch have different lengths';
    end if;

    parts := array(
        select (x.id, x.kind, x.tool, x.issuer, x.subject, x.route, x.region,
                x.request_id, x.edge, x.details, x.admin, x.status,
                x.latency_ms, x.bytes)::kairo.event_part
        from unnest(ids, kinds, tools, issuers, subjects, routes, regions,
                    requests, edges, details, admins, statuses, latencies,
                    bytes) with ordinality
             x (id, kind, tool, issuer, subject, route, region, request_id,
                edge, details, admin, status, latency_ms, bytes, n)
        order by x.id, x.n);

    begun := 0;
    ended := 0;
    aside := 0;

    if ends < n then
        unfit := kairo.meet(parts);
        parts := kairo.fit_parts(parts, unfit);

        done := kairo.begin_events(parts);
        begun := done.begun;
        unfit := unfit || done.unfit;
        parts := kairo.fit_parts(parts, done.unfit);
    end if;

    -- what has come with its beginning has come with its end

    begins := cardinality(parts) - ends;

    if begun = begins then
        parts := array(select p from unnest(parts) p where p.kind is null);
    end if;

    if parts <> '{}' then
        done := kairo.end_events(parts);
        ended := done.ended;
        unfit := unfit || done.unfit;
    end if;

    if begun < begins or ended < ends then
        unfit := unfit || kairo.unfit_parts(parts);
    end if;

    if unfit <> '{}' then
        insert into kairo.events_aside
        select u.* from unnest(unfit) u order by u.sum
        on conflict do nothing;

        get diagnostics aside = row_count;
    end if;

    known := n - begun - ended - aside;
end
$$;

grant execute on function kairo.ingest(uuid[], text[], text[], text[], text[],
    text[], text[], text[], text[], jsonb[], boolean[], integer[], integer[],
    bigint[]) to kairo_edge;
grant execute on function kairo.audit(text, text, jsonb) to kairo_owner;

reset role;
set local role kairo_owner;

revoke create on schema kairo from kairo_functions;

-- What happened, as an investigation asks.  An event's id begins with its time,
-- so that a range of ids is one of time, and the partitions of other days are
-- left alone; "time" is for reading.

create view kairo.history with (security_invoker = true) as
    select e.event_id, kairo.event_time(e.event_id) as time, u.issuer,
           u.subject, e.user_id, e.tool, e.kind, e.admin,
           case when e.kind in ('refused', 'gap') then e.kind
                when e.status < 400 then 'ok'
                when e.status >= 400 then 'failed'
                else 'open' end as outcome,
           e.status, e.latency_ms, e.bytes, e.route, e.region, e.request_id,
           e.edge, e.details, r.event_id is not null as refunded
    from kairo.usage_events e
         left join kairo.users u on u.user_id = e.user_id
         left join kairo.usage_refunds r on r.event_id = e.event_id;

-- What was run, by day of UTC: a day's partition is read when that day is asked
-- for, and no other.

create view kairo.billing_days with (security_invoker = true) as
    select d.day, x.user_id, u.issuer, u.subject, x.tool, x.runs, x.units,
           x.refunded_units, x.admin_runs
    from (select (kairo.event_time(substr(pg_get_expr(
                      c.relpartbound, c.oid), 19, 36)::uuid)
                  at time zone 'utc')::date as day
          from pg_inherits i join pg_class c on c.oid = i.inhrelid
          where i.inhparent = 'kairo.usage_events'::regclass) d
         cross join lateral (
             select e.user_id, e.tool, count(*) as runs,
                    coalesce(sum(e.units) filter (where e.billable), 0)
                        as units,
                    coalesce(sum(e.units) filter (where e.billable
                        and r.event_id is not null), 0) as refunded_units,
                    count(*) filter (where e.admin) as admin_runs
             from kairo.usage_events e
                  left join kairo.usage_refunds r on r.event_id = e.event_id
             where e.kind = 'run'
                   and e.event_id >= kairo.first_event(
                       d.day::timestamp at time zone 'utc')
                   and e.event_id < kairo.first_event(
                       (d.day + 1)::timestamp at time zone 'utc')
             group by e.user_id, e.tool) x
         left join kairo.users u on u.user_id = x.user_id;

grant select on kairo.history, kairo.billing_days to kairo_auditor;

-- Days that are over for longer than "keep", whole, and what was set aside by
-- then; how many days.  A month of them at a time, since each takes locks.

create function kairo.drop_partitions(keep interval) returns integer
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
    before  timestamptz := now() - keep;
    part    record;
    n       integer;
    dropped integer := 0;
begin
    if (before <= now() - kairo.least_kept()) is not true then
        raise exception using errcode = '22023',
            message = format('history is kept for %s at least',
                             kairo.least_kept());
    end if;

    for part in
        select c.relname as name, x.ends
        from pg_inherits i join pg_class c on c.oid = i.inhrelid,
             lateral (select kairo.event_time(substr(pg_get_expr(
                          c.relpartbound, c.oid), 63, 36)::uuid)) x (ends)
        where i.inhparent = 'kairo.usage_events'::regclass
              and x.ends <= before
        order by x.ends limit 31
    loop
        execute format('drop table kairo.%I', part.name);
        perform kairo.audit('usage_events.drop', part.name,
                            jsonb_build_object('keep', keep));
        dropped := dropped + 1;
    end loop;

    delete from kairo.events_aside a where a.at < before;
    get diagnostics n = row_count;

    if n > 0 then
        perform kairo.audit('events_aside.drop', null,
                            jsonb_build_object('keep', keep, 'rows', n));
    end if;

    return dropped;
end
$$;

grant execute on function kairo.drop_partitions(interval) to kairo_janitor;

reset role;
