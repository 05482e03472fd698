
/*
 * Whether a connection is one for an edge.  Its role may call functions, and
 * nothing else: one that could read a table, or has a way to a role that can,
 * is not used, and the log says which statement puts that right.  The schema
 * has to be one that this module knows.
 */


#include "stores/ngx_kairo_postgres_own.h"


#define NGX_KAIRO_POSTGRES_TEXT  400


static ngx_int_t ngx_kairo_postgres_question(ngx_kairo_postgres_conn_t *conn);
static void ngx_kairo_postgres_checked(void *data, ngx_int_t rc);
static const char *ngx_kairo_postgres_role(
    const ngx_kairo_postgres_call_t *call);
static const char *ngx_kairo_postgres_schema(
    const ngx_kairo_postgres_call_t *call, ngx_int_t rc);
static const char *ngx_kairo_postgres_error(
    const ngx_kairo_postgres_call_t *call);


typedef enum {
    NGX_KAIRO_POSTGRES_ROLE = 0,
    NGX_KAIRO_POSTGRES_VERSION,
    NGX_KAIRO_POSTGRES_PARTITIONS,
    NGX_KAIRO_POSTGRES_STEPS
} ngx_kairo_postgres_step_e;


static const char  *ngx_kairo_postgres_questions[] = {

    /*
     * All that the role is, or could become by SET ROLE: what is wrong, and
     * the statement that puts it right.  "mine" are the roles that an edge is
     * meant to have; "leave" is how it gets out of another one, by the step
     * next to it: the role may be a member of a member.
     */

    "with me as ("
        "select r.oid, r.rolname, r.rolsuper, r.rolbypassrls, "
            "r.rolcreaterole, r.rolreplication, "
            "r.rolname in (current_user, 'kairo_edge') as mine, "
            "(select format('revoke %I from %I', g.rolname, h.rolname) "
            "from pg_auth_members a join pg_roles g on g.oid = a.roleid "
                "join pg_roles h on h.oid = a.member "
            "where h.rolname in (current_user, 'kairo_edge') "
                "and pg_has_role(current_user, h.oid, 'member') "
                "and g.rolname <> 'kairo_edge' "
                "and pg_has_role(g.oid, r.oid, 'member') "
            "order by g.oid <> r.oid, g.rolname limit 1) as leave "
        "from pg_roles r where pg_has_role(current_user, r.oid, 'member')), "
    "tables as ("
        "select c.oid, c.relowner, c.relacl, c.relname, format('%I.%I', "
            "n.nspname, c.relname) as name "
        "from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = 'kairo' "
        "and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')), "
    "grants as ("
        "select t.name, a.grantee, a.privilege_type as what, '' as of_columns "
        "from tables t, aclexplode(t.relacl) a "
        "union all "
        "select t.name, a.grantee, a.privilege_type, "
            "format(' (%I)', c.attname) "
        "from tables t join pg_attribute c on c.attrelid = t.oid, "
            "aclexplode(c.attacl) a) "
    "select wrong, remedy from ("
        "select 1 as nth, mine, "
            "format('%I is a superuser', rolname) as wrong, "
            "case when mine then format('alter role %I nosuperuser', rolname) "
                "else leave end as remedy "
        "from me where rolsuper "
        "union all "
        "select 2, mine, format('%I bypasses row security', rolname), "
            "case when mine "
                "then format('alter role %I nobypassrls', rolname) "
                "else leave end "
        "from me where rolbypassrls "
        "union all "
        "select 2, mine, format('%I may give itself roles', rolname), "
            "case when mine "
                "then format('alter role %I nocreaterole', rolname) "
                "else leave end "
        "from me where rolcreaterole "
        "union all "
        "select 2, mine, format('%I may copy the whole cluster', rolname), "
            "case when mine "
                "then format('alter role %I noreplication', rolname) "
                "else leave end "
        "from me where rolreplication "
        "union all "
        "select 3, m.mine, format('%I owns the schema kairo', m.rolname), "
            "case when m.mine "
                "then 'alter schema kairo owner to kairo_owner; "
                    "grant usage on schema kairo to kairo_edge' "
                "else m.leave end "
        "from me m join pg_namespace n on n.nspowner = m.oid "
        "where n.nspname = 'kairo' "
        "union all "
        "select 3, m.mine, format('%I owns %s', m.rolname, t.name), "
            "case when m.mine "
                "then format('alter table %s owner to kairo_owner', t.name) "
                "else m.leave end "
        "from me m join tables t on t.relowner = m.oid "
        "union all "
        "select 4, mine, format('%I reaches all tables', rolname), leave "
        "from me where rolname in ('pg_read_all_data', 'pg_write_all_data', "
            "'pg_maintain', 'pg_read_server_files', "
            "'pg_write_server_files', 'pg_execute_server_program') "
        "union all "
        "select 5, m.mine, format('%s may %s %s', coalesce(quote_ident("
                "m.rolname), 'everybody'), lower(g.what), g.name), "
            "case when m.mine is false then m.leave "
                "else format('revoke %s%s on %s from %s', lower(g.what), "
                    "g.of_columns, g.name, "
                    "coalesce(quote_ident(m.rolname), 'public')) end "
        "from grants g left join me m on m.oid = g.grantee "
        "where g.grantee = 0 or m.oid is not null"
    ") as all_of_it order by nth, mine desc, wrong limit 1",

    "select number, oldest from kairo.version()",

    "select kairo.keep_partitions()"
};


void
ngx_kairo_postgres_check(ngx_kairo_postgres_conn_t *conn)
{
    conn->step = NGX_KAIRO_POSTGRES_ROLE;

    if (ngx_kairo_postgres_question(conn) != NGX_OK) {
        ngx_kairo_postgres_fail(conn, "it can't be asked");
    }
}


static ngx_int_t
ngx_kairo_postgres_question(ngx_kairo_postgres_conn_t *conn)
{
    ngx_kairo_postgres_call_t  *call;

    call = ngx_kairo_postgres_call(conn->db,
                                   ngx_kairo_postgres_questions[conn->step],
                                   NULL, 0);
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->asker = conn;
    call->op.owner = call;
    call->op.done = ngx_kairo_postgres_checked;

    if (ngx_kairo_postgres_send(conn, call) != NGX_OK) {
        ngx_free(call);
        return NGX_ERROR;
    }

    /* the connection's timer is its deadline */

    return NGX_OK;
}


static void
ngx_kairo_postgres_checked(void *data, ngx_int_t rc)
{
    ngx_kairo_postgres_call_t *call = data;

    const char                 *wrong;
    ngx_kairo_postgres_conn_t  *conn;

    conn = call->asker;
    wrong = NULL;

    switch (conn->step) {

    case NGX_KAIRO_POSTGRES_ROLE:
        wrong = rc == NGX_OK ? ngx_kairo_postgres_role(call)
                             : ngx_kairo_postgres_error(call);
        break;

    case NGX_KAIRO_POSTGRES_VERSION:
        wrong = ngx_kairo_postgres_schema(call, rc);
        break;

    default:

        /* the next hour tries again, and there are seven days */

        if (rc != NGX_OK) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "kairo postgres: partitions of \"%V\" could not be "
                          "made: %s", &conn->db->name,
                          ngx_kairo_postgres_text(
                              ngx_kairo_postgres_error(call)));
        }
    }

    if (wrong) {
        ngx_kairo_postgres_fail(conn, wrong);
        return;
    }

    if (++conn->step == NGX_KAIRO_POSTGRES_STEPS) {
        ngx_kairo_postgres_ready(conn);
        return;
    }

    if (ngx_kairo_postgres_question(conn) != NGX_OK) {
        ngx_kairo_postgres_fail(conn, "it can't be asked");
    }
}


/* NULL: it is one for an edge. */

static const char *
ngx_kairo_postgres_role(const ngx_kairo_postgres_call_t *call)
{
    kairo_span_t  wrong, remedy;

    static char  text[NGX_KAIRO_POSTGRES_TEXT];

    if (PQnfields(call->result) != 2) {
        return "it answers what was not asked";
    }

    if (PQntuples(call->result) == 0) {
        return NULL;
    }

    wrong = ngx_kairo_postgres_value(call, 0, 0);
    remedy = ngx_kairo_postgres_value(call, 0, 1);

    (void) ngx_snprintf((u_char *) text, sizeof(text),
                        "an edge may call functions and no more, and %*s; "
                        "put it right by: %*s%Z",
                        wrong.n, wrong.p, remedy.n, remedy.p);

    text[sizeof(text) - 1] = '\0';

    return text;
}


static const char *
ngx_kairo_postgres_schema(const ngx_kairo_postgres_call_t *call, ngx_int_t rc)
{
    ngx_int_t     number, oldest;
    kairo_span_t  value;

    if (rc != NGX_OK) {

        if (ngx_strcmp(call->why, "3F000") == 0
            || ngx_strcmp(call->why, "42883") == 0)
        {
            return "the database is not prepared; run: kairo migrate";
        }

        return ngx_kairo_postgres_error(call);
    }

    value = ngx_kairo_postgres_value(call, 0, 0);
    number = ngx_atoi((u_char *) value.p, value.n);

    value = ngx_kairo_postgres_value(call, 0, 1);
    oldest = ngx_atoi((u_char *) value.p, value.n);

    if (number < NGX_KAIRO_POSTGRES_SCHEMA) {
        return "the database is older than this module; run: kairo migrate";
    }

    if (oldest == NGX_ERROR || oldest > NGX_KAIRO_POSTGRES_SCHEMA) {
        return "the database is newer than this module and does not serve it "
               "any more; install a newer module";
    }

    return NULL;
}


/* The words of an error in which no value of anybody can stand. */

static const char *
ngx_kairo_postgres_error(const ngx_kairo_postgres_call_t *call)
{
    const char  *message;

    message = PQresultErrorField(call->result, PG_DIAG_MESSAGE_PRIMARY);

    return message ? message : call->why;
}


const char *
ngx_kairo_postgres_text(const char *message)
{
    size_t  n;

    static char  text[NGX_KAIRO_POSTGRES_TEXT];

    for (n = 0; *message && *message != LF && n < sizeof(text) - 1;
         message++)
    {

        if ((u_char) *message > ' ' && *message != 0x7f) {
            text[n++] = *message;

        } else if (n && text[n - 1] != ' ') {
            text[n++] = ' ';
        }
    }

    if (n && text[n - 1] == ' ') {
        n--;
    }

    text[n] = '\0';

    return text;
}
