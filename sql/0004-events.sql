-- What happened: a row a run, in partitions of a day.  An event's id is a
-- UUIDv7 (RFC 9562, section 5.7) that the edge makes: its first 48 bits are the
-- time, so that it is the partition's key too, and a row that is sent twice is
-- there once.

set local role kairo_owner;

create function kairo.event_time(id uuid) returns timestamptz
    language sql immutable strict parallel safe
    return to_timestamp((('x0000' || substr(id::text, 1, 8)
                          || substr(id::text, 10, 4))::bit(64)::bigint)
                        / 1000.0);

create function kairo.first_event(at timestamptz) returns uuid
    language sql immutable strict parallel safe
    return (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid;

create table kairo.usage_events (
    event_id    uuid primary key
                check (substr(event_id::text, 15, 1) = '7'),
    user_id     uuid not null,
    tool        text not null check (length(tool) between 1 and 128),
    kind        text not null default 'run'
                check (length(kind) between 1 and 64),
    admin       boolean not null default false,
    billable    boolean not null default true check (not (admin and billable)),
    units       integer not null default 1 check (units >= 0),
    route       text check (length(route) <= 255),
    region      text check (length(region) <= 32),
    request_id  text check (length(request_id) <= 64),
    edge        text not null check (length(edge) between 1 and 64),
    written_at  timestamptz not null default now(),

    -- how it ended, written once

    status      smallint check (status between 100 and 599),
    latency_ms  integer check (latency_ms >= 0),
    bytes       bigint check (bytes >= 0),
    ended_at    timestamptz
) partition by range (event_id);

create index usage_events_user on kairo.usage_events (user_id, event_id desc);

create table kairo.usage_refunds (
    event_id    uuid primary key,
    reason      text not null check (length(reason) between 1 and 64),
    refunded_at timestamptz not null default now()
);

select kairo.protect('kairo.usage_events', 'kairo.usage_refunds');

-- History but for its end, which is written later, once.

create function kairo.keep_event() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp as $$
declare
    ends text[] := array['status', 'latency_ms', 'bytes', 'ended_at'];
begin
    if old.ended_at is null and new.ended_at is not null
       and to_jsonb(old) - ends = to_jsonb(new) - ends
    then
        return new;
    end if;

    raise exception using errcode = 'KA001',
        message = format('UPDATE of %I: history can''t be changed',
                         tg_table_name);
end
$$;

create trigger keep_event before update on kairo.usage_events
    for each row execute function kairo.keep_event();
create trigger keep_rows before delete on kairo.usage_events
    for each row execute function kairo.keep_history();
create trigger keep_rows before update or delete on kairo.usage_refunds
    for each row execute function kairo.keep_history();
create trigger keep_table before truncate on kairo.usage_refunds
    for each statement execute function kairo.keep_history();

-- The partitions of three days back, for what comes late, to a week ahead.
-- Each edge asks for them whenever it connects, which it does every hour; the
-- owner's function, since a partition has to be the owner's.

create function kairo.keep_partitions() returns integer
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
    today date := (now() at time zone 'utc')::date;
    day   date;
    name  text;
    made  integer := 0;
begin
    for day in select today + n from generate_series(-3, 7) n
    loop
        name := 'usage_events_' || to_char(day, 'YYYYMMDD');

        continue when to_regclass('kairo.' || name) is not null;

        -- as attaching it does; an advisory lock anybody could hold for ever

        lock table only kairo.usage_events in share update exclusive mode;

        continue when to_regclass('kairo.' || name) is not null;

        execute format('create table kairo.%I (like kairo.usage_events '
                       'including defaults including constraints)', name);
        perform kairo.protect(format('kairo.%I', name)::regclass);
        execute format('create trigger keep_table before truncate on kairo.%I '
                       'for each statement '
                       'execute function kairo.keep_history()', name);
        execute format('alter table kairo.usage_events attach partition '
                       'kairo.%I for values from (%L) to (%L)', name,
                       kairo.first_event(day::timestamp at time zone 'utc'),
                       kairo.first_event((day + 1)::timestamp
                                         at time zone 'utc'));
        made := made + 1;
    end loop;

    return made;
end
$$;

select kairo.keep_partitions();

grant select on kairo.usage_events to kairo_person, kairo_auditor;
grant select on kairo.usage_refunds to kairo_auditor;

create policy mine on kairo.usage_events for select to kairo_person
    using (user_id = (select kairo.me()));
create policy all_of_it on kairo.usage_events for select to kairo_auditor
    using (true);
create policy all_of_it on kairo.usage_refunds for select to kairo_auditor
    using (true);

grant execute on function kairo.keep_partitions() to kairo_edge,
    kairo_janitor;
grant execute on function kairo.event_time(uuid),
    kairo.first_event(timestamptz) to kairo_auditor;

reset role;
