
#include "stores/ngx_kairo_thread.h"


/*
 * By the directive "thread_pool NAME threads=1;", as if it stood in the
 * configuration: nginx has no other way to say how many threads there are.
 */

ngx_thread_pool_t *
ngx_kairo_thread(ngx_conf_t *cf, const char *name)
{
    char           *rv;
    ngx_str_t       word[3];
    ngx_array_t     args, *saved;
    ngx_command_t  *cmd;

    for (cmd = ngx_thread_pool_module.commands; cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, "thread_pool") == 0) {
            break;
        }
    }

    if (cmd->name.len == 0) {
        return NULL;
    }

    word[0] = cmd->name;
    word[1].data = (u_char *) name;
    word[1].len = ngx_strlen(name);
    ngx_str_set(&word[2], "threads=1");

    ngx_memzero(&args, sizeof(ngx_array_t));

    args.elts = word;
    args.nelts = 3;
    args.size = sizeof(ngx_str_t);

    saved = cf->args;
    cf->args = &args;

    rv = cmd->set(cf, cmd, NULL);

    cf->args = saved;

    return rv == NGX_CONF_OK ? ngx_thread_pool_add(cf, &word[1]) : NULL;
}
