-- Who uses the application, and what was sold to them.

set local role kairo_owner;

-- Whose rows a person sees: set for a transaction, by who has verified it, as
-- in set_config('kairo.me', ..., true).  Without "set search_path" it becomes a
-- part of the query that asks it.

create function kairo.me() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('kairo.me', true), '')::uuid;

create table kairo.users (
    user_id     uuid primary key default gen_random_uuid(),
    issuer      text not null check (length(issuer) between 1 and 64),
    subject     text not null check (length(subject) between 1 and 255),
    blocked     boolean not null default false,
    seen_at     timestamptz not null default now(),
    unique (issuer, subject)
);

-- of two plans that somebody has the one with the higher rank counts

create table kairo.plans (
    plan        text primary key check (plan ~ '^[a-z0-9][a-z0-9_.-]{0,63}$')
                check (plan <> 'admin'),
    title       text not null check (length(title) between 1 and 255),
    rank        integer not null default 0,
    published   boolean not null default false
);

create table kairo.plan_limits (
    plan        text not null references kairo.plans,
    meter       text not null check (length(meter) between 1 and 64),
    units       bigint not null check (units >= 0),
    per         text not null check (per in ('hour', 'day', 'month')),
    primary key (plan, meter, per)
);

create table kairo.entitlements (
    user_id     uuid not null references kairo.users on delete cascade,
    plan        text not null references kairo.plans,
    valid       tstzrange not null default tstzrange(now(), null)
                check (not isempty(valid)),
    source      text not null check (length(source) between 1 and 64),
    primary key (user_id, plan, valid)
);

-- the two plans that there are to begin with

insert into kairo.plans values ('free', 'Free', 0, true),
                               ('pro', 'Pro', 100, true);

select kairo.protect('kairo.users', 'kairo.plans', 'kairo.plan_limits',
                     'kairo.entitlements');

create trigger audit after update or delete on kairo.users
    for each row execute function kairo.audit_change('user_id');
create trigger audit after insert or update or delete on kairo.plans
    for each row execute function kairo.audit_change('plan');
create trigger audit after insert or update or delete on kairo.plan_limits
    for each row execute function kairo.audit_change('plan', 'meter', 'per');
create trigger audit after insert or update or delete on kairo.entitlements
    for each row execute function kairo.audit_change('user_id', 'plan');

-- People read what is theirs, and anybody what is published.  A plan that is
-- not published is read by who has it.

grant select on kairo.users, kairo.entitlements to kairo_person;
grant select on kairo.plans, kairo.plan_limits to kairo_person, kairo_public;

create policy mine on kairo.users for select to kairo_person
    using (user_id = (select kairo.me()));
create policy mine on kairo.entitlements for select to kairo_person
    using (user_id = (select kairo.me()));
create policy published on kairo.plans for select
    to kairo_person, kairo_public using (published);
create policy entitled on kairo.plans for select to kairo_person
    using (exists (select from kairo.entitlements e
                   where e.plan = plans.plan and e.valid @> now()));

-- the limits of the plans that the reader can see

create policy of_plans on kairo.plan_limits for select
    to kairo_person, kairo_public
    using (exists (select from kairo.plans p
                   where p.plan = plan_limits.plan));

-- the server writes them

grant select, insert, update on kairo.users, kairo.plans to kairo_server;
grant select, insert, update, delete
    on kairo.plan_limits, kairo.entitlements to kairo_server;

create policy server on kairo.users to kairo_server
    using (true) with check (true);
create policy server on kairo.plans to kairo_server
    using (true) with check (true);
create policy server on kairo.plan_limits to kairo_server
    using (true) with check (true);
create policy server on kairo.entitlements to kairo_server
    using (true) with check (true);

-- the edge's functions find somebody by name, add who is new, and see what
-- that one has

grant select, insert on kairo.users to kairo_functions;
grant select on kairo.plans, kairo.entitlements to kairo_functions;

create policy by_name on kairo.users for select to kairo_functions
    using (true);
create policy first_sight on kairo.users for insert to kairo_functions
    with check (not blocked);
create policy ranks on kairo.plans for select to kairo_functions
    using (true);
create policy theirs on kairo.entitlements for select to kairo_functions
    using (user_id = (select kairo.me()));

grant execute on function kairo.me() to kairo_person, kairo_functions;
grant create on schema kairo to kairo_functions;

reset role;
set local role kairo_functions;

-- Who that is, made at first sight, and the plan that counts now; NULL: none.
-- Of the same two names it is the same row, whichever edge was first.

create function kairo.identify(issuer text, subject text,
    out user_id uuid, out plan text, out blocked boolean)
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
begin
    for turn in 1..2
    loop
        select u.user_id, u.blocked into identify.user_id, identify.blocked
        from kairo.users u
        where u.issuer = identify.issuer and u.subject = identify.subject;

        exit when found;

        if turn = 2 then
            raise exception using errcode = 'KA002',
                message = 'a user that was just made can''t be seen';
        end if;

        insert into kairo.users (issuer, subject)
        values (identify.issuer, identify.subject)
        on conflict do nothing;
    end loop;

    perform set_config('kairo.me', identify.user_id::text, true);

    select e.plan into identify.plan
    from kairo.entitlements e join kairo.plans p on p.plan = e.plan
    where e.user_id = identify.user_id and e.valid @> now()
    order by p.rank desc, p.plan limit 1;
end
$$;

grant execute on function kairo.identify(text, text) to kairo_edge;

reset role;
set local role kairo_owner;

revoke create on schema kairo from kairo_functions;

reset role;
