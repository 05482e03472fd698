-- Who there is.  Nobody has a table by accident, and the edge has none at all.
--
--   kairo_owner      owns the tables; nobody logs in as it
--   kairo_functions  owns the functions that others call; row security holds
--                    for it too, so that a function sees what its policies say
--   kairo_edge       what nginx logs in as: may call functions, and no more
--   kairo_server     the server's actions: writes what is sold to whom, and
--                    acts as a person or as the public
--   kairo_person     somebody who has signed in: own rows
--   kairo_public     anybody: what is published
--   kairo_auditor    reads history
--   kairo_janitor    keeps the partitions, by functions

do $$
declare
    name text;
begin
    foreach name in array array['kairo_owner', 'kairo_functions',
                                'kairo_person', 'kairo_public',
                                'kairo_auditor', 'kairo_janitor']
    loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin noinherit', name);
        end if;
    end loop;

    foreach name in array array['kairo_edge', 'kairo_server']
    loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I login noinherit', name);
        end if;
    end loop;

    -- who is no superuser has to be the owner to make what it owns

    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant kairo_owner, kairo_functions to %I',
                       current_user);
    end if;
end
$$;

grant kairo_person, kairo_public to kairo_server;

-- what an edge waits for is bounded here too, for an edge that has forgotten to;
-- who has its password can set all of these

alter role kairo_edge set statement_timeout = '750ms';
alter role kairo_edge set lock_timeout = '300ms';
alter role kairo_edge set idle_in_transaction_session_timeout = '2s';
alter role kairo_edge set default_transaction_isolation = 'read committed';
alter role kairo_edge set jit = off;
alter role kairo_edge set search_path = '';
alter role kairo_server set statement_timeout = '5s';
alter role kairo_server set search_path = '';

create schema kairo authorization kairo_owner;

-- as its owner from here on: an administrator need not be a superuser

set local role kairo_owner;

revoke all on schema kairo from public;

grant usage on schema kairo to kairo_functions, kairo_edge, kairo_server,
    kairo_person, kairo_public, kairo_auditor, kairo_janitor;

-- PUBLIC may execute each new function, unless it is said for the roles that
-- make them: for a schema it can't be taken away

alter default privileges for role kairo_owner
    revoke execute on functions from public;

reset role;
set local role kairo_functions;

alter default privileges for role kairo_functions
    revoke execute on functions from public;

reset role;
set local role kairo_owner;

-- A function runs with pg_temp last in its path, and says so: where it is not
-- named it comes first, and with it a type "text" of the caller's own, whose
-- checks would run as the function's owner.

-- Row security on a table, for its owner too.  A partition that has it, and
-- neither a policy nor a grant, is reached by its table alone.

create function kairo.protect(variadic tables regclass[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp as $$
declare
    name regclass;
begin
    foreach name in array tables
    loop
        execute format('alter table %s enable row level security', name);
        execute format('alter table %s force row level security', name);
        execute format('revoke all on %s from public', name);
    end loop;
end
$$;

-- What was applied, in the order of the names.

create table kairo.migrations (
    name        text primary key check (name ~ '^[0-9]{4}-[a-z-]+$'),
    sum         text not null check (sum ~ '^[0-9a-f]{64}$'),
    applied_at  timestamptz not null default now(),
    applied_by  text not null default session_user
);

select kairo.protect('kairo.migrations');

create policy owner on kairo.migrations to kairo_owner
    using (true) with check (true);
create policy functions_read on kairo.migrations for select
    to kairo_functions using (true);
create policy all_of_it on kairo.migrations for select to kairo_auditor
    using (true);

grant select on kairo.migrations to kairo_functions, kairo_auditor;
grant create on schema kairo to kairo_functions;

reset role;
set local role kairo_functions;

-- The number of this schema, and of the oldest one whose modules it serves.  A
-- migration that breaks older modules makes this function anew.

create function kairo.version(out number integer, out oldest integer)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp as $$
    select max(left(m.name, 4)::integer), 1 from kairo.migrations m
$$;

grant execute on function kairo.version() to kairo_edge;

reset role;
set local role kairo_owner;

revoke create on schema kairo from kairo_functions;

reset role;
