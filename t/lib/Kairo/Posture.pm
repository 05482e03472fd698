package Kairo::Posture;

# What may be done in a database, tried: a cell is a statement of somebody, and
# what has to come of it.  A mutation takes a piece of the protection away, in
# a transaction that is rolled back, and has to be noticed by a cell, or by a
# lint over the catalog.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(runner lints mutations);

# The schema "posture" of a database: tables of cells and of rights, and
# posture.noticed(), which says what is not as it has to be.

sub runner { return <<'END' }
create schema posture;

-- who: a name to tell; session and role: whom it logs in as, and is set to;
-- first: what a superuser does before

create table posture.cells (
    n           integer primary key,
    who         text not null,
    session     name not null,
    role        name not null,
    me          text not null,
    object      text not null,
    verb        text not null,
    first       text not null,
    statement   text not null,
    expected    text not null
);

create index on posture.cells (object, n);

-- what is granted, and to whom the owner of the tables is one more

create table posture.rights (
    who         name not null,
    verb        text not null,
    object      text not null
);

-- What comes of a statement: the rows it gives, or their number; or why not.
-- It is undone either way.  Whoever is refused anything but the object itself
-- is told so in full.

create function posture.outcome(c posture.cells, control boolean)
    returns text
    language plpgsql as $$
declare
    told    text;
    n       bigint;
    before  bigint;
    after   bigint;
    state   text;
    message text;
begin
    select count(*) into before from kairo.audit_log;

    begin
        if c.first <> '' then
            execute c.first;
        end if;

        if control then
            set local session_replication_role = replica;
        else
            execute format('set local session authorization %I', c.session);
            execute format('set local role %I', c.role);
        end if;

        perform set_config('kairo.me', c.me, true);

        if c.statement like 'select %' then
            execute c.statement into told;
            told := coalesce(told, '');

        else
            execute c.statement;
            get diagnostics n = row_count;
            told := n;
        end if;

        set local session authorization default;
        set local role none;

        if c.verb = 'truncate' then
            execute format('select count(*) from kairo.%I', c.object) into n;
            told := case when n = 0 then 'emptied' else 'kept' end;

        elsif c.verb in ('insert', 'update', 'delete')
              and c.object <> 'audit_log'
        then
            select count(*) into after from kairo.audit_log;
            told := told || case when after > before
                                 then ', audited ' || after - before
                                 else '' end;
        end if;

        raise exception using errcode = 'KP000', message = told;

    exception when others then
        get stacked diagnostics state = returned_sqlstate,
                                message = message_text;
    end;

    return case
        when state = 'KP000' then message
        when state = 'KA001' then 'history'
        when state = '0A000' and message like 'trigger functions %' then
            'trigger'
        when state <> '42501' then state || ' ' || message
        when message in ('permission denied for table ' || c.object,
                         'permission denied for view ' || c.object,
                         'permission denied for function '
                         || split_part(c.object, '(', 1)) then 'refused'
        when message = 'permission denied for schema kairo' then 'outside'
        when message = 'new row violates row-level security policy for '
                       'table "' || c.object || '"' then 'policy'
        else state || ' ' || message end;
end
$$;

-- The cells that are not as expected, of some objects or of all.

create function posture.wrong(objects text[]) returns setof text
    language plpgsql as $$
declare
    c    posture.cells;
    told text;
begin
    for c in select * from posture.cells x
             where x.object = any (objects) or objects is null order by x.n
    loop
        told := posture.outcome(c, false);

        if told <> c.expected then
            return next format('%s, %s %s%s: "%s", and not "%s"', c.who,
                               c.verb, c.object,
                               coalesce(' as ' || nullif(c.me, ''), ''),
                               told, c.expected);
        end if;
    end loop;
end
$$;

create function posture.noticed(objects text[]) returns text
    language plpgsql as $$
declare
    c    posture.cells;
    told text;
begin
    -- what is likely first: each cell costs

    for c in select * from posture.cells x where x.object = any (objects)
             order by x.n
    loop
        told := posture.outcome(c, false);
        if told <> c.expected then
            return format('cell %s %s', c.n, told);
        end if;
    end loop;

    select 'lint ' || l into told from posture.lint() l limit 1;
    if found then
        return told;
    end if;

    for c in select * from posture.cells x where x.object <> all (objects)
             order by x.n
    loop
        told := posture.outcome(c, false);
        if told <> c.expected then
            return format('cell %s %s', c.n, told);
        end if;
    end loop;

    return null;
end
$$;
END

# posture.lint(): what of the catalog is not as it has to be.

sub lints { return <<'END' }
create view posture.tables as
    select c.oid, c.relname as name, c.relkind as kind, c.relispartition,
           c.relacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
           c.reloptions
    from pg_class c
    where c.relnamespace = 'kairo'::regnamespace
          and c.relkind not in ('i', 'I');

create view posture.functions as
    select p.*, replace(replace(p.oid::regprocedure::text, 'kairo.', ''),
                        'timestamp with time zone', 'timestamptz') as name,
           p.proowner::regrole::text as owner
    from pg_proc p where p.pronamespace = 'kairo'::regnamespace;

create view posture.roles as
    select * from pg_roles where rolname ~ '^kairo_';

-- every right that somebody has, an owner's own too

create view posture.granted as
    select coalesce(r.rolname, 'PUBLIC') as who,
           lower(a.privilege_type) as verb, x.object, a.is_grantable
    from (select coalesce(relacl, acldefault('r', relowner)), name::text
          from posture.tables where kind <> 'c'
          union all
          select coalesce(proacl, acldefault('f', proowner)), name
          from posture.functions
          union all
          select attacl, t.name || '.' || attname
          from posture.tables t join pg_attribute a on a.attrelid = t.oid
          where attacl is not null
          union all
          select coalesce(nspacl, acldefault('n', nspowner)), 'schema'
          from pg_namespace where nspname = 'kairo') x (acl, object),
         aclexplode(x.acl) a left join pg_roles r on r.oid = a.grantee;

create function posture.lint() returns setof text
    language sql as $$

select 'no row security: ' || name from posture.tables
where kind in ('r', 'p') and not relrowsecurity
union all
select 'row security is not for the owner: ' || name from posture.tables
where kind in ('r', 'p') and not relforcerowsecurity
union all
select 'a kind of relation nobody knows: ' || name from posture.tables
where kind not in ('r', 'p', 'v', 'S', 'c')
union all
select 'a view that reads as its owner: ' || name from posture.tables
where kind = 'v'
      and coalesce(not 'security_invoker=true' = any (reloptions), true)
union all
select 'no cell tries the table ' || name from posture.tables t
where kind <> 'c'
      and not exists (select from posture.cells c where c.object = t.name)
union all
select 'no cell tries the function ' || name from posture.functions f
where not exists (select from posture.cells c where c.object = f.name)
union all
select 'no cell tries the role ' || rolname from posture.roles r
where not exists (select from posture.cells c where c.role = r.rolname)
union all
select 'not its owner''s: ' || name from posture.tables
where relowner <> 'kairo_owner'::regrole
union all
select 'not the owner''s: the schema' from pg_namespace
where nspname = 'kairo' and nspowner <> 'kairo_owner'::regrole

union all
select 'a partition with a policy: ' || t.name
from posture.tables t join pg_policy p on p.polrelid = t.oid
where t.relispartition
union all
select 'a policy for everybody: ' || polname || ' of ' || t.name
from posture.tables t join pg_policy p on p.polrelid = t.oid
where 0 = any (p.polroles)
union all
select 'a trigger that is not fired: ' || tgname || ' of ' || t.name
from posture.tables t join pg_trigger g on g.tgrelid = t.oid
where g.tgenabled <> 'O'

-- a type's name is looked for among temporary ones first unless those are said
-- to come last, and anybody makes those

union all
select 'a search path that a caller can put types into: ' || name
from posture.functions
where (prosecdef or prolang = (select oid from pg_language
                               where lanname = 'plpgsql'))
      and coalesce(not 'search_path=pg_catalog, pg_temp' = any (proconfig),
                   true)
union all
select 'a function that runs as the wrong one: ' || name
from posture.functions
where prosecdef and owner <> case when proname in ('keep_partitions',
                                                   'drop_partitions')
                             then 'kairo_owner' else 'kairo_functions' end
union all
select 'a function that runs as its caller: ' || name from posture.functions
where owner = 'kairo_functions' and not prosecdef and provolatile <> 'i'
union all
select 'a function of somebody else: ' || name from posture.functions
where owner not in ('kairo_owner', 'kairo_functions')

-- a function with settings of its own is called for each row

union all
select 'a policy asks what is no part of its query: ' || f.name
from posture.functions f
where exists (select from pg_depend d
              where d.classid = 'pg_policy'::regclass
                    and d.refclassid = 'pg_proc'::regclass
                    and d.refobjid = f.oid)
      and (f.proconfig is not null or f.prosecdef or f.proisstrict
           or f.provolatile = 'v'
           or f.prolang <> (select oid from pg_language
                            where lanname = 'sql'))

union all
select 'a role that is above all: ' || rolname from posture.roles
where rolsuper or rolcreaterole or rolcreatedb or rolbypassrls
      or rolreplication or rolinherit
union all
select 'a role that logs in, or does not: ' || rolname from posture.roles
where rolcanlogin <> (rolname in ('kairo_edge', 'kairo_server'))
union all
select 'a member: ' || format('%s of %s', m.member::regrole, m.roleid::regrole)
from pg_auth_members m
where (m.member in (select oid from posture.roles)
       or m.roleid::regrole::text in ('kairo_owner', 'kairo_functions'))
      and (m.admin_option
           or (m.roleid::regrole::text, m.member::regrole::text)
              not in (select object, who from posture.rights
                      where verb = 'become'))

union all
select 'a default: ' || format('%s %s', d.defaclrole::regrole, d.defaclobjtype)
from pg_default_acl d
where d.defaclnamespace <> 0 or d.defaclobjtype <> 'f'
      or exists (select from aclexplode(d.defaclacl) a
                 where a.grantee <> d.defaclrole)
union all
select 'new functions of ' || r || ' are everybody''s'
from unnest(array['kairo_owner', 'kairo_functions']) r
where not exists (select from pg_default_acl d
                  where d.defaclrole = r::regrole and d.defaclobjtype = 'f'
                        and d.defaclnamespace = 0)

-- nothing is granted but what is said, and that is

union all
select format('granted: %s %s %s', who, verb, object) from (
    select who, verb, object from posture.granted
    except select who, verb, object from posture.rights) g
union all
select format('not granted: %s %s %s', who, verb, object) from (
    select who, verb, object from posture.rights where verb <> 'become'
    except select who, verb, object from posture.granted) g
union all
select format('may be passed on: %s %s %s', who, verb, object)
from posture.granted where is_grantable

-- of the whole database, whoever made it

union all
select 'the edge reads ' || c.oid::regclass
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname not in ('pg_catalog', 'information_schema')
      and case when c.relkind = 'S'
          then has_sequence_privilege('kairo_edge', c.oid, 'usage, select')
          when c.relkind in ('r', 'p', 'v', 'm', 'f')
          then has_any_column_privilege('kairo_edge', c.oid,
                                        'select, insert, update, references')
               or has_table_privilege('kairo_edge', c.oid,
                                      'delete, truncate, trigger') end

$$;
END

# What takes a piece away: its kind, the object it is of, the statement; in
# psql's unaligned form.

sub mutations { return <<'END' }
with t as (select *, 'kairo.' || quote_ident(name) as full_name
           from posture.tables where kind in ('r', 'p')),
     v as (select *, 'kairo.' || quote_ident(name) as full_name
           from posture.tables where kind = 'v'),
     f as (select *, oid::regprocedure::text as full_name
           from posture.functions),
     g as (select a.*, case a.grantee when 0 then 'public'
                       else a.grantee::regrole::text end as who, x.*
           from (select t.relacl, t.name::text, 'table ' || full_name from t
                 union all
                 select v.relacl, v.name::text, 'table ' || full_name from v
                 union all
                 select f.proacl, f.name, 'function ' || full_name from f
                 union all
                 select nspacl, 'schema', 'schema kairo'
                 from pg_namespace where nspname = 'kairo')
                x (acl, name, what),
                aclexplode(x.acl) a),
     p as (select p.*, t.full_name, t.name from pg_policies p
           join t on p.schemaname = 'kairo' and t.name = p.tablename),
     tr as (select g.*, t.full_name, t.name from pg_trigger g
            join t on g.tgrelid = t.oid where not g.tgisinternal)

select 'policy dropped', p.name::text,
       format('drop policy %I on %s', policyname, full_name) from p
union all
select 'using true', p.name,
       format('alter policy %I on %s using (true)', policyname, full_name)
from p where qual <> 'true'
union all
select 'with check true', p.name,
       format('alter policy %I on %s with check (true)', policyname, full_name)
from p where with_check <> 'true'
union all
select 'policy for all', p.name,
       format('alter policy %I on %s to public', policyname, full_name) from p
union all
select 'grant revoked', g.name,
       format('revoke %s on %s from %s', privilege_type, what, who) from g
union all
select 'may be passed on', g.name,
       format('grant %s on %s to %s with grant option', privilege_type, what,
              who)
from g where grantee <> grantor
union all
select 'granted to all', g.name,
       format('grant %s on %s to public', privilege_type, what)
from g where grantee = grantor
union all
select 'member no more', '',
       format('revoke %s from %s', roleid::regrole, member::regrole)
from pg_auth_members where member::regrole::text ~ '^kairo_'
union all
select 'member', '',
       format('grant %s to %s with admin option', roleid::regrole,
              member::regrole)
from pg_auth_members where member::regrole::text ~ '^kairo_'
union all
select 'member', '', format('grant %s to %s', a.rolname, b.rolname)
from posture.roles a, posture.roles b
where not pg_has_role(a.rolname, b.rolname, 'member')
      and not pg_has_role(b.rolname, a.rolname, 'member')
union all
select 'not forced', t.name,
       format('alter table %s no force row level security', full_name) from t
union all
select 'not enabled', t.name,
       format('alter table %s disable row level security', full_name) from t
union all
select 'trigger dropped', tr.name,
       format('drop trigger %I on %s', tgname, full_name)
from tr where tgparentid = 0
union all
select 'trigger disabled', tr.name,
       format('alter table %s disable trigger %I', full_name, tgname) from tr
union all
select 'granted to the edge', t.name,
       format('grant select on %s to kairo_edge', full_name) from t
union all
select 'a column revoked', split_part(object, '.', 1),
       format('revoke %s (%I) on kairo.%I from %s', verb,
              split_part(object, '.', 2), split_part(object, '.', 1), who)
from posture.granted where object like '%.%'
union all
select 'a column granted', t.name,
       format('grant %s (%I) on %s to kairo_functions', verb, a.attname,
              full_name)
from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0,
     unnest(array['select', 'insert', 'update']) verb
where exists (select from posture.granted g where g.object like t.name || '.%')
      and not exists (select from posture.granted g
                      where g.object = t.name || '.' || a.attname
                            and g.verb = verb.verb)
union all
select 'reads as its owner', v.name,
       format('alter view %s reset (security_invoker)', full_name) from v
union all
select 'granted to the edge', v.name,
       format('grant select on %s to kairo_edge', full_name) from v
union all
select 'a column of the edge', t.name,
       format('grant select (%I) on %s to kairo_edge', a.attname, full_name)
from t join pg_attribute a on a.attrelid = t.oid and a.attnum = 1
union all
select 'search path', f.name,
       format('alter function %s reset search_path', full_name)
from f where prosecdef
union all
select 'search path', f.name,
       format('alter function %s set search_path = ''''', full_name)
from f where prosecdef
union all
select 'runs as the caller', f.name,
       format('alter function %s security invoker', full_name)
from f where prosecdef
union all
select 'runs as its owner', f.name,
       format('alter function %s security definer', full_name)
from f where not prosecdef
union all
select 'runs as a superuser', f.name,
       format('alter function %s owner to %I', full_name, current_user)
from f
union all
select 'called for each row', f.name,
       format('alter function %s set jit = off', full_name)
from f
where exists (select from pg_depend d
              where d.classid = 'pg_policy'::regclass
                    and d.refclassid = 'pg_proc'::regclass
                    and d.refobjid = f.oid)
union all
select 'a superuser''s', t.name,
       format('alter table %s owner to %I', full_name, current_user)
from (table t union all table v) t where not relispartition
union all
select 'a superuser''s', '',
       format('alter schema kairo owner to %I', current_user)
union all
select 'policy of a partition', t.name,
       format('create policy new on %s to kairo_edge using (true)', full_name)
from t where relispartition
union all
select 'a role', '', format('alter role %I %s', rolname, attribute)
from posture.roles,
     unnest(array['superuser', 'createrole', 'createdb', 'bypassrls',
                  'replication', 'inherit']) attribute
union all
select 'logs in', '', format('alter role %I login', rolname)
from posture.roles where not rolcanlogin
union all
select 'a default', '',
       format('alter default privileges for role %s grant execute on '
              'functions to public', d.defaclrole::regrole)
from pg_default_acl d
union all
values ('something new', '', 'create table kairo.new ()'),
       ('something new', '', 'create view kairo.new as select '
        'from kairo.users'),
       ('something new', '', 'create sequence kairo.new'),
       ('something new', '', 'create materialized view kairo.new as select '
        'from kairo.users'),
       ('something new', '', 'create function kairo.new() returns void '
        'language sql as ''select'''),
       ('something new', '', 'create role kairo_new'),
       ('a default', '', 'alter default privileges for role kairo_owner '
        'grant select on tables to kairo_public');
END

1;
