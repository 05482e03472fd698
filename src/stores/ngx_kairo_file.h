
/*
 * Files that are read whole, and anew when they have changed.
 */


#ifndef NGX_KAIRO_FILE_H_INCLUDED
#define NGX_KAIRO_FILE_H_INCLUDED


#include "stores/ngx_kairo.h"


/*
 * A state of a file.  By the time of the last change to its inode, since that
 * of its content can be set by anybody (cp -p, tar), and the inode of a file
 * that was replaced may be the next one's.
 */

typedef struct {
    struct timespec         changed;
    off_t                   size;
    ngx_file_uniq_t         uniq;
} ngx_kairo_stamp_t;


void ngx_kairo_stamp(ngx_kairo_stamp_t *stamp, const ngx_file_info_t *fi);

/* Whether it is in this state still. */

ngx_uint_t ngx_kairo_stamped(const ngx_kairo_stamp_t *stamp,
    const ngx_file_info_t *fi);

/*
 * Opens a file, and looks at what it has opened.  NULL: "text" is the content,
 * which the caller frees by ngx_free(), and "fi" is of it; else why not, in
 * words, which are "too_long" where it has more than "max" bytes.
 */

const char *ngx_kairo_file_read(const char *path, size_t max,
    const char *too_long, ngx_str_t *text, ngx_file_info_t *fi);


#endif /* NGX_KAIRO_FILE_H_INCLUDED */
