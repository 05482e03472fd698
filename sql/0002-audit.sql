-- Who changed what: few rows, each with a hash over itself and the one before
-- it, so that a row that is changed, taken out or put in between is seen.  The
-- command "kairo audit verify" computes them anew, with its own code.

set local role kairo_owner;

create table kairo.audit_log (
    number      bigint primary key,
    at          timestamptz not null,
    actor       text not null check (length(actor) between 1 and 255),
    action      text not null check (length(action) between 1 and 128),
    object      text check (length(object) <= 255),
    detail      jsonb not null default '{}',
    hash        bytea not null check (octet_length(hash) = 32)
);

-- one row: where the chain ends

create table kairo.audit_end (
    single      boolean primary key default true check (single),
    number      bigint not null,
    hash        bytea not null
);

insert into kairo.audit_end values (true, 0, sha256('kairo'));

select kairo.protect('kairo.audit_log', 'kairo.audit_end');

-- History is added to, and nothing of it changes.

create function kairo.keep_history() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using errcode = 'KA001',
        message = format('%s of %I: history can''t be changed', tg_op,
                         tg_table_name);
end
$$;

create trigger keep_rows before update or delete on kairo.audit_log
    for each row execute function kairo.keep_history();
create trigger keep_table before truncate on kairo.audit_log
    for each statement execute function kairo.keep_history();

grant insert on kairo.audit_log to kairo_functions;
grant select, update on kairo.audit_end to kairo_functions;
grant select on kairo.audit_log, kairo.audit_end to kairo_auditor;

create policy functions_add on kairo.audit_log for insert to kairo_functions
    with check (true);
create policy functions on kairo.audit_end to kairo_functions
    using (true) with check (number > 0);
create policy all_of_it on kairo.audit_log for select to kairo_auditor
    using (true);
create policy all_of_it on kairo.audit_end for select to kairo_auditor
    using (true);

grant create on schema kairo to kairo_functions;

reset role;
set local role kairo_functions;

-- What a row's hash is over: the hash before it, and each text behind the
-- number of its bytes, so that no two rows are the same.

create function kairo.audit_bytes(variadic texts text[]) returns bytea
    language sql immutable parallel safe
    return (select string_agg(int4send(coalesce(octet_length(
                                  convert_to(t, 'UTF8')), -1))
                              || convert_to(coalesce(t, ''), 'UTF8'),
                              ''::bytea order by n)
            from unnest(texts) with ordinality as x (t, n));

create function kairo.audit(action text, object text, detail jsonb)
    returns bigint
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
declare
    ending kairo.audit_end;
    at     timestamptz := clock_timestamp();
begin
    -- one after the other: the chain has one end

    select * into strict ending from kairo.audit_end for update;

    ending.number := ending.number + 1;
    ending.hash := sha256(ending.hash || kairo.audit_bytes(
        ending.number::text,
        to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        session_user::text, action, object, detail::text));

    insert into kairo.audit_log (number, at, actor, action, object, detail,
                                 hash)
    values (ending.number, at, session_user, action, object, detail,
            ending.hash);

    update kairo.audit_end set number = ending.number, hash = ending.hash;

    return ending.number;
end
$$;

-- A table that has this trigger is written down: the columns that make up its
-- key are the trigger's arguments.  Never a subject: who wants to be forgotten
-- can be, and a chain can't forget.

create function kairo.audit_change() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
declare
    was   jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - 'subject' end;
    is_   jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'subject' end;
    key   text;
    name  text;
begin
    foreach name in array tg_argv
    loop
        key := concat_ws(' ', key, coalesce(is_, was) ->> name);
    end loop;

    perform kairo.audit(tg_table_name || '.' || lower(tg_op), left(key, 255),
                        jsonb_strip_nulls(jsonb_build_object('was', was,
                                                             'is', is_)));
    return null;
end
$$;

grant execute on function kairo.audit_change() to kairo_owner;

reset role;
set local role kairo_owner;

revoke create on schema kairo from kairo_functions;

reset role;
